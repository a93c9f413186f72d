/* code_numbers.c - functions of whole numbers */
#include <stdlib.h>
#include "pipeline/demo/code.h"

#define EVAL(name) static void name(const struct value *a, long k, struct value *r)
#define X a[0].i
#define Y a[1].i
#define Z a[2].i

EVAL(add_k)
{
    r->i = X + k;
}
EVAL(subtract_k)
{
    r->i = X - k;
}
EVAL(multiply_k)
{
    r->i = X * k;
}
EVAL(square)
{
    (void)k;
    r->i = X * X;
}
EVAL(cube)
{
    (void)k;
    r->i = X * X * X;
}
EVAL(square_plus)
{
    r->i = X * X + k;
}
EVAL(times_plus)
{
    r->i = k * X + 1;
}
EVAL(absolute)
{
    (void)k;
    r->i = labs(X);
}
EVAL(even)
{
    (void)k;
    r->i = X % 2 == 0;
}
EVAL(odd)
{
    (void)k;
    r->i = X % 2 != 0;
}
EVAL(multiple)
{
    r->i = X % k == 0;
}
EVAL(greater_k)
{
    r->i = X > k;
}
EVAL(less_k)
{
    r->i = X < k;
}
EVAL(positive)
{
    (void)k;
    r->i = X > 0;
}
EVAL(add)
{
    (void)k;
    r->i = X + Y;
}
EVAL(subtract)
{
    (void)k;
    r->i = X - Y;
}
EVAL(multiply)
{
    (void)k;
    r->i = X * Y;
}
EVAL(larger)
{
    (void)k;
    r->i = X > Y ? X : Y;
}
EVAL(smaller)
{
    (void)k;
    r->i = X < Y ? X : Y;
}
EVAL(largest3)
{
    (void)k;
    r->i = X > Y ? (X > Z ? X : Z) : (Y > Z ? Y : Z);
}
EVAL(distance)
{
    (void)k;
    r->i = labs(X - Y);
}
EVAL(clamp_k)
{
    r->i = X < 0 ? 0 : X > k ? k : X;
}
EVAL(sign)
{
    (void)k;
    r->i = (X > 0) - (X < 0);
}
EVAL(last_digit)
{
    (void)k;
    r->i = X % 10;
}
EVAL(area)
{
    (void)k;
    r->i = X * Y;
}
EVAL(perimeter)
{
    (void)k;
    r->i = 2 * (X + Y);
}
EVAL(remainder_k)
{
    r->i = X % k;
}

EVAL(clamp)
{
    (void)k;
    r->i = X < Y ? Y : X > Z ? Z : X;
}

EVAL(factorial)
{
    (void)k;
    r->i = 1;
    for (long i = 2; i <= X; i++)
        r->i *= i;
}

EVAL(triangular)
{
    (void)k;
    r->i = X * (X + 1) / 2;
}

EVAL(fibonacci)
{
    long x = 0, y = 1, t;
    (void)k;
    for (long i = 0; i < X; i++) {
        t = x + y;
        x = y;
        y = t;
    }
    r->i = x;
}

EVAL(gcd)
{
    long x = X, y = Y, t;
    (void)k;
    while (y) {
        t = x % y;
        x = y;
        y = t;
    }
    r->i = x;
}

EVAL(digit_sum)
{
    (void)k;
    r->i = 0;
    for (long x = X; x; x /= 10)
        r->i += x % 10;
}

EVAL(digit_count)
{
    (void)k;
    r->i = 1;
    for (long x = X; x >= 10; x /= 10)
        r->i++;
}

EVAL(power)
{
    (void)k;
    r->i = 1;
    for (long i = 0; i < Y; i++)
        r->i *= X;
}

EVAL(prime)
{
    (void)k;
    r->i = X >= 2;
    for (long d = 2; d * d <= X; d++)
        if (X % d == 0)
            r->i = 0;
}

EVAL(divisors)
{
    (void)k;
    r->n = 0;
    for (long d = 1; d <= X; d++)
        if (X % d == 0)
            r->v[r->n++] = d;
}

EVAL(count_up)
{
    (void)k;
    for (r->n = 0; r->n < X; r->n++)
        r->v[r->n] = r->n + 1;
}

EVAL(multiples)
{
    for (r->n = 0; r->n < X; r->n++)
        r->v[r->n] = k * (r->n + 1);
}

const struct family code_numbers[] = {
    {"add_$kw/plus_$kw",
     "$a0 plus $k0.",
     "i>i",
     1,
     12,
     0,
     20,
     add_k,
     {"return $a0 + $k0"},
     "$a0 + $k0",
     "return $a0 + $k0;"},
    {"subtract_$kw/minus_$kw",
     "$a0 minus $k0.",
     "i>i",
     1,
     12,
     12,
     30,
     subtract_k,
     {"return $a0 - $k0"},
     "$a0 - $k0",
     "return $a0 - $k0;"},
    {"multiply_by_$kw/times_$kw",
     "$a0 times $k0.",
     "i>i",
     2,
     12,
     0,
     12,
     multiply_k,
     {"return $a0 * $k0"},
     "$a0 * $k0",
     "return $a0 * $k0;"},
    {"square",
     "the square of $a0.",
     "i>i",
     0,
     0,
     0,
     12,
     square,
     {"return $a0 * $a0", "return $a0 ** 2"},
     "$a0 * $a0",
     "return $a0 * $a0;"},
    {"cube",
     "the cube of $a0.",
     "i>i",
     0,
     0,
     0,
     6,
     cube,
     {"return $a0 * $a0 * $a0", "return $a0 ** 3"},
     "$a0 * $a0 * $a0",
     "return $a0 * $a0 * $a0;"},
    {"square_plus_$kw",
     "the square of $a0, plus $k0.",
     "i>i",
     1,
     9,
     0,
     9,
     square_plus,
     {"return $a0 * $a0 + $k0"},
     "$a0 * $a0 + $k0",
     "return $a0 * $a0 + $k0;"},
    {"times_$kw_plus_one",
     "$k0 times $a0, plus 1.",
     "i>i",
     2,
     9,
     0,
     9,
     times_plus,
     {"return $k0 * $a0 + 1"},
     "$k0 * $a0 + 1",
     "return $k0 * $a0 + 1;"},
    {"absolute_value/absolute",
     "the absolute value of $a0.",
     "i>i",
     0,
     0,
     -20,
     20,
     absolute,
     {"if $a0 < 0:\n    return -$a0\nreturn $a0", "return abs($a0)"},
     "if $a0 < 0 {\n    -$a0\n} else {\n    "
     "$a0\n}",
     "return $a0 < 0 ? -$a0 : $a0;"},
    {"is_even",
     "whether $a0 is even.",
     "i>b",
     0,
     0,
     0,
     50,
     even,
     {"return $a0 % 2 == 0"},
     "$a0 % 2 == 0",
     "return $a0 % 2 === 0;"},
    {"is_odd",
     "whether $a0 is odd.",
     "i>b",
     0,
     0,
     0,
     50,
     odd,
     {"return $a0 % 2 == 1", "return $a0 % 2 != 0"},
     "$a0 % 2 == 1",
     "return $a0 % 2 === 1;"},
    {"is_multiple_of_$kw/is_divisible_by_$kw",
     "whether $a0 is a multiple of $k0.",
     "i>b",
     3,
     10,
     0,
     40,
     multiple,
     {"return $a0 % $k0 == 0"},
     "$a0 % $k0 == 0",
     "return $a0 % $k0 === 0;"},
    {"remainder_by_$kw",
     "the remainder of $a0 divided by $k0.",
     "i>i",
     3,
     10,
     0,
     40,
     remainder_k,
     {"return $a0 % $k0"},
     "$a0 % $k0",
     "return $a0 % $k0;"},
    {"is_greater_than_$kw/is_above_$kw",
     "whether $a0 is greater than $k0.",
     "i>b",
     1,
     12,
     0,
     20,
     greater_k,
     {"return $a0 > $k0"},
     "$a0 > $k0",
     "return $a0 > $k0;"},
    {"is_less_than_$kw/is_below_$kw",
     "whether $a0 is less than $k0.",
     "i>b",
     1,
     12,
     0,
     20,
     less_k,
     {"return $a0 < $k0"},
     "$a0 < $k0",
     "return $a0 < $k0;"},
    {"is_positive",
     "whether $a0 is positive.",
     "i>b",
     0,
     0,
     -9,
     9,
     positive,
     {"return $a0 > 0"},
     "$a0 > 0",
     "return $a0 > 0;"},
    {"add/add_numbers",
     "the sum of $a0 and $b0.",
     "ii>i",
     0,
     0,
     0,
     20,
     add,
     {"return $a0 + $b0"},
     "$a0 + $b0",
     "return $a0 + $b0;"},
    {"subtract/difference",
     "$a0 minus $b0.",
     "ii>i",
     0,
     0,
     0,
     20,
     subtract,
     {"return $a0 - $b0"},
     "$a0 - $b0",
     "return $a0 - $b0;"},
    {"multiply/product",
     "the product of $a0 and $b0.",
     "ii>i",
     0,
     0,
     0,
     12,
     multiply,
     {"return $a0 * $b0"},
     "$a0 * $b0",
     "return $a0 * $b0;"},
    {"larger/max_of_two",
     "the larger of $a0 and $b0.",
     "ii>i",
     0,
     0,
     0,
     30,
     larger,
     {"if $a0 > $b0:\n    return $a0\nreturn $b0", "return max($a0, $b0)"},
     "if $a0 > $b0 {\n    $a0\n} else {\n    "
     "$b0\n}",
     "return $a0 > $b0 ? $a0 : $b0;"},
    {"smaller/min_of_two",
     "the smaller of $a0 and $b0.",
     "ii>i",
     0,
     0,
     0,
     30,
     smaller,
     {"if $a0 < $b0:\n    return $a0\nreturn $b0", "return min($a0, $b0)"},
     "if $a0 < $b0 {\n    $a0\n} else {\n    "
     "$b0\n}",
     "return $a0 < $b0 ? $a0 : $b0;"},
    {"max_of_three",
     "the largest of $a0, $b0 and $c0.",
     "iii>i",
     0,
     0,
     0,
     20,
     largest3,
     {"return max($a0, $b0, $c0)",
      "largest = $a0\nif $b0 > largest:\n    largest = $b0\nif $c0 > largest:\n    "
      "largest = $c0\nreturn largest"},
     "$a0.max($b0).max($c0)",
     "return Math.max($a0, $b0, $c0);"},
    {"distance",
     "the distance between $a0 and $b0.",
     "ii>i",
     0,
     0,
     0,
     20,
     distance,
     {"return abs($a0 - $b0)"},
     "($a0 - $b0).abs()",
     "return Math.abs($a0 - $b0);"},
    {"clamp_to_$kw/limit_to_$kw",
     "$a0 limited to the range from 0 to $k0.",
     "i>i",
     2,
     12,
     -5,
     20,
     clamp_k,
     {"return max(0, min($a0, $k0))", "if $a0 < 0:\n    return 0\nif $a0 > $k0:\n    return $k0\nreturn $a0"},
     "$a0.max(0).min($k0)",
     "return Math.max(0, Math.min($a0, $k0));"},
    {"clamp",
     "x limited to the range from low to high.",
     "ijk>i",
     0,
     0,
     0,
     20,
     clamp,
     {"if x < low:\n    return low\nif x > high:\n    return high\nreturn x",
      "return max(low, min(x, high))"},
     "if x < low {\n    low\n} else if x > high {\n    high\n} else {\n    x\n}",
     "return Math.max(low, Math.min(x, high));"},
    {"sign",
     "1, 0 or -1 by the sign of $a0.",
     "i>i",
     0,
     0,
     -9,
     9,
     sign,
     {"if $a0 > 0:\n    return 1\nif $a0 < "
      "0:\n    return -1\nreturn 0"},
     "$a0.signum()",
     "return Math.sign($a0);"},
    {"last_digit",
     "the last digit of $a0.",
     "i>i",
     0,
     0,
     1,
     99,
     last_digit,
     {"return $a0 % 10"},
     "$a0 % 10",
     "return $a0 % 10;"},
    {"area/rectangle_area",
     "the area of a rectangle with sides $a0 and $b0.",
     "ii>i",
     0,
     0,
     1,
     12,
     area,
     {"return $a0 * $b0"},
     "$a0 * $b0",
     "return $a0 * $b0;"},
    {"perimeter",
     "the perimeter of a rectangle with sides $a0 and $b0.",
     "ii>i",
     0,
     0,
     1,
     12,
     perimeter,
     {"return 2 * ($a0 + $b0)"},
     "2 * ($a0 + $b0)",
     "return 2 * ($a0 + $b0);"},
    {"factorial",
     "the factorial of $a0.",
     "i>i",
     0,
     0,
     0,
     6,
     factorial,
     {"result = 1\nfor i in range(2, $a0 + "
      "1):\n    result *= i\nreturn result",
      "if $a0 <= 1:\n    return 1\nreturn $a0 * $fn($a0 - 1)"},
     "let mut result = 1;\nfor i in 2..=$a0 {\n    result *= i;\n}\nresult",
     "let result = 1;\nfor (let i = 2; i <= $a0; i++) {\n  result *= i;\n}\nreturn result;"},
    {"sum_to/sum_up_to",
     "the sum of the numbers from 1 to $a0.",
     "i>i",
     0,
     0,
     1,
     12,
     triangular,
     {"total = 0\nfor i in range(1, $a0 + 1):\n    total += i\nreturn total", "return $a0 * ($a0 + 1) // 2",
      "return sum(range(1, $a0 + 1))"},
     "let mut total = 0;\nfor i in 1..=$a0 {\n    total += i;\n}\ntotal",
     "let total = 0;\nfor (let i = 1; i <= $a0; i++) {\n  total += i;\n}\nreturn total;"},
    {"fibonacci/fib",
     "Fibonacci number $a0, counting from 0.",
     "i>i",
     0,
     0,
     0,
     12,
     fibonacci,
     {"a, b = 0, 1\nfor _ in range($a0):\n    a, b = b, a + b\nreturn a",
      "if $a0 < 2:\n    return $a0\nreturn "
      "$fn($a0 - 1) + $fn($a0 - 2)"},
     "if $a0 < 2 {\n    $a0\n} else {\n    $fn($a0 - 1) + $fn($a0 - 2)\n}",
     "return $a0 < 2 ? $a0 : $fn($a0 - 1) + $fn($a0 - 2);"},
    {"gcd/greatest_common_divisor",
     "the greatest common divisor of $a0 and $b0.",
     "ii>i",
     0,
     0,
     2,
     36,
     gcd,
     {"while $b0:\n    $a0, $b0 = $b0, $a0 % $b0\nreturn $a0",
      "if $b0 == 0:\n    return $a0\nreturn $fn($b0, $a0 % "
      "$b0)"},
     "if $b0 == 0 {\n    $a0\n} else {\n    $fn($b0, $a0 % $b0)\n}",
     "return $b0 === 0 ? $a0 : $fn($b0, $a0 % $b0);"},
    {"digit_sum/sum_of_digits",
     "the sum of the digits of $a0.",
     "i>i",
     0,
     0,
     0,
     99,
     digit_sum,
     {"total = 0\nwhile $a0 > 0:\n    total += $a0 % 10\n    $a0 //= 10\nreturn total",
      "return sum(int(d) for d in str($a0))"},
     "if $a0 < 10 {\n    $a0\n} else {\n    $a0 % 10 + $fn($a0 / 10)\n}",
     "return $a0 < 10 ? $a0 : ($a0 % 10) + $fn(Math.floor($a0 / 10));"},
    {"count_digits",
     "the number of digits of $a0.",
     "i>i",
     0,
     0,
     0,
     999,
     digit_count,
     {"return len(str($a0))"},
     "if $a0 < 10 {\n    1\n} else {\n    1 + $fn($a0 / 10)\n}",
     "return String($a0).length;"},
    {"power",
     "$a0 to the power of $b0.",
     "ie>i",
     0,
     0,
     1,
     5,
     power,
     {"result = 1\nfor _ in range($b0):\n    "
      "result *= $a0\nreturn result",
      "return $a0 ** $b0"},
     "let mut result = 1;\nfor _ in 0..$b0 {\n    result *= "
     "$a0;\n}\nresult",
     "let result = 1;\nfor (let i = 0; i < $b0; i++) {\n  result *= $a0;\n}\nreturn result;"},
    {"is_prime",
     "whether $a0 is a prime number.",
     "i>b",
     0,
     0,
     1,
     40,
     prime,
     {"if $a0 < 2:\n    return False\nfor d in range(2, $a0):\n    if $a0 % d == 0:\n        return "
      "False\nreturn "
      "True",
      "return $a0 > 1 and all($a0 % d != 0 for d in range(2, $a0))"},
     "$a0 > 1 && (2..$a0).all(|d| $a0 % d != 0)",
     "if ($a0 < 2) {\n  return false;\n}\nfor (let d = 2; d < $a0; "
     "d++) {\n  if ($a0 % d === 0) {\n    return false;\n  }\n}\nreturn true;"},
    {"divisors",
     "the divisors of $a0.",
     "i>l",
     0,
     0,
     1,
     30,
     divisors,
     {"return [d for d in range(1, $a0 + 1) if "
      "$a0 % d == 0]",
      "result = []\nfor d in range(1, $a0 + 1):\n    if $a0 % d == 0:\n        result.append(d)\n"
      "return result"},
     "(1..=$a0).filter(|d| $a0 % d == 0).collect()",
     NULL},
    {"count_up_to",
     "the numbers from 1 to $a0.",
     "i>l",
     0,
     0,
     1,
     8,
     count_up,
     {"return list(range(1, $a0 + 1))", "return [i for i in range(1, $a0 + 1)]"},
     "(1..=$a0).collect()",
     NULL},
    {"multiples_of_$kw",
     "the first $a0 multiples of $k0.",
     "i>l",
     2,
     10,
     1,
     6,
     multiples,
     {"return [$k0 * i for i in range(1, $a0 + 1)]", "result = []\nfor i in range(1, $a0 + 1):\n    "
                                                     "result.append($k0 * i)\nreturn result"},
     "(1..=$a0).map(|i| $k0 * i).collect()",
     NULL},
};
const unsigned n_code_numbers = sizeof code_numbers / sizeof *code_numbers;
