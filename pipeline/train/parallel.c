#include "pipeline/train/parallel.h"

#include "pipeline/lib/fs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- messages from and to device memory --------------------------------------- */

static char *slot_of(const struct parallel *p, size_t slot)
{
    return p->mailbox + slot * PARALLEL_BUCKET_BYTES;
}

static void send(struct parallel *p, const void *device, size_t n, int to, size_t slot)
{
    if (p->mailbox)
        p->w->ops->download(p->w->dev, slot_of(p, slot), device, n);
    cluster_send(p->c, p->mailbox ? slot_of(p, slot) : device, n, to);
}

static void receive(struct parallel *p, void *device, size_t n, int from, size_t slot)
{
    cluster_receive(p->c, p->mailbox ? slot_of(p, slot) : device, n, from);
}

/* Brings received elements from the mailbox into device memory. */
static void arrive(struct parallel *p, void *device, size_t n, size_t slot)
{
    if (p->mailbox)
        p->w->ops->upload(p->w->dev, device, slot_of(p, slot), n);
}

/* How much of from .. end is in the bucket that begins `at` after from. */
static size_t part_of(size_t from, size_t end, size_t at, size_t bucket)
{
    size_t n = end - from > at ? end - from - at : 0;
    return n < bucket ? n : bucket;
}

static size_t longest(const size_t *cut, int size)
{
    size_t most = 0;
    for (int r = 0; r < size; r++)
        most = cut[r + 1] - cut[r] > most ? cut[r + 1] - cut[r] : most;
    return most;
}

/* --- sums of gradients --------------------------------------------------------- */

void parallel_share(const struct parallel *p, uint32_t rows, uint32_t *leaves, uint32_t *first, uint32_t *end)
{
    *leaves = tree_leaves(p->parts, rows);
    tree_share(*leaves, p->c->rank, p->c->size, first, end);
}

uint32_t parallel_first_row(uint32_t leaves, uint32_t part, uint32_t rows)
{
    return (uint32_t)((uint64_t)part * rows / leaves);
}

float *parallel_next(struct parallel *p)
{
    return p->sum[p->tree.n];
}

static void join(struct parallel *p, struct tree *t, size_t n)
{
    while (tree_siblings(t)) {
        p->w->ops->axpy(p->w->dev, t->v[t->n - 2].p, 1, t->v[t->n - 1].p, n);
        tree_join(t);
    }
}

void parallel_add(struct parallel *p, uint32_t part)
{
    tree_push(&p->tree, (struct tree_node){.first = part, .leaves = 1, .p = p->sum[p->tree.n]});
    join(p, &p->tree, p->w->layout.total);
}

/* The nodes of rank r, for the elements that are at `at` of the own ones. */
static struct tree nodes_of(struct parallel *p, int r, uint32_t leaves, size_t at, size_t *slot)
{
    uint32_t first, end;
    struct tree t = p->tree;
    if (r == p->c->rank) {
        for (int k = 0; k < t.n; k++)
            t.v[k].p += p->cut[r] + at;
        return t;
    }
    tree_share(leaves, r, p->c->size, &first, &end);
    t = tree_of(first, end);
    for (int k = 0; k < t.n; k++)
        t.v[k].p = p->inbox + (*slot)++ * parallel_bucket(p->w->layout.total);
    return t;
}

static void exchange(struct parallel *p, uint32_t leaves, size_t at)
{
    const struct cluster *c = p->c;
    size_t slot = 0, own = part_of(p->cut[c->rank], p->cut[c->rank + 1], at, PARALLEL_BUCKET);
    for (int r = 0; r < c->size; r++) {
        struct tree t = nodes_of(p, r, leaves, at, &slot);
        for (int k = 0; r != c->rank && k < t.n; k++)
            receive(p, t.v[k].p, own * sizeof(float), r, slot - (size_t)(t.n - k));
    }
    for (int r = 0; r < c->size; r++) {
        size_t n = part_of(p->cut[r], p->cut[r + 1], at, PARALLEL_BUCKET);
        for (int k = 0; r != c->rank && k < p->tree.n; k++)
            send(p, p->tree.v[k].p + p->cut[r] + at, n * sizeof(float), r, slot++);
    }
    cluster_wait(p->c);
}

/* Adds up the own elements of a bucket, from the nodes of all ranks, from left to right. */
static void add_up(struct parallel *p, uint32_t leaves, size_t at)
{
    struct tree sum = {.n = 0};
    const struct weights *w = p->w;
    int me = p->c->rank;
    size_t slot = 0, n = part_of(p->cut[me], p->cut[me + 1], at, PARALLEL_BUCKET);
    if (n == 0)
        return;
    for (int r = 0; r < p->c->size; r++) {
        size_t from = slot;
        struct tree t = nodes_of(p, r, leaves, at, &slot);
        for (int k = 0; k < t.n; k++) {
            if (r != me)
                arrive(p, t.v[k].p, n * sizeof(float), from + (size_t)k);
            tree_push(&sum, t.v[k]);
            join(p, &sum, n);
        }
    }
    float *grad = p->sum[0] + p->cut[me] + at;
    if (sum.v[0].p != grad)
        w->ops->copy(w->dev, grad, sum.v[0].p, n * sizeof(float));
}

void parallel_reduce(struct parallel *p, uint32_t leaves)
{
    size_t most = longest(p->cut, p->c->size);
    p->w->ops->sync(p->w->dev);
    for (size_t at = 0; p->c->size > 1 && at < most; at += PARALLEL_BUCKET) {
        exchange(p, leaves, at);
        add_up(p, leaves, at);
    }
    p->tree.n = 0;
}

void parallel_norm_begin(struct parallel *p)
{
    const struct weights *w = p->w;
    int me = p->c->rank;
    for (size_t i = p->piece_cut[me] / sizeof(double); i < p->piece_cut[me + 1] / sizeof(double); i++)
        p->squares[i] = w->ops->sum_squares(w->dev, p->sum[0] + p->piece[i], p->piece[i + 1] - p->piece[i]);
    cluster_gather_begin(p->c, p->squares, p->piece_cut);
}

double parallel_norm_end(const struct parallel *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->pieces; i++)
        sum += p->squares[i];
    return sqrt(sum);
}

/* --- weights and state ----------------------------------------------------------- */

/* Rank r has elements cut[r] .. cut[r+1] of a device array; afterwards all have all. */
static void spread(struct parallel *p, void *array, const size_t *cut, size_t element)
{
    int me = p->c->rank, size = p->c->size;
    size_t most = longest(cut, size), bucket = PARALLEL_BUCKET_BYTES / element;
    p->w->ops->sync(p->w->dev);
    for (size_t at = 0; at < most; at += bucket) {
        for (int i = 1; i < size; i++) {
            int r = (me + i) % size;
            receive(p, (char *)array + (cut[r] + at) * element,
                    part_of(cut[r], cut[r + 1], at, bucket) * element, r, (size_t)r);
        }
        size_t own = part_of(cut[me], cut[me + 1], at, bucket) * element;
        for (int i = 1; i < size; i++)
            send(p, (char *)array + (cut[me] + at) * element, own, (me + i) % size, (size_t)me);
        cluster_wait(p->c);
        for (int i = 1; i < size; i++) {
            int r = (me + i) % size;
            arrive(p, (char *)array + (cut[r] + at) * element,
                   part_of(cut[r], cut[r + 1], at, bucket) * element, (size_t)r);
        }
    }
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
    size_t *cut = xcalloc((size_t)p->c->size + 1, sizeof *cut);
    for (int r = 0; r <= p->c->size; r++)
        cut[r] = gains_before(&w->layout, p->cut[r]);
    spread(p, w->gains, cut, sizeof(float));
    free(cut);
}

static void convert(struct weights *w, size_t from, size_t end)
{
    if (end > from)
        w->ops->to_act(w->dev, (char *)w->work + from * dtype_bytes(w->act), w->theta + from, end - from);
}

void parallel_spread(struct parallel *p, struct weights *w)
{
    int me = p->c->rank;
    if (p->c->size == 1)
        return;
    if (!w->theta) {
        spread(p, w->work, p->cut, dtype_bytes(w->act));
        spread_gains(p, w);
        return;
    }
    spread(p, w->theta, p->cut, sizeof(float));
    if (w->work == w->theta)
        return;
    convert(w, 0, p->cut[me]);
    convert(w, p->cut[me + 1], w->layout.total);
}

void parallel_average(struct parallel *p, float *array)
{
    const struct weights *w = p->w;
    int me = p->c->rank, size = p->c->size;
    size_t n = w->layout.total;
    float *sum = p->sum[0];
    if (size == 1)
        return;
    w->ops->copy(w->dev, sum, array, n * sizeof *sum);
    tree_push(&p->tree, (struct tree_node){.first = (uint32_t)me, .leaves = 1, .p = sum});
    parallel_reduce(p, (uint32_t)size);
    w->ops->scale(w->dev, sum + p->cut[me], 1.0f / (float)size, p->cut[me + 1] - p->cut[me]);
    spread(p, sum, p->cut, sizeof *sum);
    w->ops->copy(w->dev, array, sum, n * sizeof *sum);
    w->ops->zero(w->dev, sum, n * sizeof *sum);
}

void parallel_collect(struct parallel *p, void *whole, const void *own, size_t element)
{
    int me = p->c->rank;
    size_t most = longest(p->cut, p->c->size), bucket = PARALLEL_BUCKET_BYTES / element;
    p->w->ops->sync(p->w->dev);
    if (me == 0)
        p->w->ops->copy(p->w->dev, whole, own, p->cut[1] * element);
    for (size_t at = 0; at < most; at += bucket) {
        for (int r = 1; me == 0 && r < p->c->size; r++)
            receive(p, (char *)whole + (p->cut[r] + at) * element,
                    part_of(p->cut[r], p->cut[r + 1], at, bucket) * element, r, (size_t)r);
        if (me > 0)
            send(p, (const char *)own + at * element,
                 part_of(p->cut[me], p->cut[me + 1], at, bucket) * element, 0, 0);
        cluster_wait(p->c);
        for (int r = 1; me == 0 && r < p->c->size; r++)
            arrive(p, (char *)whole + (p->cut[r] + at) * element,
                   part_of(p->cut[r], p->cut[r + 1], at, bucket) * element, (size_t)r);
    }
}
