/* logic_puzzles.c - orderings, grids, knights and knaves, rows: answers found by trying every arrangement */
#include <string.h>
#include "pipeline/demo/logic.h"

/* comparative/superlative at one end/comparative the other way/superlative at the other end */
static const struct list relations =
    LIST("taller/tallest/shorter/shortest", "older/oldest/younger/youngest", "faster/fastest/slower/slowest",
         "stronger/strongest/weaker/weakest", "heavier/heaviest/lighter/lightest");

static char name_key(int i)
{
    return (char)('p' + i); /* people of a puzzle are slots pn, qn, rn, sn */
}

/* Slot becomes the name of person i. */
static void set_name(struct gen *g, const char *slot, int i)
{
    static const char *const refs[] = {"$pn", "$qn", "$rn", "$sn"};
    gen_set(g, slot, refs[i]);
}

/* Person i of the puzzle stands at place i, the greatest first; the clues are in random order. */
void logic_ordering(struct gen *g)
{
    int n = gen_range(g, 3, 4), clue[3];
    bool top = gen_chance(g, 50);
    for (int i = 0; i < n; i++)
        gen_person(g, name_key(i), ANY_GENDER);
    gen_bind(g, 'c', &relations);
    gen_permutation(g, clue, n - 1);
    for (int i = 0; i < n - 1; i++) {
        bool forward = gen_chance(g, 70);
        set_name(g, "xa", forward ? clue[i] : clue[i] + 1);
        set_name(g, "xb", forward ? clue[i] + 1 : clue[i]);
        gen_say(g, forward ? "$xa is $c1 than $xb. " : "$xa is $c3 than $xb. ");
    }
    set_name(g, "xa", 0);
    set_name(g, "xb", n - 1);
    set_name(g, "xx", top ? 0 : n - 1);
    if (gen_chance(g, 65)) {
        gen_say(g, top ? "Who is the $c2?\nAnswer: $xx. " : "Who is the $c4?\nAnswer: $xx. ");
        gen_say(g, n == 3 ? "From $c2 to $c4: $pn, $qn, $rn." : "From $c2 to $c4: $pn, $qn, $rn, $sn.");
    } else {
        bool yes = gen_chance(g, 50);
        gen_say(g, yes ? "Is $xa $c1 than $xb?\nAnswer: Yes. " : "Is $xb $c1 than $xa?\nAnswer: No. ");
        gen_say(g,
                n == 3
                    ? "$pn is $c1 than $qn, and $qn is $c1 than $rn, so $pn is $c1 than $rn."
                    : "$pn is $c1 than $qn, $qn is $c1 than $rn, and $rn is $c1 than $sn, so $pn is $c1 than "
                      "$sn.");
    }
}

static const int permutations[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

/* The things that three people have: verb/its negation/the three things */
static const struct list grids =
    LIST("has a/does not have a/dog/cat/fish", "has the/does not have the/red hat/blue hat/green hat",
         "likes/does not like/tea/milk/juice", "plays the/does not play the/drum/flute/piano",
         "eats the/does not eat the/apple/pear/plum",
         "lives in the/does not live in the/red house/white house/blue house",
         "takes the/does not take the/car/bus/train");

struct clue {
    int person, thing;
    bool has;
};

static unsigned solutions(const struct clue *clues, int n, int *last)
{
    unsigned found = 0;
    for (int s = 0; s < 6; s++) {
        bool fits = true;
        for (int i = 0; i < n; i++)
            fits &= (permutations[s][clues[i].person] == clues[i].thing) == clues[i].has;
        if (fits) {
            *last = s;
            found++;
        }
    }
    return found;
}

static void say_clue(struct gen *g, const struct clue *c)
{
    static const char *const things[] = {"$g3", "$g4", "$g5"};
    set_name(g, "xa", c->person);
    gen_set(g, "xt", things[c->thing]);
    gen_say(g, c->has ? "$xa $g1 $xt." : "$xa $g2 $xt.");
}

/* Clues are added until one assignment is left; a clue that rules nothing out is not said. */
void logic_grid(struct gen *g)
{
    struct clue clues[8];
    int truth = (int)gen_below(g, 6), n = 0, last = 0;
    unsigned left = 6;
    for (int i = 0; i < 3; i++)
        gen_person(g, name_key(i), ANY_GENDER);
    gen_bind(g, 'g', &grids);
    gen_say(g, "$pn, $qn and $rn are friends. One $g1 $g3, one $g1 $g4 and one $g1 $g5. ");
    while (left > 1) {
        int person = (int)gen_below(g, 3), thing = (int)gen_below(g, 3);
        struct clue c = {person, thing, permutations[truth][person] == thing};
        clues[n] = c;
        unsigned now = solutions(clues, n + 1, &last);
        if (now == left || (c.has && n == 0 && gen_chance(g, 50)))
            continue;
        left = now;
        say_clue(g, &clues[n++]);
        gen_put(g, " ");
    }
    int asked; /* a thing of which no clue says who has it */
    bool told;
    do {
        asked = (int)gen_below(g, 3);
        told = false;
        for (int i = 0; i < n; i++)
            told |= clues[i].has && clues[i].thing == asked;
    } while (told);
    struct clue answer[3];
    for (int i = 0; i < 3; i++)
        answer[i] = (struct clue){i, permutations[last][i], true};
    for (int i = 0; i < 3; i++)
        if (answer[i].thing == asked)
            set_name(g, "xx", i);
    gen_set(g, "xt", (const char *const[]){"$g3", "$g4", "$g5"}[asked]);
    gen_say(g, "Who $g1 $xt?\nAnswer: $xx.");
    for (int i = 0; i < 3; i++) {
        gen_put(g, " ");
        say_clue(g, &answer[i]);
    }
}

/* Statements that A can make, as what they claim of (A, B) knights. */
enum statement { B_KNIGHT, B_KNAVE, BOTH_KNAVES, ONE_KNAVE, SAME, DIFFERENT, N_STATEMENTS };
static const char *const statement_text[] = {"$fn is a knight",         "$fn is a knave",
                                             "We are both knaves",      "At least one of us is a knave",
                                             "We are of the same kind", "We are of different kinds"};

static bool claim(enum statement s, bool a, bool b)
{
    switch (s) {
    case B_KNIGHT:
        return b;
    case B_KNAVE:
        return !b;
    case BOTH_KNAVES:
        return !a && !b;
    case ONE_KNAVE:
        return !a || !b;
    case SAME:
        return a == b;
    default:
        return a != b;
    }
}

/* Worlds (bit 0: A is a knight, bit 1: B) in which the speakers speak as they must; b_says < 0: B is silent.
 */
static int worlds(int a_says, int b_says, int *world)
{
    int n = 0;
    for (int w = 0; w < 4; w++) {
        bool a = w & 1, b = w & 2;
        if (claim((enum statement)a_says, a, b) == a &&
            (b_says < 0 || claim((enum statement)b_says, b, a) == b)) {
            *world = w;
            n++;
        }
    }
    return n;
}

void logic_knights(struct gen *g)
{
    int a_says, b_says, world = 0;
    do {
        a_says = (int)gen_below(g, N_STATEMENTS);
        b_says = gen_chance(g, 40) ? -1 : (int)gen_below(g, N_STATEMENTS);
    } while (worlds(a_says, b_says, &world) != 1);
    bool a = world & 1, b = world & 2;
    gen_person(g, 'a', ANY_GENDER);
    gen_person(g, 'b', ANY_GENDER);
    gen_say(g, "Knights always tell the truth and knaves always lie. ");
    gen_set(g, "fn", "$bn");
    gen_set(g, "xs", statement_text[a_says]);
    gen_say(g, "$an says: \"$xs.\" ");
    if (b_says >= 0) {
        gen_set(g, "fn", "$an");
        gen_set(g, "xs", statement_text[b_says]);
        gen_say(g, "$bn says: \"$xs.\" ");
    }
    gen_set(g, "ka", a ? "knight" : "knave");
    gen_set(g, "kb", b ? "knight" : "knave");
    gen_set(g, "fn", "$bn");
    gen_say(g, "Who is what?\nAnswer: $an is a $ka and $bn is a $kb. ");
    gen_say(g, a ? "What $an says is true, as a knight's words must be."
                 : "What $an says is false, as a knave's "
                   "words must be.");
    if (b_says >= 0)
        gen_say(g, b ? " What $bn says is true." : " What $bn says is false.");
}

void logic_row(struct gen *g)
{
    int rows = gen_range(g, 2, 3);
    int n = gen_chance(g, 70) ? 4 : 6;
    gen_num(g, "nn", n);
    gen_say(g, "Each row has the numbers 1 to $nn once. Fill in the missing number.");
    for (int r = 0; r < rows; r++) {
        int v[6];
        int hole = (int)gen_below(g, (unsigned)n);
        gen_permutation(g, v, n);
        gen_put(g, "\nRow:");
        for (int i = 0; i < n; i++) {
            gen_num(g, "nv", v[i] + 1);
            gen_say(g, i == hole ? " _" : " $nv");
        }
        gen_put(g, "\nAnswer: ");
        gen_num(g, "nv", v[hole] + 1);
        gen_say(g, "$nv. The full row is");
        for (int i = 0; i < n; i++) {
            gen_num(g, "nv", v[i] + 1);
            gen_say(g, " $nv");
        }
        gen_put(g, ".");
    }
}

/* one/many/article of a member/members: no member belongs to two groups */
static const struct list groups = LIST(
    "fruit/fruits/@/apple/pear/plum/banana/peach/cherry", "color/colors//red/blue/green/yellow/purple/brown",
    "animal/animals/@/dog/horse/cow/sheep/goat/pig", "tool/tools/@/hammer/saw/drill/wrench/axe/shovel",
    "vehicle/vehicles/@/car/bus/train/truck/bike/boat", "number/numbers//two/five/seven/nine/ten/four",
    "shape/shapes/@/circle/square/triangle/oval/star/diamond",
    "piece of clothing/clothes/@/shirt/hat/sock/coat/scarf/shoe",
    "drink/drinks//milk/tea/juice/water/coffee/lemonade",
    "part of the body/parts of the body/@/hand/foot/nose/ear/knee/elbow");

static void odd_one(struct gen *g)
{
    static const char *const members[] = {"$a4", "$a5", "$a6", "$a7", "$a8", "$a9"};
    static const char *const strangers[] = {"$b4", "$b5", "$b6", "$b7", "$b8", "$b9"};
    int order[6], odd = (int)gen_below(g, 4);
    const char *home = gen_bind(g, 'a', &groups), *away;
    do
        away = gen_pick(g, &groups);
    while (away == home);
    gen_fields(g, 'b', away);
    gen_permutation(g, order, 6);
    gen_set(g, "xo", strangers[gen_below(g, 6)]);
    gen_put(g, "Which is the odd one out: ");
    for (int i = 0; i < 4; i++) {
        gen_set(g, "xm", i == odd ? "$xo" : members[order[i]]);
        gen_say(g, i < 2 ? "$xm, " : i == 2 ? "$xm or " : "$xm?\n");
    }
    gen_say(g, "Answer: $xo. The others are $a2, but $b3$xo is @$b1.");
}

void logic_odd_one(struct gen *g)
{
    for (int i = 0; i < 2; i++) {
        gen_put(g, i ? "\n\n" : "");
        odd_one(g);
    }
}

static const struct list signs =
    LIST("red/blue/green", "sun/moon/star", "circle/square/triangle", "A/B/C", "up/down/left", "cat/dog/bird",
         "one/two/three", "clap/stamp/jump", "X/Y/Z", "big/small/tiny");

static void pattern(struct gen *g)
{
    static const char *const shapes[] = {"01", "012", "001", "011", "0012", "0110"};
    static const char *const words[] = {"$a1", "$a2", "$a3"};
    const char *shape = shapes[gen_below(g, sizeof shapes / sizeof *shapes)];
    size_t period = strlen(shape), shown = period + 2 + gen_below(g, (unsigned)period);
    gen_bind(g, 'a', &signs);
    gen_put(g, "What comes next in the pattern: ");
    for (size_t i = 0; i < shown; i++) {
        gen_say(g, words[shape[i % period] - '0']);
        gen_put(g, ", ");
    }
    gen_set(g, "xx", words[shape[shown % period] - '0']);
    gen_say(g, "?\nAnswer: $xx. The part that repeats is ");
    for (size_t i = 0; i < period; i++) {
        gen_put(g, i ? ", " : "");
        gen_say(g, words[shape[i] - '0']);
    }
    gen_put(g, ".");
}

void logic_pattern(struct gen *g)
{
    for (int i = 0; i < 2; i++) {
        gen_put(g, i ? "\n\n" : "");
        pattern(g);
    }
}

void logic_days(struct gen *g)
{
    static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
    int n = gen_range(g, 2, 3);
    for (int i = 0; i < n; i++) {
        int today = (int)gen_below(g, 7), step = gen_range(g, 1, 5);
        bool back = gen_chance(g, 35);
        gen_put(g, i ? "\n\n" : "");
        gen_set(g, "d0", days[today]);
        gen_num(g, "ns", step);
        gen_set(g, "dd", step == 1 ? "day" : "days");
        gen_set(g, "dr", days[(today + (back ? 7 - step : step)) % 7]);
        gen_say(g, back ? "Today is $d0. Which day was it $ns $dd ago?\nAnswer: $dr. Count back $ns from $d0:"
                        : "Today is $d0. Which day will it be in $ns $dd?\nAnswer: $dr. Count $ns from $d0:");
        for (int k = 1; k <= step; k++) {
            gen_put(g, k > 1 ? ", " : " ");
            gen_put(g, days[(today + (back ? 7 - k : k)) % 7]);
        }
        gen_put(g, ".");
    }
}

/* The mix of logic documents. */
void demo_logic(struct gen *g)
{
    static const struct kind kinds[] = {
        {16, logic_syllogism}, {16, logic_ordering}, {12, logic_rules},  {10, logic_values},
        {4, logic_table},      {8, logic_sets},      {8, logic_grid},    {7, logic_knights},
        {6, logic_row},        {8, logic_odd_one},   {5, logic_pattern}, {5, logic_days},
    };
    gen_kind(g, kinds, sizeof kinds / sizeof *kinds);
}
