"""Correct rounding: numbers are exact fractions, or decimals of 60 digits, until they become a float32 or float64."""
import math
from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 60
FORMATS = {"float32": (24, -126, 127), "float64": (53, -1022, 1023)}  # precision, smallest and largest exponent


def rounded(exact, dtype):
    """The float nearest to a fraction or decimal, ties to even; the sign of what vanishes is kept."""
    if isinstance(exact, float):
        return exact if dtype == "float64" or not math.isfinite(exact) or exact == 0 else rounded(Fraction(exact), dtype)
    exact = Fraction(exact)
    if exact == 0:
        return 0.0
    sign = 1 if exact > 0 else -1
    precision, smallest, largest = FORMATS[dtype]
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
    while Fraction(2) ** exponent > abs(exact):
        exponent -= 1
    while Fraction(2) ** (exponent + 1) <= abs(exact):
        exponent += 1
    quantum = Fraction(2) ** (max(exponent, smallest) - precision + 1)
    value = round(exact / quantum) * quantum
    if abs(value) >= Fraction(2) ** (largest + 1):
        return math.inf * sign
    return math.copysign(float(value), sign)


def ieee(op, a, b, dtype):
    """One operation of IEEE 754. Specials and zeros follow the host's floats, which know the same rules."""
    if math.isfinite(a) and math.isfinite(b) and not (op == "Div" and b == 0):
        x, y = Fraction(a), Fraction(b)
        exact = {"Add": lambda: x + y, "Sub": lambda: x - y, "Mul": lambda: x * y, "Div": lambda: x / y}[op]()
        if exact != 0:
            return rounded(exact, dtype)
    if op == "Div" and b == 0:
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, math.copysign(1, a) * math.copysign(1, b))
    return {"Add": lambda: a + b, "Sub": lambda: a - b, "Mul": lambda: a * b, "Div": lambda: a / b}[op]()


def decimal(x):
    return x if isinstance(x, Decimal) else Decimal(x.numerator) / Decimal(x.denominator) if isinstance(x, Fraction) else Decimal(x)


def exp(x):
    return decimal(x).exp()


def log(x):
    return decimal(x).ln()


def tanh(x):
    e = exp(2 * decimal(x))
    return (e - 1) / (e + 1)


def sigmoid(x):
    return 1 / (1 + exp(-decimal(x)))


def softplus(x):
    return log(1 + exp(x))


def sqrt(x):
    return decimal(x).sqrt()


def power(x, y):
    return exp(decimal(y) * log(x))


PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


def erf(x):
    """2/√π Σ (-1)^n x^(2n+1) / (n! (2n+1)), whose terms cancel no more than 20 of the digits for |x| ≤ 6."""
    getcontext().prec = 100
    x = decimal(x)
    term, total, n = x, x, 0
    while abs(term) > Decimal(10) ** -90:
        n += 1
        term = -term * x * x / n
        total += term / (2 * n + 1)
    value = 2 * total / PI.sqrt()
    getcontext().prec = 60
    return +value


def softmax(row):
    powers = [exp(x) for x in row]
    return [p / sum(powers) for p in powers]
