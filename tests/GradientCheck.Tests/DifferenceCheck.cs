using Gradients.Engine.Autodiff;
using Gradients.Engine.Graph;
using Gradients.Engine.Ops;
using Gradients.Engine.Tensors;
using Gradients.Testing;

namespace Gradients.GradientCheck.Tests;

/// <summary>
/// A case as a graph over slots: its floating inputs x, then one slot for the output's cotangent u. Holds the value y, the
/// gradient Jᵀu, and the derivative of a fixed weighted sum of that gradient.
/// </summary>
internal sealed class DifferenceCheck
{
    private const int FullJacobian = 64;

    private readonly OpCase _case;
    private readonly double[][] _x;
    private readonly Node[] _wrt;
    private readonly int[] _slots;

    public DifferenceCheck(OpCase opCase, DataType type = DataType.Float64)
    {
        _case = opCase;
        _x = opCase.Draw();
        Type = type;
        var builder = new GraphBuilder();
        (Output, var inputs) = opCase.Build(builder, type);
        _slots = [.. opCase.Differentiable.Select(i => Array.IndexOf(opCase.Floating, i))];
        _wrt = [.. opCase.Differentiable.Select(i => inputs[i]!)];
        Cotangent = builder.Input(type, Output.Shape, _x.Length);
        Gradients = ReverseMode.Gradients([Output], [Cotangent], _wrt)!;
        Assert.All(Gradients, g => Assert.NotNull(g));
        Weighted = Sum(Gradients, (g, i) => g * builder.Constant(Numbers.Data(type, g.Shape, Weights(i))));
        Second = ReverseMode.Gradients([Weighted], [], _wrt);
    }

    public DataType Type { get; }

    public Node Output { get; }

    public Node Cotangent { get; }

    public Node[] Gradients { get; }

    /// <summary>Σ ⟨v, Jᵀu⟩ for fixed v: what the second order differentiates.</summary>
    public Node Weighted { get; }

    public Node?[] Second { get; }

    public double[] U => Numbers.Random(5, Output.Shape.ElementCount);

    public double[] Weights(int input) => Numbers.Random(101 + input, _wrt[input].Shape.ElementCount);

    public double[][] Evaluate(params IReadOnlyList<Node> nodes) => Evaluate(_x, U, nodes);

    public double[][] Evaluate(double[][] x, double[] u, IReadOnlyList<Node> nodes)
    {
        var floating = _case.Floating;
        ConstantData[] bound = [.. x.Select((v, i) => Numbers.Data(Type, _case.Inputs[floating[i]]!.Shape, v)), Numbers.Data(Type, Output.Shape, u)];
        return Array.ConvertAll(Interpreter.Evaluate(nodes, bound), Numbers.Doubles);
    }

    /// <summary>d(Σ⟨u, f⟩)/dx against central differences, for functions given as nodes.</summary>
    public void CheckFirst()
    {
        for (var k = 0; k < _wrt.Length; k++)
        {
            if (_wrt[k].Shape.ElementCount <= FullJacobian && Output.Shape.ElementCount <= FullJacobian)
                CheckJacobian(k);
            else
                CheckDirections(k, [Output], [Gradients[k]], U);
        }
    }

    public void CheckSecond()
    {
        for (var k = 0; k < _wrt.Length; k++)
        {
            var gradient = Second[k] is { } g ? [g] : Array.Empty<Node>();
            CheckDirections(k, [Weighted], gradient, [1]);
            if (_wrt[k].Shape.ElementCount > FullJacobian)
                continue;
            var actual = gradient.Length == 0 ? new double[_wrt[k].Shape.ElementCount] : Evaluate(gradient)[0];
            for (var i = 0; i < actual.Length; i++)
            {
                var difference = Difference(k, Unit(actual.Length, i), [Weighted])[0];
                Compare(difference, actual[i], $"{_case} second order, input {k}, element {i}");
            }
        }
    }

    private void CheckJacobian(int k)
    {
        var outputs = (int)Output.Shape.ElementCount;
        var rows = Enumerable.Range(0, outputs).Select(j => Evaluate(_x, Unit(outputs, j), [Gradients[k]])[0]).ToArray();
        for (var i = 0; i < _wrt[k].Shape.ElementCount; i++)
        {
            var column = Difference(k, Unit((int)_wrt[k].Shape.ElementCount, i), [Output]);
            for (var j = 0; j < outputs; j++)
                Compare(column[j], rows[j][i], $"{_case} input {k}, dy[{j}]/dx[{i}]");
        }
    }

    private void CheckDirections(int k, Node[] function, Node[] gradient, double[] u)
    {
        var count = _wrt[k].Shape.ElementCount;
        var actual = gradient.Length == 0 ? new double[count] : Evaluate(gradient)[0];
        for (var d = 0; d < 3; d++)
        {
            var direction = Numbers.Random(900 + d, count);
            Compare(Numbers.Dot(u, Difference(k, direction, function)), Numbers.Dot(actual, direction), $"{_case} input {k}, direction {d}");
        }
    }

    /// <summary>Central differences along a direction; the step is 1 where that is exact.</summary>
    private double[] Difference(int k, double[] direction, Node[] function)
    {
        var slot = _slots[k];
        var h = _case.Multilinear ? 1 : 6e-6 * Math.Max(1, _x[slot].Select(Math.Abs).DefaultIfEmpty().Max());
        double[] At(double step)
        {
            var x = (double[][])_x.Clone();
            x[slot] = [.. x[slot].Zip(direction, (v, d) => v + (step * d))];
            return Evaluate(x, U, function)[0];
        }

        return [.. At(h).Zip(At(-h), (a, b) => (a - b) / (2 * h))];
    }

    private void Compare(double expected, double actual, string what)
    {
        // Rounding of sums with step 1: a few units in the last place of terms of size about 10.
        var (relative, absolute) = _case.Multilinear ? (1e-13, 1e-13) : (1e-7, 1e-9);
        Numbers.Close(expected, actual, relative, absolute, what);
    }

    private static Node Sum(Node[] terms, Func<Node, int, Node> f)
    {
        var sums = terms.Select((t, i) => f(t, i).Sum()).ToArray();
        return sums.Skip(1).Aggregate(sums[0], (a, b) => a + b);
    }

    private static double[] Unit(int count, int position)
    {
        var unit = new double[count];
        unit[position] = 1;
        return unit;
    }
}
