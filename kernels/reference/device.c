/*
 * device.c - opening the reference backend, and its memory, which is the host's
 */
#include <stdio.h>
#include <stdlib.h>
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

struct device *reference_open(enum dtype act, int threads, char *err, size_t cap)
{
    struct device *dev = malloc(sizeof *dev);
    (void)threads;
    if (dev)
        dev->act = act;
    else
        snprintf(err, cap, "no memory for the reference backend");
    return dev;
}

void reference_close(struct device *dev)
{
    free(dev);
}

const char *reference_describe(struct device *dev)
{
    return dev->act == DTYPE_BF16 ? "1 thread, plain loops in double over bf16"
                                  : "1 thread, plain loops in double over f32";
}

const char *reference_error(struct device *dev)
{
    (void)dev;
    return NULL;
}

void *reference_alloc(struct device *dev, size_t bytes)
{
    void *p = NULL;
    (void)dev;
    if (posix_memalign(&p, 64, bytes ? bytes : 1) != 0)
        return NULL;
    return memset(p, 0, bytes);
}

void reference_free(struct device *dev, void *p)
{
    (void)dev;
    free(p);
}

void reference_copy(struct device *dev, void *dst, const void *src, size_t bytes)
{
    (void)dev;
    if (bytes)
        memmove(dst, src, bytes);
}

void reference_zero(struct device *dev, void *p, size_t bytes)
{
    (void)dev;
    if (bytes)
        memset(p, 0, bytes);
}

void reference_sync(struct device *dev)
{
    (void)dev; /* every op returns when it is done */
}

size_t reference_scratch_bytes(struct device *dev)
{
    (void)dev;
    return 0;
}

size_t reference_scratch_limit(struct device *dev, const struct step_extent *e)
{
    (void)dev;
    (void)e;
    return 0;
}

size_t reference_memory(struct device *dev, size_t *total)
{
    (void)dev;
    *total = 0;
    return 0;
}

bool reference_sensors(struct device *dev, struct sensors *out)
{
    (void)dev;
    (void)out;
    return false;
}

double reference_nominal_flops(struct device *dev)
{
    (void)dev;
    return 0;
}

enum dtype reference_fastest_act(void)
{
    return DTYPE_F32;
}

/* Nothing is ever recorded: the ops are done each time. */
bool reference_replay(struct device *dev, uint64_t key)
{
    (void)dev;
    (void)key;
    return false;
}

bool reference_recorded(struct device *dev)
{
    (void)dev;
    return true;
}

int reference_use_fp8(struct device *dev, char *err, size_t cap)
{
    (void)dev;
    snprintf(err, cap, "fp8 products need an NVIDIA GPU of compute capability 9.0 or higher");
    return -1;
}

int reference_use_cudnn(struct device *dev, struct attention_shape s, char *err, size_t cap)
{
    (void)dev;
    (void)s;
    snprintf(err, cap, "cuDNN needs an NVIDIA GPU");
    return -1;
}
