using System.CommandLine;
using System.Diagnostics;
using Gradients.Benchmarks;
using Gradients.Benchmarks.Limits;
using Gradients.Benchmarks.Micro;
using Gradients.Benchmarks.Ops;
using Gradients.Benchmarks.Peers;
using Gradients.Benchmarks.Processes;
using Gradients.Benchmarks.Products;
using Gradients.Benchmarks.Profiles;
using Gradients.Benchmarks.Remote;
using Gradients.Benchmarks.Scaling;
using Gradients.Benchmarks.Steps;
using Gradients.Benchmarks.Telemetry;
using Gradients.Benchmarks.Wire;

switch (args)
{
    case [ServerProcess.Verb]:
        await ServerProcess.RunAsync();
        return 0;
    case [PeerProcess.Verb, var socket]:
        await PeerProcess.RunAsync(socket);
        return 0;
}

ISuite[] suites = [new LimitsSuite(), new GemmSuite(), new ElementwiseSuite(), new ReduceSuite(), new ConvSuite(), new StepsSuite(), new ScalingSuite(), new ProfileSuite(), new WireSuite(), new RemoteSuite()];
string[] known = [.. suites.Select(s => s.Name), MicroBenchmarks.Name, TelemetryCost.Name];

var names = new Argument<string[]>("suites") { Description = $"Suites to run: {string.Join(", ", known)}.", Arity = ArgumentArity.OneOrMore };
names.Validators.Add(r =>
{
    foreach (var token in r.Tokens.Where(t => !known.Contains(t.Value)))
        r.AddError($"Unknown suite: {token.Value}. Suites: {string.Join(", ", known)}.");
});
var threads = new Option<int>("--threads") { Description = "Compute threads of both sides, 1 to 1024.", DefaultValueFactory = _ => 1 };
threads.Validators.Add(r =>
{
    if (r.GetValueOrDefault<int>() is < 1 or > 1024)
        r.AddError("--threads takes 1 to 1024.");
});
var json = new Option<FileInfo?>("--json") { Description = "Writes the rows to this file as a JSON array." };
var markdown = new Option<FileInfo?>("--markdown") { Description = "Writes the rows to this file as a document." };
var side = new Option<Sides>("--side") { Description = "Times one side alone.", DefaultValueFactory = _ => Sides.All };
var only = new Option<string?>("--rows") { Description = "Measures only rows whose name contains this text, in any case. Not with --markdown, whose tables are whole." };
only.Validators.Add(r =>
{
    if (r.GetResult(markdown) is { Implicit: false })
        r.AddError("--rows measures a part, --markdown writes all: give one of them.");
});
var check = new Option<bool>("--check") { Description = $"Without peers, briefly: exits with 1 when a row that must not allocate managed memory does, or the product {GemmSuite.Judged} stays below 0.4 of the peak measured beside it. Other times are not judged." };
var command = new RootCommand("Measures the engine beside libtorch and OpenBLAS. Exit codes: 0, 1 when --check fails, 2 for wrong arguments, 130 and 143 when a signal ended it.") { names, threads, json, markdown, side, only, check };
command.SetAction(async (arguments, cancellation) =>
{
    var asked = arguments.GetValue(names)!;

    // OpenBLAS reads its variables when it is loaded: the process starts itself again with them.
    var again = SeparateProcesses.Again(args);
    if (asked.Contains(new GemmSuite().Name) && OpenBlas.TryPrepare(again))
    {
        using var process = Started.Start(again);
        await process.WaitForExitAsync(cancellation);
        Started.Forget(process);
        return process.ExitCode;
    }

    var (isBrief, threadCount, sides) = (arguments.GetValue(check), arguments.GetValue(threads), arguments.GetValue(side));
    var (peer, peerState) = isBrief ? (null, "none with --check") : sides.HasFlag(Sides.Libtorch) ? Libtorch.Load() : (null, "in a process of its own");
    var isSeparate = threadCount > 1 && sides == Sides.All && peer is not null;
    // The compiler's tiers take their time however brief the measurement is.
    var (warmUp, time) = isBrief ? (TimeSpan.FromSeconds(0.6), TimeSpan.FromSeconds(0.1)) : (TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    var settings = new SuiteSettings(threadCount, new Meter(threadCount, sides, warmUp, time), peer, isBrief);
    var header = Header.Of(peerState);
    var rows = new Recorder(isSilent: sides != Sides.All, arguments.GetValue(only));
    if (sides == Sides.All)
    {
        foreach (var (name, value) in header)
            Console.WriteLine($"{name,-9}{value}");
    }

    foreach (var suite in suites.Where(s => asked.Contains(s.Name)))
    {
        if (!isSeparate || suite.HasProcesses)
        {
            suite.Run(settings, rows);
            continue;
        }

        foreach (var row in await SeparateProcesses.MeasureAsync(suite.Name, threadCount, arguments.GetValue(only)))
            rows.Add(row);
    }

    if (asked.Contains(MicroBenchmarks.Name))
        MicroBenchmarks.Run(rows.Wants);
    if (asked.Contains(TelemetryCost.Name))
        await TelemetryCost.RunAsync(rows.Wants);
    if (rows.Rows.Count == 0 && arguments.GetValue(only) is { } filter && suites.Any(s => asked.Contains(s.Name)) && sides == Sides.All)
        Console.Error.WriteLine($"No row's name contains '{filter}'.");
    if (arguments.GetValue(markdown) is { } document)
        await MarkdownReport.WriteAsync(document, header, $"dotnet run -c Release --project tests/Benchmarks -- {string.Join(' ', args)}", rows.Rows, suites);
    if (arguments.GetValue(json) is { } file)
        await Row.WriteAsync(file, rows.Rows);
    if (!isBrief)
        return 0;
    List<string> failures = [.. rows.Rows.Where(r => !r.MayAllocate && r.AllocatedBytes > 0).Select(r => $"{r.Suite}: {r.Name} allocates {r.AllocatedBytes:0.###} managed bytes a step.")];
    failures.AddRange(rows.Rows.Where(r => r.Name == GemmSuite.Judged && r.LimitFraction < 0.4).Select(r => $"{r.Suite}: {r.Name} reaches {r.LimitFraction:0.00} of the peak; 0.4 is asked for."));
    failures.ForEach(Console.Error.WriteLine);
    return failures.Count == 0 ? 0 : 1;
});

var parsed = command.Parse(args);
// Signals end the process as they do others, not by a cancellation that no suite looks at.
var signals = Started.EndBySignals();
var code = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
foreach (var signal in signals)
    signal.Dispose();
return Started.Return(parsed.Errors.Count > 0 ? 2 : code);
