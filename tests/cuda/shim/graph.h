/*
 * graph.h - calls that are kept and done again: what stands for CUDA graphs in the host shim
 *
 * While a graph is open, calls given to shim_call are not done but kept, with a copy of their arguments, as a
 * stream in capture does. Launches of kernels go through it as well.
 */
#ifndef SHIM_GRAPH_H
#define SHIM_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A stream that a backend opened does nothing by itself: what is given to it waits until the host does (a
 * stream is allowed to be that late), so host memory that is changed or freed too early, and a result read
 * without waiting, give wrong values. What no stream in capture may do ends the program: shim_not_in_capture.
 */
void shim_late(int on);          /* from now on calls wait for shim_finish */
uint64_t shim_queued(void);      /* calls given to the stream so far */
void shim_finish(uint64_t upto); /* does those */
void shim_not_in_capture(const char *what);

/* arguments: plain bytes */
void shim_call(void (*run)(const void *arguments), const void *arguments, size_t bytes);
void shim_graph_begin(void);
void *shim_graph_end(void);
void shim_graph_launch(const void *graph);
void shim_graph_free(void *graph);
size_t shim_graph_calls(void);  /* done through graphs so far */
unsigned long shim_waits(void); /* how often the host has waited for its stream so far (gpu.c) */

/* The calls that fail from now on, as they may on a GPU (gpu.c). */
enum shim_fault {
    SHIM_NO_FAULT,
    SHIM_NO_MEMORY,
    SHIM_NO_RECORDING,    /* none can be begun */
    SHIM_RECORDING_LOST,  /* none becomes a graph: its calls are gone */
    SHIM_GRAPH_REFUSED,   /* none can be launched */
    SHIM_NO_CUDNN,        /* the library is not found (cudnn.c) */
    SHIM_CUDNN_OLD,       /* it is 9.10.1 */
    SHIM_CUDNN_BEFORE_16, /* it is 9.15.1 */
    SHIM_CUDNN_NO_PLAN,   /* it knows no way to do a graph */
    SHIM_CUDNN_WRONG,     /* it computes something else */
    SHIM_CUDNN_REFUSES,   /* it runs no plan */
};
void shim_fault(enum shim_fault what);
enum shim_fault shim_faulty(void);

#ifdef __cplusplus
}
#endif

#endif
