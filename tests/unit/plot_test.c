/* curves on a screen: whatever their values, they are drawn inside of the frame, or left out */
#include "pipeline/monitor/plot.h"

#include <float.h>
#include <math.h>

#include "tests/check.h"

static int dots(const struct grid *g)
{
    int n = 0;
    for (int i = 0; i < g->width * g->height; i++)
        n += g->cells[i].character > 0x2800 && g->cells[i].character <= 0x28ff;
    return n;
}

static int drawn(double x0, double x1, double y0, double y1)
{
    const double x[] = {x0, x1}, y[] = {y0, y1};
    struct curve curve = {x, y, 2, COLOUR_SERIES, true, NULL};
    struct plot p = {.from = x0, .to = x1, .x_name = "step"};
    struct grid g = {0};
    grid_resize(&g, 60, 20);
    plot_draw(&g, (struct rect){0, 0, 60, 20}, &p, &curve, 1);
    int n = dots(&g);
    grid_free(&g);
    return n;
}

int main(void)
{
    test_begin(20);
    static const double values[] = {0, 1, -1, 1e-300, 5e-324, 1e15, 1e16, 1e30, -1e30, 1e299};
    enum { N = sizeof values / sizeof *values };
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            double a = values[i], b = values[k];
            CHECK(drawn(1, 2, a, b) > 0, "y %g and %g", a, b);
            CHECK(drawn(fmin(a, b), fmax(a, b), 1, 2) > 0, "x %g and %g", a, b);
        }
    CHECK(drawn(1, 2, NAN, INFINITY) == 0);
    CHECK(drawn(-DBL_MAX, DBL_MAX, 1, 2) == 0);
    return 0;
}
