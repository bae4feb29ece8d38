using Gradients.Engine.Kernels;

namespace Gradients.Engine.Tests.Kernels;

public class IsaLevelTests
{
    [Fact]
    public void ActiveIsaLevelIsTheOneAskedFor()
    {
        string line = $"active ISA level: {IsaLevel.Name}";
        TestContext.Current.TestOutputHelper?.WriteLine(line);
        Console.WriteLine(line);
        string? expected = Environment.GetEnvironmentVariable("GRADIENTS_EXPECT_ISA");
        Assert.Contains(IsaLevel.Name, new[] { "avx512", "avx2", "vector128", "scalar" });
        if (!string.IsNullOrEmpty(expected))
            Assert.Equal(expected, IsaLevel.Name);
    }
}
