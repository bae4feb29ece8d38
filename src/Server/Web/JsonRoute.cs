using System.Reflection;
using System.Text.RegularExpressions;
using Google.Api;
using Google.Protobuf.Reflection;
using Grpc.AspNetCore.Server;
using Grpc.Core;

namespace Gradients.Server.Web;

/// <summary>The <c>google.api.http</c> rule of an rpc: at most one field in the path, and all or none of the others in the body.</summary>
/// <param name="Pattern">For the router; the path's field is the route value <see cref="Value"/>.</param>
/// <param name="Field">The field in the path; null when there is none.</param>
/// <param name="Collection">What stands before it in the path and belongs to its value: <c>sessions/</c>.</param>
internal sealed partial record JsonRoute(MethodDescriptor Method, string Verb, string Pattern, FieldDescriptor? Field, string Collection, bool HasBody)
{
    public const string Value = "value";

    /// <summary>Null for an rpc without a rule: what streams from the client has none.</summary>
    public static JsonRoute? Of(GrpcMethodMetadata bound)
    {
        var method = Descriptor(bound.ServiceType).FindMethodByName(bound.Method.Name);
        if (method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is not { } rule)
            return null;
        var (verb, path) = rule.PatternCase switch
        {
            HttpRule.PatternOneofCase.Get => (HttpMethods.Get, rule.Get),
            HttpRule.PatternOneofCase.Post => (HttpMethods.Post, rule.Post),
            HttpRule.PatternOneofCase.Delete => (HttpMethods.Delete, rule.Delete),
            _ => throw Unsupported(method),
        };
        if (rule.Body is not ("" or "*") || method.IsClientStreaming || rule.AdditionalBindings.Count > 0)
            throw Unsupported(method);
        var match = Variable().Match(path);
        if (!match.Success)
            return path.Contains('{') ? throw Unsupported(method) : new JsonRoute(method, verb, path, null, "", rule.Body.Length > 0);
        var field = method.InputType.FindFieldByName(match.Groups["field"].Value) ?? throw Unsupported(method);
        var collection = match.Groups["collection"].Value;
        return new JsonRoute(method, verb, Variable().Replace(path, $"{collection}{{{Value}}}"), field, collection, rule.Body.Length > 0);
    }

    private static Google.Protobuf.Reflection.ServiceDescriptor Descriptor(Type service)
    {
        for (var type = service; type is not null; type = type.BaseType)
        {
            if (type.GetCustomAttribute<BindServiceMethodAttribute>(inherit: false) is { } attribute)
                return (Google.Protobuf.Reflection.ServiceDescriptor)attribute.BindType.GetProperty("Descriptor")!.GetValue(null)!;
        }

        throw new InvalidOperationException($"{service} is no generated service.");
    }

    private static InvalidOperationException Unsupported(MethodDescriptor method) => new($"The HTTP rule of {method.FullName} is of a form that is not supported.");

    [GeneratedRegex(@"\{(?<field>[a-z_]+)=(?<collection>[a-z]+/)\*\}", RegexOptions.CultureInvariant)]
    private static partial Regex Variable();
}
