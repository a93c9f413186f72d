#include "pipeline/media/rvq.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"

enum { BLOCK = 256 }; /* points that are encoded together */

void rvq_init(struct rvq *q, size_t dim, size_t levels, size_t size)
{
    *q = (struct rvq){
        .dim = dim, .levels = levels, .size = size, .codes = xcalloc(levels * size * dim, sizeof(int16_t))};
}

void rvq_ready(struct rvq *q)
{
    for (size_t l = 0; l < q->levels; l++) {
        nearest_free(q->index[l]);
        q->index[l] = nearest_new(q->codes + l * q->size * q->dim, q->size, q->dim);
    }
}

void rvq_free(struct rvq *q)
{
    for (size_t l = 0; l < RVQ_MAX_LEVELS; l++)
        nearest_free(q->index[l]);
    free(q->codes);
    *q = (struct rvq){0};
}

struct beginning { /* the codes that were chosen for the first levels */
    uint16_t code[RVQ_MAX_LEVELS];
    int64_t error; /* |rest|^2, where rest is what these codes leave over */
};

struct block { /* up to RVQ_BEAM beginnings for each point, best first */
    struct beginning b[BLOCK][RVQ_BEAM], next[BLOCK][RVQ_BEAM];
    size_t n[BLOCK];
    int16_t *rest, *next_rest; /* (BLOCK, RVQ_BEAM, dim): the residual of each beginning */
    uint32_t code[BLOCK * RVQ_BEAM * RVQ_BEAM];
    int32_t score[BLOCK * RVQ_BEAM * RVQ_BEAM];
};

static int64_t norm2(const int16_t *x, size_t dim)
{
    int64_t sum = 0;
    for (size_t d = 0; d < dim; d++)
        sum += x[d] * x[d];
    return sum;
}

void rvq_subtract(int16_t *x, const int16_t *c, size_t dim)
{
    int limit = 2 * nearest_limit(dim);
    for (size_t d = 0; d < dim; d++) {
        int v = x[d] - c[d];
        x[d] = (int16_t)(v > limit ? limit : v < -limit ? -limit : v);
    }
}

struct beam_path {
    int64_t error;
    size_t from;
    uint32_t code;
};

/* Chooses the best of the n * m ways to continue the beginnings of one point. Returns how many. */
static size_t choose(const struct block *b, size_t i, size_t m, struct beam_path *best)
{
    size_t n = 0;
    for (size_t j = 0; j < b->n[i]; j++) {
        const uint32_t *code = b->code + (i * RVQ_BEAM + j) * m;
        const int32_t *score = b->score + (i * RVQ_BEAM + j) * m;
        for (size_t k = 0; k < m && code[k] != UINT32_MAX; k++) {
            int64_t error = b->b[i][j].error + score[k];
            if (n == RVQ_BEAM && error >= best[n - 1].error)
                break; /* all further ways from this beginning are worse */
            size_t at = n < RVQ_BEAM ? n++ : n - 1;
            for (; at > 0 && best[at - 1].error > error; at--)
                best[at] = best[at - 1];
            best[at] = (struct beam_path){error, j, code[k]};
        }
    }
    return n;
}

static void encode_level(const struct rvq *q, struct block *b, size_t n_points, size_t level)
{
    const int16_t *codes = q->codes + level * q->size * q->dim;
    size_t m = level + 1 == q->levels ? 1 : RVQ_BEAM;
    if (level == 0) { /* at first there is one beginning a point: they lie RVQ_BEAM apart */
        for (size_t i = 0; i < n_points; i++)
            nearest_find(q->index[0], b->rest + i * RVQ_BEAM * q->dim, 1, m, b->code + i * RVQ_BEAM * m,
                         b->score + i * RVQ_BEAM * m);
    } else {
        nearest_find(q->index[level], b->rest, n_points * RVQ_BEAM, m, b->code, b->score);
    }
    for (size_t i = 0; i < n_points; i++) {
        struct beam_path best[RVQ_BEAM];
        size_t n = choose(b, i, m, best);
        for (size_t j = 0; j < n; j++) {
            const struct beginning *from = &b->b[i][best[j].from];
            b->next[i][j] = *from;
            b->next[i][j].code[level] = (uint16_t)best[j].code;
            int16_t *rest = b->next_rest + (i * RVQ_BEAM + j) * q->dim;
            memcpy(rest, b->rest + (i * RVQ_BEAM + best[j].from) * q->dim, q->dim * sizeof *rest);
            rvq_subtract(rest, codes + best[j].code * q->dim, q->dim);
            b->next[i][j].error = norm2(rest, q->dim);
        }
        memcpy(b->b[i], b->next[i], sizeof b->b[i]);
        b->n[i] = n;
    }
    int16_t *swap = b->rest;
    b->rest = b->next_rest;
    b->next_rest = swap;
}

void rvq_encode(const struct rvq *q, const int16_t *points, size_t n, uint16_t *out)
{
    struct block *b = xcalloc(1, sizeof *b);
    b->rest = xcalloc(BLOCK * RVQ_BEAM * q->dim, sizeof *b->rest);
    b->next_rest = xcalloc(BLOCK * RVQ_BEAM * q->dim, sizeof *b->next_rest);
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t here = n - i < BLOCK ? n - i : BLOCK;
        for (size_t p = 0; p < here; p++) {
            memcpy(b->rest + p * RVQ_BEAM * q->dim, points + (i + p) * q->dim, q->dim * sizeof *points);
            b->b[p][0] = (struct beginning){.error = norm2(points + (i + p) * q->dim, q->dim)};
            b->n[p] = 1;
        }
        for (size_t l = 0; l < q->levels; l++)
            encode_level(q, b, here, l);
        for (size_t p = 0; p < here; p++)
            memcpy(out + (i + p) * q->levels, b->b[p][0].code, q->levels * sizeof *out);
    }
    free(b->rest);
    free(b->next_rest);
    free(b);
}

void rvq_decode(const struct rvq *q, const uint16_t *codes, size_t n, int32_t *out)
{
    for (size_t i = 0; i < n; i++) {
        int32_t *v = out + i * q->dim;
        memset(v, 0, q->dim * sizeof *v);
        for (size_t l = 0; l < q->levels; l++) {
            const int16_t *c = q->codes + (l * q->size + codes[i * q->levels + l]) * q->dim;
            for (size_t d = 0; d < q->dim; d++)
                v[d] += c[d];
        }
    }
}
