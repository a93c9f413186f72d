/*
 * graph.h - calls that are kept and done again: what stands for CUDA graphs in the host shim
 *
 * While a graph is open, calls given to shim_call are not done but kept, with a copy of their arguments, as a stream
 * in capture does. Launches of kernels go through it as well.
 */
#ifndef SHIM_GRAPH_H
#define SHIM_GRAPH_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* arguments: plain bytes */
void  shim_call(void (*run)(const void *arguments), const void *arguments, size_t bytes);
void  shim_graph_begin(void);
void *shim_graph_end(void);
void  shim_graph_launch(const void *graph);
void  shim_graph_free(void *graph);
size_t shim_graph_calls(void);          /* done through graphs so far */

#ifdef __cplusplus
}
#endif

#endif
