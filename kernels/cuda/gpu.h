/*
 * gpu.h - what the backend's host code needs of the CUDA runtime, and no more
 *
 * gpu.c calls the runtime. Tests link a twin over the host shim instead (shim/gpu.c), so that everything
 * above this line and product.h runs on machines without a GPU.
 *
 * Nothing here returns an error of a call: the first one is kept, gpu_error tells it, and what follows does
 * nothing useful.
 */
#ifndef KERNELS_CUDA_GPU_H
#define KERNELS_CUDA_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include "kernels/cuda/kernels.h" /* cudaStream_t */

#ifdef __cplusplus
extern "C" {
#endif

struct gpu {
    char name[96];
    int major, minor; /* compute capability */
    int processors;
    int driver;   /* newest CUDA version it knows, 1000 * major + 10 * minor */
    int index;    /* of the runtime, after CUDA_VISIBLE_DEVICES */
    char bus[32]; /* PCI address, as NVML wants it */
};

/* The first visible GPU, made current. -1 and why: there is none that this build can use. */
int gpu_find(struct gpu *g, char *why, size_t cap);

void *gpu_alloc(size_t bytes); /* NULL: no memory */
void gpu_free(void *p);
void *gpu_pinned(size_t bytes); /* host memory that copies need not stage; NULL: no memory */
void gpu_pinned_free(void *p);
void gpu_memory(size_t *free_bytes, size_t *total);

cudaStream_t gpu_stream(void); /* NULL: failed */
void gpu_stream_free(cudaStream_t s);
/* Asynchronous; host memory is pinned and stays as it is until the stream got there. */
void gpu_copy(cudaStream_t s, void *dst, const void *src, size_t bytes);
void gpu_zero(cudaStream_t s, void *p, size_t bytes);
void gpu_sync(cudaStream_t s);

void *gpu_event(void);
void gpu_event_free(void *e);
void gpu_event_record(void *e, cudaStream_t s);
void gpu_event_wait(void *e); /* the host waits; at once when it was never recorded */

/* Whether kernels may start while those before them run: from compute capability 9.0 on. TRITTER_OVERLAP=off:
 * never; slower, the same bits. */
bool gpu_overlap(void);

/* Calls on the stream between the two are recorded instead of done. begin: false when this runtime cannot.
 * end: what gpu_graph_launch takes, with all of the calls; NULL: it could not be made, and nothing was done.
 * launch: false when nothing was done. None of these is a failure that gpu_error tells: the same calls can be
 * made without recording them. */
bool gpu_record_begin(cudaStream_t s);
void *gpu_record_end(cudaStream_t s);
/* For who makes calls of other libraries. Between the two: true, and end will give NULL, because a call
 * failed. Otherwise false. */
bool gpu_record_spoil(void);
bool gpu_graph_launch(void *graph, cudaStream_t s);
void gpu_graph_free(void *graph);

const char *gpu_error(void); /* the first failure of this process, or NULL; asks for failed launches too */

#ifdef __cplusplus
}
#endif

#endif
