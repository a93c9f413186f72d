/*
 * hardware.h - what the machine's processors, memory and GPUs do
 */
#ifndef MONITOR_HARDWARE_H
#define MONITOR_HARDWARE_H

#include <stdint.h>

enum { HARDWARE_CPUS = 256, HARDWARE_GPUS = 8, HARDWARE_NAME = 48 };

struct hardware_cpu {
    uint64_t busy, all; /* clock ticks so far */
    double use;         /* share since the look before; NaN: not known yet */
};

struct hardware_gpu { /* NaN: not said */
    char name[HARDWARE_NAME];
    double use, memory, memory_total, celsius, watts;
};

struct hardware {
    struct hardware_cpu all, cpu[HARDWARE_CPUS];
    int n_cpus;
    double memory, memory_total, celsius; /* bytes in use; hottest sensor, NaN: none */
    struct hardware_gpu gpu[HARDWARE_GPUS];
    int n_gpus;
    const char *no_gpu; /* why there is none */
};

void hardware_poll(struct hardware *h);

#endif
