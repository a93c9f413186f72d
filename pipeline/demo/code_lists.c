/* code_lists.c - functions of lists of numbers */
#include "pipeline/demo/code.h"

#define EVAL(name) static void name(const struct value *a, long k, struct value *r)
#define EACH(x)                                                                                              \
    for (int i_ = 0; i_ < a->n; i_++)                                                                        \
        for (long once_ = 1, x = a->v[i_]; once_; once_ = 0)

static void push(struct value *r, long x)
{
    r->v[r->n++] = x;
}

EVAL(total)
{
    (void)k;
    EACH(x) r->i += x;
}
EVAL(total_squares)
{
    (void)k;
    EACH(x) r->i += x * x;
}
EVAL(count)
{
    (void)k;
    r->i = a->n;
}
EVAL(count_even)
{
    (void)k;
    EACH(x) r->i += x % 2 == 0;
}
EVAL(count_odd)
{
    (void)k;
    EACH(x) r->i += x % 2 != 0;
}
EVAL(count_above)
{
    EACH(x) r->i += x > k;
}
EVAL(count_below)
{
    EACH(x) r->i += x < k;
}
EVAL(above)
{
    EACH(x) if (x > k) push(r, x);
}
EVAL(below)
{
    EACH(x) if (x < k) push(r, x);
}
EVAL(evens)
{
    (void)k;
    EACH(x) if (x % 2 == 0) push(r, x);
}
EVAL(odds)
{
    (void)k;
    EACH(x) if (x % 2) push(r, x);
}
EVAL(squares)
{
    (void)k;
    EACH(x) push(r, x * x);
}
EVAL(add_each)
{
    EACH(x) push(r, x + k);
}
EVAL(scale)
{
    EACH(x) push(r, x * k);
}
EVAL(without)
{
    EACH(x) if (x != k) push(r, x);
}
EVAL(contains)
{
    EACH(x) r->i |= x == k;
}
EVAL(any_above)
{
    EACH(x) r->i |= x > k;
}
EVAL(first_k)
{
    EACH(x) if (r->n < k) push(r, x);
}
EVAL(spread)
{
    (void)k;
    long lo = a->v[0], hi = a->v[0];
    EACH(x)
    {
        lo = x < lo ? x : lo;
        hi = x > hi ? x : hi;
    }
    r->i = hi - lo;
}
EVAL(largest)
{
    (void)k;
    r->i = a->v[0];
    EACH(x) r->i = x > r->i ? x : r->i;
}
EVAL(smallest)
{
    (void)k;
    r->i = a->v[0];
    EACH(x) r->i = x < r->i ? x : r->i;
}
EVAL(first)
{
    (void)k;
    r->i = a->v[0];
}
EVAL(last)
{
    (void)k;
    r->i = a->v[a->n - 1];
}
EVAL(all_even)
{
    (void)k;
    r->i = 1;
    EACH(x) r->i &= x % 2 == 0;
}
EVAL(multiply_all)
{
    (void)k;
    r->i = 1;
    EACH(x) r->i *= x;
}

EVAL(reverse)
{
    (void)k;
    for (int i = a->n - 1; i >= 0; i--)
        push(r, a->v[i]);
}

EVAL(sort_up)
{
    (void)k;
    for (int i = 0; i < a->n; i++) {
        int j = r->n++;
        for (; j > 0 && r->v[j - 1] > a->v[i]; j--)
            r->v[j] = r->v[j - 1];
        r->v[j] = a->v[i];
    }
}

EVAL(running)
{
    long sum = 0;
    (void)k;
    EACH(x) push(r, sum += x);
}

EVAL(differences)
{
    (void)k;
    for (int i = 1; i < a->n; i++)
        push(r, a->v[i] - a->v[i - 1]);
}

EVAL(is_sorted)
{
    (void)k;
    r->i = 1;
    for (int i = 1; i < a->n; i++)
        r->i &= a->v[i - 1] <= a->v[i];
}

EVAL(unique)
{
    (void)k;
    EACH(x)
    {
        bool seen = false;
        for (int j = 0; j < r->n; j++)
            seen |= r->v[j] == x;
        if (!seen)
            push(r, x);
    }
}

EVAL(index_of)
{
    (void)k;
    r->i = -1;
    for (int i = a->n - 1; i >= 0; i--)
        if (a->v[i] == a[1].i)
            r->i = i;
}

EVAL(occurrences)
{
    (void)k;
    EACH(x) r->i += x == a[1].i;
}

const struct family code_lists[] = {
    {"total/sum_list/add_all",
     "the sum of $a0.",
     "l>i",
     0,
     0,
     0,
     9,
     total,
     {"total = 0\nfor x in $a0:\n    total += x\nreturn total", "return sum($a0)"},
     "$a0.iter().sum()",
     "return $a0.reduce((a, b) => a + b, 0);"},
    {"sum_of_squares/sum_squares",
     "the sum of the squares of $a0.",
     "l>i",
     0,
     0,
     0,
     6,
     total_squares,
     {"total = 0\nfor x in $a0:\n    total += x * x\nreturn total", "return sum(x * x for x in $a0)"},
     "$a0.iter().map(|x| x * x).sum()",
     "return $a0.map((x) => x * x).reduce((a, b) => a + b, 0);"},
    {"product_of/multiply_all",
     "the product of $a0.",
     "l>i",
     0,
     0,
     1,
     5,
     multiply_all,
     {"result = 1\nfor x in $a0:\n    result *= x\nreturn result"},
     "$a0.iter().product()",
     "return $a0.reduce((a, b) => a * b, 1);"},
    {"length/count_items",
     "the number of items in $a0.",
     "l>i",
     0,
     0,
     0,
     9,
     count,
     {"return len($a0)", "count = 0\nfor _ in $a0:\n    count += 1\nreturn count"},
     "$a0.len() as i64",
     "return $a0.length;"},
    {"count_even",
     "how many of $a0 are even.",
     "l>i",
     0,
     0,
     0,
     9,
     count_even,
     {"count = 0\nfor x in $a0:\n    if x % 2 == 0:\n        count += 1\nreturn count",
      "return sum(1 for x in $a0 if x % 2 == 0)"},
     "$a0.iter().filter(|x| *x % 2 == 0).count() as i64",
     "return $a0.filter((x) => x % 2 === 0).length;"},
    {"count_odd",
     "how many of $a0 are odd.",
     "l>i",
     0,
     0,
     0,
     9,
     count_odd,
     {"count = 0\nfor x in $a0:\n    if x % 2 == 1:\n        count += 1\nreturn count",
      "return sum(1 for x in $a0 if x % 2 == 1)"},
     "$a0.iter().filter(|x| *x % 2 == 1).count() as i64",
     "return $a0.filter((x) => x % 2 === 1).length;"},
    {"count_greater_than_$kw/count_above_$kw",
     "how many of $a0 are greater than $k0.",
     "l>i",
     1,
     8,
     0,
     12,
     count_above,
     {"count = 0\nfor x in $a0:\n    if x > $k0:\n        count += 1\nreturn count",
      "return len([x for x in $a0 if x > $k0])"},
     "$a0.iter().filter(|x| **x > $k0).count() as i64",
     "return $a0.filter((x) => x > $k0).length;"},
    {"count_less_than_$kw/count_below_$kw",
     "how many of $a0 are less than $k0.",
     "l>i",
     2,
     9,
     0,
     12,
     count_below,
     {"count = 0\nfor x in $a0:\n    if x < $k0:\n        count += 1\nreturn count",
      "return len([x for x in $a0 if x < $k0])"},
     "$a0.iter().filter(|x| **x < $k0).count() as i64",
     "return $a0.filter((x) => x < $k0).length;"},
    {"greater_than_$kw/keep_above_$kw",
     "the items of $a0 that are greater than $k0.",
     "l>l",
     1,
     8,
     0,
     12,
     above,
     {"return [x for x in $a0 if x > $k0]", "result = []\nfor x in $a0:\n    if x > $k0:\n        "
                                            "result.append(x)\nreturn result"},
     "$a0.into_iter().filter(|x| *x > $k0).collect()",
     "return $a0.filter((x) => x > $k0);"},
    {"less_than_$kw/keep_below_$kw",
     "the items of $a0 that are less than $k0.",
     "l>l",
     2,
     9,
     0,
     12,
     below,
     {"return [x for x in $a0 if x < $k0]", "result = []\nfor x in $a0:\n    if x < $k0:\n        "
                                            "result.append(x)\nreturn result"},
     "$a0.into_iter().filter(|x| *x < $k0).collect()",
     "return $a0.filter((x) => x < $k0);"},
    {"keep_even/even_numbers",
     "the even items of $a0.",
     "l>l",
     0,
     0,
     0,
     9,
     evens,
     {"return [x for x in $a0 if x % 2 == 0]", "result = []\nfor x in $a0:\n    if x % 2 == 0:\n        "
                                               "result.append(x)\nreturn result"},
     "$a0.into_iter().filter(|x| x % 2 == 0).collect()",
     "return $a0.filter((x) => x % 2 === 0);"},
    {"keep_odd/odd_numbers",
     "the odd items of $a0.",
     "l>l",
     0,
     0,
     0,
     9,
     odds,
     {"return [x for x in $a0 if x % 2 == 1]", "result = []\nfor x in $a0:\n    if x % 2 == 1:\n        "
                                               "result.append(x)\nreturn result"},
     "$a0.into_iter().filter(|x| x % 2 == 1).collect()",
     "return $a0.filter((x) => x % 2 === 1);"},
    {"squares/square_all",
     "the squares of $a0.",
     "l>l",
     0,
     0,
     0,
     9,
     squares,
     {"return [x * x for x in $a0]", "result = []\nfor x in $a0:\n    result.append(x * x)\nreturn result"},
     "$a0.into_iter().map(|x| x * x).collect()",
     "return $a0.map((x) => x * x);"},
    {"add_$kw_to_each/add_$kw_to_all",
     "$a0 with $k0 added to each item.",
     "l>l",
     1,
     9,
     0,
     9,
     add_each,
     {"return [x + $k0 for x in $a0]",
      "result = []\nfor x in $a0:\n    result.append(x + $k0)\nreturn result"},
     "$a0.into_iter().map(|x| x + $k0).collect()",
     "return $a0.map((x) => x + $k0);"},
    {"scale_by_$kw/multiply_each_by_$kw",
     "$a0 with each item multiplied by $k0.",
     "l>l",
     2,
     9,
     0,
     9,
     scale,
     {"return [x * $k0 for x in $a0]",
      "result = []\nfor x in $a0:\n    result.append(x * $k0)\nreturn result"},
     "$a0.into_iter().map(|x| x * $k0).collect()",
     "return $a0.map((x) => x * $k0);"},
    {"remove_$kw/without_$kw",
     "$a0 without the items equal to $k0.",
     "l>l",
     0,
     5,
     0,
     6,
     without,
     {"return [x for x in $a0 if x != $k0]"},
     "$a0.into_iter().filter(|x| *x != $k0).collect()",
     "return $a0.filter((x) => x !== $k0);"},
    {"contains_$kw/has_$kw",
     "whether $k0 is in $a0.",
     "l>b",
     0,
     5,
     0,
     6,
     contains,
     {"return $k0 in $a0", "for x in $a0:\n    if x == $k0:\n        return True\nreturn False"},
     "$a0.contains(&$k0)",
     "return $a0.includes($k0);"},
    {"any_greater_than_$kw/any_above_$kw",
     "whether any item of $a0 is greater than $k0.",
     "l>b",
     4,
     11,
     0,
     12,
     any_above,
     {"return any(x > $k0 for x in $a0)", "for x in $a0:\n    if x > $k0:\n        return True\nreturn "
                                          "False"},
     "$a0.iter().any(|x| *x > $k0)",
     "return $a0.some((x) => x > $k0);"},
    {"all_even",
     "whether all items of $a0 are even.",
     "l>b",
     0,
     0,
     0,
     9,
     all_even,
     {"return all(x % 2 == 0 for x in $a0)",
      "for x in $a0:\n    if x % 2 != 0:\n        return False\nreturn True"},
     "$a0.iter().all(|x| x % 2 == 0)",
     "return $a0.every((x) => x % 2 === 0);"},
    {"first_$kw/take_$kw",
     "the first $k0 items of $a0.",
     "l>l",
     1,
     4,
     0,
     9,
     first_k,
     {"return $a0[:$k0]"},
     "$a0.into_iter().take($k0).collect()",
     "return $a0.slice(0, $k0);"},
    {"largest/find_max",
     "the largest item of $a0.",
     "l>i",
     0,
     0,
     0,
     20,
     largest,
     {"largest = $a0[0]\nfor x in $a0:\n    if x > largest:\n        largest = x\nreturn largest",
      "return max($a0)"},
     "*$a0.iter().max().unwrap()",
     "return Math.max(...$a0);"},
    {"smallest/find_min",
     "the smallest item of $a0.",
     "l>i",
     0,
     0,
     0,
     20,
     smallest,
     {"smallest = $a0[0]\nfor x in $a0:\n    if x < smallest:\n        smallest = x\nreturn smallest",
      "return min($a0)"},
     "*$a0.iter().min().unwrap()",
     "return Math.min(...$a0);"},
    {"spread/value_range",
     "the largest item of $a0 minus the smallest.",
     "l>i",
     0,
     0,
     0,
     20,
     spread,
     {"return max($a0) - min($a0)"},
     "$a0.iter().max().unwrap() - $a0.iter().min().unwrap()",
     "return Math.max(...$a0) - Math.min(...$a0);"},
    {"first_item/head",
     "the first item of $a0.",
     "l>i",
     0,
     0,
     0,
     9,
     first,
     {"return $a0[0]"},
     "$a0[0]",
     "return $a0[0];"},
    {"last_item/last",
     "the last item of $a0.",
     "l>i",
     0,
     0,
     0,
     9,
     last,
     {"return $a0[-1]"},
     "$a0[$a0.len() - 1]",
     "return $a0[$a0.length - 1];"},
    {"reverse/reverse_list",
     "$a0 in reverse order.",
     "l>l",
     0,
     0,
     0,
     9,
     reverse,
     {"return $a0[::-1]", "result = []\nfor x in $a0:\n    result.insert(0, x)\nreturn result"},
     "$a0.into_iter().rev().collect()",
     "return [...$a0].reverse();"},
    {"sort_numbers/sort_list",
     "$a0 in rising order.",
     "l>l",
     0,
     0,
     0,
     20,
     sort_up,
     {"return sorted($a0)", "result = $a0[:]\nresult.sort()\nreturn result"},
     "let mut result = $a0;\nresult.sort();\nresult",
     "return [...$a0].sort((a, b) => a - b);"},
    {"running_sum/running_total",
     "the running sum of $a0.",
     "l>l",
     0,
     0,
     0,
     9,
     running,
     {"result = []\ntotal = 0\nfor x in $a0:\n    total += x\n    result.append(total)\nreturn result"},
     "let mut result = Vec::new();\nlet mut total = 0;\nfor x in $a0 {\n    total += x;\n    "
     "result.push(total);\n"
     "}\nresult",
     "const result: number[] = [];\nlet total = 0;\nfor (const x of $a0) {\n  total += x;\n  "
     "result.push(total);\n}\nreturn result;"},
    {"differences",
     "the differences between neighbors in $a0.",
     "l>l",
     0,
     0,
     0,
     12,
     differences,
     {"return [b - a for a, b in zip($a0, $a0[1:])]"},
     "$a0.windows(2).map(|w| w[1] - w[0]).collect()",
     NULL},
    {"is_sorted",
     "whether $a0 is in rising order.",
     "l>b",
     0,
     0,
     0,
     9,
     is_sorted,
     {"return $a0 == sorted($a0)",
      "for i in range(1, len($a0)):\n    if $a0[i - 1] > $a0[i]:\n        return False\nreturn True"},
     "$a0.windows(2).all(|w| w[0] <= w[1])",
     NULL},
    {"unique/remove_duplicates",
     "the items of $a0 without duplicates.",
     "l>l",
     0,
     0,
     0,
     4,
     unique,
     {"result = []\nfor x in $a0:\n    if x not in result:\n        result.append(x)\nreturn result"},
     "let mut result = Vec::new();\nfor x in $a0 {\n    if !result.contains(&x) {\n        result.push(x);\n "
     "   "
     "}\n}\nresult",
     "return [...new Set($a0)];"},
    {"find_index/index_of",
     "the first index of $b0 in $a0, or -1.",
     "li>i",
     0,
     0,
     0,
     6,
     index_of,
     {"for i, x in enumerate($a0):\n    if x == $b0:\n        return i\nreturn -1"},
     NULL,
     "return $a0.indexOf($b0);"},
    {"count_occurrences/count_of",
     "how often $b0 is in $a0.",
     "li>i",
     0,
     0,
     0,
     4,
     occurrences,
     {"count = 0\nfor x in $a0:\n    if x == $b0:\n        count += 1\nreturn count",
      "return $a0.count($b0)"},
     "$a0.iter().filter(|x| **x == $b0).count() as i64",
     "return $a0.filter((x) => x === $b0).length;"},
};
const unsigned n_code_lists = sizeof code_lists / sizeof *code_lists;
