/* language.c - the cast and the frame of a story: characters are chosen, then a plot's beats are told about
 * them */
#include "pipeline/demo/language.h"

const struct list language_toys =
    LIST("ball", "kite", "car", "doll", "boat", "drum", "train", "truck", "robot", "hat", "scarf", "balloon");
const struct list language_colors =
    LIST("red", "blue", "green", "yellow", "orange", "purple", "pink", "white");
/* noun/where/where to */
const struct list language_places =
    LIST("park/in the park/to the park", "garden/in the garden/to the garden",
         "forest/in the forest/to the forest", "field/in the field/to the field",
         "lake/by the lake/to the lake", "river/by the river/to the river", "hill/on the hill/to the hill");
const struct list language_hideouts = LIST("under a big tree", "behind a rock", "in the tall grass",
                                           "next to a bush", "under some leaves", "behind an old log");
static const struct list animals =
    LIST("fox", "rabbit", "bear", "mouse", "duck", "cat", "dog", "squirrel", "frog", "owl");
static const struct list mothers = LIST("mom", "mom", "grandma");
static const struct list fathers = LIST("dad", "dad", "grandpa");
static const struct list characters =
    LIST("little", "kind", "brave", "clever", "happy", "young", "curious", "quiet");
static const struct list homes =
    LIST("in a small village", "in a little house", "near a big forest", "by the sea", "in a small town");
static const struct list dens =
    LIST("in a big forest", "near a blue lake", "under an old tree", "by a small river", "on a green hill");

static const char opening[] =
    "{Once upon a time, there was|Once upon a time, there was|Once upon a time, there was|There once was}"
    " @$ha $hk named $hn."
    "{| ^$hs lived $wh.| $hn lived $wh with $hp $mn.}";
static const char opening_day[] =
    "One {sunny |}day, @$ha $hk named $hn {was at home|was playing outside|woke up "
    "early}.";
static const char opening_home[] = "Once upon a time, @$ha $hk named $hn lived $wh.";

static void cast_parent(struct gen *g)
{
    static const struct list *const parents[2] = {&mothers, &fathers};
    enum gender gender = (enum gender)gen_below(g, 2);
    gen_set(g, "mn", gen_pick(g, parents[gender]));
    gen_pronouns(g, 'm', gender);
}

static void cast_story(struct gen *g, enum cast cast)
{
    enum gender hero = gen_person(g, 'h', ANY_GENDER);
    gen_person(g, 'f', hero == GIRL ? BOY : GIRL); /* so that he and she tell the two apart */
    cast_parent(g);
    gen_set(g, "ha", gen_pick(g, &characters));
    gen_set(g, "fr", "$fn"); /* the friend where first met */
    if (cast == ANIMALS || (cast == EITHER && gen_chance(g, 35))) {
        const char *kind = gen_pick(g, &animals), *friend;
        do
            friend = gen_pick(g, &animals);
        while (friend == kind);
        gen_set(g, "hk", kind);
        gen_set(g, "fk", friend);
        gen_set(g, "fr", "$fn the $fk");
        gen_set(g, "wh", gen_pick(g, &dens));
    } else {
        gen_set(g, "wh", gen_pick(g, &homes));
    }
}

/* A list bound twice gives two different records. */
static void bind_plot(struct gen *g, const struct plot *p)
{
    const char *chosen[PLOT_BINDS] = {NULL};
    for (int i = 0; i < PLOT_BINDS && p->binds[i].list; i++) {
        bool repeated;
        do {
            chosen[i] = gen_bind(g, p->binds[i].key, p->binds[i].list);
            repeated = false;
            for (int j = 0; j < i; j++)
                repeated |= chosen[j] == chosen[i];
        } while (repeated);
    }
}

void demo_language(struct gen *g)
{
    unsigned i = gen_below(g, n_language_plots + n_language_more_plots);
    const struct plot *p =
        i < n_language_plots ? &language_plots[i] : &language_more_plots[i - n_language_plots];
    cast_story(g, p->cast);
    bind_plot(g, p);
    unsigned r = gen_below(g, 10);
    gen_set(g, "od",
            r < 2 ? "That day" : "One day"); /* where the plot begins, after an opening with a day or none */
    gen_set(g, "on", r < 2 ? "That night" : "One night");
    gen_say(g, r < 2 ? opening_day : r < 8 ? opening : opening_home);
    for (int b = 0; b < PLOT_BEATS && p->beats[b]; b++) {
        if (p->beats[b][0] != '\n')
            gen_put(g, " ");
        gen_say(g, p->beats[b]);
    }
}
