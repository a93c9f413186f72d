#include "pipeline/train/hybrid/dense.h"

#include <math.h>

bool dense_cholesky(double *L, const double *A, int n)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
            double s = A[i * n + j];
            for (int k = 0; k < j; k++)
                s -= L[i * n + k] * L[j * n + k];
            if (i == j && !(s > 0 && isfinite(s)))
                return false;
            L[i * n + j] = i == j ? sqrt(s) : s / L[j * n + j];
        }
        for (int j = i + 1; j < n; j++)
            L[i * n + j] = 0;
    }
    return true;
}

void dense_solve_upper(const double *L, double *x, const double *b, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        double s = b[i];
        for (int k = i + 1; k < n; k++)
            s -= L[k * n + i] * x[k];
        x[i] = s / L[i * n + i];
    }
}

void dense_solve(const double *L, double *x, const double *b, int n)
{
    for (int i = 0; i < n; i++) {
        double s = b[i];
        for (int k = 0; k < i; k++)
            s -= L[i * n + k] * x[k];
        x[i] = s / L[i * n + i];
    }
    dense_solve_upper(L, x, x, n);
}

double dense_normal_cdf(double z)
{
    return 0.5 * erfc(-z * M_SQRT1_2);
}
