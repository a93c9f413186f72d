/*
 * gpu.c - the twin of ../gpu.c over the host shim: device memory is the shim's; streams are as late as they
 * may be (graph.h)
 */
#include "kernels/cuda/gpu.h"

#include <stdlib.h>
#include <string.h>
#include "kernels/cuda/device.h"
#include "tests/cuda/shim/cuda_runtime_api.h"
#include "tests/cuda/shim/graph.h"

struct move {
    void *dst;
    const void *src; /* NULL: zeros */
    size_t bytes;
};

static enum shim_fault fault;

void shim_fault(enum shim_fault what)
{
    fault = what;
}

enum shim_fault shim_faulty(void)
{
    return fault;
}

int gpu_find(struct gpu *g, char *why, size_t cap)
{
    (void)why;
    (void)cap;
    *g = (struct gpu){.name = "host shim", .major = 9, .processors = 4, .driver = 13000};
    return 0;
}

void *gpu_alloc(size_t bytes)
{
    void *p;
    shim_not_in_capture("allocates memory");
    return fault != SHIM_NO_MEMORY && cudaMalloc(&p, bytes) == cudaSuccess ? p : NULL;
}

void gpu_free(void *p)
{
    if (!p)
        return;
    shim_not_in_capture("frees memory");
    shim_finish(shim_queued()); /* as cudaFree does */
    cudaFree(p);
}

void *gpu_pinned(size_t bytes)
{
    shim_not_in_capture("allocates pinned memory");
    return malloc(bytes);
}

void gpu_pinned_free(void *p)
{
    free(p);
}

void gpu_memory(size_t *free_bytes, size_t *total)
{
    *free_bytes = *total = (size_t)1 << 30;
}

cudaStream_t gpu_stream(void)
{
    static char it;
    shim_late(true);
    return (cudaStream_t)(void *)&it;
}

void gpu_stream_free(cudaStream_t s)
{
    (void)s;
    shim_late(false);
}

static void move(const void *arguments)
{
    const struct move *m = arguments;
    if (m->src)
        memmove(m->dst, m->src, m->bytes);
    else
        memset(m->dst, 0, m->bytes);
}

void gpu_copy(cudaStream_t s, void *dst, const void *src, size_t bytes)
{
    struct move m = {dst, src, bytes};
    (void)s;
    shim_call(move, &m, sizeof m);
}

void gpu_zero(cudaStream_t s, void *p, size_t bytes)
{
    gpu_copy(s, p, NULL, bytes);
}

static unsigned long waits;

unsigned long shim_waits(void)
{
    return waits;
}

void gpu_sync(cudaStream_t s)
{
    (void)s;
    shim_not_in_capture("waits");
    waits += shim_queued() > 0;
    shim_finish(shim_queued());
}

/* An event: the calls before it */
void *gpu_event(void)
{
    return calloc(1, sizeof(uint64_t));
}

void gpu_event_free(void *e)
{
    free(e);
}

void gpu_event_record(void *e, cudaStream_t s)
{
    (void)s;
    shim_not_in_capture("records an event");
    *(uint64_t *)e = shim_queued();
}

void gpu_event_wait(void *e)
{
    shim_not_in_capture("waits for an event");
    shim_finish(*(uint64_t *)e);
}

static bool recording, spoiled;

bool gpu_record_begin(cudaStream_t s)
{
    (void)s;
    shim_not_in_capture("records a graph");
    if (fault == SHIM_NO_RECORDING)
        return false;
    shim_graph_begin();
    recording = true;
    spoiled = false;
    return true;
}

bool gpu_record_spoil(void)
{
    spoiled |= recording;
    return recording;
}

void *gpu_record_end(cudaStream_t s)
{
    (void)s;
    void *graph = shim_graph_end();
    recording = false;
    if (fault != SHIM_RECORDING_LOST && !spoiled)
        return graph;
    shim_graph_free(graph);
    return NULL;
}

bool gpu_graph_launch(void *graph, cudaStream_t s)
{
    (void)s;
    if (fault != SHIM_GRAPH_REFUSED)
        shim_graph_launch(graph);
    return fault != SHIM_GRAPH_REFUSED;
}

void gpu_graph_free(void *graph)
{
    shim_graph_free(graph);
}

/* Without memory every launch that is made all the same fails. */
const char *gpu_error(void)
{
    return fault == SHIM_NO_MEMORY ? "a failed launch" : NULL;
}

bool cuda_sensors(struct device *dev, struct sensors *out)
{
    (void)dev;
    (void)out;
    return false;
}
