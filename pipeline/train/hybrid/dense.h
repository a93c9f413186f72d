/*
 * dense.h - small dense problems
 */
#ifndef HYBRID_DENSE_H
#define HYBRID_DENSE_H

#include <stdbool.h>

enum { DENSE_MAX = 64 };

/* Lower Cholesky factor of the symmetric A (n,n), n <= DENSE_MAX. False: not positive definite; L is then
 * undefined. */
bool dense_cholesky(double *L, const double *A, int n);
/* x = A^-1 b from the factor; x may be b. */
void dense_solve(const double *L, double *x, const double *b, int n);
/* x = L'^-1 b, so that x has covariance A^-1 when b is standard normal. */
void dense_solve_upper(const double *L, double *x, const double *b, int n);
double dense_normal_cdf(double z);

#endif
