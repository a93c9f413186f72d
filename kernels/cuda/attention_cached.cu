/*
 * attention_cached.cu - attention of a few new tokens over cached keys and values, for generation
 *
 * Mapping  a block handles a token, a key/value head and one of `splits` pieces of its keys; it reads each
 *          cached row once for two query heads of the group. Its warps take keys in turn, as in
 *          attention_plain.cu, and their results are joined through shared memory; a second kernel joins the
 *          pieces, in order.
 * Numerics f32, one rounding at the store.
 * Cost     bound by memory: reads the cache once.
 * Oracle   kernels/cpu/attention_cached.c
 * Source   Dao, Haziza, Massa, Sizov 2023, "Flash-Decoding": the keys are split
 */
#include "kernels/cuda/attention_lanes.cuh"

enum { THREADS = 128, WARPS = THREADS / WARP, MAX_D = CUDA_WIDEST_HEAD };
static const size_t piece_keys = 64, max_splits = 128, enough_blocks = 2048;

struct cache {
    int n, past, H, Hkv, D, splits;
    const int32_t *past_at;
    float scale;
};

/* Into how many pieces a token's keys are split: as many as keep the GPU busy, with at least piece_keys keys
 * each. */
static int splits_of(int n, int past, int Hkv)
{
    size_t by_length = ceil_div((size_t)past + n, piece_keys),
           by_blocks = ceil_div(enough_blocks, (size_t)n * Hkv);
    size_t least = by_length < by_blocks ? by_length : by_blocks;
    return (int)(least < max_splits ? least : max_splits);
}

/* partial (n, H, splits): for each piece m, l and the D elements of o. */
template <class T, bool wide, int lanes, int queries>
KERNEL(THREADS)
piece_kernel(float *partial, const T *qk, const T *kcache, const T *vcache, struct cache c)
{
    STATIC_SHARED(float, joined, WARPS *(MAX_D + 2));
    int group = c.H / c.Hkv, chunks = (group + queries - 1) / queries, i = blockIdx.z, split = blockIdx.x;
    start_next();
    await_previous();
    int g = blockIdx.y / chunks, h0 = g * group + blockIdx.y % chunks * queries, end_head = (g + 1) * group;
    int keys = (c.past_at ? *c.past_at : c.past) + i + 1, piece = (keys + c.splits - 1) / c.splits;
    int begin = split * piece, end = begin + piece < keys ? begin + piece : keys, warp = threadIdx.x / WARP;
    size_t stride = (size_t)c.Hkv * c.D, head = (size_t)g * c.D;
    struct share share = share_of<lanes>(c.D);
    struct running r[queries];
    float q[queries][VEC], k[VEC], v[VEC];
#pragma unroll
    for (int t = 0; t < queries; t++) {
        int h = h0 + t < end_head ? h0 + t : h0;
        r[t] = {-INFINITY, 0, {}};
        get_share<wide>(q[t], qk + ((size_t)i * (c.H + c.Hkv) + h) * c.D, share);
    }
    for (int j0 = begin + warp * (WARP / lanes); j0 < end; j0 += WARPS * (WARP / lanes)) {
        int j = j0 + share.group;
        bool sees = j < end;
        get_share<wide>(k, kcache + (sees ? j : j0) * stride + head, share);
        get_share<wide>(v, vcache + (sees ? j : j0) * stride + head, share);
#pragma unroll
        for (int t = 0; t < queries; t++) {
            float s = dot_share<lanes>(q[t], k) * c.scale;
            running_add(r[t], sees ? s : -INFINITY, v);
        }
    }
#pragma unroll
    for (int t = 0; t < queries; t++) {
        running_join<lanes>(r[t]);
        float *mine = joined + warp * (MAX_D + 2);
        __syncthreads(); /* the previous head may still be using shared memory */
        if (threadIdx.x % WARP == 0) {
            mine[0] = r[t].m;
            mine[1] = r[t].l;
        }
        if (share.group == 0)
            put_some<false>(mine + 2 + share.at, r[t].o, share.left);
        __syncthreads();
        float m = -INFINITY, l = 0;
        for (int w = 0; w < WARPS; w++)
            m = fmaxf(m, joined[w * (MAX_D + 2)]);
        float base = m == -INFINITY ? 0 : m;
        for (int w = 0; w < WARPS; w++)
            l += joined[w * (MAX_D + 2) + 1] * expf(joined[w * (MAX_D + 2)] - base);
        float *to = partial + (((size_t)i * c.H + h0 + t) * c.splits + split) * (c.D + 2);
        for (int d = threadIdx.x; d < c.D && h0 + t < end_head; d += THREADS) {
            float o = 0;
            for (int w = 0; w < WARPS; w++)
                o += joined[w * (MAX_D + 2) + 2 + d] * expf(joined[w * (MAX_D + 2)] - base);
            to[2 + d] = o;
        }
        if (threadIdx.x == 0 && h0 + t < end_head) {
            to[0] = m;
            to[1] = l;
        }
    }
}

/* One block for each token and head joins the pieces into out. */
template <class T> KERNEL(THREADS) join_kernel(T *out, const float *partial, struct cache c)
{
    const float *from = partial + (size_t)blockIdx.x * c.splits * (c.D + 2);
    start_next();
    await_previous();
    float m = -INFINITY, l = 0;
    for (int p = 0; p < c.splits; p++)
        m = fmaxf(m, from[(size_t)p * (c.D + 2)]);
    for (int p = 0; p < c.splits; p++)
        l += from[(size_t)p * (c.D + 2) + 1] * expf(from[(size_t)p * (c.D + 2)] - m);
    for (int d = threadIdx.x; d < c.D; d += THREADS) {
        float o = 0;
        for (int p = 0; p < c.splits; p++)
            o += from[(size_t)p * (c.D + 2) + 2 + d] * expf(from[(size_t)p * (c.D + 2)] - m);
        put(out + (size_t)blockIdx.x * c.D + d, o / l);
    }
}

template <class T, bool wide, int lanes, int queries>
static void pieces(cudaStream_t st, float *partial, const void *qk, const void *kcache, const void *vcache,
                   struct cache c)
{
    dim3 grid(c.splits, c.Hkv * (unsigned)ceil_div(c.H / c.Hkv, queries), c.n);
    LAUNCH_EARLY(c.n == 1, (piece_kernel<T, wide, lanes, queries>), grid, THREADS, 0, st, partial,
                 (const T *)qk, (const T *)kcache, (const T *)vcache, c);
}

template <class T, bool wide, int lanes>
static void cached(cudaStream_t st, void *out, const void *qk, const void *kcache, const void *vcache,
                   struct cache c, float *partial)
{
    if (c.H == c.Hkv)
        pieces<T, wide, lanes, 1>(st, partial, qk, kcache, vcache, c);
    else
        pieces<T, wide, lanes, 2>(st, partial, qk, kcache, vcache, c);
    LAUNCH_EARLY(c.n == 1, join_kernel<T>, c.n * c.H, THREADS, 0, st, (T *)out, partial, c);
}

size_t cuda_attention_cached_scratch(int n, int past, int H, int Hkv, int D)
{
    return (size_t)n * H * splits_of(n, past, Hkv) * (D + 2) * sizeof(float);
}

void cuda_attention_cached(cudaStream_t st, enum dtype act, void *out, const void *qk, const void *kcache,
                           const void *vcache, int n, int past, const int32_t *past_at, int H, int Hkv, int D,
                           void *scratch)
{
    struct cache c = {n, past, H, Hkv, D, splits_of(n, past, Hkv), past_at, 1.0f / sqrtf((float)D)};
    FOR_LANES(act, D, aligned16(qk, kcache, vcache), cached, st, out, qk, kcache, vcache, c,
              (float *)scratch);
}

/* ---- the cache ---- */

enum { COPY_THREADS = 256 };

template <class T, bool wide>
KERNEL(COPY_THREADS)
append_kernel(T *kcache, T *vcache, const T *qk, const T *qkv, struct cache c)
{
    int width = c.Hkv * c.D, each = (width + VEC - 1) / VEC;
    size_t index = (size_t)blockIdx.x * COPY_THREADS + threadIdx.x, i = index / each;
    int e = (int)(index % each) * VEC;
    start_next();
    await_previous();
    if (i >= (size_t)c.n)
        return;
    float x[VEC];
    size_t row = (size_t)(c.past_at ? *c.past_at : c.past) + i, keys = (size_t)c.H * c.D,
           values = keys + width;
    get_some<wide>(x, qk + i * values + keys + e, width - e);
    put_some<wide>(kcache + row * width + e, x, width - e);
    get_some<wide>(x, qkv + i * (values + width) + values + e, width - e);
    put_some<wide>(vcache + row * width + e, x, width - e);
}

template <class T, bool wide>
static void append(cudaStream_t st, void *kcache, void *vcache, const void *qk, const void *qkv,
                   struct cache c)
{
    LAUNCH_EARLY(c.n == 1, (append_kernel<T, wide>),
                 (unsigned)ceil_div((size_t)c.n * ceil_div(c.Hkv * c.D, VEC), COPY_THREADS), COPY_THREADS, 0,
                 st, (T *)kcache, (T *)vcache, (const T *)qk, (const T *)qkv, c);
}

void cuda_kv_append(cudaStream_t st, enum dtype act, void *kcache, void *vcache, const void *qk,
                    const void *qkv, int n, int past, const int32_t *past_at, int H, int Hkv, int D)
{
    struct cache c = {n, past, H, Hkv, D, 0, past_at, 0};
    FOR_ACT(act, D % VEC == 0 && aligned16(kcache, vcache, qk, qkv), append, st, kcache, vcache, qk, qkv, c);
}
