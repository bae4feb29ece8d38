namespace Gradients.Cli.Demo;

/// <summary>One step of the tutorial. It reports what it received; what is expected it does not know.</summary>
internal interface IChapter
{
    /// <summary>The key in <see cref="Expectations"/> and in JSON.</summary>
    string Name { get; }

    string Title { get; }

    Task RunAsync(ChapterContext context);
}
