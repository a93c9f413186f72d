/*
 * parallel_shares.c - which elements each rank owns, and the memory for sums of gradients
 */
#include "pipeline/train/parallel.h"

#include "pipeline/lib/fs.h"

#include <stdlib.h>

/* An element of a matrix of Muon costs as much as so many FLOPs of it cost AdamW (measured: memory against
 * products on one core). */
static const double FLOPS_A_MOVE = 64;

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

size_t parallel_bytes(const struct cluster *c, uint32_t parts, size_t n)
{
    return ((size_t)(deepest(c, parts) - 1) * n + most_nodes(c, parts) * parallel_bucket(n)) * sizeof(float);
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
        there = (p->inbox = o->alloc(w->dev, p->inbox_nodes * parallel_bucket(n) * sizeof(float))) && there;
    o->memory(w->dev, &own_memory);
    if (c->size > 1 && own_memory > 0)
        p->mailbox = xmalloc((p->inbox_nodes + (size_t)(c->size * p->depth)) * PARALLEL_BUCKET_BYTES);
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
