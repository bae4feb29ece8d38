using Microsoft.AspNetCore.Http.Features;

namespace Gradients.Server.Errors;

/// <summary>Trailers for those who read them on this side, where the protocol of the answer has none.</summary>
internal sealed class UnsentTrailers : IHttpResponseTrailersFeature
{
    public IHeaderDictionary Trailers { get; set; } = new HeaderDictionary();
}
