/* math_words.c - arithmetic in words and letters: stories with numbers, equations, comparison, sequences,
 * fractions */
#include "pipeline/demo/math.h"

/* one/many: so that 1 apple agrees */
static const struct list things =
    LIST("apple/apples", "book/books", "coin/coins", "cookie/cookies", "marble/marbles", "pencil/pencils",
         "flower/flowers", "shell/shells", "sticker/stickers", "egg/eggs", "stone/stones", "card/cards",
         "ball/balls", "orange/oranges");
static const struct list boxes = LIST("box/boxes", "bag/bags", "basket/baskets", "jar/jars");

/* Slot name becomes the number, slot unit the right form of the thing bound to 't'. */
static void count(struct gen *g, const char *number, const char *unit, int value)
{
    gen_num(g, number, value);
    gen_set(g, unit, value == 1 ? "$t1" : "$t2");
}

static void story_more(struct gen *g, int big)
{
    int a = gen_range(g, 1, big), b = gen_range(g, 1, big);
    count(g, "na", "ua", a);
    count(g, "nb", "ub", b);
    count(g, "nc", "uc", a + b);
    gen_say(g, "$hn has $na $ua. {^$hs finds|$fn gives $ho|^$hp mom gives $ho} $nb more $ub. "
               "How many $t2 does $hn have now?\n$na + $nb = $nc. $hn has $nc $uc.");
}

static void story_less(struct gen *g, int big)
{
    int a = gen_range(g, 2, 2 * big), b = gen_range(g, 1, a - 1);
    count(g, "na", "ua", a);
    count(g, "nb", "ub", b);
    count(g, "nc", "uc", a - b);
    gen_say(g, "$hn has $na $ua. ^$hs {gives $nb $ub to $fn|loses $nb $ub|sells $nb $ub}. "
               "How many $t2 {does $hn have|are} left?\n$na - $nb = $nc. $hn has $nc $uc left.");
}

static void story_together(struct gen *g, int big)
{
    int a = gen_range(g, 1, big), b = gen_range(g, 1, big);
    count(g, "na", "ua", a);
    count(g, "nb", "ub", b);
    count(g, "nc", "uc", a + b);
    gen_say(g, "$hn has $na $ua and $fn has $nb $ub. How many $t2 do they have {together|in all}?\n"
               "$na + $nb = $nc. Together they have $nc $uc.");
}

static void story_groups(struct gen *g, int big)
{
    int a = gen_range(g, 2, 9), b = gen_range(g, 2, 9);
    (void)big;
    gen_num(g, "na", a);
    gen_num(g, "nb", b);
    gen_num(g, "nc", a * b);
    gen_say(g, "$hn has $na $b2. {Each|Every} $b1 has $nb $t2 in it. How many $t2 does $hn have?\n"
               "$na * $nb = $nc. $hn has $nc $t2.");
}

static void story_share(struct gen *g, int big)
{
    int b = gen_range(g, 2, 9), q = gen_range(g, 1, 9);
    (void)big;
    gen_num(g, "na", b * q);
    gen_num(g, "nb", b);
    count(g, "nq", "uq", q);
    gen_say(g, "$hn has $na $t2. ^$hs {shares them equally among $nb friends. How many $t2 does each friend "
               "get|puts "
               "the same number into each of $nb $b2. How many $t2 are in each $b1}?\n"
               "$na / $nb = $nq. The answer is $nq $uq.");
}

static void story_difference(struct gen *g, int big)
{
    int b = gen_range(g, 1, big), a = b + gen_range(g, 1, 9);
    count(g, "na", "ua", a);
    count(g, "nb", "ub", b);
    gen_num(g, "nc", a - b);
    gen_say(g, "$hn has $na $ua and $fn has $nb $ub. How many more $t2 does $hn have than $fn?\n"
               "$na - $nb = $nc. $hn has $nc more than $fn.");
}

static void story_two_steps(struct gen *g, int big)
{
    int a = gen_range(g, 2, big), b = gen_range(g, 1, big), c = gen_range(g, 1, a + b - 1);
    count(g, "na", "ua", a);
    count(g, "nb", "ub", b);
    count(g, "nc", "uc", c);
    gen_num(g, "ns", a + b);
    count(g, "nd", "ud", a + b - c);
    gen_say(
        g,
        "$hn has $na $ua. ^$hs buys $nb more $ub and then gives $nc $uc to $fn. How many $t2 does $hn have "
        "now?\n"
        "$na + $nb = $ns. $ns - $nc = $nd. $hn has $nd $ud.");
}

void math_story(struct gen *g)
{
    static void (*const stories[])(struct gen *, int) = {story_more,  story_more,       story_less,
                                                         story_less,  story_together,   story_groups,
                                                         story_share, story_difference, story_two_steps};
    for (int i = 0, n = gen_range(g, 1, 3); i < n; i++) {
        gen_person(g, 'h', ANY_GENDER);
        gen_person(g, 'f', ANY_GENDER);
        gen_bind(g, 't', &things);
        gen_bind(g, 'b', &boxes);
        gen_say(g, i ? "\n\n" : "");
        int big = gen_chance(g, 85) ? 9 : 20;
        stories[gen_below(g, sizeof stories / sizeof *stories)](g, big);
    }
}

static void equation_sum(struct gen *g)
{
    int x = gen_range(g, 1, 12), b = gen_range(g, 1, 12);
    gen_num(g, "nx", x);
    gen_num(g, "nb", b);
    if (gen_chance(g, 50)) {
        gen_num(g, "nc", x + b);
        gen_say(g, "Solve $lx + $nb = $nc.\nSubtract $nb from both sides: $lx = $nc - $nb = $nx.\n"
                   "Check: $nx + $nb = $nc.\nThe answer is $lx = $nx.");
    } else {
        gen_num(g, "nc", x);
        gen_num(g, "nx", x + b);
        gen_say(g, "Solve $lx - $nb = $nc.\nAdd $nb to both sides: $lx = $nc + $nb = $nx.\n"
                   "Check: $nx - $nb = $nc.\nThe answer is $lx = $nx.");
    }
}

static void equation_line(struct gen *g)
{
    int a = gen_range(g, 2, 9), x = gen_range(g, 1, 9), b = gen_range(g, 1, 9);
    gen_num(g, "na", a);
    gen_num(g, "nx", x);
    gen_num(g, "nb", b);
    gen_num(g, "np", a * x);
    gen_num(g, "nc", a * x + b);
    gen_say(g,
            "Solve $na$lx + $nb = $nc.\nSubtract $nb from both sides: $na$lx = $nc - $nb = $np.\n"
            "Divide by $na: $lx = $np / $na = $nx.\nCheck: $na * $nx + $nb = $nc.\nThe answer is $lx = $nx.");
}

static void equation_times(struct gen *g)
{
    int a = gen_range(g, 2, 9), x = gen_range(g, 1, 9);
    gen_num(g, "na", a);
    gen_num(g, "nx", x);
    gen_num(g, "np", a * x);
    gen_say(g, "Solve $na$lx = $np.\nDivide both sides by $na: $lx = $np / $na = $nx.\n"
               "Check: $na * $nx = $np.\nThe answer is $lx = $nx.");
}

static const struct list letters = LIST("x", "x", "x", "y", "n");

void math_equation(struct gen *g)
{
    static void (*const forms[])(struct gen *) = {equation_sum, equation_line, equation_line, equation_times};
    for (int i = 0; i < 2; i++) {
        gen_set(g, "lx", gen_pick(g, &letters));
        gen_say(g, i ? "\n\n" : "");
        forms[gen_below(g, 4)](g);
    }
}

void math_compare(struct gen *g)
{
    for (int i = 0, n = gen_range(g, 2, 3); i < n; i++) {
        int a = gen_range(g, 1, 99), b = gen_range(g, 1, 99);
        if (a == b)
            b = a + 1;
        bool larger = gen_chance(g, 50);
        gen_num(g, "na", a);
        gen_num(g, "nb", b);
        gen_num(g, "nm", a > b ? a : b);
        gen_num(g, "nl", a > b ? b : a);
        gen_say(g, i ? "\n\n" : "");
        gen_say(
            g,
            larger
                ? "Which number is larger, $na or $nb?\n$nm > $nl, so $nm is larger. The answer is $nm."
                : "Which number is smaller, $na or $nb?\n$nl < $nm, so $nl is smaller. The answer is $nl.");
    }
}

static void sequence(struct gen *g)
{
    bool twice = gen_chance(g, 20), down = !twice && gen_chance(g, 25);
    int step = gen_range(g, 1, 10),
        x = down ? step * 6 + gen_range(g, 0, 20) : gen_range(g, 1, twice ? 5 : 20);
    gen_put(g, "What number comes next: ");
    for (int i = 0; i < 4; i++) {
        gen_num(g, "na", x);
        gen_say(g, i < 3 ? "$na, " : "$na, ?\n");
        if (i < 3)
            x = twice ? 2 * x : down ? x - step : x + step;
    }
    gen_num(g, "nk", step);
    gen_num(g, "nr", twice ? 2 * x : down ? x - step : x + step);
    gen_say(g, twice  ? "Each number is 2 times the one before. $na * 2 = $nr."
               : down ? "Each number is $nk less than the one before. $na - $nk = $nr."
                      : "Each number is $nk more than the one before. $na + $nk = $nr.");
    gen_say(g, " The answer is $nr.");
}

void math_sequence(struct gen *g)
{
    sequence(g);
    gen_put(g, "\n\n");
    sequence(g);
}

void math_parity(struct gen *g)
{
    for (int i = 0, n = gen_range(g, 2, 4); i < n; i++) {
        int a = gen_range(g, 1, 99);
        gen_num(g, "na", a);
        gen_num(g, "nd", a % 10);
        gen_set(g, "pa", a % 2 ? "odd" : "even");
        gen_say(g, i ? "\n\nIs $na even or odd?\n" : "Is $na even or odd?\n");
        gen_say(g, a < 10 ? "$na is $pa. The answer is $pa."
                          : "The last digit of $na is $nd, and $nd is $pa. The answer is $pa.");
    }
}

static void fraction_of(struct gen *g)
{
    static const char *const words[] = {"half", "a third", "a quarter", "a fifth"};
    int d = gen_range(g, 2, 5), q = gen_range(g, 1, 9);
    gen_set(g, "wd", words[d - 2]);
    gen_num(g, "nd", d);
    gen_num(g, "na", d * q);
    gen_num(g, "nq", q);
    gen_say(g, "What is $wd of $na?\n^$wd means divide by $nd: $na / $nd = $nq. The answer is $nq.");
}

static void fraction_sum(struct gen *g)
{
    int d = gen_range(g, 3, 9), a = gen_range(g, 1, d - 2), b = gen_range(g, 1, d - 1 - a);
    gen_num(g, "nd", d);
    gen_num(g, "na", a);
    gen_num(g, "nb", b);
    gen_num(g, "ns", a + b);
    gen_say(g, "What is $na/$nd + $nb/$nd?\nThe bottoms are the same, so add the tops: $na + $nb = $ns. "
               "$na/$nd + $nb/$nd = $ns/$nd. The answer is $ns/$nd.");
}

void math_fraction(struct gen *g)
{
    for (int i = 0, n = gen_range(g, 2, 3); i < n; i++) {
        gen_say(g, i ? "\n\n" : "");
        if (gen_chance(g, 50))
            fraction_of(g);
        else
            fraction_sum(g);
    }
}

void math_missing(struct gen *g)
{
    for (int i = 0, n = gen_range(g, 2, 3); i < n; i++) {
        int a = gen_range(g, 1, 9), b = gen_range(g, 1, 9);
        gen_num(g, "na", a);
        gen_num(g, "nb", b);
        gen_say(g, i ? "\n\n" : "");
        if (gen_chance(g, 60)) {
            gen_num(g, "nc", a + b);
            gen_say(g, "What is the missing number in $na + ? = $nc?\n$nc - $na = $nb, so $na + $nb = $nc. "
                       "The missing number is $nb.");
        } else {
            gen_num(g, "nc", a * b);
            gen_say(g, "What is the missing number in $na * ? = $nc?\n$nc / $na = $nb, so $na * $nb = $nc. "
                       "The missing number is $nb.");
        }
    }
}
