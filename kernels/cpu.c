/*
 * cpu.c - chooses the copy of the CPU kernels for this machine
 *
 * kernels/cpu is compiled for the levels v2, v3 and v4 of x86-64. The best that the
 * machine has is used; TRITTER_ISA asks for a lower one (tests, comparisons). Asking for more
 * than the machine has, or for something unknown, gets the best.
 */
#include <stdlib.h>
#include <string.h>
#include "kernels/ops.h"

extern const struct ops ops_cpu_v2, ops_cpu_v3, ops_cpu_v4;

const struct ops *ops_cpu(void)
{
    const char *asked = getenv("TRITTER_ISA");
    __builtin_cpu_init();
    int best = __builtin_cpu_supports("x86-64-v4") ? 4 : __builtin_cpu_supports("x86-64-v3") ? 3 : 2;
    if (asked && asked[0] == 'v' && asked[1] >= '2' && asked[1] - '0' < best && !asked[2])
        best = asked[1] - '0';
    return best == 4 ? &ops_cpu_v4 : best == 3 ? &ops_cpu_v3 : &ops_cpu_v2;
}
