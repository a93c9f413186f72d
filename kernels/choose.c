/*
 * choose.c - which backend a program computes with
 */
#include <stdio.h>
#include <string.h>
#include "kernels/ops.h"

const struct ops *ops_choose(const char *name, char *why, size_t cap)
{
    const struct ops *named = strcmp(name, "cpu") == 0         ? ops_cpu()
                              : strcmp(name, "reference") == 0 ? ops_reference()
                                                               : NULL;
    if (named) {
        snprintf(why, cap, "asked for");
        return named;
    }
    char missing[256] = "";
    const struct ops *cuda = ops_cuda(missing, sizeof missing);
    if (cuda) {
        snprintf(why, cap, "%s", strcmp(name, "auto") == 0 ? "a GPU is here" : "asked for");
        return cuda;
    }
    snprintf(why, cap, "no CUDA: %s", missing);
    return strcmp(name, "auto") == 0 ? ops_cpu() : NULL;
}
