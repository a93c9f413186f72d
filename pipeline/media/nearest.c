/*
 * nearest.c - stores codes in groups of 16 lanes, with two components of each side by side, as pmaddwd
 * multiplies them
 *
 *   packed[g][d/2][lane][2]      group g, components d and d + 1 of code 16 g + lane
 *
 * The plain loop is the definition; the others compute equal integers.
 */
#include "pipeline/media/nearest.h"

#include <immintrin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

enum {
    LANES = 16,
    POINTS = 8
}; /* LANES: codes in a group. POINTS: points for which codes are loaded together */

struct nearest {
    size_t K, D, pairs, groups; /* pairs: of components, where D is rounded up to even */
    int16_t *packed;
    int32_t *norms; /* |c|^2; INT32_MAX in the lanes after the last code */
};

/* Computes the scores of POINTS points with the codes of one group: norms[lane] - 2 dot. Bit p of the result:
 * some score of point p is below worst[p]. x: (POINTS, 2 pairs). */
typedef unsigned score_group(const int16_t *group, const int32_t *norms, const int16_t *x, size_t pairs,
                             const int32_t *worst, int32_t score[POINTS][LANES]);

static int force_plain;

int nearest_limit(size_t D)
{
    int limit = (int)sqrt((double)(1 << 28) / (double)D);
    return limit < 2048 ? limit : 2048;
}

void nearest_plain(int plain)
{
    force_plain = plain;
}

struct nearest *nearest_new(const int16_t *codes, size_t K, size_t D)
{
    struct nearest *ix = xcalloc(1, sizeof *ix);
    ix->K = K, ix->D = D, ix->pairs = (D + 1) / 2, ix->groups = (K + LANES - 1) / LANES;
    size_t bytes = ix->groups * ix->pairs * LANES * 2 * sizeof(int16_t);
    ix->packed = aligned_alloc(64, bytes ? bytes : 64);
    ix->norms = xcalloc(ix->groups * LANES + 1, sizeof *ix->norms);
    if (!ix->packed)
        die("out of memory (%zu bytes)", bytes);
    memset(ix->packed, 0, bytes);
    for (size_t k = 0; k < ix->groups * LANES; k++) {
        int32_t norm = 0;
        for (size_t d = 0; d < D && k < K; d++) {
            int16_t c = codes[k * D + d];
            norm += c * c;
            ix->packed[((k / LANES * ix->pairs + d / 2) * LANES + k % LANES) * 2 + d % 2] = c;
        }
        ix->norms[k] = k < K ? norm : INT32_MAX;
    }
    return ix;
}

void nearest_free(struct nearest *ix)
{
    if (!ix)
        return;
    free(ix->packed);
    free(ix->norms);
    free(ix);
}

static unsigned score_plain(const int16_t *group, const int32_t *norms, const int16_t *x, size_t pairs,
                            const int32_t *worst, int32_t score[POINTS][LANES])
{
    unsigned below = 0;
    for (size_t p = 0; p < POINTS; p++)
        for (size_t lane = 0; lane < LANES; lane++) {
            int32_t dot = 0;
            for (size_t j = 0; j < pairs; j++)
                dot += group[(j * LANES + lane) * 2] * x[(p * pairs + j) * 2] +
                       group[(j * LANES + lane) * 2 + 1] * x[(p * pairs + j) * 2 + 1];
            score[p][lane] = norms[lane] - 2 * dot;
            below |= (unsigned)(score[p][lane] < worst[p]) << p;
        }
    return below;
}

/* Returns components 2j and 2j + 1 of point p as one number, to be broadcast. */
static inline int32_t pair_of(const int16_t *x, size_t p, size_t pairs, size_t j)
{
    int32_t both;
    memcpy(&both, x + (p * pairs + j) * 2, sizeof both);
    return both;
}

/* Handles the two halves of the lanes one after the other, so that POINTS sums fit the registers. */
__attribute__((target("avx2"))) static unsigned score_avx2(const int16_t *group, const int32_t *norms,
                                                           const int16_t *x, size_t pairs,
                                                           const int32_t *worst, int32_t score[POINTS][LANES])
{
    unsigned below = 0;
    for (size_t half = 0; half < 2; half++) {
        __m256i sum[POINTS], norm = _mm256_loadu_si256((const __m256i *)norms + half);
        for (size_t p = 0; p < POINTS; p++)
            sum[p] = _mm256_setzero_si256();
        for (size_t j = 0; j < pairs; j++) {
            __m256i c = _mm256_load_si256((const __m256i *)(group + j * LANES * 2) + half);
            for (size_t p = 0; p < POINTS; p++)
                sum[p] = _mm256_add_epi32(sum[p],
                                          _mm256_madd_epi16(c, _mm256_set1_epi32(pair_of(x, p, pairs, j))));
        }
        for (size_t p = 0; p < POINTS; p++) {
            __m256i s = _mm256_sub_epi32(norm, _mm256_slli_epi32(sum[p], 1));
            _mm256_storeu_si256((__m256i *)score[p] + half, s);
            if (_mm256_movemask_epi8(_mm256_cmpgt_epi32(_mm256_set1_epi32(worst[p]), s)))
                below |= 1u << p;
        }
    }
    return below;
}

__attribute__((target("avx512f,avx512bw"))) static unsigned
score_avx512(const int16_t *group, const int32_t *norms, const int16_t *x, size_t pairs, const int32_t *worst,
             int32_t score[POINTS][LANES])
{
    __m512i sum[POINTS], norm = _mm512_loadu_si512(norms);
    unsigned below = 0;
    for (size_t p = 0; p < POINTS; p++)
        sum[p] = _mm512_setzero_si512();
    for (size_t j = 0; j < pairs; j++) {
        __m512i c = _mm512_load_si512(group + j * LANES * 2);
        for (size_t p = 0; p < POINTS; p++)
            sum[p] =
                _mm512_add_epi32(sum[p], _mm512_madd_epi16(c, _mm512_set1_epi32(pair_of(x, p, pairs, j))));
    }
    for (size_t p = 0; p < POINTS; p++) {
        __m512i s = _mm512_sub_epi32(norm, _mm512_slli_epi32(sum[p], 1));
        _mm512_storeu_si512(score[p], s);
        if (_mm512_cmplt_epi32_mask(s, _mm512_set1_epi32(worst[p])))
            below |= 1u << p;
    }
    return below;
}

static score_group *best_score_group(void)
{
    if (force_plain)
        return score_plain;
    if (__builtin_cpu_supports("avx512bw"))
        return score_avx512;
    return __builtin_cpu_supports("avx2") ? score_avx2 : score_plain;
}

/* Puts a code into the sorted list of the m best, if it belongs there. */
static inline void keep(uint32_t *code, int32_t *score, size_t m, uint32_t k, int32_t s)
{
    if (s >= score[m - 1])
        return;
    size_t at = m - 1;
    for (; at > 0 && score[at - 1] > s; at--) {
        score[at] = score[at - 1];
        code[at] = code[at - 1];
    }
    score[at] = s;
    code[at] = k;
}

void nearest_find(const struct nearest *ix, const int16_t *points, size_t n, size_t m, uint32_t *code,
                  int32_t *score)
{
    int16_t x[POINTS * (NEAREST_MAX_DIM + 2)];
    int32_t scores[POINTS][LANES], worst[POINTS];
    score_group *score_codes = best_score_group();
    for (size_t i = 0; i < n * m; i++) {
        code[i] = UINT32_MAX;
        score[i] = INT32_MAX;
    }
    memset(x, 0, POINTS * ix->pairs * 2 * sizeof *x);
    for (size_t i = 0; i < n; i += POINTS) {
        size_t here = n - i < POINTS ? n - i : POINTS;
        for (size_t p = 0; p < POINTS; p++)
            worst[p] = p < here ? INT32_MAX : INT32_MIN; /* points after the last accept no score */
        for (size_t p = 0; p < here; p++)
            memcpy(x + p * ix->pairs * 2, points + (i + p) * ix->D, ix->D * sizeof *x);
        for (size_t g = 0; g < ix->groups; g++) {
            unsigned below = score_codes(ix->packed + g * ix->pairs * LANES * 2, ix->norms + g * LANES, x,
                                         ix->pairs, worst, scores);
            for (; below; below &= below - 1) {
                size_t p = (size_t)__builtin_ctz(below);
                for (size_t lane = 0; lane < LANES;
                     lane++) /* lanes after the last code have the score INT32_MAX */
                    keep(code + (i + p) * m, score + (i + p) * m, m, (uint32_t)(g * LANES + lane),
                         scores[p][lane]);
                worst[p] = score[(i + p) * m + m - 1];
            }
        }
    }
}
