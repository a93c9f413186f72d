/*
 * gpus.h - the NVIDIA GPUs of this machine, through NVML where it is installed
 */
#ifndef MONITOR_GPUS_H
#define MONITOR_GPUS_H

#include "pipeline/monitor/hardware.h"

/* Returns how many, at most cap; 0: *why says why. NVML is opened at the first call. */
int gpus_look(struct hardware_gpu *gpus, int cap, const char **why);

#endif
