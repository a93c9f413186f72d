/*
 * compare.h - which of two models is better, and how surely: a paired bootstrap
 *
 * Both models answer the same questions and predict the same documents, so the differences are drawn anew,
 * with replacement, and not the two results apart (Efron & Tibshirani 1993, "An Introduction to the
 * Bootstrap").
 */
#ifndef EVAL_COMPARE_H
#define EVAL_COMPARE_H

#include "pipeline/eval/measure.h"

struct paired {
    double difference; /* A - B: sum of the differences / sum of the sizes */
    double low, high;  /* 95% of the drawn differences lie between these */
    double positive;   /* share of the drawn differences that are above 0, half of those that are 0 */
};

/* difference and size of each of n units; size NULL: all are 1. Equal inputs give equal results. */
struct paired paired_bootstrap(const double *difference, const double *size, size_t n);

/* Measures both and prints what they differ by, as a table or (plan->table unset) not at all. Returns the
 * results as JSON. */
json_t *compare(struct measure_plan *plan, const char *a, const char *b);

#endif
