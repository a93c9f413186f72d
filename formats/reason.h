/*
 * reason.h - how a call that neither prints nor exits says why it failed
 */
#ifndef FORMATS_REASON_H
#define FORMATS_REASON_H

#include <stdarg.h>
#include <stddef.h>

/* Writes the reason into err (cap bytes), cut to its size. Returns -1, for the caller to return. */
int reason(char *err, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Writes "ABOUT: reason", for calls that take arguments of their own. Returns -1, too. */
int reason_about(char *err, size_t cap, const char *about, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

#endif
