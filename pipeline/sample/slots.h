/*
 * slots.h - which slot of the cache a text gets, and how much of its prompt some slot holds already
 *
 * A prompt is read in chunks of KV_CHUNK tokens, and equal chunks after equal beginnings have equal bits. So
 * a text may take over the whole chunks that it shares with a prompt read before, or an equal prompt as a
 * whole, and comes out as if it had read all by itself.
 */
#ifndef SAMPLE_SLOTS_H
#define SAMPLE_SLOTS_H

#include "pipeline/model/sampler.h"
#include "pipeline/model/transformer.h"

#include <stdbool.h>

struct slot {
    int32_t *ids;            /* (T) owned: the prompt that was read last */
    int n;                   /* of its tokens, so many are in the cache */
    bool whole;              /* the prompt has been read to its end: first belongs to it */
    float *first;            /* (V) owned: logits of the token after the prompt */
    struct sampler *sampler; /* owned */
    bool taken;              /* a text uses the slot */
    uint64_t used;           /* when it was taken last: a count of takings */
};

struct slots {
    struct kv_cache *kv; /* owned */
    int n, T, V;
    struct slot *slot; /* (n) owned */
    uint64_t takings;
};

/* n slots of T tokens. Dies without memory. */
void slots_open(struct slots *s, const struct weights *w, int n, int T);
void slots_close(struct slots *s);
/* Takes a free slot for a prompt of n tokens; there must be one. Its cache then holds the first *have of
 * them. *have is n when the prompt is there as a whole, with slot->first. fresh: nothing is taken over. */
int slots_take(struct slots *s, const int32_t *ids, int n, bool fresh, int *have);
bool slots_any_free(const struct slots *s);

#endif
