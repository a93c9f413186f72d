/*
 * nomem.c - makes the n-th allocation of a program fail (LD_PRELOAD), or counts them
 *
 *   NOMEM=N            allocation N, from 1, returns NULL, and so does each after it with NOMEM_ALL=1
 *   NOMEM_COUNT=FILE   writes how many there were, when the program exits; none fails
 *
 * malloc, calloc, realloc, the aligned ones and pthread_create are counted, from the start of main on: what
 * the C library and other libraries allocate counts as well.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

static uint64_t seen, at;
static bool counting, all;
static const char *count_file;

static bool strikes(void)
{
    if (!counting)
        return false;
    uint64_t i = __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);
    if (at == 0 || (all ? i < at : i != at))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n)
{
    return strikes() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return strikes() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return strikes() ? NULL : __libc_realloc(p, n);
}

void *memalign(size_t align, size_t n)
{
    return strikes() ? NULL : __libc_memalign(align, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    return strikes() ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
    if (strikes())
        return ENOMEM;
    *p = __libc_memalign(align, n);
    return *p ? 0 : ENOMEM;
}

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return strikes() ? EAGAIN : real(t, attr, run, arg);
}

static void write_count(void)
{
    char line[32];
    counting = false;
    FILE *f = fopen(count_file, "w");
    if (!f)
        return;
    snprintf(line, sizeof line, "%llu\n", (unsigned long long)seen);
    fputs(line, f);
    fclose(f);
}

__attribute__((constructor)) static void begin(void)
{
    const char *n = getenv("NOMEM");
    count_file = getenv("NOMEM_COUNT");
    at = n ? strtoull(n, NULL, 10) : 0;
    all = getenv("NOMEM_ALL") != NULL;
    if (count_file)
        atexit(write_count);
    counting = n || count_file;
}
