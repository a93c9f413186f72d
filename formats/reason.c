#include "formats/reason.h"

#include <stdio.h>

int reason(char *err, size_t cap, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err, cap, fmt, ap);
    va_end(ap);
    return -1;
}

int reason_about(char *err, size_t cap, const char *about, const char *fmt, va_list ap)
{
    size_t n = (size_t)snprintf(err, cap, "%s: ", about);
    if (n < cap)
        vsnprintf(err + n, cap - n, fmt, ap);
    return -1;
}
