namespace Gradients.Cli.Demo;

/// <param name="Seed">Seed of the weights and of the order of the digits.</param>
/// <param name="Epochs">Passes over the digits.</param>
internal sealed record DemoOptions(int Seed = DemoOptions.DefaultSeed, int Epochs = DemoOptions.DefaultEpochs)
{
    public const int DefaultSeed = 2;
    public const int DefaultEpochs = 20;
}
