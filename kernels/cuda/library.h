/*
 * library.h - CUDA's libraries, opened when they are first needed, so that programs run without them
 */
#ifndef KERNELS_CUDA_LIBRARY_H
#define KERNELS_CUDA_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct library_function {
    const char *name;
    void **at;
};

/* Searches where the loader does, then where CUDA's own installers put libraries. Returns NULL and why (a
 * clause) when the library is missing or cannot be loaded. An open library stays open, since such libraries
 * are too large to load twice. */
void *library_open(const char *name, char *why, size_t cap);
/* Fills in all n functions. Returns false when one is missing: *lacks is its name, and no function may be
 * used. */
bool library_functions(void *library, const struct library_function *f, size_t n, const char **lacks);

#endif
