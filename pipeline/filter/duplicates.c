#include "pipeline/filter/duplicates.h"

#include "pipeline/filter/minhash.h"
#include "pipeline/filter/seen.h"
#include "pipeline/lib/fs.h"

#include <stdlib.h>

_Static_assert((int)BANDS == (int)SIGNATURES_BANDS, "files of signatures have a key for each band");

struct duplicates {
    struct seen *exact, *near; /* NULL: not looked for */
};

/* Divides the memory: near-duplicates have BANDS keys of one word a document, exact ones one of two. */
struct duplicates *duplicates_new(bool exact, bool near, uint64_t memory, const char *dir)
{
    struct duplicates *d = xcalloc(1, sizeof *d);
    uint64_t part = exact && near ? memory / (BANDS / 2 + 1) : memory;
    if (exact)
        d->exact = seen_new(2, part, dir);
    if (near)
        d->near = seen_new(1, exact ? memory - part : memory, dir);
    return d;
}

static bool has_near(const struct signatures_keys *k)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < BANDS; i++)
        any |= k->near[i];
    return any != 0;
}

/* Whether one of its bands was there before. All are added: a later document may resemble this one alone. */
static bool is_near(struct seen *near, const struct signatures_keys *k)
{
    bool found = false;
    for (unsigned i = 0; i < BANDS; i++)
        found |= seen_add(near, &k->near[i]);
    return found;
}

enum rule duplicates_find(struct duplicates *d, const struct signatures_keys *keys)
{
    if (d->exact && seen_add(d->exact, keys->exact))
        return RULE_EXACT_DUPLICATE;
    if (d->near && has_near(keys) && is_near(d->near, keys))
        return RULE_NEAR_DUPLICATE;
    return RULE_KEEP;
}

uint64_t duplicates_spilled(const struct duplicates *d)
{
    return (d->exact ? seen_spilled(d->exact) : 0) + (d->near ? seen_spilled(d->near) : 0);
}

void duplicates_free(struct duplicates *d)
{
    if (!d)
        return;
    seen_free(d->exact);
    seen_free(d->near);
    free(d);
}
