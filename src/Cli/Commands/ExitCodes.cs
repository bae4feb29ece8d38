namespace Gradients.Cli.Commands;

/// <summary>What the process tells the shell.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;

    /// <summary>Something differs from what is expected, or failed.</summary>
    public const int Failure = 1;

    /// <summary>The command line or a setting is wrong: nothing was done.</summary>
    public const int Usage = 2;
}
