/*
 * attention_plain.cu - causal attention without tensor cores: for f32, other head widths and odd alignment
 *
 * Formulas: attention.cu, attention_backward.cu.
 * Mapping  a warp handles one query (forward, dq) or one key (dk, dv: over the heads of its group, so that
 *          every sum has one owner). A group of `lanes` lanes holds one row, VEC elements a lane; the warp's
 *          groups take keys in turn and join at the end, in a fixed order.
 * Needs    D <= CUDA_WIDEST_HEAD.
 * Numerics f32, one rounding at the store.
 * Oracle   kernels/cpu/attention.c, attention_backward.c
 */
#include "kernels/cuda/attention_lanes.cuh"

enum { THREADS = 128, WARPS = THREADS / WARP };

struct tensors {
    const void *dout, *out, *qk, *qkv;
    float *lse, *delta;
    const int32_t *first;
    float scale;
};

template <class T, bool wide, int lanes>
KERNEL(THREADS)
forward_kernel(T *out, struct tensors x, struct attention_shape s)
{
    int b = blockIdx.z, h = blockIdx.y, i = (gridDim.x - 1 - blockIdx.x) * WARPS + threadIdx.x / WARP;
    if (i >= s.T)
        return;
    const T *qk = (const T *)x.qk, *qkv = (const T *)x.qkv;
    struct attention_rows at = head_rows(s, b, h, h / (s.H / s.Hkv));
    struct share share = share_of<lanes>(s.D);
    float q[VEC], k[VEC], v[VEC];
    struct running r = {-INFINITY, 0, {}};
    get_share<wide>(q, qk + at.q + i * at.qk_row, share);
    for (int j0 = x.first ? x.first[(size_t)b * s.T + i] : 0; j0 <= i; j0 += WARP / lanes) {
        int j = j0 + share.group;
        bool sees = j <= i;
        get_share<wide>(k, qk + at.k + (sees ? j : i) * at.qk_row, share);
        get_share<wide>(v, qkv + at.v + (sees ? j : i) * at.qkv_row, share);
        float score = dot_share<lanes>(q, k) * x.scale;
        running_add(r, sees ? score : -INFINITY, v);
    }
    running_join<lanes>(r);
#pragma unroll
    for (int e = 0; e < VEC; e++)
        v[e] = r.o[e] / r.l;
    if (share.group == 0)
        put_share<wide>(out + at.out + i * at.out_row, v, share);
    if (threadIdx.x % WARP == 0)
        x.lse[((size_t)b * s.H + h) * s.T + i] = r.m + logf(r.l);
}

/* Sums each element over the warp's groups. */
template <int lanes> DEVICE void join_sums(float (&x)[VEC])
{
#pragma unroll
    for (int e = 0; e < VEC; e++)
        x[e] = groups_sum<lanes>(x[e]);
}

template <class T, bool wide, int lanes>
KERNEL(THREADS)
dq_kernel(T *dqk, struct tensors x, struct attention_shape s)
{
    int b = blockIdx.z, h = blockIdx.y, i = (gridDim.x - 1 - blockIdx.x) * WARPS + threadIdx.x / WARP;
    if (i >= s.T)
        return;
    const T *qk = (const T *)x.qk, *qkv = (const T *)x.qkv;
    struct attention_rows at = head_rows(s, b, h, h / (s.H / s.Hkv));
    struct share share = share_of<lanes>(s.D);
    float q[VEC], k[VEC], v[VEC], dout[VEC], dq[VEC] = {}, lse = x.lse[((size_t)b * s.H + h) * s.T + i];
    get_share<wide>(q, qk + at.q + i * at.qk_row, share);
    get_share<wide>(dout, (const T *)x.dout + at.out + i * at.out_row, share);
    get_share<wide>(v, (const T *)x.out + at.out + i * at.out_row, share);
    float delta = dot_share<lanes>(dout, v);
    for (int j0 = x.first ? x.first[(size_t)b * s.T + i] : 0; j0 <= i; j0 += WARP / lanes) {
        int j = j0 + share.group;
        bool sees = j <= i;
        get_share<wide>(k, qk + at.k + (sees ? j : i) * at.qk_row, share);
        get_share<wide>(v, qkv + at.v + (sees ? j : i) * at.qkv_row, share);
        float p = expf(dot_share<lanes>(q, k) * x.scale - lse), dp = dot_share<lanes>(dout, v);
        float ds = sees ? p * (dp - delta) * x.scale : 0;
#pragma unroll
        for (int e = 0; e < VEC; e++)
            dq[e] += ds * k[e];
    }
    join_sums<lanes>(dq);
    if (share.group == 0)
        put_share<wide>(dqk + at.q + i * at.qk_row, dq, share);
    if (threadIdx.x % WARP == 0)
        x.delta[((size_t)b * s.H + h) * s.T + i] = delta;
}

template <class T, bool wide, int lanes>
KERNEL(THREADS)
dkv_kernel(T *dqk, T *dqkv, struct tensors x, struct attention_shape s)
{
    int b = blockIdx.z, g = blockIdx.y, j = blockIdx.x * WARPS + threadIdx.x / WARP, group = s.H / s.Hkv;
    if (j >= s.T)
        return;
    const T *qk = (const T *)x.qk, *qkv = (const T *)x.qkv;
    struct attention_rows at = head_rows(s, b, g * group, g);
    struct share share = share_of<lanes>(s.D);
    float q[VEC], k[VEC], v[VEC], dout[VEC], dk[VEC] = {}, dv[VEC] = {};
    get_share<wide>(k, qk + at.k + j * at.qk_row, share);
    get_share<wide>(v, qkv + at.v + j * at.qkv_row, share);
    for (int h = g * group; h < (g + 1) * group; h++)
        for (int i0 = j; i0 < s.T; i0 += WARP / lanes) {
            int i = i0 + share.group < s.T ? i0 + share.group : j;
            bool sees = i0 + share.group < s.T && (!x.first || x.first[(size_t)b * s.T + i] <= j);
            size_t at_query = ((size_t)b * s.H + h) * s.T + i, shift = (size_t)(h - g * group) * s.D;
            get_share<wide>(q, qk + at.q + shift + i * at.qk_row, share);
            get_share<wide>(dout, (const T *)x.dout + at.out + shift + i * at.out_row, share);
            float p = expf(dot_share<lanes>(q, k) * x.scale - x.lse[at_query]),
                  dp = dot_share<lanes>(dout, v);
            float ds = sees ? p * (dp - x.delta[at_query]) * x.scale : 0;
            p = sees ? p : 0;
#pragma unroll
            for (int e = 0; e < VEC; e++) {
                dk[e] += ds * q[e];
                dv[e] += p * dout[e];
            }
        }
    join_sums<lanes>(dk);
    join_sums<lanes>(dv);
    if (share.group == 0) {
        put_share<wide>(dqk + at.k + j * at.qk_row, dk, share);
        put_share<wide>(dqkv + at.v + j * at.qkv_row, dv, share);
    }
}

/* ---- launchers ---- */

template <class T, bool wide, int lanes>
static void forward(cudaStream_t st, void *out, struct tensors x, struct attention_shape s)
{
    LAUNCH((forward_kernel<T, wide, lanes>), attention_grid(s, s.H, WARPS), THREADS, 0, st, (T *)out, x, s);
}

template <class T, bool wide, int lanes>
static void backward(cudaStream_t st, void *dqk, void *dqkv, struct tensors x, struct attention_shape s)
{
    LAUNCH((dq_kernel<T, wide, lanes>), attention_grid(s, s.H, WARPS), THREADS, 0, st, (T *)dqk, x, s);
    LAUNCH((dkv_kernel<T, wide, lanes>), attention_grid(s, s.Hkv, WARPS), THREADS, 0, st, (T *)dqk, (T *)dqkv,
           x, s);
}

void attention_plain_forward(cudaStream_t st, enum dtype act, void *out, float *lse, const void *qk,
                             const void *qkv, const int32_t *first, struct attention_shape s)
{
    struct tensors x = {NULL, NULL, qk, qkv, lse, NULL, first, 1.0f / sqrtf((float)s.D)};
    FOR_LANES(act, s.D, aligned16(out, qk, qkv), forward, st, out, x, s);
}

void attention_plain_backward(cudaStream_t st, enum dtype act, void *dqk, void *dqkv, const void *dout,
                              const void *out, const float *lse, const void *qk, const void *qkv,
                              const int32_t *first, struct attention_shape s, void *scratch)
{
    struct tensors x = {dout, out, qk, qkv, (float *)lse, (float *)scratch, first, 1.0f / sqrtf((float)s.D)};
    FOR_LANES(act, s.D, aligned16(dqk, dqkv, dout, out, qk, qkv), backward, st, dqk, dqkv, x, s);
}
