/*
 * math.c - worked arithmetic: facts, column addition and subtraction, products, division, tables
 *
 * Weight lies on one-digit sums and differences, worked by counting: a small model learns what comes next
 * long before it knows a table. Every "a + b = c" in the text holds; the test reads them back.
 */
#include "pipeline/demo/gen.h"
#include "pipeline/demo/math.h"

static long apply(char op, long a, long b)
{
    return op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
}

/* Two numbers of one digit whose result is a whole number that is not negative. */
static void small_fact(struct gen *g, char op, long *a, long *b)
{
    *a = gen_range(g, op == '*' ? 1 : 0, 9);
    *b = gen_range(g, op == '*' ? 1 : 0, 9);
    if (op == '-')
        *a += *b;
    if (op == '/') {
        *b = gen_range(g, 1, 9);
        *a = *b * gen_range(g, 1, 9);
    }
}

static char random_op(struct gen *g)
{
    return "++++---**/"[gen_below(g, 10)];
}

static void set_fact(struct gen *g, char op, long a, long b)
{
    static const char *const signs[] = {['+'] = "+", ['-'] = "-", ['*'] = "*", ['/'] = "/"};
    gen_num(g, "na", a);
    gen_num(g, "nb", b);
    gen_num(g, "nc", apply(op, a, b));
    gen_set(g, "op", signs[(unsigned char)op]);
}

/* Lines of bare facts. */
static void drill(struct gen *g)
{
    char op = gen_chance(g, 70) ? random_op(g) : 0;
    int n = gen_range(g, 6, 10);
    for (int i = 0; i < n; i++) {
        long a, b;
        char o = op ? op : random_op(g);
        small_fact(g, o, &a, &b);
        set_fact(g, o, a, b);
        gen_say(g, "$na $op $nb = $nc");
        if (i + 1 < n)
            gen_put(g, "\n");
    }
}

/* The numbers on the way from a to a + b or a - b, each with how many steps it took. */
static void count(struct gen *g, bool up, long a, long b)
{
    if (b == 0) {
        gen_say(g, "Nothing to count.");
        return;
    }
    gen_say(g, up ? "Count up $nb from $na:" : "Count down $nb from $na:");
    for (long i = 1; i <= b; i++) {
        gen_num(g, "ni", i);
        gen_num(g, "nv", up ? a + i : a - i);
        gen_say(g, i < b ? " $ni is $nv," : " $ni is $nv.");
    }
}

/* Short questions, answered by counting. */
static void questions(struct gen *g)
{
    int n = gen_range(g, 2, 4);
    for (int i = 0; i < n; i++) {
        long a, b;
        bool up = gen_chance(g, 60);
        small_fact(g, up ? '+' : '-', &a, &b);
        set_fact(g, up ? '+' : '-', a, b);
        gen_say(g, i ? "\n\nWhat is $na $op $nb?\n" : "What is $na $op $nb?\n");
        count(g, up, a, b);
        gen_say(g, " The answer is $nc.");
    }
}

static void add_columns(struct gen *g, long a, long b)
{
    long ones = a % 10 + b % 10, carry = ones / 10, tens = a / 10 + b / 10 + carry;
    set_fact(g, '+', a, b);
    gen_num(g, "a1", a % 10);
    gen_num(g, "b1", b % 10);
    gen_num(g, "a2", a / 10);
    gen_num(g, "b2", b / 10);
    gen_num(g, "s1", ones);
    gen_num(g, "w1", ones % 10);
    gen_num(g, "s2", tens);
    gen_say(g, "What is $na + $nb?\nOnes: $a1 + $b1 = $s1, write $w1");
    gen_say(g, carry ? ", carry 1.\nTens: $a2 + $b2 + 1 = $s2.\n" : ".\nTens: $a2 + $b2 = $s2.\n");
    gen_say(g, "$na + $nb = $nc. The answer is $nc.");
}

static void addition(struct gen *g)
{
    for (int i = 0, n = gen_chance(g, 60) ? 2 : 1; i < n; i++) {
        long a = gen_range(g, 10, 99), b = gen_range(g, 10, 99);
        if (i)
            gen_put(g, "\n\n");
        add_columns(g, a, b);
    }
}

static void subtract_columns(struct gen *g, long a, long b)
{
    bool borrow = a % 10 < b % 10;
    long ones = a % 10 + 10 * borrow, tens = a / 10 - borrow;
    set_fact(g, '-', a, b);
    gen_num(g, "a1", ones);
    gen_num(g, "b1", b % 10);
    gen_num(g, "a2", tens);
    gen_num(g, "b2", b / 10);
    gen_num(g, "s1", ones - b % 10);
    gen_num(g, "s2", tens - b / 10);
    gen_num(g, "t2", a / 10);
    gen_say(g, "What is $na - $nb?\nOnes: ");
    if (borrow)
        gen_say(g, "borrow 1 ten, ");
    gen_say(g, "$a1 - $b1 = $s1.\nTens: ");
    gen_say(g, borrow ? "$t2 - 1 = $a2, $a2 - $b2 = $s2.\n" : "$a2 - $b2 = $s2.\n");
    gen_say(g, "$na - $nb = $nc. The answer is $nc.");
}

static void subtraction(struct gen *g)
{
    for (int i = 0, n = gen_chance(g, 60) ? 2 : 1; i < n; i++) {
        long a = gen_range(g, 20, 99), b = gen_range(g, 10, (int)a - 1);
        if (i)
            gen_put(g, "\n\n");
        subtract_columns(g, a, b);
    }
}

static void product(struct gen *g)
{
    for (int i = 0; i < 2; i++) {
        long tens = gen_range(g, 1, 9), ones = gen_range(g, 1, 9), a = 10 * tens + ones,
             b = gen_range(g, 2, 9);
        set_fact(g, '*', a, b);
        gen_num(g, "t1", 10 * tens);
        gen_num(g, "u1", ones);
        gen_num(g, "t2", 10 * tens * b);
        gen_num(g, "u2", ones * b);
        gen_say(g, i ? "\n\n" : "");
        gen_say(g, "What is $na * $nb?\n$na = $t1 + $u1.\n$t1 * $nb = $t2 and $u1 * $nb = $u2.\n"
                   "$t2 + $u2 = $nc.\n$na * $nb = $nc. The answer is $nc.");
    }
}

static void division(struct gen *g)
{
    int n = gen_range(g, 2, 3);
    for (int i = 0; i < n; i++) {
        long b = gen_range(g, 2, 9), q = gen_range(g, 1, 9),
             r = gen_chance(g, 50) ? gen_range(g, 1, (int)b - 1) : 0;
        gen_num(g, "na", b * q + r);
        gen_num(g, "nb", b);
        gen_num(g, "nq", q);
        gen_num(g, "np", b * q);
        gen_num(g, "nr", r);
        gen_say(g, i ? "\n\n" : "");
        if (r)
            gen_say(g, "Divide $na by $nb.\n$nb * $nq = $np and $na - $np = $nr.\n"
                       "The answer is $nq with remainder $nr.");
        else
            gen_say(g, "Divide $na by $nb.\n$nb * $nq = $na, so $na / $nb = $nq.\nThe answer is $nq.");
    }
}

static void table(struct gen *g)
{
    int k = gen_range(g, 1, 10), first = gen_range(g, 1, 6), n = gen_range(g, 4, 6);
    bool times = gen_chance(g, 60);
    gen_num(g, "nk", k);
    gen_say(g,
            times ? "The {times table|multiplication table} of $nk:" : "{Adding|Add} $nk{| to each number}:");
    for (int i = first; i < first + n; i++) {
        gen_num(g, "ni", i);
        gen_num(g, "nr", times ? i * k : i + k);
        gen_say(g, times ? "\n$ni * $nk = $nr" : "\n$ni + $nk = $nr");
    }
}

static void tables(struct gen *g)
{
    table(g);
    gen_put(g, "\n\n");
    table(g);
}

/* Three numbers, the product first or the bracket first. */
static void order(struct gen *g)
{
    for (int i = 0, n = gen_range(g, 2, 3); i < n; i++) {
        long a = gen_range(g, 1, 9), b = gen_range(g, 1, 9), c = gen_range(g, 1, 9);
        gen_num(g, "na", a);
        gen_num(g, "nb", b);
        gen_num(g, "nc", c);
        gen_say(g, i ? "\n\n" : "");
        if (gen_chance(g, 50)) {
            gen_num(g, "np", b * c);
            gen_num(g, "nr", a + b * c);
            gen_say(g,
                    "What is $na + $nb * $nc?\nMultiply first: $nb * $nc = $np.\nThen add: $na + $np = $nr.\n"
                    "The answer is $nr.");
        } else {
            gen_num(g, "np", a + b);
            gen_num(g, "nr", (a + b) * c);
            gen_say(g, "What is ($na + $nb) * $nc?\nBrackets first: $na + $nb = $np.\nThen multiply: $np * "
                       "$nc = $nr.\n"
                       "The answer is $nr.");
        }
    }
}

/* Adding several one-digit numbers from left to right. */
static void running_sum(struct gen *g)
{
    int n = gen_range(g, 3, 5), v[5];
    long sum = 0;
    gen_put(g, "What is ");
    for (int i = 0; i < n; i++) {
        v[i] = gen_range(g, 1, 9);
        if (i)
            gen_put(g, " + ");
        gen_put_num(g, v[i]);
    }
    gen_put(g, "?");
    sum = v[0];
    for (int i = 1; i < n; i++) {
        gen_num(g, "na", sum);
        gen_num(g, "nb", v[i]);
        sum += v[i];
        gen_num(g, "nc", sum);
        gen_say(g, "\n$na + $nb = $nc.");
    }
    gen_say(g, "\nThe answer is $nc.");
}

void demo_math(struct gen *g)
{
    static const struct kind kinds[] = {
        {14, drill},        {48, questions},  {8, addition},      {5, subtraction},
        {3, product},       {2, division},    {4, tables},        {1, order},
        {2, running_sum},   {9, math_story},  {4, math_equation}, {2, math_compare},
        {2, math_sequence}, {2, math_parity}, {1, math_fraction}, {2, math_missing},
    };
    gen_kind(g, kinds, sizeof kinds / sizeof *kinds);
}
