using Gradients.Engine.Graph;
using Gradients.Engine.Kernels;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.GradientCheck.Tests;

/// <summary>Views and products over inputs that are views themselves, against copies of them.</summary>
public unsafe class LayoutTests
{
    /// <summary>Layouts of 2·3·4 elements over 24 or more: transposed, reversed, spaced and repeated.</summary>
    public static TheoryData<int> Layouts => [0, 1, 2, 3, 4];

    private static Layout Make(int which) => which switch
    {
        0 => new Layout(new Shape(2, 3, 4), [12, 4, 1]),
        1 => new Layout(new Shape(2, 3, 4), [1, 8, 2]),
        2 => new Layout(new Shape(2, 3, 4), [12, 4, -1], 3),
        3 => new Layout(new Shape(2, 3, 4), [48, 16, 2], 5),
        _ => new Layout(new Shape(2, 3, 4), [0, 4, 1]),
    };

    private static double[] Copy(double[] source, Layout layout)
    {
        var copy = new double[layout.Shape.ElementCount];
        fixed (double* from = source, to = copy)
            StridedCopy.Gather(from + layout.Offset, layout.Shape.Dimensions, layout.Strides, to, sizeof(double), 0, copy.Length);
        return copy;
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Views_of_views_are_views_of_copies(int which)
    {
        var layout = Make(which);
        var source = Numbers.Random(1, 128);
        var builder = new GraphBuilder();
        var x = builder.Input(DataType.Float64, layout.Shape, 0);
        Node[] views =
        [
            .. new long[][] { [24], [6, 4], [2, 12], [2, 3, 2, 2], [1, 2, 1, 3, 4, 1], [4, 6], [3, 8] }.Select(s => x.Reshape(new Shape(s))),
            x.Transpose(2, 0, 1),
            x.BroadcastTo(new Shape(5, 2, 3, 4)),
            Formula.Apply("Slice", x, builder.Ints(2, -1), builder.Ints(-10, 0), builder.Ints(1, 2), builder.Ints(-1, -2)),
        ];
        var expressible = 0;
        foreach (var view in views)
        {
            if (((ViewOp)view.Op!).View(view, layout) is not { } seen)
                continue;
            expressible++;
            var expected = Numbers.Doubles(Interpreter.Evaluate(view, Numbers.Data(layout.Shape, Copy(source, layout))));
            Assert.Equal(expected, Copy(source, seen));
        }

        // Splitting a dimension, permuting, repeating and slicing never need a copy.
        Assert.InRange(expressible, which == 0 ? views.Length : 6, views.Length);
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Products_take_operands_of_any_layout(int which)
    {
        var layout = Make(which);
        double[] left = Numbers.Random(1, 128), right = Numbers.Random(2, 128);
        var other = new Layout(new Shape(1, 4, 3), [0, -1, 7], 3);
        var builder = new GraphBuilder();
        var product = builder.Add(MatrixProductOp.Instance, builder.Input(DataType.Float64, layout.Shape, 0), builder.Input(DataType.Float64, other.Shape, 1));
        var expected = Numbers.Doubles(Interpreter.Evaluate(product, Numbers.Data(layout.Shape, Copy(left, layout)), Numbers.Data(other.Shape, Copy(right, other))));

        Assert.True(MatrixProductOp.Instance.Accepts(product, 0, layout));
        var kernel = MatrixProductOp.Instance.CreateKernel(product, [layout, other]);
        var actual = new double[product.Shape.ElementCount];
        var workspace = new byte[kernel.WorkspaceBytes + 1];
        fixed (double* a = left, b = right, c = actual)
        fixed (byte* scratch = workspace)
        {
            var inputs = stackalloc void*[] { a + layout.Offset, b + other.Offset };
            void* output = c;
            for (long unit = 0; unit < kernel.UnitCount; unit++)
                kernel.Run(new KernelArguments { Inputs = inputs, Outputs = &output, Workspace = scratch }, unit);
        }

        Numbers.Close(expected, actual, 1e-14, 1e-14);
    }
}
