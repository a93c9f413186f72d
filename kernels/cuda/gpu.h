/*
 * gpu.h - the few functions of the CUDA runtime that the backend's host code needs
 *
 * gpu.c calls the runtime. Tests link a twin over the host shim instead (shim/gpu.c), so that everything
 * above this line and product.h runs on machines without a GPU.
 *
 * Calls do not return errors: the first error is kept for gpu_error, and results after it are meaningless.
 */
#ifndef KERNELS_CUDA_GPU_H
#define KERNELS_CUDA_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include "kernels/cuda/kernels.h" /* for cudaStream_t */

#ifdef __cplusplus
extern "C" {
#endif

struct gpu {
    char name[96];
    int major, minor; /* compute capability */
    int processors;
    int driver;   /* newest CUDA version that the driver supports, 1000 * major + 10 * minor */
    int index;    /* the runtime's index, after CUDA_VISIBLE_DEVICES */
    char bus[32]; /* PCI address, in the form that NVML expects */
};

/* Finds the first visible GPU and makes it current. Returns -1 and why when there is none that this build can
 * use. */
int gpu_find(struct gpu *g, char *why, size_t cap);

void *gpu_alloc(size_t bytes); /* NULL: no memory */
void gpu_free(void *p);
void *gpu_pinned(size_t bytes); /* host memory that is copied without staging; NULL: no memory */
void gpu_pinned_free(void *p);
void gpu_memory(size_t *free_bytes, size_t *total);

cudaStream_t gpu_stream(void); /* NULL: failed */
void gpu_stream_free(cudaStream_t s);
/* Asynchronous: host memory must be pinned and unchanged until the stream has reached the call. */
void gpu_copy(cudaStream_t s, void *dst, const void *src, size_t bytes);
void gpu_zero(cudaStream_t s, void *p, size_t bytes);
void gpu_sync(cudaStream_t s);

void *gpu_event(void);
void gpu_event_free(void *e);
void gpu_event_record(void *e, cudaStream_t s);
void gpu_event_wait(void *e); /* the host waits for e; returns at once when e was never recorded */

/* Whether kernels may start while those before them run, which needs compute capability 9.0.
 * TRITTER_OVERLAP=off forbids it: slower, equal bits. */
bool gpu_overlap(void);

/* Calls on the stream between begin and end are recorded and not executed. begin returns false when this
 * runtime cannot record. end returns a graph with all of the calls, for gpu_graph_launch; NULL: it could not
 * be made. launch returns false when it did not launch. None of these failures reaches gpu_error, since the
 * calls can be repeated without recording. */
bool gpu_record_begin(cudaStream_t s);
void *gpu_record_end(cudaStream_t s);
/* For code that calls other libraries, when such a call has failed. While recording, returns true and makes
 * end return NULL. Otherwise returns false. */
bool gpu_record_spoil(void);
bool gpu_graph_launch(void *graph, cudaStream_t s);
void gpu_graph_free(void *graph);

const char *gpu_error(void); /* the first failure of this process, or NULL; also checks for failed launches */

#ifdef __cplusplus
}
#endif

#endif
