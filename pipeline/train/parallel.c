/*
 * parallel.c - sums of gradients over all ranks, and their norm
 */
#include "pipeline/train/parallel.h"

#include "pipeline/lib/log.h"
#include "pipeline/lib/trace.h"

#include <math.h>
#include <string.h>

/* --- the own parts ---------------------------------------------------------------- */

void parallel_begin(struct parallel *p, uint32_t rows, uint32_t *first, uint32_t *end)
{
    p->leaves = tree_leaves(p->parts, rows);
    p->rounds = p->half;
    tree_share(p->leaves, p->c->rank, p->c->size, first, end);
}

uint32_t parallel_first_row(uint32_t leaves, uint32_t part, uint32_t rows)
{
    return (uint32_t)((uint64_t)part * rows / leaves);
}

float *parallel_next(struct parallel *p)
{
    return p->sum[p->tree.n];
}

/* Rounds n elements, which are `at` into the node on top, unless it is the root. */
static void round_top(struct parallel *p, const struct tree *t, size_t at, size_t n)
{
    const struct tree_node *top = &t->v[t->n - 1];
    if (!p->rounds || top->leaves == p->leaves)
        return;
    p->w->ops->to_act(p->w->dev, p->rounded, top->p + at, n);
    p->w->ops->to_f32(p->w->dev, top->p + at, p->rounded, n);
}

/* Adds up what can be on top, for n elements. */
static void join(struct parallel *p, struct tree *t, size_t at, size_t n)
{
    while (tree_siblings(t)) {
        p->w->ops->axpy(p->w->dev, t->v[t->n - 2].p + at, 1, t->v[t->n - 1].p + at, n);
        tree_join(t);
        round_top(p, t, at, n);
    }
}

/* The part on top joins the tree, as far as bucket b goes. Returns the tree after it. */
static struct tree join_bucket(struct parallel *p, size_t b)
{
    struct tree t = p->tree;
    size_t from = *shares_of(&p->shares, b, 0), n = *shares_of(&p->shares, b, p->c->size) - from;
    if (t.n > 0)
        round_top(p, &t, from, n);
    join(p, &t, from, n);
    return t;
}

static void push(struct parallel *p, uint32_t part)
{
    tree_push(&p->tree, (struct tree_node){.first = part, .leaves = 1, .p = p->sum[p->tree.n]});
}

void parallel_add(struct parallel *p, uint32_t part)
{
    struct tree joined;
    double from = trace_now();
    push(p, part);
    for (size_t b = 0; b < p->shares.buckets; b++)
        joined = join_bucket(p, b);
    p->tree = joined;
    trace_span(TRACE_COMPUTE, from, "add", "add");
}

void parallel_open(struct parallel *p, uint32_t part)
{
    push(p, part);
    p->open = true;
}

/* --- buckets between the ranks ------------------------------------------------------ */

static size_t wire_element(const struct parallel *p)
{
    return p->rounds ? 2 : sizeof(float);
}

/* Bucket i of the update, in the order in which they are completed. */
static size_t bucket_at(const struct parallel *p, size_t i)
{
    return p->shares.buckets - 1 - i;
}

static size_t own_elements(const struct parallel *p, size_t b)
{
    return p->shares.own[b].end - p->shares.own[b].from;
}

/* Where the messages of node k of this rank, and of node j of the others, are. */
static char *message_out(struct parallel *p, struct parallel_slot *s, size_t b, int k)
{
    size_t from = *shares_of(&p->shares, b, 0), n = *shares_of(&p->shares, b, p->c->size) - from;
    if (!s->out && !p->rounds)
        return (char *)(p->joined.v[k].p + from);
    return (s->out ? s->out : s->half_out) + (size_t)k * n * wire_element(p);
}

static char *message_in(struct parallel *p, struct parallel_slot *s, size_t b, size_t j)
{
    char *base = s->in ? s->in : p->rounds ? s->half_in : (char *)s->inbox;
    return base + j * own_elements(p, b) * wire_element(p);
}

/* Makes node k ready to be sent: rounded, and in the machine's memory. */
static void pack(struct parallel *p, struct parallel_slot *s, size_t b, int k)
{
    const struct weights *w = p->w;
    size_t from = *shares_of(&p->shares, b, 0), n = *shares_of(&p->shares, b, p->c->size) - from;
    const void *bits = p->joined.v[k].p + from;
    if (p->rounds) {
        char *half = s->half_out + (size_t)k * n * 2;
        w->ops->to_act(w->dev, half, bits, n);
        bits = half;
    }
    if (s->out)
        w->ops->download(w->dev, message_out(p, s, b, k), bits, n * wire_element(p));
}

/* Brings node j, which has come, into the inbox as f32. */
static void unpack(struct parallel *p, struct parallel_slot *s, size_t b, size_t j)
{
    const struct weights *w = p->w;
    size_t n = own_elements(p, b);
    float *into = s->inbox + j * n;
    char *half = p->rounds ? s->half_in + j * n * 2 : NULL;
    if (s->in)
        w->ops->upload(w->dev, half ? (void *)half : into, message_in(p, s, b, j), n * wire_element(p));
    if (half)
        w->ops->to_f32(w->dev, into, half, n);
}

static struct tree nodes_of(const struct parallel *p, int r)
{
    uint32_t first, end;
    tree_share(p->leaves, r, p->c->size, &first, &end);
    return tree_of(first, end);
}

static void begin_bucket(struct parallel *p, size_t i)
{
    struct parallel_slot *s = &p->slot[i % PARALLEL_SLOTS];
    size_t b = bucket_at(p, i), e = wire_element(p), j = 0;
    s->began = trace_now();
    for (int k = 0; k < p->joined.n; k++)
        pack(p, s, b, k);
    p->w->ops->sync(p->w->dev); /* what is sent is there, and nobody reads the inbox any more */
    cluster_in(p->c, 1 + (int)(i % PARALLEL_SLOTS));
    for (int r = 0; r < p->c->size; r++)
        for (int k = r == p->c->rank ? 0 : nodes_of(p, r).n; k > 0; k--)
            cluster_receive(p->c, message_in(p, s, b, j++), own_elements(p, b) * e, r);
    for (int step = 1; step < p->c->size; step++) { /* each begins with the rank after it */
        int r = (p->c->rank + step) % p->c->size;
        const size_t *cut = shares_of(&p->shares, b, r);
        for (int k = 0; k < p->joined.n; k++)
            cluster_send(p->c, message_out(p, s, b, k) + (cut[0] - *shares_of(&p->shares, b, 0)) * e,
                         (cut[1] - cut[0]) * e, r);
    }
    cluster_in(p->c, 0);
}

/* Adds up the own elements of a bucket, from the nodes of all ranks, from left to right. */
static void add_up(struct parallel *p, struct parallel_slot *s, size_t b)
{
    struct tree sum = {.n = 0};
    size_t n = own_elements(p, b), from = p->shares.own[b].from, j = 0;
    for (int r = 0; r < p->c->size; r++) {
        struct tree t = r == p->c->rank ? p->joined : nodes_of(p, r);
        for (int k = 0; k < t.n; k++) {
            if (r == p->c->rank) {
                t.v[k].p += from;
            } else {
                unpack(p, s, b, j);
                t.v[k].p = s->inbox + j++ * n;
            }
            tree_push(&sum, t.v[k]);
            join(p, &sum, 0, n);
        }
    }
    if (sum.v[0].p != p->sum[0] + from)
        p->w->ops->copy(p->w->dev, p->sum[0] + from, sum.v[0].p, n * sizeof(float));
}

static void end_bucket(struct parallel *p, size_t i)
{
    int slot = (int)(i % PARALLEL_SLOTS);
    size_t b = bucket_at(p, i);
    double from = trace_now();
    cluster_in(p->c, 1 + slot);
    cluster_wait(p->c);
    trace_span(TRACE_COMPUTE, from, "wait", "wait for bucket %zu", b);
    trace_span_until(TRACE_NETWORK + slot, p->slot[slot].began, cluster_arrival(p->c), "reduce", "bucket %zu",
                     b);
    cluster_in(p->c, 0);
    from = trace_now();
    if (own_elements(p, b) > 0)
        add_up(p, &p->slot[slot], b);
    trace_span(TRACE_COMPUTE, from, "add", "add bucket %zu", b);
}

/* Begins what can be begun, and ends what has come, or, when there is nothing else to do, waits for it. */
static void advance(struct parallel *p, bool wait)
{
    while (p->ended < p->settled) {
        if (p->begun < p->settled && p->begun - p->ended < PARALLEL_SLOTS) {
            begin_bucket(p, p->begun++);
            continue;
        }
        cluster_in(p->c, 1 + (int)(p->ended % PARALLEL_SLOTS));
        bool arrived = cluster_arrived(p->c);
        cluster_in(p->c, 0);
        if (!arrived && !wait)
            return;
        end_bucket(p, p->ended++);
    }
}

void parallel_ready(struct parallel *p, size_t from)
{
    if (!p->open)
        return;
    double began = trace_now();
    size_t before = p->settled;
    while (p->settled < p->shares.buckets && *shares_of(&p->shares, bucket_at(p, p->settled), 0) >= from)
        p->joined = join_bucket(p, bucket_at(p, p->settled++));
    if (p->settled > before)
        trace_span(TRACE_COMPUTE, began, "add", "add");
    if (p->c->size > 1)
        advance(p, false);
}

void parallel_reduce(struct parallel *p)
{
    p->open = true;
    parallel_ready(p, 0);
    if (p->c->size > 1)
        advance(p, true);
    p->open = false;
    p->settled = p->begun = p->ended = 0;
    p->tree.n = 0;
}

/* --- their norm ------------------------------------------------------------------------ */

void parallel_norm_begin(struct parallel *p)
{
    const struct weights *w = p->w;
    const struct shares *s = &p->shares;
    for (size_t b = 0, i = 0; b < s->buckets; b++)
        for (; i < p->pieces && p->piece[i] < s->own[b].end; i++)
            if (p->piece[i] >= s->own[b].from)
                p->squares[p->square_of[i]] =
                    w->ops->sum_squares(w->dev, p->sum[0] + p->piece[i], p->piece[i + 1] - p->piece[i]);
    cluster_gather_begin(p->c, p->squares, p->piece_cut);
}

double parallel_norm_end(const struct parallel *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->pieces; i++)
        sum += p->squares[p->square_of[i]];
    return sqrt(sum);
}
