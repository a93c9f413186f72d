/*
 * arrays.c - arrays of random values between guards, and what the reference computed into them
 */
#include "tests/ops/ops.h"
#include "tests/random.h"

enum { GUARD = 64, MAX_ARRAYS = 32, MAX_RECORDS = 512 };

const char *op;
uint64_t inputs, digest;
double slack;
static struct array arrays[MAX_ARRAYS];
static int array_count;

/* Copies of what the reference's run has read, in order; the other backends' runs read as many. */
static struct {
    void *p;
    size_t bytes;
} records[MAX_RECORDS];
static int record_next;

double uniform(void)
{
    return random_uniform(&inputs);
}

int below(int n)
{
    return (int)(random_next(&inputs) % (unsigned)n);
}

int tokens(void)
{
    return shape->B * shape->T;
}

size_t weights(void)
{
    size_t n = (size_t)shape->C * shape->F;
    return n < 200000 ? n : 200000;
}

void test_start(const char *name)
{
    op = name;
    array_count = 0;
    slack = 1;
}

void test_end(void)
{
    for (int i = 0; i < array_count; i++) {
        struct array *a = &arrays[i];
        size_t bytes = a->n * dtype_bytes(a->t), lead = (char *)a->p - a->base;
        for (size_t k = 0; k < 3 * GUARD; k++) {
            size_t byte = k < lead ? k : k + bytes;
            CHECK(a->base[byte] == (char)0xa5, "%s %s %s: array %d: byte %zd outside of it written",
                  ops->name, shape->name, op, i, (ssize_t)byte - (ssize_t)lead);
        }
        ops->free(dev, a->base);
        free(a->v);
    }
}

struct array array_new(size_t n, enum dtype t, double scale)
{
    size_t bytes = n * dtype_bytes(t);
    struct array a = {.n = n, .t = t};
    a.base = ops->alloc(dev, bytes + 3 * GUARD);
    CHECK(a.base, "no memory");
    CHECK((uintptr_t)a.base % 64 == 0, "alignment");
    for (size_t i = 0; i < bytes; i += 61)
        CHECK(a.base[i] == 0, "alloc gives zeros");
    a.p = a.base + GUARD + dtype_bytes(t) * (size_t)(shape->T % 2);
    a.v = malloc(n * sizeof *a.v);
    memset(a.base, 0xa5, bytes + 3 * GUARD);
    for (size_t i = 0; i < n; i++)
        a.v[i] = element_cut(a.p, i, t, (float)(scale * uniform()));
    CHECK(array_count < MAX_ARRAYS, "arrays");
    return arrays[array_count++] = a;
}

struct array act_new(size_t n, double scale)
{
    return array_new(n, act, scale);
}

struct array f32_new(size_t n, double scale)
{
    return array_new(n, DTYPE_F32, scale);
}

void *array_at(const struct array *a, size_t i)
{
    return (char *)a->p + i * dtype_bytes(a->t);
}

void record_start(void)
{
    record_next = 0;
}

/* Takes the ownership of copy. */
static void record(void *copy, size_t bytes)
{
    free(records[record_next].p);
    records[record_next].p = copy;
    records[record_next].bytes = bytes;
}

/* Two values that differ little before they are rounded to bf16 may differ by one of its steps, 2^-7 at most.
 */
static void compare_with_record(const struct array *a)
{
    const void *reference = records[record_next].p;
    double relative = a->t == DTYPE_BF16 ? 0x1p-7 : 4e-6, absolute = act == DTYPE_BF16 ? 4e-5 : 1e-5;
    double largest =
        1e-2; /* tolerance when all values are smaller, since cancellation leaves errors of about this size */
    CHECK(records[record_next].bytes == a->n * dtype_bytes(a->t), "other arrays than the reference's");
    for (size_t i = 0; i < a->n; i++)
        largest = fmax(largest, fabs(element(reference, i, a->t)));
    for (size_t i = 0; i < a->n; i++) {
        double want = element(reference, i, a->t);
        CHECK(fabs(a->v[i] - want) <= relative * fabs(want) + absolute * slack * largest,
              "%s %s, shape %s, %s: array %d read, element %zu is %.9g, the reference's is %.9g", ops->name,
              act == DTYPE_BF16 ? "bf16" : "f32", shape->name, op, record_next, i, a->v[i], want);
    }
    checked += a->n;
}

void array_read(struct array *a)
{
    size_t bytes = a->n * dtype_bytes(a->t);
    char *copy = malloc(bytes);
    ops->download(dev, copy, a->p, bytes);
    for (size_t i = 0; i < a->n; i++)
        a->v[i] = element(copy, i, a->t);
    digest_add(&digest, copy, bytes);
    CHECK(record_next < MAX_RECORDS, "records");
    if (against == REFERENCE)
        compare_with_record(a);
    if (against == FORMULAS)
        record(copy, bytes);
    else
        free(copy);
    record_next++;
}

double *snapshot(const struct array *a)
{
    double *copy = malloc(a->n * sizeof *copy);
    memcpy(copy, a->v, a->n * sizeof *copy);
    return copy;
}
