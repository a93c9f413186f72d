/*
 * place.h - which GPU of the machine a process takes: where mpirun or srun started several processes on it,
 * each takes another one
 */
#ifndef KERNELS_PLACE_H
#define KERNELS_PLACE_H

#include <stdlib.h>

/* count: GPUs that the process sees, at least 1. */
static inline int place_device(int count)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID", "MPI_LOCALRANKID"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *word = getenv(variables[i]);
        int local = word ? atoi(word) : -1;
        if (local >= 0)
            return local % count;
    }
    return 0;
}

#endif
