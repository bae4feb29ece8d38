using System.Diagnostics;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Gradients.Client.Transport;

/// <summary>One span for each call, and its trace context in the call's headers. Commands of a stream have spans of their own.</summary>
internal sealed class CallTracing : Interceptor
{
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
    {
        var before = Activity.Current;
        var span = CallActivity.Start(context.Method.FullName[1..]);
        try
        {
            var call = continuation(request, Traced(context));
            return new AsyncUnaryCall<TResponse>(EndAsync(call.ResponseAsync, span), call.ResponseHeadersAsync, call.GetStatus, call.GetTrailers, call.Dispose);
        }
        finally
        {
            Activity.Current = before;
        }
    }

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(ClientInterceptorContext<TRequest, TResponse> context, AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation)
    {
        var before = Activity.Current;
        var span = CallActivity.Start(context.Method.FullName[1..]);
        try
        {
            var call = continuation(Traced(context));
            return new AsyncClientStreamingCall<TRequest, TResponse>(call.RequestStream, EndAsync(call.ResponseAsync, span), call.ResponseHeadersAsync, call.GetStatus, call.GetTrailers, call.Dispose);
        }
        finally
        {
            Activity.Current = before;
        }
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation)
    {
        var before = Activity.Current;
        var span = CallActivity.Start(context.Method.FullName[1..]);
        try
        {
            var call = continuation(request, Traced(context));
            return new AsyncServerStreamingCall<TResponse>(new TracedReader<TResponse>(call.ResponseStream, span), call.ResponseHeadersAsync, call.GetStatus, call.GetTrailers, () =>
            {
                call.Dispose();
                span.Dispose();
            });
        }
        finally
        {
            Activity.Current = before;
        }
    }

    private static ClientInterceptorContext<TRequest, TResponse> Traced<TRequest, TResponse>(ClientInterceptorContext<TRequest, TResponse> context)
        where TRequest : class
        where TResponse : class
    {
        if (CallActivity.Headers is not { } headers)
            return context;
        foreach (var entry in context.Options.Headers ?? [])
            headers.Add(entry);
        return new ClientInterceptorContext<TRequest, TResponse>(context.Method, context.Host, context.Options.WithHeaders(headers));
    }

    private static async Task<T> EndAsync<T>(Task<T> response, CallActivity span)
    {
        using (span)
        {
            try
            {
                var result = await response.ConfigureAwait(false);
                span.SetStatus(StatusCode.OK);
                return result;
            }
            catch (Exception e)
            {
                span.SetStatus(e);
                throw;
            }
        }
    }

    /// <summary>Ends the span with the stream.</summary>
    private sealed class TracedReader<T>(IAsyncStreamReader<T> inner, CallActivity span) : IAsyncStreamReader<T>
    {
        public T Current => inner.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            try
            {
                if (await inner.MoveNext(cancellationToken).ConfigureAwait(false))
                    return true;
                span.SetStatus(StatusCode.OK);
            }
            catch (Exception e)
            {
                span.SetStatus(e);
                span.Dispose();
                throw;
            }

            span.Dispose();
            return false;
        }
    }
}
