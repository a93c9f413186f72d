#include "formats/parquet/fault.h"

#include "formats/parquet/parquet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int fault_set(struct fault *f, int code, uint64_t offset, const char *fmt, ...)
{
    int n = snprintf(f->text, sizeof f->text, "offset %llu: ", (unsigned long long)offset);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->text + n, sizeof f->text - (size_t)n, fmt, ap);
    va_end(ap);
    return code;
}

int fault_memory(struct fault *f, int code, const struct memory *m, uint64_t offset, const char *what,
                 uint64_t n)
{
    if (code == PARQUET_ENOMEM)
        return fault_set(f, code, offset, "out of memory");
    return fault_set(f, code, offset,
                     "%s of %llu bytes: with the %zu bytes held that is above the limit of %zu MiB", what,
                     (unsigned long long)n, m->held, m->limit >> 20);
}

void buffer_free(struct buffer *b, struct memory *m)
{
    free(b->s);
    m->held -= b->cap;
    *b = (struct buffer){0};
}

int buffer_reserve(struct buffer *b, size_t n, struct memory *m)
{
    if (n <= b->cap && b->s)
        return 0;
    buffer_free(b, m);
    if (n > m->limit - m->held)
        return PARQUET_ELIMIT;
    b->s = malloc(n ? n : 1);
    if (!b->s)
        return PARQUET_ENOMEM;
    b->cap = n;
    m->held += n;
    return 0;
}

int buffer_grow(struct buffer *b, size_t n, struct memory *m)
{
    if (n <= b->cap && b->s)
        return 0;
    size_t room = m->limit - m->held + b->cap;
    if (n > room)
        return PARQUET_ELIMIT;
    size_t want = n + n / 2 + 64;
    if (want > room)
        want = room;
    uint8_t *s = realloc(b->s, want);
    if (!s)
        return PARQUET_ENOMEM;
    m->held += want - b->cap;
    b->s = s;
    b->cap = want;
    return 0;
}
