/* ml_numbers.c - small computations of machine learning, each worked in the text */
#include "pipeline/demo/ml.h"

/* Slot becomes value / 1000, without trailing zeros. */
static void set_thousandths(struct gen *g, const char *slot, long value)
{
    struct slot *s;
    char digits[24];
    int n = 0, scale = 3;
    while (scale && value % 10 == 0) {
        value /= 10;
        scale--;
    }
    if (!scale) {
        gen_num(g, slot, value);
        return;
    }
    bool negative = value < 0;
    for (unsigned long u = negative ? 0UL - (unsigned long)value : (unsigned long)value; u || n <= scale + 1;
         u /= 10) {
        digits[n++] = (char)('0' + u % 10);
        if (n == scale)
            digits[n++] = '.';
    }
    gen_num(g, slot, 0);
    s = &g->slots[(slot[0] - 'a') * 36 + (slot[1] >= 'a' ? slot[1] - 'a' : 26 + slot[1] - '0')];
    s->n = 0;
    if (negative)
        s->own[s->n++] = '-';
    while (n)
        s->own[s->n++] = digits[--n];
}

static const int rates[] = {10, 100, 100, 200, 500}; /* thousandths */

static void weight_step(struct gen *g)
{
    long rate = rates[gen_below(g, 5)], w = gen_range(g, 1, 9), grad = gen_range(g, 1, 9);
    set_thousandths(g, "nr", rate);
    gen_num(g, "nw", w);
    gen_num(g, "ng", grad);
    set_thousandths(g, "nm", rate * grad);
    set_thousandths(g, "nn", 1000 * w - rate * grad);
    gen_say(g, "A weight is $nw, its gradient is $ng and the learning rate is $nr. What is the new weight?\n"
               "The step is $nr * $ng = $nm. The new weight is $nw - $nm = $nn.");
}

static void layer_parameters(struct gen *g)
{
    long in = gen_range(g, 2, 10), out = gen_range(g, 2, 10);
    gen_num(g, "ni", in);
    gen_num(g, "no", out);
    gen_num(g, "nw", in * out);
    gen_num(g, "np", in * out + out);
    gen_say(g,
            "How many parameters does a linear layer with $ni inputs and $no outputs have?\n"
            "There are $ni * $no = $nw weights and $no biases. $nw + $no = $np, so it has $np parameters.");
}

static void steps_per_epoch(struct gen *g)
{
    long batch = gen_range(g, 1, 9) * 10, steps = gen_range(g, 2, 10), epochs = gen_range(g, 2, 5);
    gen_num(g, "nb", batch);
    gen_num(g, "ns", steps);
    gen_num(g, "nd", batch * steps);
    gen_num(g, "ne", epochs);
    gen_num(g, "nt", steps * epochs);
    gen_say(g, "There are $nd training examples and the batch size is $nb. How many steps are $ne epochs?\n"
               "One epoch has $nd / $nb = $ns steps, so $ne epochs have $ns * $ne = $nt steps.");
}

static void accuracy(struct gen *g)
{
    long total = 10 * gen_range(g, 1, 10), tenths = gen_range(g, 1, 10), right = total / 10 * tenths;
    gen_num(g, "nt", total);
    gen_num(g, "nr", right);
    gen_num(g, "np", tenths * 10);
    gen_say(g, "A model gets $nr of $nt answers right. What is its accuracy?\n"
               "$nr out of $nt is $np percent, so the accuracy is $np percent.");
}

static void precision_recall(struct gen *g)
{
    long hit = gen_range(g, 1, 9), false_alarm = 10 - hit, missed = gen_range(g, 0, 9);
    gen_num(g, "nh", hit);
    gen_num(g, "nf", false_alarm);
    gen_num(g, "nm", missed);
    gen_num(g, "nr", hit + missed);
    gen_num(g, "np", hit * 10);
    gen_say(g, "A model gives 10 alarms. $nh of them are real and $nf are false. It misses $nm real cases. "
               "What are its precision and its recall?\nThe precision is $nh of 10, which is $np percent. "
               "There are $nh + $nm = $nr real cases, so the recall is $nh of $nr.");
}

static void squared_error(struct gen *g)
{
    long target[2], guess[2], sum = 0;
    static const char *const slots[2][4] = {{"a1", "b1", "d1", "s1"}, {"a2", "b2", "d2", "s2"}};
    for (int i = 0; i < 2; i++) {
        target[i] = gen_range(g, 1, 9);
        do
            guess[i] = gen_range(g, 1, 9);
        while ((guess[i] - target[i] + (i ? guess[0] - target[0] : 0)) % 2);
        long d = guess[i] > target[i] ? guess[i] - target[i] : target[i] - guess[i];
        gen_num(g, slots[i][0], guess[i]);
        gen_num(g, slots[i][1], target[i]);
        gen_num(g, slots[i][2], d);
        gen_num(g, slots[i][3], d * d);
        sum += d * d;
    }
    gen_num(g, "ns", sum);
    gen_num(g, "nr", sum / 2);
    gen_say(
        g,
        "The predictions are $a1 and $a2 and the targets are $b1 and $b2. What is the mean squared error?\n"
        "The errors are $d1 and $d2. Their squares are $s1 and $s2. $s1 + $s2 = $ns and $ns / 2 = $nr. "
        "The mean squared error is $nr.");
}

static void relu(struct gen *g)
{
    static const char *const in[] = {"a1", "a2", "a3"}, *const out[] = {"b1", "b2", "b3"};
    for (int i = 0; i < 3; i++) {
        int x = gen_range(g, -9, 9);
        gen_num(g, in[i], x);
        gen_num(g, out[i], x > 0 ? x : 0);
    }
    gen_say(g, "What is ReLU of $a1, $a2 and $a3?\nReLU turns negative numbers into 0 and keeps the others. "
               "The result is $b1, $b2 and $b3.");
}

static void unit_output(struct gen *g)
{
    long x1 = gen_range(g, 1, 5), x2 = gen_range(g, 1, 5), w1 = gen_range(g, 1, 5), w2 = gen_range(g, 1, 5),
         b = gen_range(g, 1, 9);
    gen_num(g, "x1", x1);
    gen_num(g, "x2", x2);
    gen_num(g, "w1", w1);
    gen_num(g, "w2", w2);
    gen_num(g, "nb", b);
    gen_num(g, "p1", x1 * w1);
    gen_num(g, "p2", x2 * w2);
    gen_num(g, "ns", x1 * w1 + x2 * w2);
    gen_num(g, "nr", x1 * w1 + x2 * w2 + b);
    gen_say(
        g,
        "A unit has the inputs $x1 and $x2, the weights $w1 and $w2 and the bias $nb. What is its output?\n"
        "$x1 * $w1 = $p1 and $x2 * $w2 = $p2. $p1 + $p2 = $ns, and with the bias $ns + $nb = $nr. "
        "The output is $nr.");
}

static void head_width(struct gen *g)
{
    long heads = 1L << gen_range(g, 1, 4), width = 16L << gen_range(g, 0, 3);
    gen_num(g, "nh", heads);
    gen_num(g, "nw", width);
    gen_num(g, "nt", heads * width);
    gen_say(g, "A transformer has a width of $nt and $nh attention heads. How wide is one head?\n"
               "$nt / $nh = $nw, so each head has a width of $nw.");
}

static void memory(struct gen *g)
{
    long millions = gen_range(g, 1, 50), bytes = gen_chance(g, 50) ? 2 : 4;
    gen_num(g, "nm", millions);
    gen_num(g, "nb", bytes);
    gen_num(g, "ni", 8 * bytes);
    gen_num(g, "nr", millions * bytes);
    gen_say(g, "How much memory do $nm million weights of $ni bits need?\n"
               "$ni bits are $nb bytes. $nm * $nb = $nr, so they need $nr million bytes.");
}

static void warmup(struct gen *g)
{
    static const int parts[] = {2, 4, 5, 10};
    long part = parts[gen_below(g, 4)], steps = 100 * gen_range(g, 1, 5), rate = 200 * gen_range(g, 1, 4);
    gen_num(g, "ns", steps);
    gen_num(g, "nn", steps / part);
    gen_num(g, "nd", part);
    set_thousandths(g, "nr", rate);
    set_thousandths(g, "nw", rate / part);
    gen_say(g,
            "The learning rate grows evenly from 0 to $nr in $ns warmup steps. What is it after $nn steps?\n"
            "$ns / $nn = $nd, so the warmup is 1/$nd done. The learning rate is $nr / $nd = $nw.");
}

static void convolution(struct gen *g)
{
    long width = gen_range(g, 8, 32), filter = 2 * gen_range(g, 1, 3) + 1;
    gen_num(g, "nw", width);
    gen_num(g, "nf", filter);
    gen_num(g, "nd", width - filter);
    gen_num(g, "nr", width - filter + 1);
    gen_say(
        g,
        "A filter of width $nf slides over $nw values with stride 1 and no padding. How wide is the output?\n"
        "$nw - $nf = $nd and $nd + 1 = $nr. The output has $nr values.");
}

void ml_number(struct gen *g)
{
    static const struct kind kinds[] = {
        {3, weight_step}, {2, layer_parameters}, {2, steps_per_epoch},
        {2, accuracy},    {1, precision_recall}, {2, squared_error},
        {1, relu},        {2, unit_output},      {1, head_width},
        {1, memory},      {1, warmup},           {1, convolution},
    };
    gen_kind(g, kinds, sizeof kinds / sizeof *kinds);
}
