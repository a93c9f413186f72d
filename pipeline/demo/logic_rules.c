/* logic_rules.c - syllogisms, if-then chains, truth values, sets: each answer is computed from the premises
 */
#include "pipeline/demo/logic.h"

/* Chains of classes, each within the next: true ones and invented ones. one/many */
static const char *const classes[][3] = {
    {"dog/dogs", "mammal/mammals", "animal/animals"},
    {"cat/cats", "mammal/mammals", "animal/animals"},
    {"robin/robins", "bird/birds", "animal/animals"},
    {"eagle/eagles", "bird/birds", "animal/animals"},
    {"salmon/salmon", "fish/fish", "animal/animals"},
    {"ant/ants", "insect/insects", "animal/animals"},
    {"rose/roses", "flower/flowers", "plant/plants"},
    {"oak/oaks", "tree/trees", "plant/plants"},
    {"square/squares", "rectangle/rectangles", "shape/shapes"},
    {"violin/violins", "instrument/instruments", "object/objects"},
    {"zig/zigs", "bop/bops", "lum/lums"},
    {"wug/wugs", "dax/daxes", "tam/tams"},
    {"mip/mips", "rell/rells", "gorp/gorps"},
    {"fep/feps", "blick/blicks", "zorn/zorns"},
};
/* Classes with nothing in common. */
static const char *const apart[][2] = {
    {"bird/birds", "fish/fish"},
    {"cat/cats", "dog/dogs"},
    {"flower/flowers", "animal/animals"},
    {"tree/trees", "bird/birds"},
    {"circle/circles", "square/squares"},
    {"wug/wugs", "zig/zigs"},
    {"mip/mips", "fep/feps"},
    {"robin/robins", "eagle/eagles"},
};
static const struct list animal_names =
    LIST("Rex", "Pip", "Milo", "Bella", "Coco", "Fifi", "Bo", "Dot", "Zip", "Kiki");
static const struct list traits = LIST("red", "small", "old", "quiet", "tall", "heavy", "new", "blue");

static void syllogism_chain(struct gen *g)
{
    gen_say(g, "All $a2 are $b2. All $b2 are $c2. Are all $a2 $c2?\n"
               "Answer: Yes. All $a2 are $b2, and all $b2 are $c2, so all $a2 are $c2.");
}

static void syllogism_member(struct gen *g)
{
    gen_say(g, "All $a2 are $b2. $xn is @$a1. Is $xn @$b1?\n"
               "Answer: Yes. $xn is @$a1, and all $a2 are $b2, so $xn is @$b1.");
}

static void syllogism_member_chain(struct gen *g)
{
    gen_say(g, "All $a2 are $b2. All $b2 are $c2. $xn is @$a1. Is $xn @$c1?\n"
               "Answer: Yes. $xn is @$a1, so $xn is @$b1. All $b2 are $c2, so $xn is @$c1.");
}

static void syllogism_converse(struct gen *g)
{
    gen_say(g, "All $a2 are $b2. $xn is @$b1. Must $xn be @$a1?\n"
               "Answer: No. All $a2 are $b2, but some $b2 may not be $a2.");
}

static void syllogism_apart(struct gen *g)
{
    gen_say(g, "No $d2 are $e2. $xn is @$d1. Is $xn @$e1?\n"
               "Answer: No. $xn is @$d1, and no $d2 are $e2, so $xn is not @$e1.");
}

static void syllogism_not(struct gen *g)
{
    gen_say(g, "All $a2 are $b2. $xn is not @$b1. Can $xn be @$a1?\n"
               "Answer: No. If $xn were @$a1, then $xn would be @$b1, but $xn is not @$b1.");
}

static void syllogism_some(struct gen *g)
{
    gen_say(g, "All $a2 are $b2. Some $b2 are $tr. Must some $a2 be $tr?\n"
               "Answer: No. The $tr $b2 may be ones that are not $a2.");
}

static void syllogism_all_trait(struct gen *g)
{
    gen_say(g, "All $a2 are $b2. All $b2 are $tr. Are all $a2 $tr?\n"
               "Answer: Yes. All $a2 are $b2, and all $b2 are $tr, so all $a2 are $tr.");
}

void logic_syllogism(struct gen *g)
{
    static void (*const forms[])(struct gen *) = {
        syllogism_chain, syllogism_member, syllogism_member_chain, syllogism_converse,
        syllogism_apart, syllogism_not,    syllogism_some,         syllogism_all_trait};
    int order[8];
    gen_permutation(g, order, 8);
    for (int i = 0; i < 2; i++) {
        const char *const *chain = classes[gen_below(g, sizeof classes / sizeof *classes)];
        const char *const *pair = apart[gen_below(g, sizeof apart / sizeof *apart)];
        bool swap = gen_chance(g, 50);
        gen_fields(g, 'a', chain[0]);
        gen_fields(g, 'b', chain[1]);
        gen_fields(g, 'c', chain[2]);
        gen_fields(g, 'd', pair[swap]);
        gen_fields(g, 'e', pair[!swap]);
        gen_set(g, "xn", gen_pick(g, &animal_names));
        gen_set(g, "tr", gen_pick(g, &traits));
        gen_put(g, i ? "\n\n" : "");
        forms[order[i]](g);
    }
}

/* Each rule's end is the next one's start: statement/denial/question */
static const char *const chains[][3] = {
    {"it rains/it does not rain/does it rain",
     "the grass gets wet/the grass does not get wet/does the grass get wet",
     "$hn stays inside/$hn does not stay inside/does $hn stay inside"},
    {"the sun shines/the sun does not shine/does the sun shine",
     "the snow melts/the snow does not melt/does the snow melt",
     "$hn goes outside/$hn does not go outside/does $hn "
     "go outside"},
    {"the alarm rings/the alarm does not ring/does the alarm ring",
     "$hn wakes up/$hn does not wake up/does $hn "
     "wake up",
     "$hn catches the bus/$hn does not catch the bus/does $hn catch the bus"},
    {"$hn studies/$hn does not study/does $hn study",
     "$hn passes the test/$hn does not pass the test/does $hn pass "
     "the test",
     "$hn is happy/$hn is not happy/is $hn happy"},
    {"the wind blows/the wind does not blow/does the wind blow",
     "the kite flies/the kite does not fly/does the "
     "kite fly",
     "$hn smiles/$hn does not smile/does $hn smile"},
    {"the switch is on/the switch is not on/is the switch on",
     "$hn sees the cat/$hn does not see the cat/does $hn "
     "see the cat",
     "$hn laughs/$hn does not laugh/does $hn laugh"},
    {"the dog barks/the dog does not bark/does the dog bark",
     "the cat runs away/the cat does not run away/does the "
     "cat run away",
     "the bird sings/the bird does not sing/does the bird sing"},
    {"the shop is open/the shop is not open/is the shop open",
     "$hn buys bread/$hn does not buy bread/does $hn buy "
     "bread",
     "$hn makes a sandwich/$hn does not make a sandwich/does $hn make a sandwich"},
    {"the water boils/the water does not boil/does the water boil",
     "the tea is hot/the tea is not hot/is the tea hot", "$hn waits/$hn does not wait/does $hn wait"},
    {"the ice breaks/the ice does not break/does the ice break",
     "$hn gets wet/$hn does not get wet/does $hn get wet",
     "$hn goes home/$hn does not go home/does $hn go home"},
};

static void rule_forward(struct gen *g)
{
    gen_say(g, "If $a1, then $b1. ^$a1. ^$b3?\nAnswer: Yes. If $a1, then $b1. ^$a1, so $b1.");
}

static void rule_backward(struct gen *g)
{
    gen_say(g, "If $a1, then $b1. ^$b2. ^$a3?\nAnswer: No. If $a1, then $b1. But $b2, so $a2.");
}

static void rule_converse(struct gen *g)
{
    gen_say(g, "If $a1, then $b1. ^$b1. Must it be that $a1?\n"
               "Answer: No. The rule does not say what follows when $b1. There may be another reason.");
}

static void rule_inverse(struct gen *g)
{
    gen_say(g, "If $a1, then $b1. ^$a2. Can we be sure that $b2?\n"
               "Answer: No. The rule says nothing about what happens when $a2.");
}

static void rule_chain(struct gen *g)
{
    gen_say(g, "If $a1, then $b1. If $b1, then $c1. ^$a1. ^$c3?\nAnswer: Yes. ^$a1, so $b1. ^$b1, so $c1.");
}

static void rule_chain_back(struct gen *g)
{
    gen_say(g, "If $a1, then $b1. If $b1, then $c1. ^$c2. ^$a3?\nAnswer: No. ^$c2, so $b2. ^$b2, so $a2.");
}

void logic_rules(struct gen *g)
{
    static void (*const forms[])(struct gen *) = {rule_forward, rule_backward, rule_converse,
                                                  rule_inverse, rule_chain,    rule_chain_back};
    int order[6];
    gen_permutation(g, order, 6);
    for (int i = 0, n = gen_range(g, 2, 3); i < n; i++) {
        const char *const *c = chains[gen_below(g, sizeof chains / sizeof *chains)];
        gen_person(g, 'h', ANY_GENDER);
        gen_fields(g, 'a', c[0]);
        gen_fields(g, 'b', c[1]);
        gen_fields(g, 'c', c[2]);
        gen_put(g, i ? "\n\n" : "");
        forms[order[i]](g);
    }
}

enum connective { AND, OR, IF, N_CONNECTIVES };
static const char *const connective_names[] = {"and", "or", "if"};

static bool connect(enum connective c, bool p, bool q)
{
    return c == AND ? p && q : c == OR ? p || q : !p || q;
}

static const char *truth(bool b)
{
    return b ? "true" : "false";
}

static const char *why(enum connective c, bool p, bool q)
{
    if (c == AND)
        return p && q ? "Both parts are true." : "An and is true only when both parts are true.";
    if (c == OR)
        return p || q ? "An or is true when at least one part is true." : "Both parts are false.";
    return p && !q ? "A true part cannot lead to a false part."
                   : "An if is false only when the first part is true "
                     "and the second is false.";
}

static const struct list letters = LIST("P/Q", "A/B", "X/Y");

/* A connective over two letters, either of them perhaps negated. */
static void value_question(struct gen *g)
{
    bool p = gen_chance(g, 50), q = gen_chance(g, 50), not_p = gen_chance(g, 25), not_q = gen_chance(g, 25);
    enum connective c = (enum connective)gen_below(g, N_CONNECTIVES);
    gen_bind(g, 'v', &letters);
    gen_set(g, "tp", truth(p));
    gen_set(g, "tq", truth(q));
    gen_set(g, "np", not_p ? "not $v1" : "$v1");
    gen_set(g, "nq", not_q ? "not $v2" : "$v2");
    gen_set(g, "op", connective_names[c]);
    gen_set(g, "tr", truth(connect(c, p ^ not_p, q ^ not_q)));
    gen_set(g, "wy", why(c, p ^ not_p, q ^ not_q));
    gen_say(g, "$v1 is $tp and $v2 is $tq. What is ");
    gen_say(g, c == IF ? "\"if $np then $nq\"?\nAnswer: $tr. " : "\"$np $op $nq\"?\nAnswer: $tr. ");
    gen_set(g, "t1", truth(p ^ not_p));
    gen_set(g, "t2", truth(q ^ not_q));
    if (not_p)
        gen_say(g, "\"not $v1\" is $t1. ");
    if (not_q)
        gen_say(g, "\"not $v2\" is $t2. ");
    gen_say(g, "$wy");
}

void logic_values(struct gen *g)
{
    for (int i = 0, n = gen_range(g, 2, 3); i < n; i++) {
        gen_put(g, i ? "\n\n" : "");
        value_question(g);
    }
}

void logic_table(struct gen *g)
{
    enum connective c = (enum connective)gen_below(g, N_CONNECTIVES);
    bool not_p = gen_chance(g, 40), not_q = gen_chance(g, 40), up = gen_chance(g, 50);
    int rows = 0;
    gen_bind(g, 'v', &letters);
    gen_set(g, "np", not_p ? "not $v1" : "$v1");
    gen_set(g, "nq", not_q ? "not $v2" : "$v2");
    gen_set(g, "op", connective_names[c]);
    gen_set(g, "fm", c == IF ? "if $np then $nq" : "$np $op $nq");
    gen_say(g, "Truth table of \"$fm\":");
    for (int i = 0; i < 4; i++) {
        int k = up ? i : 3 - i;
        bool p = k & 2, q = k & 1, r = connect(c, p ^ not_p, q ^ not_q);
        rows += r;
        gen_set(g, "tp", truth(p));
        gen_set(g, "tq", truth(q));
        gen_set(g, "tr", truth(r));
        gen_say(g, "\n$v1 $tp, $v2 $tq: $tr");
    }
    gen_num(g, "nr", rows);
    gen_say(g, "\nIn how many rows is it true?\nAnswer: $nr.\n\n");
    value_question(g);
}

/* Members of a set of 0 .. 9 given as bits, in rising order. */
static void say_set(struct gen *g, unsigned bits)
{
    bool first = true;
    gen_put(g, "{");
    for (int i = 0; i < 10; i++) {
        if (!(bits >> i & 1))
            continue;
        gen_put(g, first ? "" : ", ");
        gen_put_num(g, i);
        first = false;
    }
    gen_put(g, "}");
}

static unsigned random_set(struct gen *g)
{
    unsigned bits = 0;
    for (int n = gen_range(g, 3, 4); __builtin_popcount(bits) < n;)
        bits |= 1u << gen_below(g, 10);
    return bits;
}

void logic_sets(struct gen *g)
{
    unsigned a = random_set(g), b = random_set(g), k = gen_below(g, 10), asked = gen_below(g, 3);
    gen_put(g, "Set A is ");
    say_set(g, a);
    gen_put(g, ". Set B is ");
    say_set(g, b);
    gen_put(g, ".");
    for (int i = 0; i < 2; i++, asked = (asked + 1) % 3) {
        if (asked == 2) {
            gen_num(g, "nk", k);
            bool of_a = gen_chance(g, 50), in = (of_a ? a : b) >> k & 1;
            gen_set(g, "sn", of_a ? "A" : "B");
            gen_say(g, "\nIs $nk in set $sn?\nAnswer: ");
            gen_say(g, in ? "Yes. $nk is in set $sn." : "No. $nk is not in set $sn.");
            continue;
        }
        unsigned r = asked ? a | b : a & b;
        gen_put(g, asked ? "\nWhich numbers are in A or B?\nAnswer: "
                         : "\nWhich numbers are in both A and B?\n"
                           "Answer: ");
        if (r)
            say_set(g, r);
        else
            gen_put(g, "none");
        gen_put(g, ".");
    }
}
