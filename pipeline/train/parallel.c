#include "pipeline/train/parallel.h"

#include "pipeline/lib/fs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An element of a matrix of Muon costs as much as so many FLOPs of it cost AdamW (measured: memory against
 * products on one core). */
static const double FLOPS_A_MOVE = 64;
enum { BUCKET_BYTES = PARALLEL_BUCKET * sizeof(float) };

/* --- who owns what ---------------------------------------------------------- */

static size_t end_of(const struct params *layout, size_t i)
{
    return i + 1 < layout->count ? layout->v[i + 1].offset : layout->total;
}

static double cost_of_element(const struct param *p, bool use_muon)
{
    double shorter = p->rows < p->cols ? p->rows : p->cols;
    return use_muon && muon_takes(p) ? 1 + 20 * shorter / FLOPS_A_MOVE : 1;
}

static double cost_of_all(const struct params *layout, bool use_muon)
{
    double all = 0;
    for (size_t i = 0; i < layout->count; i++)
        all += (double)(end_of(layout, i) - layout->v[i].offset) * cost_of_element(&layout->v[i], use_muon);
    return all;
}

void parallel_cut(size_t *cut, int size, const struct params *layout, bool use_muon)
{
    double share = cost_of_all(layout, use_muon) / size, done = 0;
    int r = 1;
    cut[0] = 0;
    for (size_t i = 0; i < layout->count; i++) {
        const struct param *p = &layout->v[i];
        size_t end = end_of(layout, i), step = use_muon && muon_takes(p) ? end - p->offset : PARALLEL_PIECE;
        for (size_t at = p->offset; at < end; at += step) {
            size_t n = end - at < step ? end - at : step;
            double cost = (double)n * cost_of_element(p, use_muon);
            while (r < size && done + cost / 2 >= r * share) /* nearer to here than to the next border */
                cut[r++] = at;
            done += cost;
        }
    }
    for (; r <= size; r++)
        cut[r] = layout->total;
}

/* Pieces of the norm: each parameter by itself, cut where cuts may be. */
static size_t make_pieces(size_t *piece, const struct params *layout)
{
    size_t n = 0;
    for (size_t i = 0; i < layout->count; i++)
        for (size_t at = layout->v[i].offset; at < end_of(layout, i); at += PARALLEL_PIECE) {
            if (piece)
                piece[n] = at;
            n++;
        }
    if (piece)
        piece[n] = layout->total;
    return n;
}

/* --- memory ----------------------------------------------------------------- */

static int deepest(const struct cluster *c, uint32_t parts)
{
    int most = 1;
    for (uint32_t leaves = 1; leaves <= parts; leaves *= 2) {
        uint32_t first, end;
        tree_share(leaves, c->rank, c->size, &first, &end);
        int depth = tree_depth(first, end);
        most = depth > most ? depth : most;
    }
    return most;
}

/* Nodes that come in from the other ranks. */
static size_t most_nodes(const struct cluster *c, uint32_t parts)
{
    size_t most = 0;
    for (uint32_t leaves = 1; leaves <= parts; leaves *= 2) {
        size_t n = 0;
        for (int r = 0; r < c->size; r++) {
            uint32_t first, end;
            tree_share(leaves, r, c->size, &first, &end);
            n += r == c->rank ? 0 : (size_t)tree_of(first, end).n;
        }
        most = n > most ? n : most;
    }
    return most;
}

static size_t bucket_of(size_t n)
{
    return n < PARALLEL_BUCKET ? n : PARALLEL_BUCKET;
}

size_t parallel_bytes(const struct cluster *c, uint32_t parts, size_t n)
{
    return ((size_t)(deepest(c, parts) - 1) * n + most_nodes(c, parts) * bucket_of(n)) * sizeof(float);
}

int parallel_alloc(struct parallel *p, struct cluster *c, uint32_t parts, const struct weights *w,
                   size_t *cut, float *grad)
{
    const struct ops *o = w->ops;
    size_t n = w->layout.total, own_memory;
    *p = (struct parallel){.c = c, .parts = parts, .w = w, .cut = cut, .depth = deepest(c, parts)};
    p->pieces = make_pieces(NULL, &w->layout);
    p->piece = xcalloc(p->pieces + 1, sizeof *p->piece);
    make_pieces(p->piece, &w->layout);
    p->squares = xcalloc(p->pieces, sizeof *p->squares);
    p->piece_cut = xcalloc((size_t)c->size + 1, sizeof *p->piece_cut);
    for (int r = 0; r <= c->size; r++)
        while (p->piece[p->piece_cut[r] / sizeof(double)] < cut[r])
            p->piece_cut[r] += sizeof(double);
    p->sum = xcalloc((size_t)p->depth, sizeof *p->sum);
    p->sum[0] = grad;
    bool there = true;
    for (int i = 1; i < p->depth; i++)
        there = (p->sum[i] = o->alloc(w->dev, n * sizeof(float))) && there;
    p->inbox_nodes = most_nodes(c, parts);
    if (c->size > 1)
        there = (p->inbox = o->alloc(w->dev, p->inbox_nodes * bucket_of(n) * sizeof(float))) && there;
    o->memory(w->dev, &own_memory);
    if (c->size > 1 && own_memory > 0)
        p->mailbox = xmalloc((p->inbox_nodes + (size_t)(c->size * p->depth)) * BUCKET_BYTES);
    if (!there)
        parallel_free(p);
    return there ? 0 : -1;
}

void parallel_free(struct parallel *p)
{
    for (int i = 1; i < p->depth; i++)
        p->w->ops->free(p->w->dev, p->sum[i]);
    if (p->w)
        p->w->ops->free(p->w->dev, p->inbox);
    free(p->sum);
    free(p->cut);
    free(p->piece);
    free(p->piece_cut);
    free(p->squares);
    free(p->mailbox);
    *p = (struct parallel){0};
}

/* Gradients to their owners, weights to all, and a double for each piece of the norm. */
double parallel_wire_bytes(const struct parallel *p)
{
    double n = (double)p->w->layout.total, others = p->c->size - 1;
    double weight = p->w->theta ? sizeof(float) : (double)dtype_bytes(p->w->act);
    double gains = p->w->theta ? 0 : (double)p->w->layout.gains * sizeof(float);
    double nodes = 0;
    for (int r = 0; r < p->c->size; r++) { /* each is sent to the owners of all elements but the own ones */
        uint32_t first, end;
        tree_share(p->parts, r, p->c->size, &first, &end);
        nodes += tree_of(first, end).n * (n - (double)(p->cut[r + 1] - p->cut[r]));
    }
    return (nodes * sizeof(float) + others * (n * weight + gains + (double)p->pieces * sizeof(double))) /
           p->c->size;
}

bool parallel_is_plain(const struct parallel *p)
{
    return p->c->size == 1 && p->parts == 1;
}

/* --- messages from and to device memory --------------------------------------- */

static char *slot_of(const struct parallel *p, size_t slot)
{
    return p->mailbox + slot * BUCKET_BYTES;
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

/* What was received is in device memory from here on. */
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
        t.v[k].p = p->inbox + (*slot)++ * bucket_of(p->w->layout.total);
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
    size_t most = longest(cut, size), bucket = BUCKET_BYTES / element;
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

void parallel_collect(struct parallel *p, void *whole, const void *own, size_t element)
{
    int me = p->c->rank;
    size_t most = longest(p->cut, p->c->size), bucket = BUCKET_BYTES / element;
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
