/* code_triton.c - Triton kernels: elementwise on one or two inputs, and one row a program */
#include "pipeline/demo/code.h"

/* Slots in expressions: xv and yv the loaded values, k0 a digit from 2 to 9, kw its word. */
struct kernel {
    const char *name, *doc, *expression, *padding; /* padding: what a row is filled up with */
};

static const struct kernel unary[] = {
    {"relu", "the positive part of $xv", "tl.maximum($xv, 0.0)", NULL},
    {"square", "the square of $xv", "$xv * $xv", NULL},
    {"double", "two times $xv", "2.0 * $xv", NULL},
    {"scale_by_$kw", "$xv times $k0", "$xv * $k0.0", NULL},
    {"add_$kw", "$xv plus $k0", "$xv + $k0.0", NULL},
    {"exp", "the exponential of $xv", "tl.exp($xv)", NULL},
    {"absolute", "the absolute value of $xv", "tl.abs($xv)", NULL},
    {"sigmoid", "the sigmoid of $xv", "1.0 / (1.0 + tl.exp(-$xv))", NULL},
    {"silu", "$xv times the sigmoid of $xv", "$xv / (1.0 + tl.exp(-$xv))", NULL},
    {"leaky_relu", "$xv where it is positive, else 0.$k0 times $xv", "tl.where($xv > 0, $xv, 0.$k0 * $xv)",
     NULL},
    {"cap_at_$kw", "the smaller of $xv and $k0", "tl.minimum($xv, $k0.0)", NULL},
};
static const struct kernel binary[] = {
    {"add", "$xv + $yv", "$xv + $yv", NULL},
    {"subtract", "$xv - $yv", "$xv - $yv", NULL},
    {"multiply", "$xv * $yv", "$xv * $yv", NULL},
    {"maximum", "the larger of $xv and $yv", "tl.maximum($xv, $yv)", NULL},
    {"minimum", "the smaller of $xv and $yv", "tl.minimum($xv, $yv)", NULL},
    {"add_$kw_times", "$xv plus $k0 times $yv", "$xv + $k0.0 * $yv", NULL},
    {"squared_error", "the squared difference of $xv and $yv", "($xv - $yv) * ($xv - $yv)", NULL},
    {"mean_of_two", "the mean of $xv and $yv", "($xv + $yv) * 0.5", NULL},
};
static const struct kernel rows[] = {
    {"row_sum", "the sum", "tl.sum($xv, axis=0)", "0.0"},
    {"row_max", "the largest value", "tl.max($xv, axis=0)", "-float(\"inf\")"},
    {"row_min", "the smallest value", "tl.min($xv, axis=0)", "float(\"inf\")"},
    {"row_mean", "the mean", "tl.sum($xv, axis=0) / $nv", "0.0"},
    {"row_sum_of_squares", "the sum of the squares", "tl.sum($xv * $xv, axis=0)", "0.0"},
};

static const struct list words = LIST("two", "three", "four", "five", "six", "seven", "eight", "nine");
static const struct list blocks = LIST("64", "128", "256", "512", "1024", "2048");
static const struct list offset_names = LIST("offsets", "offs", "idx");
static const struct list size_names = LIST("n", "n_elements", "size");
static const struct list block_names = LIST("BLOCK", "BLOCK_SIZE");
static const struct list value_names = LIST("x/y", "a/b", "u/v");
static const struct list pid_names = LIST("pid", "block_id");
static const struct list out_names = LIST("out", "result");

static void bind_kernel(struct gen *g, const struct kernel *k)
{
    unsigned digit = gen_below(g, words.n);
    gen_num(g, "k0", (long)digit + 2);
    gen_set(g, "kw", words.v[digit]);
    gen_bind(g, 'v', &value_names);
    gen_set(g, "xv", "$v1");
    gen_set(g, "yv", "$v2");
    gen_set(g, "ov", gen_pick(g, &out_names));
    gen_set(g, "fn", k->name);
    gen_set(g, "pi", gen_pick(g, &pid_names));
    gen_set(g, "fo", gen_pick(g, &offset_names));
    gen_set(g, "nv", gen_pick(g, &size_names));
    gen_set(g, "bk", gen_pick(g, &block_names));
    gen_set(g, "bs", gen_pick(g, &blocks));
    gen_set(g, "dc", k->doc);
    gen_set(g, "ex", k->expression);
    gen_set(g, "pd", k->padding ? k->padding : "");
}

static const char head[] = "# Triton\nimport triton\nimport triton.language as tl\n\n\n@triton.jit\n";
static const char head_torch[] = "# Triton\nimport torch\nimport triton\nimport triton.language as tl\n\n\n"
                                 "@triton.jit\n";

static void elementwise(struct gen *g)
{
    bool two = gen_chance(g, 45), launcher = gen_chance(g, 35);
    bind_kernel(g, two ? &binary[gen_below(g, sizeof binary / sizeof *binary)]
                       : &unary[gen_below(g, sizeof unary / sizeof *unary)]);
    gen_set(g, "yp", two ? "$yv_ptr, " : "");
    gen_set(g, "ya", two ? "$yv, " : "");
    gen_set(g, "yw", two ? ", $yv" : "");
    gen_code(g, launcher ? head_torch : head);
    gen_code(g, "def $fn_kernel($xv_ptr, $yp$ov_ptr, $nv, $bk: tl.constexpr):\n    \"\"\"Write $dc.\"\"\"\n"
                "    $pi = tl.program_id(0)\n    $fo = $pi * $bk + tl.arange(0, $bk)\n    mask = $fo < $nv\n"
                "    $xv = tl.load($xv_ptr + $fo, mask=mask)\n");
    if (two)
        gen_code(g, "    $yv = tl.load($yv_ptr + $fo, mask=mask)\n");
    gen_code(g, "    tl.store($ov_ptr + $fo, $ex, mask=mask)\n");
    if (launcher)
        gen_code(g, "\n\ndef $fn($xv$yw):\n    $ov = torch.empty_like($xv)\n    $nv = $xv.numel()\n"
                    "    grid = (triton.cdiv($nv, $bs),)\n    $fn_kernel[grid]($xv, $ya$ov, $nv, $bk=$bs)\n"
                    "    return $ov\n");
}

static void by_row(struct gen *g)
{
    bind_kernel(g, &rows[gen_below(g, sizeof rows / sizeof *rows)]);
    gen_code(g, head);
    gen_code(g, "def $fn_kernel($xv_ptr, $ov_ptr, $nv, $bk: tl.constexpr):\n"
                "    \"\"\"Write $dc of each row. A row has $nv numbers.\"\"\"\n    row = tl.program_id(0)\n"
                "    $fo = tl.arange(0, $bk)\n"
                "    $xv = tl.load($xv_ptr + row * $nv + $fo, mask=$fo < $nv, other=$pd)\n"
                "    tl.store($ov_ptr + row, $ex)\n");
}

static void softmax(struct gen *g)
{
    static const struct kernel k = {"softmax", "the softmax", "", "-float(\"inf\")"};
    bind_kernel(g, &k);
    gen_code(g, head);
    gen_code(g, "def softmax_kernel($xv_ptr, $ov_ptr, $nv, $bk: tl.constexpr):\n"
                "    \"\"\"Write the softmax of each row.\"\"\"\n    row = tl.program_id(0)\n"
                "    $fo = tl.arange(0, $bk)\n    mask = $fo < $nv\n"
                "    $xv = tl.load($xv_ptr + row * $nv + $fo, mask=mask, other=$pd)\n"
                "    $xv = tl.exp($xv - tl.max($xv, axis=0))\n"
                "    tl.store($ov_ptr + row * $nv + $fo, $xv / tl.sum($xv, axis=0), mask=mask)\n");
}

void code_triton(struct gen *g)
{
    static const struct kind kinds[] = {{80, elementwise}, {16, by_row}, {4, softmax}};
    gen_kind(g, kinds, sizeof kinds / sizeof *kinds);
}
