#include "kernels/cuda/nominal.h"

#include <stddef.h>
#include <string.h>

/* Rates from the makers' data sheets, without sparsity. GeForce cards accumulate in f32 at half the rate of
 * f16. The first entry that occurs in a GPU's name counts, so longer names come first. */
static const struct {
    const char *part;
    double tflops;
} cards[] = {
    {"H100 PCIe", 756},  {"H100 NVL", 835},   {"H100", 989},       {"H200", 989},    {"GH200", 989},
    {"B200", 2250},      {"B300", 2250},      {"A100", 312},       {"A800", 312},    {"L40S", 362},
    {"RTX 5090", 209.5}, {"RTX 5080", 112.6}, {"RTX 4090", 165.2}, {"RTX 3090", 71},
};

double nominal_flops(const char *name)
{
    for (size_t i = 0; i < sizeof cards / sizeof *cards; i++)
        if (strstr(name, cards[i].part))
            return cards[i].tflops * 1e12;
    return 0;
}
