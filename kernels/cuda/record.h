/*
 * record.h - sequences of ops that are recorded once and then replayed as one CUDA graph
 *
 * Of each key: the first time the calls are simply done (libraries load kernels, scratch grows), the second
 * time they are recorded and the graph launched, from then on it is launched at once. Keys that were not used
 * for long make room. Where no graph can be made of them the calls are done, from then on always.
 */
#ifndef KERNELS_CUDA_RECORD_H
#define KERNELS_CUDA_RECORD_H

#include "kernels/cuda/gpu.h"

enum { RECORDINGS = 16 };

struct recordings {
    struct recording {
        uint64_t key, used;
        bool taken;
        void *graph; /* NULL: seen once */
    } v[RECORDINGS];
    struct recording *open; /* is being recorded */
    uint64_t uses;
    bool off; /* this runtime cannot record, or refused what it had recorded */
};

/* true: replayed. false: the caller makes the calls, then calls recordings_end, which says whether they are
 * done; if not: once more. */
bool recordings_replay(struct recordings *r, cudaStream_t s, uint64_t key);
bool recordings_end(struct recordings *r, cudaStream_t s);
void recordings_clear(struct recordings *r); /* memory moved; what is being recorded goes on */

#endif
