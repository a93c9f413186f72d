/*
 * ops.h - what the tests of the ops share: arrays between guards, comparison, gradients by central
 * differences
 *
 * Every test runs for each backend on the same inputs. The reference backend comes first: its values are
 * checked against formulas.h, and array_read keeps all of them. For another backend array_read compares each
 * value that it reads with the one kept. ops_test.c sets the variables before it calls the tests. A test is
 *
 *   test_start("op");
 *   struct array x = act_new(n, 1), y = act_new(n, 1);
 *   ops->op(dev, y.p, x.p, n);
 *   array_read(&y);                    the device's values into y.v; compares them with the reference's
 *   same("y", i, y.v[i], want, 1);     or check_gradient; both check the reference alone
 *   test_end();
 */
#ifndef TESTS_OPS_OPS_H
#define TESTS_OPS_OPS_H

#include <math.h>
#include <stdbool.h>
#include <string.h>
#include "kernels/ops.h"
#include "tests/check.h"
#include "tests/element.h"

struct shape {
    const char *name;
    int threads, B, T, H, Hkv, D, C, F, V;
    int document; /* documents of about that many tokens; 0: no mask */
};

extern const struct ops *ops;
extern struct device *dev;
extern enum dtype act;
extern const struct shape *shape;

/* The backend under test and what its values are compared with. Each shape runs in this order. */
enum against {
    FORMULAS,  /* the reference: formulas.h and finite differences */
    REFERENCE, /* another backend: what the reference has computed */
    BITS,      /* the same backend, run again: only the digest of all bits is compared */
};
extern enum against against;
extern double slack; /* times the usual tolerance of the values read, in the current test */

/* ---- arrays.c ---- */

/* An array in the device's memory between guards, and its values as doubles. */
struct array {
    char *base;
    void *p;
    size_t n;
    enum dtype t;
    double *v;
};

extern const char *op;  /* under test, for messages */
extern uint64_t inputs; /* state of the generator of what goes in */
extern uint64_t digest; /* digest of all bytes that array_read has read */

void test_start(const char *name);
void test_end(void); /* checks the guards of all arrays since test_start and frees them */

struct array array_new(size_t n, enum dtype t, double scale); /* uniform in -scale .. scale */
struct array act_new(size_t n, double scale);
struct array f32_new(size_t n, double scale);
void *array_at(const struct array *a, size_t i);
void array_read(struct array *a);
void record_start(void);                 /* the next array_read is the first of a run */
double *snapshot(const struct array *a); /* a copy of its values; the caller frees it */

double uniform(void); /* -1 .. 1 */
int below(int n);
int tokens(void);     /* tokens in the shape: B*T */
size_t weights(void); /* weights in a matrix of the shape: C*F, but 200,000 at most */

/* ---- compare.c ---- */

extern uint64_t choices; /* state of the generator of which elements are compared */
extern unsigned long checked;

uint16_t narrow(float f); /* to bf16, nearest even */

/* The reference's value: |got - want| <= relative*|want| + absolute*scale, where one rounding to the type is
 * allowed for. */
void same(const char *what, size_t i, double got, double want, double scale);

/* for (k < sample_count(n)) i = sample(n, k): all elements of small results, some of large ones; only for the
 * reference */
size_t sample_count(size_t n);
size_t sample(size_t n, size_t k);

struct gradient {
    const char *what;
    const struct array *got; /* the array that backward wrote or added to */
    size_t offset;           /* first element in got; rows of `row` elements are `stride` apart */
    const double *before;    /* the values that backward added to; NULL: it overwrites */
    double *x;               /* the reference's input */
    size_t row, stride, n;
    double (*loss)(void *ctx, size_t i); /* every part of the loss that x[i] reaches */
    void *ctx;
    double slack; /* times the usual tolerance: sums of many roundings */
};

void check_gradient(const struct gradient *d);

/* ---- the tests ---- */

void test_embedding(void);
void test_rmsnorm(void);
void test_linear(void);
void test_int8(void);
void test_int8_extremes(void);
void test_bias(void);
void test_qk_norm_rope(void);
void test_attention(void);
void test_cached(void);
void test_swiglu(void);
void test_cross_entropy(void);
void test_extremes(void); /* logits of any size */
void test_vectors(void);
void test_rounding(void); /* to bf16, of every kind of number */
void test_adamw(void);
void test_adamw_bf16(void);
void test_ema_step(void);
void test_directions(void);

#endif
