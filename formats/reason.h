/*
 * reason.h - how a call that neither prints nor exits says why it failed
 */
#ifndef FORMATS_REASON_H
#define FORMATS_REASON_H

#include <stddef.h>

/* Writes the reason into err (cap bytes), cut to its size. Returns -1, for the caller to return. */
int reason(char *err, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
