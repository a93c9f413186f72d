#include "pipeline/train/shares.h"

#include "pipeline/lib/fs.h"
#include "pipeline/train/muon.h"

#include <stdlib.h>

/* An element of a matrix of Muon costs as much as so many FLOPs of it cost AdamW (measured: memory against
 * products on one core). */
static const double FLOPS_A_MOVE = 64;

static size_t end_of(const struct params *layout, size_t i)
{
    return i + 1 < layout->count ? layout->v[i + 1].offset : layout->total;
}

static double cost_of_element(const struct param *p, bool use_muon)
{
    double shorter = p->rows < p->cols ? p->rows : p->cols;
    return use_muon && muon_takes(p) ? 1 + 20 * shorter / FLOPS_A_MOVE : 1;
}

/* Where buckets begin, from the last to the first. */
static size_t *bucket_borders(const struct params *layout, size_t bucket, size_t *n)
{
    size_t *border = xcalloc(layout->count, sizeof *border), end = layout->total;
    *n = 0;
    for (size_t i = layout->count; i-- > 0;) {
        const struct param *p = &layout->v[i];
        bool first = p->kind == PARAM_NORM_ATTN || p->kind == PARAM_NORM_FINAL;
        if (i > 0 && !(first && end - p->offset >= bucket))
            continue;
        border[(*n)++] = end = p->offset;
    }
    return border;
}

struct cutting {
    struct shares *s;
    const struct params *layout;
    bool use_muon;
    double *have; /* by rank: the cost of its elements so far */
    double all;   /* of all of them */
};

static double cost_of(const struct cutting *k, size_t from, size_t end)
{
    double cost = 0;
    for (size_t i = 0; i < k->layout->count; i++)
        if (k->layout->v[i].offset >= from && k->layout->v[i].offset < end)
            cost += (double)(end_of(k->layout, i) - k->layout->v[i].offset) *
                    cost_of_element(&k->layout->v[i], k->use_muon);
    return cost;
}

/* Deals out a bucket: each rank in turn, as much as makes its share of all that was dealt out so far. What
 * one has too much or too little is made up for in the next bucket. */
static void cut_bucket(struct cutting *k, size_t *cut, size_t from, size_t end)
{
    int r = 0, size = k->s->size;
    k->all += cost_of(k, from, end);
    cut[0] = from;
    for (size_t i = 0; i < k->layout->count; i++) {
        const struct param *p = &k->layout->v[i];
        size_t stop = end_of(k->layout, i),
               step = k->use_muon && muon_takes(p) ? stop - p->offset : SHARES_PIECE;
        for (size_t at = p->offset; p->offset >= from && p->offset < end && at < stop; at += step) {
            double cost = (double)(stop - at < step ? stop - at : step) * cost_of_element(p, k->use_muon);
            while (r + 1 < size && k->have[r] + cost / 2 > k->all / size)
                cut[++r] = at;
            k->have[r] += cost;
        }
    }
    while (r < size)
        cut[++r] = end;
}

void shares_make(struct shares *s, const struct params *layout, int size, int rank, bool use_muon,
                 size_t bucket)
{
    size_t *border = bucket_borders(layout, bucket, &s->buckets), at = 0;
    *s = (struct shares){.size = size, .rank = rank, .buckets = s->buckets};
    s->cut = xcalloc(s->buckets * (size_t)size + 1, sizeof *s->cut);
    s->own = xcalloc(s->buckets, sizeof *s->own);
    struct cutting k = {.s = s, .layout = layout, .use_muon = use_muon};
    k.have = xcalloc((size_t)size, sizeof *k.have);
    for (size_t b = 0; b < s->buckets; b++) {
        size_t i = s->buckets - 1 - b;
        cut_bucket(&k, s->cut + b * (size_t)size, border[i], i > 0 ? border[i - 1] : layout->total);
        const size_t *own = shares_of(s, b, rank);
        s->own[b] = (struct range){own[0], own[1], at};
        at += own[1] - own[0];
    }
    s->owned = at;
    free(k.have);
    free(border);
}

void shares_free(struct shares *s)
{
    free(s->cut);
    free(s->own);
    *s = (struct shares){0};
}

size_t shares_owned_by(const struct shares *s, int r)
{
    size_t n = 0;
    for (size_t b = 0; b < s->buckets; b++)
        n += shares_of(s, b, r)[1] - shares_of(s, b, r)[0];
    return n;
}

size_t shares_widest_bucket(const struct shares *s)
{
    size_t most = 0;
    for (size_t b = 0; b < s->buckets; b++) {
        size_t n = shares_of(s, b, s->size)[0] - shares_of(s, b, 0)[0];
        most = n > most ? n : most;
    }
    return most;
}

size_t shares_widest_own(const struct shares *s)
{
    size_t most = 0;
    for (size_t b = 0; b < s->buckets; b++)
        most = s->own[b].end - s->own[b].from > most ? s->own[b].end - s->own[b].from : most;
    return most;
}

size_t *shares_pieces(const struct params *layout, size_t *n)
{
    size_t *piece = xcalloc(layout->total / SHARES_PIECE + layout->count + 1, sizeof *piece);
    *n = 0;
    for (size_t i = 0; i < layout->count; i++)
        for (size_t at = layout->v[i].offset; at < end_of(layout, i); at += SHARES_PIECE)
            piece[(*n)++] = at;
    piece[*n] = layout->total;
    return piece;
}
