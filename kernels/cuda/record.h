/*
 * record.h - sequences of ops that are recorded once and then replayed as one CUDA graph
 *
 * When a key is used for the first time, its calls are simply executed (libraries load kernels, scratch
 * grows); the second time they are recorded and the graph is launched; from then on the graph is launched at
 * once. The keys that were not used for longest are discarded when room is needed. If no graph can be made,
 * the calls are executed, then and ever after.
 */
#ifndef KERNELS_CUDA_RECORD_H
#define KERNELS_CUDA_RECORD_H

#include "kernels/cuda/gpu.h"

enum { RECORDINGS = 16 };

struct recordings {
    struct recording {
        uint64_t key, used;
        bool taken;
        void *graph; /* NULL: the key was used only once so far */
    } v[RECORDINGS];
    struct recording *open; /* the one that is being recorded, or NULL */
    uint64_t uses;
    bool off; /* this runtime cannot record, or refused a graph that it had recorded */
};

/* Returns true when the calls were replayed. On false the caller makes the calls, then calls recordings_end:
 * it returns whether they were executed; if not, the caller makes them again. */
bool recordings_replay(struct recordings *r, cudaStream_t s, uint64_t key);
bool recordings_end(struct recordings *r, cudaStream_t s);
void recordings_clear(struct recordings *r); /* called when memory has moved; a recording under way goes on */

#endif
