#include "tools/reporter/reporter.h"

#include <math.h>

/* A field as RFC 4180 quotes it. */
static void put_name(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"')
            fputc('"', f);
        fputc(*s, f);
    }
    fputc('"', f);
}

static void put_number(FILE *f, double x)
{
    if (isfinite(x))
        fprintf(f, ",%.9g", x);
    else
        fputc(',', f);
}

void report_csv(FILE *f, struct run *const *runs, size_t n)
{
    fputs("run,step,loss,grad_norm,lr,tokens,tokens_per_s,trained_s\r\n", f);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < runs[i]->n_points; k++) {
            const struct run_point *p = &runs[i]->points[k];
            put_name(f, runs[i]->name);
            put_number(f, p->step);
            put_number(f, p->loss);
            put_number(f, p->grad_norm);
            put_number(f, p->lr);
            put_number(f, p->tokens);
            put_number(f, p->tokens_per_s);
            put_number(f, p->trained);
            fputs("\r\n", f);
        }
}
