/*
 * arrays.h - the state of a part of the engine as named flat arrays, for checkpoints
 *
 * A part lists pointers into its live state. To save, write what they point to. To load, make the part anew
 * with the same configuration, list, read into them, then call the part's check: it finds damage, and until
 * it has said yes the part must not be used. Names and lengths follow from the configuration alone, so a file
 * that lacks a name or has another length belongs to another configuration.
 */
#ifndef HYBRID_ARRAYS_H
#define HYBRID_ARRAYS_H

#include <stddef.h>
#include <stdint.h>

enum array_type { ARRAY_F32, ARRAY_U64 };

struct state_array {
    const char *name; /* static; unique within the engine, as "rssm.weights" */
    enum array_type type;
    void *data; /* borrowed: n floats or uint64_t, valid until the part is freed */
    size_t n;
};

#endif
