#include "pipeline/text/vocabulary/names.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "pipeline/lib/fs.h"

/* Returns the slot with this name, or else the empty one where it belongs. */
static struct name_slot *slot_of(const struct names *x, uint32_t hash, const char *s, size_t len)
{
    uint32_t mask = 2 * x->cap - 1, i = hash & mask;
    for (; x->slots[i].place; i = (i + 1) & mask) {
        const struct name *name = &x->v[x->slots[i].place - 1];
        if (x->slots[i].hash == hash && name->len == len && memcmp(name->s, s, len) == 0)
            break;
    }
    return &x->slots[i];
}

static void grow(struct names *x)
{
    struct name_slot *old = x->slots;
    uint32_t n_old = 2 * x->cap;
    x->cap = x->cap ? 2 * x->cap : 1024;
    uint32_t mask = 2 * x->cap - 1;
    x->v = xrealloc(x->v, x->cap * sizeof *x->v);
    x->slots = xcalloc(2 * (size_t)x->cap, sizeof *x->slots);
    for (uint32_t k = 0; k < n_old; k++) {
        uint32_t i = old[k].hash & mask;
        while (old[k].place && x->slots[i].place)
            i = (i + 1) & mask;
        if (old[k].place)
            x->slots[i] = old[k];
    }
    free(old);
}

const struct name *names_find(const struct names *x, const char *s, size_t len)
{
    if (x->n == 0)
        return NULL;
    uint32_t place = slot_of(x, (uint32_t)XXH3_64bits(s, len), s, len)->place;
    return place ? &x->v[place - 1] : NULL;
}

void names_add(struct names *x, const char *s, size_t len, uint32_t id)
{
    if (x->n == x->cap)
        grow(x);
    uint32_t hash = (uint32_t)XXH3_64bits(s, len);
    x->v[x->n] = (struct name){s, (uint32_t)len, id};
    *slot_of(x, hash, s, len) = (struct name_slot){hash, ++x->n};
}

void names_free(struct names *x)
{
    free(x->v);
    free(x->slots);
}
