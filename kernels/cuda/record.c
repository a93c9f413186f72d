#include "kernels/cuda/record.h"

static struct recording *find(struct recordings *r, uint64_t key)
{
    for (int i = 0; i < RECORDINGS; i++)
        if (r->v[i].taken && r->v[i].key == key)
            return &r->v[i];
    return NULL;
}

/* Returns a free place, or frees the one that was not used for longest. */
static struct recording *make_room(struct recordings *r)
{
    struct recording *oldest = &r->v[0];
    for (int i = 0; i < RECORDINGS; i++) {
        if (!r->v[i].taken)
            return &r->v[i];
        if (r->v[i].used < oldest->used)
            oldest = &r->v[i];
    }
    gpu_graph_free(oldest->graph);
    return oldest;
}

bool recordings_replay(struct recordings *r, cudaStream_t s, uint64_t key)
{
    struct recording *e = r->off ? NULL : find(r, key);
    if (r->off)
        return false;
    if (!e) {
        e = make_room(r);
        *e = (struct recording){.key = key, .used = ++r->uses, .taken = true};
        return false;
    }
    e->used = ++r->uses;
    if (e->graph) {
        r->off = !gpu_graph_launch(e->graph, s);
        if (r->off)
            recordings_clear(r);
        return !r->off;
    }
    if (gpu_record_begin(s))
        r->open = e;
    else
        r->off = true;
    return false;
}

bool recordings_end(struct recordings *r, cudaStream_t s)
{
    struct recording *e = r->open;
    if (!e)
        return true;
    r->open = NULL;
    e->graph = gpu_record_end(s);
    r->off = !e->graph || !gpu_graph_launch(e->graph, s);
    if (r->off)
        recordings_clear(r); /* the memory of the recordings may be what is missing */
    return !r->off;
}

void recordings_clear(struct recordings *r)
{
    for (int i = 0; i < RECORDINGS; i++) {
        if (&r->v[i] == r->open)
            continue;
        gpu_graph_free(r->v[i].graph);
        r->v[i] = (struct recording){0};
    }
}
