/*
 * rows.c - embedding, linear layer of one row, RMSNorm, q/k norm and RoPE
 */
#include "tests/cuda/gpu/cuda.h"

/* dW, against sums of a few thousand equal rows: f32 in another order */
static void embedding_with(struct array ids, struct array dx, int N, int C, int V)
{
    struct array dW = f32_new((size_t)V * (size_t)C, 1);
    cpu->embedding_backward(cpu_device, dW.host, dx.host, ids.host, N, C, V);
    cuda_embedding_backward(NULL, act, dW.device, dx.device, ids.device, N, C, V,
                            scratch_new(cuda_embedding_backward_scratch(N, C)));
    array_check("dW", dW, 1e-5, 1e-5);
}

void test_embedding(void)
{
    int N = shape->B * shape->T, C = shape->C, V = shape->V;
    size_t n = (size_t)N * (size_t)C;
    test_start("embedding");
    struct array W = act_new((size_t)V * (size_t)C, 1), x = act_new(n, 1), ids = ids_new((size_t)N, V);
    for (int i = 0; i < N; i++)
        if (below(2)) /* one id often */
            ((int32_t *)ids.host)[i] = V / 2;
    array_send(ids);
    cpu->embedding_forward(cpu_device, x.host, W.host, ids.host, N, C);
    cuda_embedding_forward(NULL, act, x.device, W.device, ids.device, N, C);
    array_check("x", x, 0, 0);
    embedding_with(ids, x, N, C, V);
    struct array same = ids_new((size_t)N, 1);
    embedding_with(same, x, N, C, V);
    test_end();
}

static void gemv(int I, int O)
{
    struct array W = act_new((size_t)O * (size_t)I, 1), x = act_new((size_t)I, 1), y = act_new((size_t)O, 1);
    cpu->linear_forward(cpu_device, y.host, x.host, W.host, 1, I, O);
    cuda_gemv(NULL, act, y.device, W.device, x.device, I, O);
    array_check("y", y, 0, 1e-5);
    test_end();
}

void test_gemv(void)
{
    test_start("gemv");
    gemv(shape->C, 2 * shape->F);
    gemv(shape->F, shape->C);
    gemv(shape->C, shape->V);
}

void test_rmsnorm(void)
{
    int N = shape->B * shape->T, C = shape->C;
    size_t n = (size_t)N * (size_t)C;
    test_start("rmsnorm");
    struct array x = act_new(n, 2), delta = act_new(n, 1), g = f32_new((size_t)C, 2), sum = act_new(n, 1);
    struct array y = act_new(n, 1), rstd = f32_new((size_t)N, 1), dx = act_new(n, 1),
                 dg = f32_new((size_t)C, 1);
    cpu->rmsnorm_forward(cpu_device, y.host, rstd.host, NULL, x.host, NULL, g.host, N, C, 1e-6f);
    cuda_rmsnorm_forward(NULL, act, y.device, rstd.device, NULL, x.device, NULL, g.device, N, C, 1e-6f);
    array_check("y", y, 0, 1e-6);
    array_check("rstd", rstd, 0, 1e-6);
    cpu->rmsnorm_forward(cpu_device, y.host, rstd.host, sum.host, x.host, delta.host, g.host, N, C, 1e-6f);
    cuda_rmsnorm_forward(NULL, act, y.device, rstd.device, sum.device, x.device, delta.device, g.device, N, C,
                         1e-6f);
    array_check("y", y, 0, 1e-6);
    array_check("sum", sum, 0, 1e-7);
    array_check("rstd", rstd, 0, 1e-6);
    cpu->rmsnorm_forward(cpu_device, y.host, rstd.host, x.host, x.host, delta.host, g.host, N, C, 1e-6f);
    cuda_rmsnorm_forward(NULL, act, y.device, rstd.device, x.device, x.device, delta.device, g.device, N, C,
                         1e-6f);
    array_check("sum in place of x", x, 0, 1e-7);
    array_send(y); /* backward begins from equal bits */
    array_send(sum);
    array_send(rstd);
    for (int accumulate = 1; accumulate >= 0; accumulate--) {
        cpu->rmsnorm_backward(cpu_device, dx.host, dg.host, y.host, sum.host, g.host, rstd.host, N, C,
                              accumulate);
        cuda_rmsnorm_backward(NULL, act, dx.device, dg.device, y.device, sum.device, g.device, rstd.device, N,
                              C, accumulate, scratch_new(cuda_rmsnorm_backward_scratch(N, C)));
        array_check("dx", dx, 0, 1e-5);
        array_check("dg", dg, 1e-5, 1e-5);
        array_send(dx); /* to which the next time adds */
    }
    test_end();
}

void test_qk_norm_rope(void)
{
    int N = shape->B * shape->T, H = shape->H, Hkv = shape->Hkv, D = shape->D, T = shape->T + 7;
    size_t width = (size_t)(H + 2 * Hkv) * (size_t)D, heads = (size_t)(H + Hkv);
    test_start("qk_norm_rope");
    struct array qkv = act_new((size_t)N * width, 2), qk = act_new((size_t)N * heads * (size_t)D, 1);
    struct array rstd = f32_new((size_t)N * heads, 1), gq = f32_new((size_t)D, 2), gk = f32_new((size_t)D, 2);
    struct array rope = f32_new((size_t)T * (size_t)D, 1), positions = ids_new((size_t)N, T);
    struct array dqkv = act_new((size_t)N * width, 1), dgq = f32_new((size_t)D, 1),
                 dgk = f32_new((size_t)D, 1);
    struct qk_norm_rope host = {qkv.host, gq.host, gk.host, rope.host, positions.host, N, H, Hkv, D};
    struct qk_norm_rope device = {qkv.device, gq.device, gk.device, rope.device, positions.device, N,
                                  H,          Hkv,       D};
    cpu->qk_norm_rope_forward(cpu_device, qk.host, rstd.host, &host, 1e-6f);
    cuda_qk_norm_rope_forward(NULL, act, qk.device, rstd.device, &device, 1e-6f);
    array_check("qk", qk, 0, 1e-6);
    array_check("rstd", rstd, 0, 1e-6);
    array_send(qk); /* backward begins from equal bits */
    array_send(rstd);
    for (int accumulate = 1; accumulate >= 0; accumulate--) {
        cpu->qk_norm_rope_backward(cpu_device, dqkv.host, dgq.host, dgk.host, qk.host, rstd.host, &host,
                                   accumulate);
        cuda_qk_norm_rope_backward(NULL, act, dqkv.device, dgq.device, dgk.device, qk.device, rstd.device,
                                   &device, accumulate,
                                   scratch_new(cuda_qk_norm_rope_backward_scratch(N, H, Hkv, D)));
        array_check("dqkv", dqkv, 0, 1e-5);
        array_check("dgq", dgq, 1e-5, 1e-5);
        array_check("dgk", dgk, 1e-5, 1e-5);
    }
    host.gq = host.gk = device.gq = device.gk = NULL; /* the rotation alone */
    cpu->qk_norm_rope_forward(cpu_device, qk.host, NULL, &host, 1e-6f);
    cuda_qk_norm_rope_forward(NULL, act, qk.device, NULL, &device, 1e-6f);
    array_check("qk, no norm", qk, 0, 1e-6);
    array_send(qk);
    cpu->qk_norm_rope_backward(cpu_device, dqkv.host, NULL, NULL, qk.host, NULL, &host, false);
    cuda_qk_norm_rope_backward(NULL, act, dqkv.device, NULL, NULL, qk.device, NULL, &device, false, NULL);
    array_check("dqkv, no norm", dqkv, 0, 1e-6);
    test_end();
}

void test_bias(void)
{
    int N = shape->B * shape->T, O = shape->F;
    test_start("bias");
    struct array y = act_new((size_t)N * (size_t)O, 1), b = f32_new((size_t)O, 1), db = f32_new((size_t)O, 1);
    cpu->bias_forward(cpu_device, y.host, b.host, N, O);
    cuda_bias_forward(NULL, act, y.device, b.device, N, O);
    array_check("y", y, 0, 1e-7);
    array_send(y);
    for (int accumulate = 1; accumulate >= 0; accumulate--) {
        cpu->bias_backward(cpu_device, db.host, y.host, N, O, accumulate);
        cuda_bias_backward(NULL, act, db.device, y.device, N, O, accumulate);
        array_check("db", db, 1e-5, 1e-5);
    }
    test_end();
}
