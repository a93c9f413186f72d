/*
 * parallel_memory.c - the memory for sums of gradients, and how many bytes they are on the wire
 */
#include "pipeline/train/parallel.h"

#include "pipeline/lib/fs.h"

#include <stdlib.h>

static struct tree tree_of_rank(uint32_t leaves, int rank, int size, int *depth)
{
    uint32_t first, end;
    tree_share(leaves, rank, size, &first, &end);
    *depth = tree_depth(first, end);
    return tree_of(first, end);
}

/* The most, over updates of any number of rows: sums that are on the way at a time, and nodes that this rank
 * and the others are left with. */
struct extent {
    int depth;
    size_t own, others;
};

static struct extent most(const struct cluster *c, uint32_t parts)
{
    struct extent e = {.depth = 1};
    for (uint32_t leaves = 1; leaves <= parts; leaves *= 2) {
        size_t others = 0;
        for (int r = 0; r < c->size; r++) {
            int depth;
            size_t n = (size_t)tree_of_rank(leaves, r, c->size, &depth).n;
            if (r != c->rank) {
                others += n;
                continue;
            }
            e.depth = depth > e.depth ? depth : e.depth;
            e.own = n > e.own ? n : e.own;
        }
        e.others = others > e.others ? others : e.others;
    }
    return e;
}

static size_t incoming(const struct extent *e, const struct shares *s)
{
    return e->others * shares_widest_own(s);
}

static size_t outgoing(const struct extent *e, const struct shares *s)
{
    return e->own * shares_widest_bucket(s);
}

size_t parallel_bytes(const struct cluster *c, uint32_t parts, size_t n, const struct shares *s, bool half)
{
    struct extent e = most(c, parts);
    size_t slot = incoming(&e, s) * sizeof(float), rounded = 0;
    if (half) {
        slot += (incoming(&e, s) + outgoing(&e, s)) * 2;
        rounded = shares_widest_bucket(s) * 2;
    }
    return (size_t)(e.depth - 1) * n * sizeof(float) + rounded + (c->size > 1 ? PARALLEL_SLOTS * slot : 0);
}

static bool alloc_slot(struct parallel *p, struct parallel_slot *s, const struct extent *e)
{
    const struct ops *o = p->w->ops;
    struct device *dev = p->w->dev;
    size_t own_memory, in = incoming(e, &p->shares), out = outgoing(e, &p->shares);
    bool there = (s->inbox = o->alloc(dev, (in + 1) * sizeof(float))); /* a share may be empty, memory not */
    if (p->half)
        there = (s->half_in = o->alloc(dev, (in + 1) * 2)) && (s->half_out = o->alloc(dev, (out + 1) * 2)) &&
                there;
    o->memory(dev, &own_memory);
    if (own_memory > 0 && !p->c->on_gpus) {
        s->in = xmalloc((in + 1) * sizeof(float));
        s->out = xmalloc((out + 1) * sizeof(float));
    }
    return there;
}

/* Who takes the squares of which pieces. */
static void deal_pieces(struct parallel *p)
{
    const struct shares *s = &p->shares;
    size_t n = 0;
    p->square_of = xcalloc(p->pieces, sizeof *p->square_of);
    p->piece_cut = xcalloc((size_t)s->size + 1, sizeof *p->piece_cut);
    for (int r = 0; r < s->size; r++) {
        for (size_t b = 0, i = 0; b < s->buckets; b++) {
            const size_t *cut = shares_of(s, b, r);
            for (; i < p->pieces && p->piece[i] < cut[1]; i++)
                if (p->piece[i] >= cut[0])
                    p->square_of[i] = n++;
        }
        p->piece_cut[r + 1] = n * sizeof *p->squares;
    }
}

int parallel_alloc(struct parallel *p, struct cluster *c, uint32_t parts, bool half, const struct weights *w,
                   struct shares *shares, float *grad)
{
    struct extent e = most(c, parts);
    bool there = true;
    *p = (struct parallel){.c = c, .parts = parts, .half = half, .w = w, .shares = *shares, .depth = e.depth};
    *shares = (struct shares){0};
    p->piece = shares_pieces(&w->layout, &p->pieces);
    p->squares = xcalloc(p->pieces, sizeof *p->squares);
    deal_pieces(p);
    p->sum = xcalloc((size_t)p->depth, sizeof *p->sum);
    p->sum[0] = grad;
    for (int i = 1; i < p->depth; i++)
        there = (p->sum[i] = w->ops->alloc(w->dev, w->layout.total * sizeof(float))) && there;
    if (half)
        there = (p->rounded = w->ops->alloc(w->dev, shares_widest_bucket(&p->shares) * 2)) && there;
    for (int i = 0; c->size > 1 && i < PARALLEL_SLOTS; i++)
        there = alloc_slot(p, &p->slot[i], &e) && there;
    if (!there)
        parallel_free(p);
    return there ? 0 : -1;
}

void parallel_free(struct parallel *p)
{
    for (int i = 1; i < p->depth; i++)
        p->w->ops->free(p->w->dev, p->sum[i]);
    for (int i = 0; p->w && i < PARALLEL_SLOTS; i++) {
        struct parallel_slot *s = &p->slot[i];
        p->w->ops->free(p->w->dev, s->inbox);
        p->w->ops->free(p->w->dev, s->half_in);
        p->w->ops->free(p->w->dev, s->half_out);
        free(s->in);
        free(s->out);
    }
    if (p->w)
        p->w->ops->free(p->w->dev, p->rounded);
    shares_free(&p->shares);
    free(p->sum);
    free(p->piece);
    free(p->square_of);
    free(p->piece_cut);
    free(p->squares);
    *p = (struct parallel){0};
}

/* Gradients to their owners, weights to all, and a double for each piece of the norm. */
double parallel_wire_bytes(const struct parallel *p)
{
    double n = (double)p->w->layout.total, others = p->c->size - 1;
    double weight = p->w->theta ? sizeof(float) : (double)dtype_bytes(p->w->act);
    double gains = p->w->theta ? 0 : (double)p->w->layout.gains * sizeof(float);
    double nodes = 0;
    int depth;
    for (int r = 0; r < p->c->size; r++) /* each is sent to the owners of all elements but the own ones */
        nodes +=
            tree_of_rank(p->parts, r, p->c->size, &depth).n * (n - (double)shares_owned_by(&p->shares, r));
    return (nodes * (p->half ? 2 : sizeof(float)) +
            others * (n * weight + gains + (double)p->pieces * sizeof(double))) /
           p->c->size;
}

bool parallel_is_plain(const struct parallel *p)
{
    return p->c->size == 1 && p->parts == 1;
}
