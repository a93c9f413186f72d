/*
 * parallel_spread.c - arrays of which each rank has its share become whole
 */
#include "pipeline/lib/fs.h"
#include "pipeline/lib/trace.h"
#include "pipeline/train/parallel.h"

#include <stdlib.h>

/* A bucket of a device array: rank r has the elements cut[r] .. cut[r+1]; afterwards all ranks have all.
 * Begun only, unless they go through host. */
static void spread_bucket(struct parallel *p, char *array, const size_t *cut, size_t element, char *host)
{
    struct cluster *c = p->c;
    char *base = host ? host : array + cut[0] * element;
    size_t own = (cut[c->rank + 1] - cut[c->rank]) * element, at = (cut[c->rank] - cut[0]) * element;
    if (host)
        p->w->ops->download(p->w->dev, base + at, array + cut[c->rank] * element, own);
    for (int i = 1; i < c->size; i++) {
        int from = (c->rank - i + c->size) % c->size, to = (c->rank + i) % c->size;
        cluster_receive(c, base + (cut[from] - cut[0]) * element, (cut[from + 1] - cut[from]) * element,
                        from);
        cluster_send(c, base + at, own, to);
    }
    if (!host)
        return;
    cluster_wait(c);
    p->w->ops->upload(p->w->dev, array + cut[0] * element, base, (cut[c->size] - cut[0]) * element);
}

/* cuts: of all buckets, as in shares. */
static void spread(struct parallel *p, void *array, const size_t *cuts, size_t element)
{
    size_t own_memory;
    char *host = NULL;
    p->w->ops->sync(p->w->dev);
    p->w->ops->memory(p->w->dev, &own_memory);
    if (own_memory > 0 && !p->c->on_gpus)
        host = xmalloc(shares_widest_bucket(&p->shares) * element);
    cluster_in(p->c, host ? 0 : 1);
    for (size_t b = 0; b < p->shares.buckets; b++)
        spread_bucket(p, array, cuts + b * (size_t)p->c->size, element, host);
    cluster_wait(p->c);
    cluster_in(p->c, 0);
    free(host);
}

/* Where the gains that belong to elements from `border` on begin among the gains. */
static size_t gains_before(const struct params *layout, size_t border)
{
    for (size_t i = 0; i < layout->count; i++)
        if (!param_is_matrix(&layout->v[i]) && layout->v[i].offset >= border)
            return layout->v[i].gain_offset;
    return layout->gains;
}

static void spread_gains(struct parallel *p, struct weights *w)
{
    size_t borders = p->shares.buckets * (size_t)p->c->size + 1, *cut = xcalloc(borders, sizeof *cut);
    for (size_t i = 0; i < borders; i++)
        cut[i] = gains_before(&w->layout, p->shares.cut[i]);
    spread(p, w->gains, cut, sizeof(float));
    free(cut);
}

static void convert(struct weights *w, size_t from, size_t end)
{
    if (end > from)
        w->ops->to_act(w->dev, (char *)w->work + from * dtype_bytes(w->act), w->theta + from, end - from);
}

/* The working copy of what others own. */
static void convert_foreign(struct parallel *p, struct weights *w)
{
    size_t at = 0;
    for (size_t b = 0; b < p->shares.buckets; b++) {
        convert(w, at, p->shares.own[b].from);
        at = p->shares.own[b].end;
    }
    convert(w, at, w->layout.total);
}

void parallel_spread(struct parallel *p, struct weights *w)
{
    double from = trace_now();
    if (p->c->size == 1)
        return;
    if (w->theta) {
        spread(p, w->theta, p->shares.cut, sizeof(float));
        if (w->work != w->theta)
            convert_foreign(p, w);
    } else {
        spread(p, w->work, p->shares.cut, dtype_bytes(w->act));
        spread_gains(p, w);
    }
    trace_span(TRACE_COMPUTE, from, "gather", "gather weights");
}

void parallel_average(struct parallel *p, float *array)
{
    const struct weights *w = p->w;
    size_t n = w->layout.total;
    float *sum = p->sum[0];
    double from = trace_now();
    if (p->c->size == 1)
        return;
    w->ops->copy(w->dev, sum, array, n * sizeof *sum);
    p->leaves = (uint32_t)p->c->size;
    p->rounds = false;
    parallel_open(p, (uint32_t)p->c->rank);
    parallel_reduce(p);
    for (size_t b = 0; b < p->shares.buckets; b++) {
        struct range own = p->shares.own[b];
        if (own.end > own.from)
            w->ops->scale(w->dev, sum + own.from, 1.0f / (float)p->c->size, own.end - own.from);
    }
    spread(p, sum, p->shares.cut, sizeof *sum);
    w->ops->copy(w->dev, array, sum, n * sizeof *sum);
    w->ops->zero(w->dev, sum, n * sizeof *sum);
    trace_span(TRACE_COMPUTE, from, "meet", "average");
}
