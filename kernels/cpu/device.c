/*
 * device.c - opening the CPU, its memory and scratch
 */
#include "kernels/cpu/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

/* Where a lower level than the machine's was asked for, oneDNN must not use wider instructions either. Only
 * the first device of a process can set this; the library refuses later calls, which is harmless. */
static void limit_onednn(void)
{
#if VL == 8
    dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
#elif VL == 4
    dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41);
#endif
}

/* Whether the CPU multiplies bf16 itself and, with `fast`, no slower than f32. Intel's cores from Sapphire
 * Rapids on (recognised by AVX-512 fp16) multiply bf16 efficiently only by AMX; where a virtual machine hides
 * AMX, a step of nano in bf16 takes 1.5 times as long as in f32 (Emerald Rapids). This is a rule and not a
 * measurement at start, because equal machines must give equal bits. */
static bool multiplies_bf16(bool fast)
{
    int isa = dnnl_get_effective_cpu_isa();
    if ((isa & dnnl_cpu_isa_avx512_core_bf16) != dnnl_cpu_isa_avx512_core_bf16)
        return false;
    bool amx = (isa & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx;
    return !fast || amx || !__builtin_cpu_is("intel") || !__builtin_cpu_supports("avx512fp16");
}

enum dtype device_fastest_act(void)
{
    limit_onednn();
    return multiplies_bf16(true) ? DTYPE_BF16 : DTYPE_F32;
}

static void describe(struct device *dev)
{
    const dnnl_version_t *v = dnnl_version();
    int isa = dnnl_get_effective_cpu_isa();
    const char *wide = isa & 0x200 ? "AMX" : isa & 0x20 ? "AVX-512" : isa & 4 ? "AVX2" : "SSE4.1";
    const char *type = dev->act == DTYPE_F32 ? "f32" : dev->bf16_products ? "bf16" : "bf16 as f32";
    snprintf(dev->text, sizeof dev->text, "%d thread%s, %s %s (oneDNN %d.%d)", dev->threads,
             dev->threads == 1 ? "" : "s", wide, type, v->major, v->minor);
}

/* How many threads there are when so many are asked for: OpenMP's settings (OMP_THREAD_LIMIT) may leave
 * fewer. What is shared out among all of them, by oneDNN as well, would then be done in part. */
static int team_of(int threads)
{
    int n = 1;
    omp_set_dynamic(0);
#pragma omp parallel num_threads(threads)
#pragma omp single
    n = omp_get_num_threads();
    return n;
}

struct device *device_open(enum dtype act, int threads, char *err, size_t cap)
{
    int team = team_of(threads > 0 ? threads : omp_get_num_procs());
    if (team < threads) {
        snprintf(err, cap, "%d threads were asked for, OpenMP's settings allow %d (OMP_THREAD_LIMIT)",
                 threads, team);
        return NULL;
    }
    struct device *dev = calloc(1, sizeof *dev);
    if (!dev) {
        snprintf(err, cap, "no memory for the CPU backend");
        return NULL;
    }
    dev->room =
        mmap(NULL, DEVICE_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (dev->room == MAP_FAILED) {
        snprintf(err, cap, "no memory for matrix products: oneDNN is given %d MB", DEVICE_ROOM >> 20);
        free(dev);
        return NULL;
    }
    limit_onednn();
    dev->act = act;
    dev->threads = team;
    dev->bf16_products = multiplies_bf16(false);
    dev->bf16_dot = VL == 16 && dev->bf16_products && __builtin_cpu_supports("avx512bf16");
    dev->own_products = !__builtin_cpu_is("intel"); /* not measured there; AMX is oneDNN's */
    dev->matmuls = matmul_cache_new();
    omp_set_num_threads(dev->threads);
    if (!dev->matmuls || dnnl_engine_create(&dev->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&dev->stream, dev->engine, dnnl_stream_default_flags) != dnnl_success) {
        snprintf(err, cap, "oneDNN does not start on this CPU");
        device_close(dev);
        return NULL;
    }
    describe(dev);
    return dev;
}

void device_close(struct device *dev)
{
    if (!dev)
        return;
    matmul_cache_free(dev->matmuls);
    if (dev->stream)
        dnnl_stream_destroy(dev->stream);
    if (dev->engine)
        dnnl_engine_destroy(dev->engine);
    for (int i = 0; i < SCRATCH_SLOTS; i++)
        free(dev->scratch[i].p);
    device_room_release(dev);
    free(dev);
}

const char *device_describe(struct device *dev)
{
    return dev->text;
}

/* Large arrays are laid on huge pages where the system has some: reading weights is then up to 1.7 times as
 * fast (kernels/README.md), and they are zeroed with fewer page faults. */
static void *aligned(size_t bytes)
{
    const size_t huge = 2 << 20, alignment = bytes >= 4 * huge ? huge : 64;
    if (bytes > SIZE_MAX - huge)
        return NULL;
    /* aligned_alloc requires a size that is a multiple of the alignment */
    void *p = aligned_alloc(alignment, bytes ? (bytes + alignment - 1) / alignment * alignment : alignment);
    if (p && alignment == huge)
        madvise(p, bytes / huge * huge, MADV_HUGEPAGE);
    return p;
}

void *device_alloc(struct device *dev, size_t bytes)
{
    void *p = aligned(bytes);
    if (p)
        device_zero(dev, p, bytes);
    return p;
}

void device_free(struct device *dev, void *p)
{
    (void)dev;
    free(p);
}

void device_move(struct device *dev, void *dst, const void *src, size_t bytes)
{
    (void)dev;
    if (bytes && dst != src)
        memcpy(dst, src, bytes);
}

/* Large arrays are zeroed in parallel, so that each page is first touched by the thread that will use it. */
void device_zero(struct device *dev, void *p, size_t bytes)
{
    const size_t chunk = 1 << 20;
    int chunks = (int)((bytes + chunk - 1) / chunk);
#pragma omp parallel for num_threads(dev->threads) schedule(static) if (chunks > 1)
    for (int i = 0; i < chunks; i++) {
        size_t at = i * chunk, left = bytes - at;
        memset((char *)p + at, 0, left < chunk ? left : chunk);
    }
}

void device_sync(struct device *dev)
{
    (void)dev; /* nothing to wait for: every op has finished when it returns */
}

const char *device_error(struct device *dev)
{
    (void)dev;
    return NULL;
}

size_t device_memory(struct device *dev, size_t *total)
{
    (void)dev;
    *total = 0;
    return 0;
}

bool device_sensors(struct device *dev, struct sensors *out)
{
    (void)dev;
    (void)out;
    return false;
}

int device_no_fp8(struct device *dev, char *err, size_t cap)
{
    (void)dev;
    snprintf(err, cap, "fp8 products need an NVIDIA GPU of compute capability 9.0 or higher");
    return -1;
}

int device_no_cudnn(struct device *dev, struct attention_shape s, char *err, size_t cap)
{
    (void)dev;
    (void)s;
    snprintf(err, cap, "cuDNN needs an NVIDIA GPU");
    return -1;
}

double device_nominal_flops(struct device *dev)
{
    (void)dev;
    return 0;
}

/* Calls are cheap on the CPU, so nothing is ever recorded. */
bool device_replay(struct device *dev, uint64_t key)
{
    (void)dev;
    (void)key;
    return false;
}

bool device_recorded(struct device *dev)
{
    (void)dev;
    return true;
}

void device_room_release(struct device *dev)
{
    if (dev->room)
        munmap(dev->room, DEVICE_ROOM);
    dev->room = NULL;
}

void *device_scratch(struct device *dev, enum scratch_slot slot, size_t bytes)
{
    if (bytes > dev->scratch[slot].bytes) {
        free(dev->scratch[slot].p);
        dev->scratch[slot].p = aligned(bytes);
        dev->scratch[slot].bytes = bytes;
        if (!dev->scratch[slot].p)
            abort();
    }
    return dev->scratch[slot].p;
}

/* Leaves out the partial sums and oneDNN's own scratch, which are small. */
size_t device_scratch_limit(struct device *dev, const struct step_extent *e)
{
    return attention_scratch_bytes(dev, e->s) + linear_scratch_bytes(dev, e);
}

size_t device_scratch_bytes(struct device *dev)
{
    size_t sum = 0;
    for (int i = 0; i < SCRATCH_SLOTS; i++)
        sum += dev->scratch[i].bytes;
    return sum;
}
