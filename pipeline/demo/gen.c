/* gen.c - the random source of gen.h, people, and the choice among kinds of documents */
#include <assert.h>
#include "pipeline/demo/gen.h"
#include "pipeline/lib/random.h"

/* Names are bits of gen.names_used: at most 64 in all. The first GIRLS are girls. */
enum { GIRLS = 18, BOYS = 18 };
static const char *const names[GIRLS + BOYS] = {
    "Lily", "Mia",  "Anna",   "Sara",  "Emma", "Lucy",  "Zoe",  "Ella", "Rose", "Daisy", "Nora",  "Amy",
    "Kate", "Ruby", "Molly",  "Grace", "Eva",  "Jane",  "Tom",  "Ben",  "Max",  "Sam",   "Leo",   "Tim",
    "Jack", "Finn", "Oliver", "Noah",  "Adam", "Henry", "Luke", "Owen", "Theo", "Peter", "Oscar", "Will",
};

uint64_t gen_random(struct gen *g)
{
    return random_next(&g->state);
}

void gen_begin(struct gen *g, int domain, uint64_t seed, uint64_t i, struct strbuf *out)
{
    g->state = mix64(mix64(mix64(seed + RANDOM_GAMMA) + (uint64_t)domain) + i);
    g->out = out;
    g->doc++;           /* 0 never is current, so zeroed slots are unset; wraps after 2^32 documents, when */
    g->capital = false; /* a slot would have to be untouched all that time to look set */
    g->article = false;
    g->names_used = 0;
}

unsigned gen_below(struct gen *g, unsigned n)
{
    return (unsigned)(((gen_random(g) >> 32) * n) >> 32);
}

int gen_range(struct gen *g, int lo, int hi)
{
    return lo + (int)gen_below(g, (unsigned)(hi - lo + 1));
}

bool gen_chance(struct gen *g, unsigned percent)
{
    return gen_below(g, 100) < percent;
}

const char *gen_pick(struct gen *g, const struct list *l)
{
    return l->v[gen_below(g, l->n)];
}

void gen_shuffle(struct gen *g, int *v, int n)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)gen_below(g, (unsigned)i + 1);
        int t = v[i];
        v[i] = v[j];
        v[j] = t;
    }
}

void gen_permutation(struct gen *g, int *v, int n)
{
    for (int i = 0; i < n; i++)
        v[i] = i;
    gen_shuffle(g, v, n);
}

void gen_pronouns(struct gen *g, char key, enum gender gender)
{
    static const char *const words[2][4] = {{"she", "her", "her", "herself"},
                                            {"he", "him", "his", "himself"}};
    static const char field[4] = {'s', 'o', 'p', 'r'};
    for (int i = 0; i < 4; i++)
        gen_set(g, (char[]){key, field[i], '\0'}, words[gender][i]);
}

enum gender gen_person(struct gen *g, char key, enum gender want)
{
    unsigned i;
    do {
        i = want == GIRL  ? gen_below(g, GIRLS)
            : want == BOY ? GIRLS + gen_below(g, BOYS)
                          : gen_below(g, GIRLS + BOYS);
    } while (g->names_used >> i & 1);
    g->names_used |= 1ull << i;
    enum gender gender = i < GIRLS ? GIRL : BOY;
    gen_set(g, (char[]){key, 'n', '\0'}, names[i]);
    gen_set(g, (char[]){key, 'k', '\0'}, gender == GIRL ? "girl" : "boy");
    gen_pronouns(g, key, gender);
    return gender;
}

void gen_kind(struct gen *g, const struct kind *kinds, unsigned n)
{
    unsigned total = 0;
    for (unsigned i = 0; i < n; i++)
        total += kinds[i].weight;
    unsigned r = gen_below(g, total), i = 0;
    while (r >= kinds[i].weight)
        r -= kinds[i++].weight;
    kinds[i].write(g);
}
