/*
 * attention.c - attention, forward, backward and over a cache
 */
#include "tests/cuda/gpu/cuda.h"

/* Index of the first token of its document, for each token; array of int32_t */
static struct array documents_new(void)
{
    struct array first = ids_new((size_t)(shape->B * shape->T), 1);
    int32_t *p = first.host;
    for (int i = 0; i < shape->B * shape->T; i++)
        p[i] = i % shape->T == 0 ? 0 : below(shape->document) == 0 ? i % shape->T : p[i - 1];
    array_send(first);
    return first;
}

/* kernels/README.md, twice: both sides round p and ds to bf16, at other places */
static double forward_slack(void)
{
    return act == DTYPE_BF16 ? 5e-3 : 2e-5;
}

static double backward_slack(void)
{
    return act == DTYPE_BF16 ? 2e-2 : 2e-5;
}

void test_attention(void)
{
    struct attention_shape s = {shape->B, shape->T, shape->H, shape->Hkv, shape->D};
    size_t N = (size_t)(s.B * s.T), qk_row = (size_t)((s.H + s.Hkv) * s.D),
           qkv_row = qk_row + (size_t)(s.Hkv * s.D);
    size_t out_row = (size_t)(s.H * s.D);
    test_start("attention");
    struct array qk = act_new(N * qk_row, 1.5), qkv = act_new(N * qkv_row, 1), out = act_new(N * out_row, 1);
    struct array lse = f32_new(N * (size_t)s.H, 1), dout = act_new(N * out_row, 1), first = {0};
    struct array dqk = act_new(N * qk_row, 1), dqkv = act_new(N * qkv_row, 1);
    if (shape->document)
        first = documents_new();
    struct attention host = {qk.host, qkv.host, first.host, s};
    struct attention device = {qk.device, qkv.device, first.device, s};
    cpu->attention_forward(cpu_device, out.host, lse.host, &host);
    cuda_attention_forward(NULL, act, out.device, lse.device, &device);
    array_check("out", out, 0, forward_slack());
    array_check("lse", lse, 0, 1e-5);
    array_send(out); /* backward begins from equal bits */
    array_send(lse);
    cpu->attention_backward(cpu_device, dqk.host, dqkv.host, dout.host, out.host, lse.host, &host);
    cuda_attention_backward(NULL, act, dqk.device, dqkv.device, dout.device, out.device, lse.device, &device,
                            scratch_new(cuda_attention_backward_scratch(s)));
    array_check("dqk", dqk, 0, backward_slack());
    array_check("dqkv", dqkv, 0, backward_slack());
    test_end();
}

/* n new tokens after `past`; at: the kernels read the number from device memory */
static void cached(int n, int past, bool at)
{
    int H = shape->H, Hkv = shape->Hkv, D = shape->D, most = shape->T;
    size_t width = (size_t)(Hkv * D), qk_row = (size_t)(H * D) + width;
    struct array k = act_new((size_t)most * width, 1), v = act_new((size_t)most * width, 1);
    struct array qk = act_new((size_t)n * qk_row, 1.5), qkv = act_new((size_t)n * (qk_row + width), 1);
    struct array out = act_new((size_t)(n * H * D), 1), where = ids_new(1, 1);
    *(int32_t *)where.host = past;
    array_send(where);
    const int32_t *past_at = at ? where.device : NULL;
    int bound = at ? most - n : past;
    cpu->kv_append(cpu_device, k.host, v.host, qk.host, qkv.host, n, bound, at ? where.host : NULL, H, Hkv,
                   D);
    cuda_kv_append(NULL, act, k.device, v.device, qk.device, qkv.device, n, bound, past_at, H, Hkv, D);
    array_check("kcache", k, 0, 0);
    array_check("vcache", v, 0, 0);
    cpu->attention_cached(cpu_device, out.host, qk.host, k.host, v.host, n, bound, at ? where.host : NULL, H,
                          Hkv, D);
    cuda_attention_cached(NULL, act, out.device, qk.device, k.device, v.device, n, bound, past_at, H, Hkv, D,
                          scratch_new(cuda_attention_cached_scratch(n, bound, H, Hkv, D)));
    array_check("out", out, 0, 1e-5);
}

void test_cached(void)
{
    int T = shape->T, n = T < 9 ? (T + 1) / 2 : 5;
    test_start("attention_cached");
    cached(n, 0, false);
    cached(1, T - 1, false);
    cached(1, T / 3, true);
    cached(n, T - n, false);
    test_end();
}
