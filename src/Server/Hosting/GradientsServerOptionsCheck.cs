using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Gradients.Server.Hosting;

internal static class GradientsServerOptionsCheck
{
    /// <exception cref="ValidationException">Names the first setting that is out of range.</exception>
    public static void Validate(GradientsServerOptions options)
    {
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        Validator.ValidateObject(options.Telemetry, new ValidationContext(options.Telemetry), validateAllProperties: true);
        Require(IPAddress.TryParse(options.Address, out _), $"Address '{options.Address}' is not an IP address.");
        Require(options.PreferredChunkBytes <= options.MaxChunkBytes, "PreferredChunkBytes is above MaxChunkBytes.");
        Require(options.MaxChunkBytes <= options.MaxMessageBytes - 256, "MaxChunkBytes must be 256 bytes below MaxMessageBytes: a chunk has a header.");
        Require(options.DefaultSessionTtl <= options.MaxSessionTtl, "DefaultSessionTtl is above MaxSessionTtl.");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ValidationException(message);
    }
}
