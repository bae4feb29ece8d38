using System.CommandLine;
using Gradients.Cli.Commands;

var root = new RootCommand("Gradients: sends graphs of tensor operations to a server and gets values and gradients back.")
{
    ServeCommand.Create(),
    ProbeCommand.Create(),
    TryCommand.Create(),
    DemoCommand.Create(),
    KeyCommand.Create(),
    DescribeCommand.Create(),
};
var parsed = root.Parse(args);
// The host answers signals itself: it drains, however long that takes.
var code = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
return parsed.Errors.Count > 0 ? ExitCodes.Usage : code;
