/*
 * int8.c - products with weights in int8, one scale a row: W[o,i] = scales[o] * q[o,i]
 *
 * Cost     few rows (generation): bound by memory, W is read once. Widening a weight to f32 would take longer
 *          than reading it (kernels/README.md), so x becomes int16 instead, with a scale of its own for each
 *          row, and the products are summed as integers. Many rows: blocks of W are widened for the ordinary
 *          product of matrices.
 * Numerics x in int16 errs by at most 2^-16 of the row's largest magnitude. Integer sums are exact; q in bf16
 *          is exact too. Scales are applied to sums in f32; one rounding at the store. Among few rows a row's
 *          bits do not depend on how many there are.
 *
 * Oracle   kernels/reference/int8.c
 */
#include <float.h>
#include "kernels/cpu/device.h"
#include "kernels/cpu/product.h"
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

/* STEP: weights that one instruction multiplies. SUMS: sums of a row that are held at once. SPAN: elements
 * whose products fit a sum of int32 for certain: 256 pairs of 2 * 32767 * 127 in each lane. BLOCK: rows of W
 * that a thread takes in one turn. TEXTS: rows of x that share one pass over a block. WIDE: rows of W that
 * are widened at a time. */
enum { STEP = 2 * VL, SUMS = 4, SPAN = 256 * STEP, BLOCK = 32, TEXTS = VL == 16 ? 6 : 3, WIDE = 1024 };

typedef int16_t vint16 __attribute__((vector_size(2 * VL)));
typedef int8_t vint8 __attribute__((vector_size(VL)));
typedef uint32_t vbits __attribute__((vector_size(4 * VL)));
typedef uint16_t vhalf __attribute__((vector_size(2 * VL)));

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* STEP weights as int16. */
INLINE vi widen(const int8_t *p)
{
#if VL == 16
    return (vi)_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)p));
#elif VL == 8
    return (vi)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
#else
    return (vi)_mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)p));
#endif
}

/* Products of int16, those of two neighbours added. */
INLINE vi pairs(vi a, vi b)
{
#if VL == 16
    return (vi)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif VL == 8
    return (vi)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#else
    return (vi)_mm_madd_epi16((__m128i)a, (__m128i)b);
#endif
}

INLINE vi load_words(const int16_t *p)
{
    vi a;
    memcpy(&a, p, sizeof a);
    return a;
}

/* The last weights of a row, then zeros. */
INLINE vi widen_part(const int8_t *p, int left)
{
    int8_t part[STEP] = {0};
    memcpy(part, p, left);
    return widen(part);
}

/* VL weights as f32; only `left` are read when left < VL. */
INLINE vf numbers(const int8_t *p, int left)
{
    vint8 q = {0};
    if (left >= VL)
        memcpy(&q, p, VL);
    else
        memcpy(&q, p, left);
    return __builtin_convertvector(__builtin_convertvector(q, vi), vf);
}

/* Stores whole numbers of at most eight bits: in bf16 they are the upper halves of those in f32. */
INLINE void put_whole(void *p, size_t i, int left, vf a, enum dtype t)
{
    if (t == DTYPE_F32 || left < VL) {
        vput(p, i, left, a, t);
    } else {
        vhalf h = __builtin_convertvector((vbits)a >> 16, vhalf);
        memcpy((uint16_t *)p + i, &h, sizeof h);
    }
}

/* The scale by which the largest magnitude of a row becomes `most`; NaN when a number is not finite. */
INLINE float scale_of(const void *x, size_t row, int I, float most, enum dtype t)
{
    vf largest = vzero(), odd = vzero();
    for (int i = 0; i < I; i += VL) {
        vf a = vget(x, row + i, I - i, t);
        largest = vmax(largest, vmax(a, -a));
        odd += a * 0;
    }
    return vmaximum(largest) / most + vsum(odd);
}

/* q = x / scale, rounded; zeros when the scale is NaN or below the smallest normal number. */
INLINE void whole_int16(int16_t *q, const void *x, size_t row, int I, float scale, enum dtype t)
{
    bool zeros = !(scale >= FLT_MIN);
    for (int i = 0; i < I; i += VL) {
        vi whole = zeros ? (vi){0} : vto_int(vget(x, row + i, I - i, t) / vset(scale));
        vint16 words = __builtin_convertvector(whole, vint16);
        memcpy(q + i, &words, sizeof words);
    }
}

INLINE void whole_int8(int8_t *q, const void *x, size_t row, int I, float scale, enum dtype t)
{
    bool zeros = !(scale >= FLT_MIN);
    for (int i = 0; i < I; i += VL) {
        vi whole = zeros ? (vi){0} : vto_int(vget(x, row + i, I - i, t) / vset(scale));
        vint8 bytes = __builtin_convertvector(whole, vint8);
        memcpy(q + i, &bytes, least(I - i, VL));
    }
}

INLINE void quantise(struct device *dev, int8_t *q, float *scales, const void *W, int O, int I, enum dtype t)
{
#pragma omp parallel for num_threads(dev->threads) schedule(static)
    for (int o = 0; o < O; o++) {
        size_t row = (size_t)o * I;
        scales[o] = scale_of(W, row, I, 127, t);
        whole_int8(q + row, W, row, I, scales[o], t);
    }
}

void quantise_int8(struct device *dev, int8_t *q, float *scales, const void *W, int O, int I)
{
    FOR_ACT(dev, quantise, dev, q, scales, W, O, I);
}

INLINE void embed(struct device *dev, void *x, const int8_t *q, const float *scales, const int32_t *ids,
                  int N, int C, enum dtype t)
{
#pragma omp parallel for num_threads(dev->threads) schedule(static)
    for (int n = 0; n < N; n++)
        for (int c = 0; c < C; c += VL)
            vput(x, (size_t)n * C + c, C - c, scales[ids[n]] * numbers(q + (size_t)ids[n] * C + c, C - c), t);
}

void embedding_int8_forward(struct device *dev, void *x, const int8_t *q, const float *scales,
                            const int32_t *ids, int N, int C)
{
    FOR_ACT(dev, embed, dev, x, q, scales, ids, N, C);
}

struct rows {   /* of x, in int16 */
    int16_t *q; /* stride apart, with zeros after each */
    float *scales;
    int N, I, stride;
};

INLINE struct rows rows_of(struct device *dev, const void *x, int N, int I, enum dtype t)
{
    struct rows r = {.N = N, .I = I, .stride = (I + STEP - 1) / STEP * STEP};
    size_t words = (size_t)N * r.stride;
    r.scales = device_scratch(dev, SCRATCH_A, N * sizeof *r.scales + words * sizeof *r.q);
    r.q = (int16_t *)(r.scales + N);
    for (int n = 0; n < N; n++) {
        int16_t *to = r.q + (size_t)n * r.stride;
        memset(to + r.stride - STEP, 0, STEP * sizeof *to);
        r.scales[n] = scale_of(x, (size_t)n * I, I, 32767, t);
        whole_int16(to, x, (size_t)n * I, I, r.scales[n], t);
    }
    return r;
}

/* out[r * BLOCK] = the row of W times row x_r of n. */
INLINE void row_times(float *out, const int8_t *row, const int16_t *x, const int n, int I, int stride)
{
    vf total[TEXTS] = {0};
    for (int i = 0; i < I;) {
        vi sum[TEXTS][SUMS] = {0};
        int end = least(i + SPAN, I);
        for (; i + SUMS * STEP <= end; i += SUMS * STEP)
#pragma GCC unroll 4
            for (int k = 0; k < SUMS; k++) {
                vi w = widen(row + i + k * STEP);
#pragma GCC unroll 6
                for (int r = 0; r < n; r++)
                    sum[r][k] += pairs(w, load_words(x + (size_t)r * stride + i + k * STEP));
            }
        for (; i < end; i += STEP) {
            vi w = end - i < STEP ? widen_part(row + i, end - i) : widen(row + i);
#pragma GCC unroll 6
            for (int r = 0; r < n; r++)
                sum[r][0] += pairs(w, load_words(x + (size_t)r * stride + i));
        }
#pragma GCC unroll 6
        for (int r = 0; r < n; r++)
            total[r] += __builtin_convertvector((sum[r][0] + sum[r][1]) + (sum[r][2] + sum[r][3]), vf);
    }
#pragma GCC unroll 6
    for (int r = 0; r < n; r++)
        out[r * BLOCK] = vsum(total[r]);
}

/* Rows from .. end of W times n rows of x, the first of which is `first`. */
INLINE void block(void *y, const int8_t *q, const float *scales, const struct rows *x, int first, const int n,
                  int O, int from, int end, enum dtype t)
{
    float out[TEXTS * BLOCK];
    for (int o = from; o < end; o++)
        row_times(out + o - from, q + (size_t)o * x->I, x->q + (size_t)first * x->stride, n, x->I, x->stride);
    for (int r = 0; r < n; r++)
        for (int k = 0; k < end - from; k += VL) {
            int left = end - from - k;
            vf scaled = vget(out + r * BLOCK, k, left, DTYPE_F32) *
                        (x->scales[first + r] * vget(scales + from, k, left, DTYPE_F32));
            vput(y, (size_t)(first + r) * O + from + k, left, scaled, t);
        }
}

INLINE void few_rows(struct device *dev, void *y, const void *x, const int8_t *q, const float *scales, int N,
                     int I, int O, enum dtype t)
{
    struct rows rows = rows_of(dev, x, N, I, t);
#pragma omp parallel for num_threads(dev->threads) schedule(dynamic) if ((size_t)N * I * O > 1 << 15)
    for (int o = 0; o < O; o += BLOCK) {
        int end = least(o + BLOCK, O), n = 0;
        for (; n + TEXTS <= N; n += TEXTS)
            block(y, q, scales, &rows, n, TEXTS, O, o, end, t);
        for (; n + 3 <= N; n += 3)
            block(y, q, scales, &rows, n, 3, O, o, end, t);
        for (; n + 2 <= N; n += 2)
            block(y, q, scales, &rows, n, 2, O, o, end, t);
        if (n < N)
            block(y, q, scales, &rows, n, 1, O, o, end, t);
    }
}

INLINE void many_rows(struct device *dev, void *y, const void *x, const int8_t *q, const float *scales, int N,
                      int I, int O, enum dtype t)
{
    int most = least(O, WIDE);
    void *wide = device_scratch(dev, SCRATCH_INT8_WIDE, (size_t)most * I * dtype_bytes(t));
    float *sums = device_scratch(dev, SCRATCH_INT8_SUMS, (size_t)N * most * sizeof *sums);
    for (int from = 0; from < O; from += WIDE) {
        int rows = least(O - from, WIDE);
#pragma omp parallel for num_threads(dev->threads) schedule(static)
        for (int o = 0; o < rows; o++)
            for (int i = 0; i < I; i += VL)
                put_whole(wide, (size_t)o * I + i, I - i, numbers(q + (size_t)(from + o) * I + i, I - i), t);
        linear_multiply(dev, sums, x, wide,
                        (struct product){.M = N, .N = rows, .K = I, .b_t = true, .in = t, .out = DTYPE_F32});
#pragma omp parallel for num_threads(dev->threads) schedule(static)
        for (int n = 0; n < N; n++)
            for (int o = 0; o < rows; o += VL)
                vput(y, (size_t)n * O + from + o, rows - o,
                     vget(sums, (size_t)n * rows + o, rows - o, DTYPE_F32) *
                         vget(scales, from + o, rows - o, DTYPE_F32),
                     t);
    }
}

void linear_int8_forward(struct device *dev, void *y, const void *x, const int8_t *q, const float *scales,
                         int N, int I, int O)
{
    if (N <= GEMV_ROWS)
        FOR_ACT(dev, few_rows, dev, y, x, q, scales, N, I, O);
    else
        FOR_ACT(dev, many_rows, dev, y, x, q, scales, N, I, O);
}
