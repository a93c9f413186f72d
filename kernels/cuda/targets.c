#include "kernels/cuda/targets.h"

#include <stdlib.h>

bool targets_cover(const char *targets, int major, int minor)
{
    for (const char *p = targets; *p;) {
        char *end;
        long n = strtol(p, &end, 10);
        if (end == p)
            return false;
        bool exact = *end == 'a';
        if (n / 10 == major && (exact ? n % 10 == minor : n % 10 <= minor))
            return true;
        for (p = end + exact; *p == ' '; p++)
            ;
    }
    return false;
}
