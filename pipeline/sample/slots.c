#include "pipeline/sample/slots.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

void slots_open(struct slots *s, const struct weights *w, int n, int T)
{
    char err[512];
    const struct sampling greedy = {.top_p = 1, .repetition_penalty = 1};
    *s = (struct slots){.n = n, .T = T, .V = w->c.V};
    s->kv = kv_cache_alloc(w, n, T, err, sizeof err);
    if (!s->kv)
        die("%s; fewer texts at once (--slots N) or shorter ones (--context N) take less", err);
    s->slot = xcalloc((size_t)n, sizeof *s->slot);
    for (int i = 0; i < n; i++) {
        s->slot[i].ids = xcalloc((size_t)s->T, sizeof *s->slot[i].ids);
        s->slot[i].first = xcalloc((size_t)s->V, sizeof *s->slot[i].first);
        s->slot[i].sampler = sampler_new(s->V, &greedy, 0);
        if (!s->slot[i].sampler)
            die("out of memory");
    }
}

void slots_close(struct slots *s)
{
    kv_cache_free(s->kv);
    for (int i = 0; i < s->n; i++) {
        free(s->slot[i].ids);
        free(s->slot[i].first);
        sampler_free(s->slot[i].sampler);
    }
    free(s->slot);
}

bool slots_any_free(const struct slots *s)
{
    for (int i = 0; i < s->n; i++)
        if (!s->slot[i].taken)
            return true;
    return false;
}

/* How many of the ids can be taken over from a slot. */
static int shared(const struct slot *slot, const int32_t *ids, int n)
{
    int same = 0, most = slot->n < n ? slot->n : n;
    while (same < most && slot->ids[same] == ids[same])
        same++;
    if (same == n && slot->n == n && slot->whole)
        return n;
    same = same < n ? same : n - 1; /* the last token gives the logits, so it is always read */
    return same / KV_CHUNK * KV_CHUNK;
}

static int oldest_free(const struct slots *s)
{
    int oldest = -1;
    for (int i = 0; i < s->n; i++)
        if (!s->slot[i].taken && (oldest < 0 || s->slot[i].used < s->slot[oldest].used))
            oldest = i;
    return oldest;
}

/* The slot that shares most, a free one before others. */
static int best_source(const struct slots *s, const int32_t *ids, int n, int *have)
{
    int best = -1;
    *have = 0;
    for (int i = 0; i < s->n; i++) {
        int same = shared(&s->slot[i], ids, n);
        if (same > *have || (same == *have && same > 0 && s->slot[best].taken && !s->slot[i].taken)) {
            best = i;
            *have = same;
        }
    }
    return best;
}

int slots_take(struct slots *s, const int32_t *ids, int n, bool fresh, int *have)
{
    int from = fresh ? -1 : best_source(s, ids, n, have), to;
    if (from < 0)
        *have = 0;
    to = from >= 0 && !s->slot[from].taken ? from : oldest_free(s);
    struct slot *slot = &s->slot[to];
    if (from < 0 || from == to)
        kv_cache_truncate(s->kv, to, *have);
    else
        kv_cache_copy(s->kv, to, from, *have);
    if (*have == n && from != to)
        memcpy(slot->first, s->slot[from].first, (size_t)s->V * sizeof *slot->first);
    memcpy(slot->ids, ids, (size_t)n * sizeof *ids);
    slot->n = *have;
    slot->whole = *have == n;
    slot->taken = true;
    slot->used = ++s->takings;
    return to;
}
