using System.CommandLine;
using System.Diagnostics;
using Gradients.Benchmarks;
using Gradients.Benchmarks.Limits;
using Gradients.Benchmarks.Peers;
using Gradients.Benchmarks.Products;
using Gradients.Benchmarks.Steps;
using Gradients.Benchmarks.Telemetry;

if (args is [ServerProcess.Verb])
{
    await ServerProcess.RunAsync();
    return 0;
}

ISuite[] suites = [new StepsSuite()];
var known = string.Join(", ", suites.Select(s => s.Name).Append(LimitsSuite.Name).Append(GemmSuite.Name).Append(TelemetryCost.Name));

var names = new Argument<string[]>("suites") { Description = $"Suites to run: {known}.", Arity = ArgumentArity.ZeroOrMore };
var threads = new Option<int>("--threads") { Description = "Compute threads of the engine, 1 to 1024.", DefaultValueFactory = _ => 1 };
threads.Validators.Add(r =>
{
    if (r.GetValueOrDefault<int>() is < 1 or > 1024)
        r.AddError("--threads takes 1 to 1024.");
});
var json = new Option<FileInfo?>("--json") { Description = "Writes the rows to this file as a JSON array." };
var markdown = new Option<FileInfo?>("--markdown") { Description = "Writes the rows to this file as a document." };
var check = new Option<bool>("--check") { Description = "Exits with 1 when a row that must not allocate managed memory does, or a product of 512x512x512 stays below 0.4 of the peak measured beside it. Other times are taken briefly and not judged." };
var command = new RootCommand("Measures the engine. Exit codes: 0, 1 when --check fails, 2 for wrong arguments.") { names, threads, json, markdown, check };
command.SetAction(async (arguments, _) =>
{
    var asked = arguments.GetValue(names) ?? [];
    var unknown = asked.Where(n => n is not (TelemetryCost.Name or LimitsSuite.Name or GemmSuite.Name) && suites.All(s => s.Name != n)).ToArray();
    if (asked.Length == 0 || unknown.Length > 0)
    {
        await Console.Error.WriteLineAsync(asked.Length == 0 ? $"Name a suite: {known}." : $"Unknown suite: {string.Join(", ", unknown)}. Suites: {known}.");
        return 2;
    }

    // OpenBLAS reads its variables when it is loaded: the process starts itself again with them.
    if (asked.Contains(GemmSuite.Name))
    {
        var again = new ProcessStartInfo(Environment.ProcessPath!);
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet")
            again.ArgumentList.Add(typeof(GemmSuite).Assembly.Location);
        foreach (var argument in args)
            again.ArgumentList.Add(argument);
        if (OpenBlas.TryPrepare(again))
        {
            using var process = Process.Start(again)!;
            await process.WaitForExitAsync(CancellationToken.None);
            return process.ExitCode;
        }
    }

    var isBrief = arguments.GetValue(check);
    var (peer, peerState) = isBrief ? (null, "none with --check") : Libtorch.Load();
    var meter = isBrief ? Meter.Brief : Meter.Full;
    var settings = new SuiteSettings(arguments.GetValue(threads), meter, new Comparison(meter, TimeSpan.FromSeconds(1)), peer);
    var header = Report.Header(peerState);
    Array.ForEach(header, Console.WriteLine);
    var rows = new List<Row>();
    var failures = new List<string>();
    foreach (var suite in suites.Where(s => asked.Contains(s.Name)))
    {
        var measured = await suite.Run(settings);
        Report.WriteTable(suite.Name, measured);
        rows.AddRange(measured.Select(m => Row.Of(suite.Name, m, peer?.Name)));
        failures.AddRange(measured.Where(m => m.MustNotAllocate && m.Cost.AllocatedBytes > 0).Select(m => $"{suite.Name}: {m.Name} allocates {m.Cost.AllocatedBytes:0.###} managed bytes a step."));
    }

    if (asked.Contains(LimitsSuite.Name))
        rows.AddRange(LimitsSuite.Run());
    if (asked.Contains(GemmSuite.Name))
    {
        var (products, fraction) = GemmSuite.Run(arguments.GetValue(check));
        rows.AddRange(products);
        if (fraction < 0.4)
            failures.Add($"gemm: 512x512x512 reaches {fraction:0.00} of the peak; 0.4 is asked for.");
    }

    if (asked.Contains(TelemetryCost.Name))
        await TelemetryCost.RunAsync();
    if (arguments.GetValue(markdown) is { } document)
        await MarkdownReport.WriteAsync(document, header, $"dotnet run -c Release --project tests/Benchmarks -- {string.Join(' ', args)}", rows);
    if (arguments.GetValue(json) is { } file)
        await Row.WriteAsync(file, rows);
    if (!arguments.GetValue(check))
        return 0;
    failures.ForEach(Console.Error.WriteLine);
    return failures.Count == 0 ? 0 : 1;
});

var parsed = command.Parse(args);
var code = await parsed.InvokeAsync();
return parsed.Errors.Count > 0 ? 2 : code;
