/*
 * library.h - CUDA's libraries, opened when they are wanted: programs run without them
 */
#ifndef KERNELS_CUDA_LIBRARY_H
#define KERNELS_CUDA_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct library_function {
    const char *name;
    void **at;
};

/* As the loader finds it; then where CUDA's own installers put it. NULL and why (a clause): it is missing, or
 * what keeps it from being loaded. It stays open: such libraries are too large to load twice. */
void *library_open(const char *name, char *why, size_t cap);
/* Fills all n functions. false: *lacks is the name of one that is not there, and none counts. */
bool library_functions(void *library, const struct library_function *f, size_t n, const char **lacks);

#endif
