/*
 * attention.cu - causal attention, forward, on tensor cores
 *
 *   s[i,j] = q[i].k[j] / sqrt(D) for first[i] <= j <= i,  p = softmax_j s,  out = p v,  lse = log sum_j e^s
 *
 * Online softmax: for each tile of keys the running maximum m, sum l and output o of a query become
 *   m' = max(m, max s),  o = o e^(m-m') + e^(s-m') v,  l = l e^(m-m') + sum e^(s-m')
 * so memory is O(T) and no T x T matrix exists.
 *
 * Needs    bf16, D 64 or 128, 16-byte aligned pointers; attention_plain.cu takes the rest.
 * Mapping  a block computes BQ = 128 queries of a head, and blocks with most keys start first; a warp
 *          computes 16 (D 128) or 32 (D 64) of these queries. Keys and values come in tiles of 64; the next
 *          two are being copied (cp.async) while a pair is in use. Probabilities stay in registers: the
 *          accumulator's layout is that of the next product's operand.
 * Numerics s, m, l, o in f32; e^(s-m) is rounded to bf16 for its product with v, while l sums it unrounded.
 *          The exponentials are powers of 2.
 * Oracle   kernels/cpu/attention.c
 * Source   Dao 2023, arXiv:2307.08691
 */
#include "kernels/cuda/attention.cuh"

enum { BQ = 128, BK = 64 };

template <int D> struct tiles {
    enum { MT = D == 64 ? 2 : 1, ROWS = 16 * MT, THREADS = BQ / ROWS * WARP };
    bf16 q[BQ * D], k[2][BK * D], v[2][BK * D];
};

/* The state of a warp's query rows: MT bands of 16, in which a thread holds parts of rows lane/4 (index 0)
 * and lane/4 + 8 (index 1). */
template <int D> struct rows {
    float o[tiles<D>::MT][D / 8][4];
    float m[tiles<D>::MT][2], l[tiles<D>::MT][2];
    int lo[tiles<D>::MT][2];
};

/* s = q k^T, queries from row `row` of their tile. They are fetched again for each tile of keys, because
 * ptxas spilled when they were kept in registers. */
template <int D> DEVICE void scores(float (&s)[tiles<D>::MT][BK / 8][4], bf16 *q, int row, bf16 *k)
{
#pragma unroll
    for (int t = 0; t < tiles<D>::MT; t++)
#pragma unroll
        for (int n = 0; n < BK / 8; n++)
            s[t][n][0] = s[t][n][1] = s[t][n][2] = s[t][n][3] = 0;
#pragma unroll 2
    for (int c = 0; c < D / 16; c++) {
        unsigned a[tiles<D>::MT][4];
#pragma unroll
        for (int t = 0; t < tiles<D>::MT; t++)
            fragment_a<D>(a[t], q, row + t * 16, c);
#pragma unroll
        for (int n = 0; n < BK / 16; n++) {
            unsigned b[4];
            fragment_b_rows<D>(b, k, n * 16, c);
#pragma unroll
            for (int t = 0; t < tiles<D>::MT; t++) {
                mma_bf16(s[t][2 * n], a[t], b[0], b[1]);
                mma_bf16(s[t][2 * n + 1], a[t], b[2], b[3]);
            }
        }
    }
}

/* Sets scores to minus infinity where row `row` (of the thread's first) must not see the key. */
template <int D>
DEVICE void mask(float (&s)[tiles<D>::MT][BK / 8][4], const struct rows<D> &r, int row, int k0)
{
    int lane = threadIdx.x % WARP;
#pragma unroll
    for (int t = 0; t < tiles<D>::MT; t++)
#pragma unroll
        for (int n = 0; n < BK / 8; n++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
                int j = k0 + n * 8 + 2 * (lane % 4) + e % 2, i = row + t * 16 + e / 2 * 8;
                if (j > i || j < r.lo[t][e / 2])
                    s[t][n][e] = -INFINITY;
            }
}

/* Turns scores into e^(s-m) and rescales what the rows have accumulated so far. */
template <int D> DEVICE void softmax(float (&s)[tiles<D>::MT][BK / 8][4], struct rows<D> &r, float scale)
{
#pragma unroll
    for (int t = 0; t < tiles<D>::MT; t++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float top = r.m[t][half], sum = 0;
#pragma unroll
            for (int n = 0; n < BK / 8; n++)
                top = fmaxf(top, fmaxf(s[t][n][2 * half], s[t][n][2 * half + 1]));
            top = row_max(top);
            float base = top == -INFINITY ? 0 : top * scale, shrink = exp2_fast(r.m[t][half] * scale - base);
            r.m[t][half] = top;
#pragma unroll
            for (int n = 0; n < BK / 8; n++)
#pragma unroll
                for (int e = 2 * half; e < 2 * half + 2; e++) {
                    s[t][n][e] = exp2_fast(s[t][n][e] * scale - base);
                    sum += s[t][n][e];
                }
            r.l[t][half] = r.l[t][half] * shrink + sum;
#pragma unroll
            for (int n = 0; n < D / 8; n++) {
                r.o[t][n][2 * half] *= shrink;
                r.o[t][n][2 * half + 1] *= shrink;
            }
        }
}

/* o += p v */
template <int D> DEVICE void add_values(struct rows<D> &r, const float (&p)[tiles<D>::MT][BK / 8][4], bf16 *v)
{
#pragma unroll
    for (int j = 0; j < BK / 16; j++) {
        unsigned a[tiles<D>::MT][4];
#pragma unroll
        for (int t = 0; t < tiles<D>::MT; t++)
            fragment_of(a[t], p[t][2 * j], p[t][2 * j + 1]);
#pragma unroll
        for (int n = 0; n < D / 16; n++) {
            unsigned b[4];
            fragment_b_columns<D>(b, v, j * 16, n);
#pragma unroll
            for (int t = 0; t < tiles<D>::MT; t++) {
                mma_bf16(r.o[t][2 * n], a[t], b[0], b[1]);
                mma_bf16(r.o[t][2 * n + 1], a[t], b[2], b[3]);
            }
        }
    }
}

template <int D>
KERNEL(tiles<D>::THREADS)
forward_kernel(bf16 *out, float *lse, const bf16 *qk, const bf16 *qkv, const int32_t *first,
               struct attention_shape s, float scale)
{
    enum { MT = tiles<D>::MT, ROWS = tiles<D>::ROWS, THREADS = tiles<D>::THREADS };
    STATIC_SHARED(int, least, THREADS / WARP);
    struct tiles<D> *sh = dynamic_shared<struct tiles<D>>();
    int b = blockIdx.z, h = blockIdx.y, q0 = (gridDim.x - 1 - blockIdx.x) * BQ;
    int lane = threadIdx.x % WARP, mine = threadIdx.x / WARP * ROWS, row = q0 + mine + lane / 4;
    int left = s.T - q0 < BQ ? s.T - q0 : BQ, to = q0 + left, from = 0, latest = 0;
    struct attention_rows at = head_rows(s, b, h, h / (s.H / s.Hkv));
    struct rows<D> r;
    if (first)
        from = block_min((int)threadIdx.x < left ? first[(size_t)b * s.T + q0 + threadIdx.x] : q0, least);
    tile_load<D, BQ, THREADS>(sh->q, qk + at.q + q0 * at.qk_row, at.qk_row, left);
    tile_load<D, BK, THREADS>(sh->k[0], qk + at.k + from * at.qk_row, at.qk_row, to - from);
    tile_load<D, BK, THREADS>(sh->v[0], qkv + at.v + from * at.qkv_row, at.qkv_row, to - from);
    cp_async_commit();
#pragma unroll
    for (int t = 0; t < MT; t++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int i = row + t * 16 + half * 8;
            r.lo[t][half] = first && i < s.T ? first[(size_t)b * s.T + i] : 0;
            latest = r.lo[t][half] > latest ? r.lo[t][half] : latest;
            r.m[t][half] = -INFINITY;
            r.l[t][half] = 0;
#pragma unroll
            for (int n = 0; n < D / 8; n++)
                r.o[t][n][2 * half] = r.o[t][n][2 * half + 1] = 0;
        }
#pragma unroll
    for (int i = 4; first && i < WARP; i *= 2) {
        int other = shfl_xor(latest, i);
        latest = other > latest ? other : latest;
    }
    cp_async_wait<0>();
    __syncthreads();
    for (int k0 = from, stage = 0; k0 < to; k0 += BK, stage ^= 1) {
        int next = k0 + BK;
        if (next < to) {
            tile_load<D, BK, THREADS>(sh->k[stage ^ 1], qk + at.k + next * at.qk_row, at.qk_row, to - next);
            tile_load<D, BK, THREADS>(sh->v[stage ^ 1], qkv + at.v + next * at.qkv_row, at.qkv_row,
                                      to - next);
        }
        cp_async_commit();
        if (k0 < q0 + mine + ROWS) { /* otherwise no row of the warp sees these keys */
            float p[MT][BK / 8][4];
            scores<D>(p, sh->q, mine, sh->k[stage]);
            if (next > q0 + mine + 1 || k0 < latest)
                mask<D>(p, r, row, k0);
            softmax<D>(p, r, scale);
            add_values<D>(r, p, sh->v[stage]);
        }
        cp_async_wait<0>();
        __syncthreads();
    }
#pragma unroll
    for (int t = 0; t < MT; t++) {
        float l[2] = {row_sum(r.l[t][0]), row_sum(r.l[t][1])};
        int band = mine + t * 16;
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int i = row + t * 16 + half * 8;
            if (lane % 4 == 0 && i < s.T)
                lse[((size_t)b * s.H + h) * s.T + i] = r.m[t][half] * scale * LN2 + logf(l[half]);
        }
        store_rows<D>(out + at.out + (size_t)(q0 + band) * at.out_row, at.out_row, left - band, sh->q, band,
                      r.o[t], 1.0f / l[0], 1.0f / l[1]);
    }
}

template <int D>
static void forward(cudaStream_t st, void *out, float *lse, const void *qk, const void *qkv,
                    const int32_t *first, struct attention_shape s)
{
    allow_shared(forward_kernel<D>, sizeof(struct tiles<D>));
    LAUNCH(forward_kernel<D>, attention_grid(s, s.H, BQ), tiles<D>::THREADS, sizeof(struct tiles<D>), st,
           (bf16 *)out, lse, (const bf16 *)qk, (const bf16 *)qkv, first, s, LOG2E / sqrtf((float)D));
}

void cuda_attention_forward(cudaStream_t st, enum dtype act, void *out, float *lse,
                            const struct attention *in)
{
    struct attention_shape s = in->s;
    if (!attention_tensor(act, s) || !aligned16(out, in->qk, in->qkv))
        attention_plain_forward(st, act, out, lse, in->qk, in->qkv, in->first, s);
    else if (s.D == 64)
        forward<64>(st, out, lse, in->qk, in->qkv, in->first, s);
    else
        forward<128>(st, out, lse, in->qk, in->qkv, in->first, s);
}
