/*
 * attention_backward.cu - causal attention, backward, on tensor cores
 *
 *   p[i,j] = e^(s[i,j] - lse[i])        delta[i] = dout[i].out[i]
 *   dv[j] = sum_i p[i,j] dout[i]        ds[i,j] = p[i,j] (dout[i].v[j] - delta[i])
 *   dq[i] = sum_j ds[i,j] k[j]/sqrt(D)  dk[j] = sum_i ds[i,j] q[i]/sqrt(D)
 *
 * Needs    the conditions of attention.cu.
 * Mapping  two kernels, so that every sum has one owner: no atomics, equal bits, no f32 copy of dq. In the
 *          first a block takes 64 queries of a head and loops over their keys; it computes dq and delta. In
 *          the second a block takes 64 keys of a key/value head and loops over the queries of its group's
 *          heads that see them; it computes dk and dv. The second works on the transposes of s and p, so that
 *          these are operands without being rearranged. The two compute 3 + 4 products, where one kernel that
 *          adds to dq atomically would compute 5.
 * Numerics f32; p and ds are rounded to bf16 for their products.
 * Oracle   kernels/cpu/attention_backward.c
 * Source   Dao 2023, arXiv:2307.08691
 */
#include "kernels/cuda/attention.cuh"

enum { TILE = ATTENTION_TILE, THREADS = TILE / 16 * WARP };
/* The most shared memory, in bytes, with which two blocks fit an SM of sm_86, sm_89 or sm_120: it has 100
 * KiB, of which 1 KiB is reserved for each block. */
enum { HALF_SM = 50 * 1024 - 1024 };

struct operands {
    const bf16 *dout, *out, *qk, *qkv;
    const float *lse;
    const int32_t *first;
    float *delta; /* (B,H,T) */
    int *lowest;  /* (B,H,tiles): the least `first` of every TILE queries */
    float scale;
};

/* c (16, 8 n) = a b^T, where a is 16 rows as fragments and b is n * 8 rows of a tile. */
template <int D, int N> DEVICE void product_rows(float (&c)[N][4], const unsigned (&a)[D / 16][4], bf16 *b)
{
#pragma unroll
    for (int n = 0; n < N; n++)
        c[n][0] = c[n][1] = c[n][2] = c[n][3] = 0;
#pragma unroll
    for (int k = 0; k < D / 16; k++)
#pragma unroll
        for (int n = 0; n < N / 2; n++) {
            unsigned f[4];
            fragment_b_rows<D>(f, b, n * 16, k);
            mma_bf16(c[2 * n], a[k], f[0], f[1]);
            mma_bf16(c[2 * n + 1], a[k], f[2], f[3]);
        }
}

/* As product_rows, but a is 16 rows of a tile, from `row`, which takes fewer registers. The loop is not
 * unrolled in full, since ptxas then spilled for sm_90a (D 128). */
template <int D, int N> DEVICE void product_tiles(float (&c)[N][4], bf16 *a, int row, bf16 *b)
{
#pragma unroll
    for (int n = 0; n < N; n++)
        c[n][0] = c[n][1] = c[n][2] = c[n][3] = 0;
#pragma unroll 2
    for (int k = 0; k < D / 16; k++) {
        unsigned rows[4];
        fragment_a<D>(rows, a, row, k);
#pragma unroll
        for (int n = 0; n < N / 2; n++) {
            unsigned f[4];
            fragment_b_rows<D>(f, b, n * 16, k);
            mma_bf16(c[2 * n], rows, f[0], f[1]);
            mma_bf16(c[2 * n + 1], rows, f[2], f[3]);
        }
    }
}

/* c (16, D) += p (16, 8 N) b, where b is the 8 N rows of a tile. */
template <int D, int N> DEVICE void add_product(float (&c)[D / 8][4], const float (&p)[N][4], bf16 *b)
{
#pragma unroll
    for (int k = 0; k < N / 2; k++) {
        unsigned a[4];
        fragment_of(a, p[2 * k], p[2 * k + 1]);
#pragma unroll
        for (int n = 0; n < D / 16; n++) {
            unsigned f[4];
            fragment_b_columns<D>(f, b, k * 16, n);
            mma_bf16(c[2 * n], a, f[0], f[1]);
            mma_bf16(c[2 * n + 1], a, f[2], f[3]);
        }
    }
}

/* ---- dq ---- */

/* The queries' rows are in registers before the loop starts, so the second tile of keys reuses their place.
 */
template <int D> struct query_tiles {
    enum { BK = D == 64 ? 64 : 32 };
    struct stage {
        bf16 k[BK * D], v[BK * D];
    };
    struct rows {
        struct stage first;
        bf16 q[TILE * D], dout[TILE * D];
    };
    union {
        struct stage keys[2];
        struct rows queries;
    };
    float delta[TILE];
    int least[THREADS / WARP];
};
static_assert(sizeof(struct query_tiles<128>) <= HALF_SM, "two blocks an SM");

/* Computes delta for the block's queries, with two threads a row, into shared and device memory. */
template <int D>
DEVICE void find_delta(float *delta, float *to, const bf16 *dout, const bf16 *out, size_t stride, int valid)
{
    int row = threadIdx.x / 2, half = threadIdx.x % 2 * (D / 2);
    float sum = 0;
    for (int c = half; c < half + D / 2 && row < valid; c += VEC) {
        float a[VEC], b[VEC];
        get_vec(a, dout + row * stride + c);
        get_vec(b, out + row * stride + c);
#pragma unroll
        for (int i = 0; i < VEC; i++)
            sum += a[i] * b[i];
    }
    sum += shfl_xor(sum, 1);
    if (half == 0) {
        delta[row] = sum;
        if (row < valid)
            to[row] = sum;
    }
}

template <int D> KERNEL(THREADS) dq_kernel(bf16 *dqk, struct operands x, struct attention_shape s)
{
    enum { BK = query_tiles<D>::BK };
    struct query_tiles<D> *sh = dynamic_shared<struct query_tiles<D>>();
    int b = blockIdx.z, h = blockIdx.y, tile = gridDim.x - 1 - blockIdx.x, q0 = tile * TILE;
    int lane = threadIdx.x % WARP, mine = threadIdx.x / WARP * 16, row = q0 + mine + lane / 4;
    int left = s.T - q0 < TILE ? s.T - q0 : TILE, to = q0 + left, from = 0;
    struct attention_rows at = head_rows(s, b, h, h / (s.H / s.Hkv));
    size_t head = ((size_t)b * s.H + h) * s.T;
    if (x.first)
        from =
            block_min((int)threadIdx.x < left ? x.first[(size_t)b * s.T + q0 + threadIdx.x] : q0, sh->least);
    if (threadIdx.x == 0)
        x.lowest[((size_t)b * s.H + h) * gridDim.x + tile] = from;
    tile_load<D, TILE, THREADS>(sh->queries.q, x.qk + at.q + q0 * at.qk_row, at.qk_row, left);
    tile_load<D, TILE, THREADS>(sh->queries.dout, x.dout + at.out + q0 * at.out_row, at.out_row, left);
    tile_load<D, BK, THREADS>(sh->keys[0].k, x.qk + at.k + from * at.qk_row, at.qk_row, to - from);
    tile_load<D, BK, THREADS>(sh->keys[0].v, x.qkv + at.v + from * at.qkv_row, at.qkv_row, to - from);
    cp_async_commit();
    find_delta<D>(sh->delta, x.delta + head + q0, x.dout + at.out + q0 * at.out_row,
                  x.out + at.out + q0 * at.out_row, at.out_row, left);
    float lse[2], delta[2], dq[D / 8][4];
    int lo[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        int i = row + 8 * half; /* rows after the end have probability 0 */
        lse[half] = i < s.T ? x.lse[head + i] * LOG2E : INFINITY;
        lo[half] = x.first && i < s.T ? x.first[(size_t)b * s.T + i] : 0;
    }
#pragma unroll
    for (int n = 0; n < D / 8; n++)
        dq[n][0] = dq[n][1] = dq[n][2] = dq[n][3] = 0;
    cp_async_wait<0>();
    __syncthreads();
    unsigned q[D / 16][4], dout[D / 16][4];
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
        fragment_a<D>(q[k], sh->queries.q, mine, k);
        fragment_a<D>(dout[k], sh->queries.dout, mine, k);
    }
    delta[0] = sh->delta[mine + lane / 4];
    delta[1] = sh->delta[mine + lane / 4 + 8];
    __syncthreads(); /* all have read the queries' rows: their place is free */
    for (int k0 = from, stage = 0; k0 < to; k0 += BK, stage ^= 1) {
        int next = k0 + BK;
        if (next < to) {
            tile_load<D, BK, THREADS>(sh->keys[stage ^ 1].k, x.qk + at.k + next * at.qk_row, at.qk_row,
                                      to - next);
            tile_load<D, BK, THREADS>(sh->keys[stage ^ 1].v, x.qkv + at.v + next * at.qkv_row, at.qkv_row,
                                      to - next);
        }
        cp_async_commit();
        if (k0 < q0 + mine + 16) {
            float p[BK / 8][4], ds[BK / 8][4];
            product_rows<D, BK / 8>(p, q, sh->keys[stage].k);
            product_rows<D, BK / 8>(ds, dout, sh->keys[stage].v);
#pragma unroll
            for (int n = 0; n < BK / 8; n++)
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    int j = k0 + n * 8 + 2 * (lane % 4) + e % 2;
                    bool sees = j <= row + e / 2 * 8 && j >= lo[e / 2];
                    float probability = sees ? exp2_fast(p[n][e] * x.scale * LOG2E - lse[e / 2]) : 0;
                    ds[n][e] = probability * (ds[n][e] - delta[e / 2]);
                }
            add_product<D, BK / 8>(dq, ds, sh->keys[stage].k);
        }
        cp_async_wait<0>();
        __syncthreads();
    }
    store_rows<D>(dqk + at.q + (size_t)(q0 + mine) * at.qk_row, at.qk_row, left - mine, sh->queries.q, mine,
                  dq, x.scale, x.scale);
}

/* ---- dk, dv ---- */

template <int D> struct key_tiles {
    enum { BQ = D == 64 ? 64 : 32 };
    bf16 k[TILE * D], v[TILE * D], q[2][BQ * D], dout[2][BQ * D];
    float lse[2][BQ], delta[2][BQ];
};
/* The tiles fill half an SM exactly. Therefore `first` is read from memory, and dkv_kernel has no other
 * shared array. */
static_assert(sizeof(struct key_tiles<64>) <= HALF_SM, "two blocks an SM");

/* The tiles of BQ queries that a block of keys is combined with: in each head of the group, from the diagonal
 * to the end. */
struct walk {
    int head, heads, q0, begin, step, key_end;
};

/* Skips tiles whose queries all begin after the keys. */
DEVICE void walk_settle(struct walk &w, const struct operands &x, const struct attention_shape &s, int b)
{
    int tiles = (s.T + TILE - 1) / TILE;
    while (w.head < w.heads) {
        if (w.q0 >= s.T) {
            w.head++;
            w.q0 = w.begin;
        } else if (x.first && x.lowest[((size_t)b * s.H + w.head) * tiles + w.q0 / TILE] >= w.key_end) {
            w.q0 += w.step;
        } else {
            break;
        }
    }
}

template <int D>
DEVICE void load_queries(struct key_tiles<D> *sh, int stage, const struct walk &w, const struct operands &x,
                         const struct attention_shape &s, int b)
{
    enum { BQ = key_tiles<D>::BQ };
    struct attention_rows at = head_rows(s, b, w.head, 0);
    int left = s.T - w.q0, t = threadIdx.x;
    size_t head = ((size_t)b * s.H + w.head) * s.T;
    tile_load<D, BQ, THREADS>(sh->q[stage], x.qk + at.q + w.q0 * at.qk_row, at.qk_row, left);
    tile_load<D, BQ, THREADS>(sh->dout[stage], x.dout + at.out + w.q0 * at.out_row, at.out_row, left);
    if (t < BQ) { /* rows after the end have probability 0 */
        sh->lse[stage][t] = t < left ? x.lse[head + w.q0 + t] * LOG2E : INFINITY;
        sh->delta[stage][t] = t < left ? x.delta[head + w.q0 + t] : 0;
    }
}

/* Sets scores to minus infinity where a query's document begins after the key. first: belongs to the tile's
 * queries, of which `left` exist. */
template <int D>
DEVICE void mask(float (&s)[key_tiles<D>::BQ / 8][4], const int32_t *first, int left, int key)
{
    int lane = threadIdx.x % WARP;
#pragma unroll
    for (int n = 0; n < key_tiles<D>::BQ / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) {
            int i = n * 8 + 2 * (lane % 4) + e % 2, j = key + lane / 4 + e / 2 * 8;
            if (i < left && first[i] > j)
                s[n][e] = -INFINITY;
        }
}

/* For 16 keys from `key` and the tile's queries: turns transposed scores into p, and dout.v into ds. */
template <int D>
DEVICE void probabilities(float (&p)[key_tiles<D>::BQ / 8][4], float (&ds)[key_tiles<D>::BQ / 8][4],
                          const struct key_tiles<D> *sh, int stage, int q0, int key, float scale)
{
    int lane = threadIdx.x % WARP;
#pragma unroll
    for (int n = 0; n < key_tiles<D>::BQ / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) {
            int i = n * 8 + 2 * (lane % 4) + e % 2, j = key + lane / 4 + e / 2 * 8;
            p[n][e] = j <= q0 + i ? exp2_fast(p[n][e] * scale * LOG2E - sh->lse[stage][i]) : 0;
            ds[n][e] = p[n][e] * (ds[n][e] - sh->delta[stage][i]);
        }
}

template <int D>
KERNEL(THREADS)
dkv_kernel(bf16 *dqk, bf16 *dqkv, struct operands x, struct attention_shape s)
{
    enum { BQ = key_tiles<D>::BQ, N = BQ / 8 };
    struct key_tiles<D> *sh = dynamic_shared<struct key_tiles<D>>();
    int b = blockIdx.z, g = blockIdx.y, group = s.H / s.Hkv, k0 = blockIdx.x * TILE;
    int mine = threadIdx.x / WARP * 16, left = s.T - k0 < TILE ? s.T - k0 : TILE;
    struct attention_rows at = head_rows(s, b, g * group, g);
    struct walk w = {g * group, (g + 1) * group, k0, k0, BQ, k0 + left};
    float dk[D / 8][4], dv[D / 8][4];
#pragma unroll
    for (int n = 0; n < D / 8; n++)
        dk[n][0] = dk[n][1] = dk[n][2] = dk[n][3] = dv[n][0] = dv[n][1] = dv[n][2] = dv[n][3] = 0;
    walk_settle(w, x, s, b); /* a tile always exists: the queries at the keys' own positions */
    tile_load<D, TILE, THREADS>(sh->k, x.qk + at.k + k0 * at.qk_row, at.qk_row, left);
    tile_load<D, TILE, THREADS>(sh->v, x.qkv + at.v + k0 * at.qkv_row, at.qkv_row, left);
    load_queries<D>(sh, 0, w, x, s, b);
    cp_async_commit();
    cp_async_wait<0>();
    __syncthreads();
    for (int stage = 0; w.head < w.heads; stage ^= 1) {
        struct walk next = w;
        next.q0 += BQ;
        walk_settle(next, x, s, b);
        if (next.head < next.heads)
            load_queries<D>(sh, stage ^ 1, next, x, s, b);
        cp_async_commit();
        if (w.q0 + BQ > k0 + mine) { /* otherwise no query of the tile sees a key of the warp */
            float p[N][4], ds[N][4];
            product_tiles<D, N>(p, sh->k, mine, sh->q[stage]);
            if (x.first)
                mask<D>(p, x.first + (size_t)b * s.T + w.q0, s.T - w.q0, k0 + mine);
            product_tiles<D, N>(ds, sh->v, mine, sh->dout[stage]);
            probabilities<D>(p, ds, sh, stage, w.q0, k0 + mine, x.scale);
            add_product<D, N>(dv, p, sh->dout[stage]);
            add_product<D, N>(dk, ds, sh->q[stage]);
        }
        cp_async_wait<0>();
        __syncthreads();
        w = next;
    }
    store_rows<D>(dqk + at.k + (size_t)(k0 + mine) * at.qk_row, at.qk_row, left - mine, sh->k, mine, dk,
                  x.scale, x.scale);
    store_rows<D>(dqkv + at.v + (size_t)(k0 + mine) * at.qkv_row, at.qkv_row, left - mine, sh->v, mine, dv, 1,
                  1);
}

template <int D>
static void backward(cudaStream_t st, bf16 *dqk, bf16 *dqkv, struct operands x, struct attention_shape s)
{
    allow_shared(dq_kernel<D>, sizeof(struct query_tiles<D>));
    allow_shared(dkv_kernel<D>, sizeof(struct key_tiles<D>));
    LAUNCH(dq_kernel<D>, attention_grid(s, s.H, TILE), THREADS, sizeof(struct query_tiles<D>), st, dqk, x, s);
    LAUNCH(dkv_kernel<D>, attention_grid(s, s.Hkv, TILE), THREADS, sizeof(struct key_tiles<D>), st, dqk, dqkv,
           x, s);
}

size_t cuda_attention_backward_scratch(struct attention_shape s)
{
    return attention_delta_bytes(s) + (size_t)s.B * s.H * ceil_div(s.T, TILE) * sizeof(int);
}

void cuda_attention_backward(cudaStream_t st, enum dtype act, void *dqk, void *dqkv, const void *dout,
                             const void *out, const float *lse, const struct attention *in, void *scratch)
{
    struct attention_shape s = in->s;
    if (!attention_tensor(act, s) || !aligned16(dqk, dqkv, dout, out, in->qk, in->qkv)) {
        attention_plain_backward(st, act, dqk, dqkv, dout, out, lse, in->qk, in->qkv, in->first, s, scratch);
        return;
    }
    struct operands x = {(const bf16 *)dout,
                         (const bf16 *)out,
                         (const bf16 *)in->qk,
                         (const bf16 *)in->qkv,
                         lse,
                         in->first,
                         (float *)scratch,
                         (int *)((char *)scratch + attention_delta_bytes(s)),
                         1.0f / sqrtf((float)s.D)};
    if (s.D == 64)
        backward<64>(st, (bf16 *)dqk, (bf16 *)dqkv, x, s);
    else
        backward<128>(st, (bf16 *)dqk, (bf16 *)dqkv, x, s);
}
