/*
 * interpolate.h - what it costs to reach a loss, from runs of several budgets; intervals over seeds
 */
#ifndef CAMPAIGN_INTERPOLATE_H
#define CAMPAIGN_INTERPOLATE_H

#include <stddef.h>

enum reach {
    REACH_NEVER,   /* no budget's loss is that low; *at is NaN */
    REACH_AT_MOST, /* the smallest budget's is already: *at is what that cost, an upper bound */
    REACH_BETWEEN, /* *at lies between two budgets */
};

/* cost[n] grows, loss[n] belongs to it; each is a budget with a decay of its own. Looks for the smallest
 * budget whose loss is at most the target and interpolates the loss linearly in log cost between it and the
 * budget before. A loss that is infinite (the run failed) is above any target; a budget that follows such a
 * one is taken as it is. */
enum reach cost_to_loss(const double *cost, const double *loss, size_t n, double target, double *at);

struct interval {
    size_t n;
    double mean, low, high; /* low, high: 95 % by Student's t with n - 1 degrees of freedom; NaN for n = 1 */
};
struct interval interval_of(const double *x, size_t n);
/* Computes the interval of the logarithms and returns it as factors, around a geometric mean. */
struct interval interval_of_ratios(const double *ratio, size_t n);
double student_975(size_t freedom); /* 0.975 quantile; NaN for 0 */

#endif
