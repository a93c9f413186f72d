#include "kernels/cuda/gpu.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernels/place.h"
#include "kernels/cuda/targets.h"

static char failure[256];
static bool recording, spoiled;

bool gpu_record_spoil(void)
{
    spoiled |= recording;
    return recording;
}

/* Keeps the first error. Failures during a recording are ignored: the calls are repeated without recording,
 * and fail again if there is a reason to. */
static bool good(cudaError_t e, const char *what)
{
    if (e != cudaSuccess && !gpu_record_spoil() && !failure[0])
        snprintf(failure, sizeof failure, "CUDA: %s: %s", what, cudaGetErrorString(e));
    return e == cudaSuccess;
}

/* Explains why there is no GPU: no driver, a driver that is too old, or all GPUs are hidden. */
static void explain(cudaError_t e, int driver, char *why, size_t cap)
{
    if (driver == 0)
        snprintf(why, cap, "no NVIDIA driver here (libcuda.so.1)");
    else if (driver < CUDART_VERSION / 1000 * 1000)
        snprintf(why, cap, "the NVIDIA driver knows CUDA %d.%d, this build needs %d.0", driver / 1000,
                 driver % 1000 / 10, CUDART_VERSION / 1000);
    else if (e == cudaErrorNoDevice || e == cudaSuccess)
        snprintf(why, cap, "no GPU is visible");
    else
        snprintf(why, cap, "the GPU does not answer: %s", cudaGetErrorString(e));
    cudaGetLastError();
}

int gpu_find(struct gpu *g, char *why, size_t cap)
{
    int n = 0, driver = 0;
    *g = (struct gpu){0};
    cudaDriverGetVersion(&driver);
    cudaError_t e = cudaGetDeviceCount(&n);
    struct cudaDeviceProp p;
    int number = n > 0 ? place_device(n) : 0;
    if (e == cudaSuccess && n > 0)
        e = cudaGetDeviceProperties(&p, number);
    if (e != cudaSuccess || n == 0) {
        explain(e, driver, why, cap);
        return -1;
    }
    if (!targets_cover(CUDA_TARGETS, p.major, p.minor)) {
        snprintf(why, cap, "%s has compute capability %d.%d, this build has code for %s", p.name, p.major,
                 p.minor, CUDA_TARGETS);
        return -1;
    }
    e = cudaSetDevice(number);
    if (e != cudaSuccess) {
        explain(e, driver, why, cap);
        return -1;
    }
    snprintf(g->name, sizeof g->name, "%.95s", p.name);
    g->major = p.major;
    g->minor = p.minor;
    g->processors = p.multiProcessorCount;
    g->driver = driver;
    cudaDeviceGetPCIBusId(g->bus, sizeof g->bus, number);
    return 0;
}

/* The caller reports missing memory, so the runtime's error is cleared: a later call must not return it. */
static void *no_memory(cudaError_t e, const char *what)
{
    cudaGetLastError();
    if (e != cudaErrorMemoryAllocation)
        good(e, what);
    return NULL;
}

void *gpu_alloc(size_t bytes)
{
    void *p;
    cudaError_t e = cudaMalloc(&p, bytes ? bytes : 1);
    return e == cudaSuccess ? p : no_memory(e, "memory");
}

void gpu_free(void *p)
{
    if (p)
        good(cudaFree(p), "freeing memory");
}

void *gpu_pinned(size_t bytes)
{
    void *p;
    cudaError_t e = cudaMallocHost(&p, bytes ? bytes : 1);
    return e == cudaSuccess ? p : no_memory(e, "pinned memory");
}

void gpu_pinned_free(void *p)
{
    if (p)
        good(cudaFreeHost(p), "freeing pinned memory");
}

void gpu_memory(size_t *free_bytes, size_t *total)
{
    *free_bytes = *total = 0;
    good(cudaMemGetInfo(free_bytes, total), "memory");
}

cudaStream_t gpu_stream(void)
{
    cudaStream_t s;
    return good(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), "stream") ? s : NULL;
}

void gpu_stream_free(cudaStream_t s)
{
    if (s)
        good(cudaStreamDestroy(s), "stream");
}

void gpu_copy(cudaStream_t s, void *dst, const void *src, size_t bytes)
{
    if (bytes)
        good(cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDefault, s), "copy");
}

void gpu_zero(cudaStream_t s, void *p, size_t bytes)
{
    if (bytes)
        good(cudaMemsetAsync(p, 0, bytes, s), "zero");
}

void gpu_sync(cudaStream_t s)
{
    good(cudaStreamSynchronize(s), "kernels");
}

void *gpu_event(void)
{
    cudaEvent_t e;
    return good(cudaEventCreateWithFlags(&e, cudaEventDisableTiming), "event") ? e : NULL;
}

void gpu_event_free(void *e)
{
    if (e)
        good(cudaEventDestroy(e), "event");
}

void gpu_event_record(void *e, cudaStream_t s)
{
    good(cudaEventRecord(e, s), "event");
}

void gpu_event_wait(void *e)
{
    good(cudaEventSynchronize(e), "kernels");
}

bool gpu_overlap(void)
{
    static int known = -1;
    if (known < 0) {
        int device, major = 0;
        const char *wanted = getenv("TRITTER_OVERLAP");
        bool told = good(cudaGetDevice(&device), "device") &&
                    good(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "device");
        known = told && major >= 9 && !(wanted && strcmp(wanted, "off") == 0);
    }
    return known;
}

/* The error of an earlier launch is collected first, so that it is not taken for one of the recording. */
bool gpu_record_begin(cudaStream_t s)
{
    good(cudaGetLastError(), "launch");
    recording = cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal) == cudaSuccess;
    spoiled = false;
    if (!recording)
        cudaGetLastError();
    return recording;
}

void *gpu_record_end(cudaStream_t s)
{
    cudaGraph_t graph = NULL;
    cudaGraphExec_t exec = NULL;
    bool whole = cudaStreamEndCapture(s, &graph) == cudaSuccess && cudaGetLastError() == cudaSuccess &&
                 !spoiled && cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess;
    if (graph)
        cudaGraphDestroy(graph);
    recording = false;
    if (!whole)
        cudaGetLastError();
    return whole ? exec : NULL;
}

bool gpu_graph_launch(void *graph, cudaStream_t s)
{
    good(cudaGetLastError(), "launch");
    bool launched = cudaGraphLaunch(graph, s) == cudaSuccess;
    if (!launched)
        cudaGetLastError();
    return launched;
}

void gpu_graph_free(void *graph)
{
    if (graph)
        good(cudaGraphExecDestroy(graph), "graph");
}

const char *gpu_error(void)
{
    good(cudaGetLastError(), "launch");
    return failure[0] ? failure : NULL;
}
