/*
 * memory.c - allocation that never returns NULL, and growing strings
 */
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *checked(void *p, size_t n)
{
    if (!p && n)
        die("out of memory (%zu bytes)", n);
    return p;
}

void *xmalloc(size_t n)
{
    return checked(malloc(n), n);
}

void *xcalloc(size_t n, size_t size)
{
    return checked(calloc(n, size), n && size ? n * size : 0);
}

enum { HUGE_PAGE = 2 << 20 };

/* Returns the bytes of memory that begins and ends where huge pages do; 0: it is too small for one. */
static size_t huge_bytes(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2)
        die("out of memory (%zu times %zu bytes)", n, size);
    return bytes < HUGE_PAGE ? 0 : (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

/* Maps one huge page too many and gives back what lies around those that are used. */
void *xcalloc_huge(size_t n, size_t size)
{
    size_t bytes = huge_bytes(n, size);
    if (bytes == 0)
        return xcalloc(n, size);
    char *p = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        die("out of memory (%zu bytes)", bytes);
    size_t before = -(uintptr_t)p % HUGE_PAGE;
    if (before > 0)
        munmap(p, before);
    munmap(p + before + bytes, HUGE_PAGE - before);
    madvise(p + before, bytes, MADV_HUGEPAGE);
    return p + before;
}

void free_huge(void *p, size_t n, size_t size)
{
    size_t bytes = huge_bytes(n, size);
    if (bytes == 0)
        free(p);
    else if (p)
        munmap(p, bytes);
}

void *xrealloc(void *p, size_t n)
{
    return checked(realloc(p, n), n);
}

char *xstrdup(const char *s)
{
    return checked(strdup(s), strlen(s) + 1);
}

char *xasprintf(const char *fmt, ...)
{
    char *s;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0)
        die("out of memory");
    return s;
}

static void reserve(struct strbuf *b, size_t more)
{
    size_t need;
    if (__builtin_add_overflow(b->len, more + 1, &need))
        die("out of memory");
    if (need <= b->cap)
        return;
    size_t cap = b->cap + b->cap / 2;
    b->cap = cap > need ? cap : need < 64 ? 64 : need;
    b->s = xrealloc(b->s, b->cap);
}

void strbuf_add(struct strbuf *b, const void *p, size_t n)
{
    reserve(b, n);
    if (n)
        memcpy(b->s + b->len, p, n);
    b->len += n;
    b->s[b->len] = 0;
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        die("cannot format '%s'", fmt);
    reserve(b, (size_t)n);
    vsnprintf(b->s + b->len, (size_t)n + 1, fmt, again);
    va_end(again);
    b->len += (size_t)n;
}

void strbuf_reset(struct strbuf *b)
{
    reserve(b, 0);
    b->len = 0;
    b->s[0] = 0;
}

void strbuf_free(struct strbuf *b)
{
    free(b->s);
    *b = (struct strbuf){0};
}
