using Gradients.Client;
using Gradients.Engine.Tensors;
using Spectre.Console;

namespace Gradients.Cli.Demo;

/// <summary>What a chapter works with and where it leaves what it received.</summary>
internal sealed class ChapterContext(GradientsClient client, IAnsiConsole console, DemoOptions options, CancellationToken cancellation)
{
    private readonly Dictionary<string, object?> _received = [];

    public GradientsClient Client { get; } = client;

    public IAnsiConsole Console { get; } = console;

    public DemoOptions Options { get; } = options;

    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>By quantity: numbers (double[]), words (string[]), or null for what is absent.</summary>
    public IReadOnlyDictionary<string, object?> Received => _received;

    public Task<Session> OpenSessionAsync(string label) => Client.CreateSessionAsync(new SessionOptions { Label = label }, Cancellation);

    /// <summary>A paragraph for the reader.</summary>
    public void Say(string text)
    {
        Console.Write(new Text(text));
        Console.WriteLine();
        Console.WriteLine();
    }

    public void Receive(string quantity, params double[] numbers) => _received.Add(quantity, numbers);

    public void Receive(string quantity, params string[] words) => _received.Add(quantity, words);

    /// <summary>A float64 or float32 tensor; null is an absent gradient.</summary>
    public void Receive(string quantity, TensorData? tensor) => _received.Add(quantity, tensor switch
    {
        null => null,
        { DataType: DataType.Float32 } => Array.ConvertAll(tensor.ToArray<float>(), x => (double)x),
        _ => tensor.ToArray<double>(),
    });
}
