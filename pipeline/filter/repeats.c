#include "pipeline/filter/repeats.h"

#include "pipeline/filter/chars.h"
#include "pipeline/lib/fs.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

void repeats_begin(struct repeats *r, size_t n)
{
    size_t size = 64;
    while (size < 2 * n)
        size *= 2;
    if (size > r->cap) {
        free(r->slots);
        r->slots = xmalloc(size * sizeof *r->slots);
        r->cap = size;
    }
    r->mask = size - 1;
    memset(r->slots, 0, size * sizeof *r->slots);
}

static struct repeat *find(const struct repeats *r, uint64_t hash)
{
    size_t i = hash & r->mask;
    while (r->slots[i].hash && r->slots[i].hash != hash)
        i = (i + 1) & r->mask;
    return &r->slots[i];
}

uint32_t repeats_add(struct repeats *r, uint64_t hash)
{
    hash |= hash == 0; /* 0 marks a free slot */
    struct repeat *slot = find(r, hash);
    slot->hash = hash;
    return slot->count++;
}

uint32_t repeats_count(const struct repeats *r, uint64_t hash)
{
    return find(r, hash | (hash == 0))->count;
}

void repeated_add(struct repeated *to, struct repeats *r, const char *s, size_t len)
{
    to->pieces++;
    if (repeats_add(r, XXH3_64bits(s, len)) == 0)
        return;
    to->again++;
    to->chars += chars_count(s, len);
}

void repeats_free(struct repeats *r)
{
    free(r->slots);
}
