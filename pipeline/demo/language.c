/*
 * language.c - the cast and the frame of a story: characters are chosen, then a plot's beats are told about
 * them
 *
 * A plot says who takes part, what is bound once, and the beats told in order; data/plots.txt has them. The
 * hero's name returns; the friend is named once (fr) and is "$hp friend" or "the $fk" from then on.
 *
 * Slots of every plot: h.. the hero, f.. the friend (n name, s/o/p/r pronouns, k kind such as girl or fox),
 * fr the friend where first met, ha the hero's character, mn mom or dad with ms, mo, mp. Plots bind further
 * slots from lists.
 */
#include <pthread.h>
#include <string.h>

#include "pipeline/demo/data.h"
#include "pipeline/demo/gen.h"

enum cast { CHILDREN, ANIMALS, EITHER };
enum { MAX_LISTS = 64, MAX_RECORDS = 32, MAX_PLOTS = 64, PLOT_BINDS = 4, PLOT_BEATS = 8 };

static struct named_list {
    const char *name;
    const char *records[MAX_RECORDS];
    struct list list;
} lists[MAX_LISTS];
static unsigned n_lists;

static struct plot {
    enum cast cast;
    struct {
        char key;
        const struct list *list;
    } binds[PLOT_BINDS];
    const char *beats[PLOT_BEATS];
} plots[MAX_PLOTS];
static unsigned n_plots;

static void wrong_unless(bool right, const char *line)
{
    if (!right)
        data_wrong("plots.txt", line);
}

static void load_list(const char *name, char **text)
{
    wrong_unless(n_lists < MAX_LISTS, name);
    struct named_list *l = &lists[n_lists++];
    l->name = name;
    l->list.v = l->records;
    for (char *line; (line = data_line(text)) && *line; l->records[l->list.n++] = line)
        wrong_unless(l->list.n < MAX_RECORDS, line);
}

static const struct list *list_named(const char *name)
{
    for (unsigned i = 0; i < n_lists; i++)
        if (strcmp(lists[i].name, name) == 0)
            return &lists[i].list;
    data_wrong("plots.txt", name);
}

static void load_plot(const char *cast, char **text)
{
    static const char *const casts[] = {[CHILDREN] = "children", [ANIMALS] = "animals", [EITHER] = "either"};
    int binds = 0, beats = 0;
    wrong_unless(n_plots < MAX_PLOTS, cast);
    struct plot *p = &plots[n_plots++];
    while (strcmp(casts[p->cast], cast) != 0)
        wrong_unless(++p->cast <= EITHER, cast);
    for (char *line, *rest; (line = data_line(text)) && *line;) {
        if ((rest = data_after(line, "bind"))) {
            wrong_unless(binds < PLOT_BINDS && rest[0] && rest[1] == ' ', line);
            p->binds[binds].key = rest[0];
            p->binds[binds++].list = list_named(rest + 2);
            continue;
        }
        bool paragraph = (rest = data_after(line, "para"));
        if (paragraph) { /* "para " has room for two line ends before the text */
            rest -= 2;
            rest[0] = rest[1] = '\n';
        } else {
            rest = data_after(line, "beat");
        }
        wrong_unless(rest && beats < PLOT_BEATS, line);
        p->beats[beats++] = rest;
    }
}

static void load_plots(void)
{
    char *text = data_plots(), *line, *rest;
    while ((line = data_line(&text))) {
        if ((rest = data_after(line, "list")))
            load_list(rest, &text);
        else if ((rest = data_after(line, "plot")))
            load_plot(rest, &text);
        else
            wrong_unless(!*line, line);
    }
}

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
                repeated |= strcmp(chosen[j], chosen[i]) == 0;
        } while (repeated);
    }
}

void demo_language(struct gen *g)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_plots);
    const struct plot *p = &plots[gen_below(g, n_plots)];
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
