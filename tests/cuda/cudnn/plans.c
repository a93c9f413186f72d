/*
 * plans - cuDNN's plans for the attention of training, compiled for GPUs that are only described: no GPU is
 * needed
 *
 * What cannot be compiled is told, and the exit status 1; 77: there is no cuDNN, or an old one. Run by
 * tests/cli/cudnn_plans.sh, which has a driver for it.
 */
#include <stdio.h>
#include <string.h>

#include "kernels/cuda/cudnn_attention.h"

#if __has_include(<cudnn.h>)
#include <cudnn.h>
#define SAME(name, number)                                                                                   \
    _Static_assert((int)CUDNN_##name == number, "cudnn.h has another number for " #name);
CUDNN_NUMBERS(SAME)
_Static_assert(sizeof(cudnnBackendDescriptor_t) == sizeof(void *) && sizeof(cudnnStatus_t) == sizeof(int) &&
                   sizeof(cudnnDataType_t) == sizeof(int) && sizeof(cudnnPointwiseMode_t) == sizeof(int) &&
                   sizeof(cudnnReduceTensorOp_t) == sizeof(int) &&
                   sizeof(cudnnBackendHeurMode_t) == sizeof(int),
               "cudnn.h has other types");
#endif

/* The properties of GPUs that differ and that cuDNN asks for, named as in its own descriptions. */
static const struct gpu_kind {
    int capability, processors, shared,
        threads; /* shared memory of a block, threads of a processor, at most */
} kinds[] = {
    {800, 108, 166912, 2048}, {900, 132, 232448, 2048}, {1000, 148, 232448, 2048}, {1200, 84, 101376, 1536}};

static const struct attention_shape shapes[] = {
    {.B = 8, .T = 1024, .H = 12, .Hkv = 12, .D = 64}, /* 100m */
    {.B = 4, .T = 2048, .H = 16, .Hkv = 8, .D = 128}, /* 1b */
};

static void describe(char *text, size_t cap, const struct gpu_kind *k)
{
    snprintf(
        text, cap,
        "{\"maxGridSize\":[2147483647,65535,65535],\"maxBlockSize\":[1024,1024,64],\"regsPerBlock\":65536,"
        "\"multiProcessorCount\":%d,"
        "\"warpSize\":32,\"maxSharedMemoryPerBlock\":49152,\"maxSharedMemoryPerBlockOptin\":%d,"
        "\"reservedSharedMemoryPerBlock\":1024,"
        "\"maxRegistersPerSM\":65536,\"maxCtasPerSM\":24,\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":%d,"
        "\"pciDeviceId\":0,"
        "\"isTccDriver\":0,\"supportCoopLaunch\":1,\"totalGlobalMem\":17179869184,\"smClockRateKHz\":1800000,"
        "\"memClockRateKHz\":2600000,\"l2CacheSize\":52428800,\"cudaDeviceId\":0,\"deviceVer\":%d,"
        "\"driverVer\":13000,"
        "\"deviceName\":\"described\"}",
        k->processors, k->shared, k->threads, k->capability);
}

static bool compiles(const struct cudnn *lib, const struct gpu_kind *k, struct attention_shape s,
                     bool backward)
{
    char json[1024], err[512];
    struct cudnn_graph g;
    describe(json, sizeof json, k);
    int status =
        cudnn_attention_compile(&g, lib, (struct cudnn_target){.json = json}, s, backward, err, sizeof err);
    printf("sm_%d, %d of %d heads of %d, %d x %d, %s: ", k->capability / 10, s.Hkv, s.H, s.D, s.B, s.T,
           backward ? "backward" : "forward");
    printf(status == 0 ? "%lld bytes of workspace%s\n" : "%.0lld%s\n",
           (long long)(status == 0 ? g.workspace : 0), status == 0 ? "" : err);
    cudnn_graph_end(&g);
    return status == 0;
}

int main(void)
{
    char why[256];
    struct cudnn lib;
    int failed = 0;
    if (cudnn_find(&lib, why, sizeof why) != 0) {
        printf("%s\n", why);
        return 77;
    }
    size_t version = lib.version();
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("cuDNN %zu.%zu.%zu%s\n", version / 10000, version / 100 % 100, version % 100,
           version < CUDNN_OLDEST ? " is too old" : "");
    if (version < CUDNN_OLDEST)
        return 77;
    for (size_t i = 0; i < 2 * sizeof kinds / sizeof *kinds * sizeof shapes / sizeof *shapes; i++)
        failed += !compiles(&lib, &kinds[i / 4], shapes[i / 2 % 2], i % 2);
    return failed > 0;
}
