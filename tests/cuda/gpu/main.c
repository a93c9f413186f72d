/*
 * main.c - the table, and what all cases share; `cuda_shim_test [--small] [OP...]` runs those tests; --small:
 * not the large shapes
 */
#include "tests/cuda/gpu/cuda.h"
#include "tests/element.h"
#include "tests/random.h"
#include <cuda_runtime_api.h>

/* Only the shim has it. */
extern void shim_order(unsigned seed) __attribute__((weak));

static const struct shape shapes[] = {
    {"smallest", 1, 1, 1, 1, 2, 1, 1, 2, 0, false, false},
    {"odd", 3, 7, 3, 1, 6, 5, 3, 11, 0, false, false},
    {"odd documents", 2, 33, 2, 1, 10, 37, 29, 4001, 5, true, false},
    {"blocks", 2, 64, 2, 1, 16, 32, 64, 64, 0, false, false},
    {"block + 1", 1, 65, 2, 2, 64, 96, 40, 72, 0, false, false},
    {"grouped", 1, 97, 4, 2, 64, 104, 136, 520, 40, false, false},
    {"grouped, misaligned", 1, 35, 4, 2, 64, 104, 136, 520, 11, true, false},
    {"wide heads", 1, 131, 1, 1, 128, 256, 88, 300, 0, false, false},
    {"wide heads, documents", 2, 90, 2, 1, 128, 2056, 88, 304, 30, false, false},
    {"two tiles", 1, 150, 1, 1, 64, 768, 2048, 2200, 90, false, false},
    {"nano", 8, 256, 4, 4, 64, 256, 704, 4096, 0, false, true},
    {"100m", 4, 1024, 12, 12, 64, 768, 2048, 65536, 0, false, true},
    {"100m documents", 2, 2048, 12, 12, 64, 768, 2048, 65536, 300, false, true},
    {"1b", 1, 2048, 16, 8, 128, 2048, 5632, 65536, 0, false, true},
};

enum { MAX_ARRAYS = 64 };

const struct shape *shape;
const struct ops *cpu;
struct device *cpu_device;
enum dtype act;
const char *op;

static struct array arrays[MAX_ARRAYS];
static void *blocks[MAX_ARRAYS];
static int array_count, block_count;
static uint64_t state, digest;
static unsigned long checked;

int below(int n)
{
    return (int)(random_next(&state) % (unsigned)n);
}

static void check_cuda(int error)
{
    CHECK(error == 0, "%s, shape %s: %s", op, shape->name, cudaGetErrorString((cudaError_t)error));
}

void *scratch_new(size_t bytes)
{
    void *p = NULL;
    CHECK(block_count < MAX_ARRAYS, "arrays");
    check_cuda(cudaMalloc(&p, bytes));
    return blocks[block_count++] = p;
}

static struct array array_empty(size_t n, enum dtype t)
{
    size_t bytes = n * dtype_bytes(t), lead = shape->misaligned ? dtype_bytes(t) : 0;
    struct array a = {.n = n, .t = t};
    a.host = calloc(1, bytes + 64);
    a.device = (char *)scratch_new(lead + bytes) + lead;
    CHECK(array_count < MAX_ARRAYS, "arrays");
    return arrays[array_count++] = a;
}

void array_send(struct array a)
{
    check_cuda(cudaMemcpy(a.device, a.host, a.n * dtype_bytes(a.t), cudaMemcpyHostToDevice));
}

struct array array_new(size_t n, enum dtype t, double scale)
{
    struct array a = array_empty(n, t);
    for (size_t i = 0; i < n; i++)
        element_cut(a.host, i, t, (float)(scale * random_uniform(&state)));
    array_send(a);
    return a;
}

struct array act_new(size_t n, double scale)
{
    return array_new(n, act, scale);
}

struct array f32_new(size_t n, double scale)
{
    return array_new(n, DTYPE_F32, scale);
}

struct array ids_new(size_t n, int most)
{
    struct array a = array_empty(n, DTYPE_F32);
    for (size_t i = 0; i < n; i++)
        ((int32_t *)a.host)[i] = below(most);
    array_send(a);
    return a;
}

double array_get(struct array a, size_t i)
{
    return element(a.host, i, a.t);
}

void array_check(const char *what, struct array a, double relative, double absolute)
{
    size_t bytes = a.n * dtype_bytes(a.t);
    void *got = malloc(bytes);
    double largest = 1e-2, least = a.t == DTYPE_BF16 ? 0x1p-7 : 4e-6;
    check_cuda(cudaGetLastError());
    check_cuda(cudaDeviceSynchronize());
    check_cuda(cudaMemcpy(got, a.device, bytes, cudaMemcpyDeviceToHost));
    for (size_t i = 0; i < a.n; i++)
        largest = fmax(largest, fabs(array_get(a, i)));
    for (size_t i = 0; i < a.n; i++) {
        double x = element(got, i, a.t), want = array_get(a, i), bound = fmax(relative, least) * fabs(want);
        CHECK(fabs(x - want) <= bound + absolute * largest,
              "%s, shape %s, %s: %s[%zu] is %.9g, the CPU's is %.9g", op, shape->name,
              act == DTYPE_BF16 ? "bf16" : "f32", what, i, x, want);
    }
    digest_add(&digest, got, bytes);
    checked += a.n;
    free(got);
}

void test_start(const char *name)
{
    op = name;
}

void test_end(void)
{
    for (int i = 0; i < block_count; i++)
        check_cuda(cudaFree(blocks[i]));
    for (int i = 0; i < array_count; i++)
        free(arrays[i].host);
    array_count = block_count = 0;
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    {"vectors", test_vectors},
    {"adamw", test_adamw},
    {"swiglu", test_swiglu},
    {"cross_entropy", test_cross_entropy},
    {"embedding", test_embedding},
    {"gemv", test_gemv},
    {"rmsnorm", test_rmsnorm},
    {"bias", test_bias},
    {"qk_norm_rope", test_qk_norm_rope},
    {"attention", test_attention},
    {"attention_cached", test_cached},
    {"fp8", test_fp8},
};

/* Those named, or all. */
static void run_case(char **names)
{
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        bool wanted = !*names;
        for (char **name = names; *name; name++)
            wanted |= !strcmp(*name, tests[i].name);
        if (wanted)
            tests[i].run();
    }
}

static void run_shape(char **names, int runs)
{
    uint64_t first = 0;
    char err[200];
    cpu_device = cpu->open(act, shape->large ? 0 : 2, err, sizeof err);
    CHECK(cpu_device, "%s", err);
    for (int run = 0; run < runs; run++) {
        state = (uint64_t)(shape - shapes) * 1000;
        digest = DIGEST_START;
        if (shim_order)
            shim_order((unsigned)run);
        run_case(names);
        CHECK(run == 0 || digest == first, "shape %s, %s: run %d gives other bits", shape->name,
              act == DTYPE_BF16 ? "bf16" : "f32", run);
        first = digest;
    }
    cpu->close(cpu_device);
}

int main(int argc, char **argv)
{
    size_t n = sizeof shapes / sizeof *shapes, left_out = 0;
    bool small = argc > 1 && !strcmp(argv[1], "--small"); /* compute-sanitizer is slow */
    void *p;
    test_begin(280);
    setenv("OMP_WAIT_POLICY", "passive", 0);
    if (!shim_order && cudaMalloc(&p, 256) != cudaSuccess)
        SKIP("no GPU: %s", cudaGetErrorString(cudaGetLastError()));
    cpu = ops_cpu();
    for (shape = shapes; shape < shapes + n; shape++) {
        if (shape->large && (shim_order || small)) {
            left_out++;
            continue;
        }
        for (int type = 0; type < 2; type++) {
            act = type ? DTYPE_BF16 : DTYPE_F32;
            run_shape(argv + (argc > 0) + small, shape->T < 70 ? 3 : 2);
        }
    }
    printf("%zu shapes, %lu values checked; %zu large shapes left out\n", n - left_out, checked, left_out);
    return 0;
}
