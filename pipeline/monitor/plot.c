#include "pipeline/monitor/plot.h"

#include "pipeline/lib/fs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LARGEST = 1e300;
enum { LABEL = 8, SMALLEST_WIDTH = 20, SMALLEST_HEIGHT = 4 };

struct canvas {
    struct grid *g;
    struct rect r;      /* where the dots are */
    unsigned char *set; /* r.width * r.height: braille dots */
    double x0, x1, y0, y1;
};

/* NaN: it is not drawn; neither are numbers so large that their differences overflow. */
static double height_of(const struct plot *p, double y)
{
    return p->log ? (y > 0 ? log10(y) : NAN) : fabs(y) < LARGEST ? y : NAN;
}

static bool is_within(double x, double from, double to)
{
    return x >= from && x <= to && fabs(x) < LARGEST; /* no NaN is */
}

/* Makes an empty range wide enough to divide by, also where a unit is less than the numbers' own precision.
 */
static void widen(double *from, double *to)
{
    double largest = fmax(fabs(*from), fabs(*to)), margin = fmax(0.5, largest * 1e-3);
    if (*to - *from > largest * 1e-12)
        return;
    *from -= margin;
    *to += margin;
}

/* Finds the range of all y within the range of x; false: there is none. */
static bool find_range(struct canvas *c, const struct plot *p, const struct curve *curves, size_t n)
{
    c->y0 = INFINITY;
    c->y1 = -INFINITY;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < curves[k].n; i++) {
            double y = height_of(p, curves[k].y[i]);
            if (!isfinite(y) || !is_within(curves[k].x[i], p->from, p->to))
                continue;
            c->y0 = fmin(c->y0, y);
            c->y1 = fmax(c->y1, y);
        }
    if (c->y1 < c->y0)
        return false;
    widen(&c->y0, &c->y1);
    return true;
}

static void dot(struct canvas *c, int x, int y, enum colour colour)
{
    static const unsigned char bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    if (x < 0 || y < 0 || x >= 2 * c->r.width || y >= 4 * c->r.height)
        return;
    unsigned char *set = &c->set[y / 4 * c->r.width + x / 2];
    *set |= bits[y % 4][x % 2];
    grid_put(c->g, c->r.x + x / 2, c->r.y + y / 4, 0x2800u | *set, colour);
}

static void line(struct canvas *c, int x0, int y0, int x1, int y1, enum colour colour)
{
    int dx = abs(x1 - x0), dy = abs(y1 - y0), n = dx > dy ? dx : dy;
    for (int i = 0; i <= n; i++)
        dot(c, x0 + (n ? (x1 - x0) * i / n : 0), y0 + (n ? (y1 - y0) * i / n : 0), colour);
}

static void draw_curve(struct canvas *c, const struct plot *p, const struct curve *k)
{
    int last_x = 0, last_y = 0;
    bool open = false;
    for (size_t i = 0; i < k->n; i++) {
        double y = height_of(p, k->y[i]);
        if (!isfinite(y) || !is_within(k->x[i], c->x0, c->x1)) {
            open = false;
            continue;
        }
        int px = (int)((k->x[i] - c->x0) / (c->x1 - c->x0) * (2 * c->r.width - 1) + 0.5);
        int py = (int)((c->y1 - y) / (c->y1 - c->y0) * (4 * c->r.height - 1) + 0.5);
        if (k->joined && open)
            line(c, last_x, last_y, px, py, k->colour);
        else
            dot(c, px, py, k->colour);
        last_x = px;
        last_y = py;
        open = true;
    }
}

static void label_axes(struct canvas *c, const struct plot *p)
{
    int bottom = c->r.y + c->r.height;
    for (int i = 0; i<c->r.height; i += c->r.height> 8 ? 4 : 2) {
        double y = c->y1 - (c->y1 - c->y0) * (4 * i + 1.5) / (4 * c->r.height - 1);
        grid_printf(c->g, c->r.x - LABEL, c->r.y + i, LABEL - 1, COLOUR_DIM, "%7.4g",
                    p->log ? pow(10, y) : y);
    }
    char right[32];
    snprintf(right, sizeof right, "%.6g", c->x1);
    grid_printf(c->g, c->r.x, bottom, c->r.width, COLOUR_DIM, "%.6g", c->x0);
    grid_text(c->g, c->r.x + c->r.width / 2 - 2, bottom, 12, COLOUR_DIM, p->x_name);
    grid_text(c->g, c->r.x + c->r.width - (int)strlen(right), bottom, 32, COLOUR_DIM, right);
}

static void name_curves(struct grid *g, struct rect r, const struct curve *curves, size_t n)
{
    int x = r.x + LABEL + 1;
    for (size_t k = 0; k < n; k++)
        if (curves[k].name && curves[k].n > 0) {
            grid_put(g, x, r.y, 0x2022, curves[k].colour);
            x = grid_text(g, x + 2, r.y, r.x + r.width - x - 2, curves[k].colour, curves[k].name) + 2;
        }
}

void plot_draw(struct grid *g, struct rect r, const struct plot *p, const struct curve *curves, size_t n)
{
    struct canvas c = {
        .g = g, .r = {r.x + LABEL, r.y + 1, r.width - LABEL, r.height - 2}, .x0 = p->from, .x1 = p->to};
    widen(&c.x0, &c.x1);
    if (r.width < SMALLEST_WIDTH || r.height < SMALLEST_HEIGHT)
        return;
    if (!find_range(&c, p, curves, n)) {
        grid_text(g, r.x + 2, r.y + r.height / 2, r.width - 2, COLOUR_DIM, "nothing to show yet");
        return;
    }
    c.set = xcalloc((size_t)c.r.width * (size_t)c.r.height, 1);
    for (size_t k = 0; k < n; k++)
        draw_curve(&c, p, &curves[k]);
    label_axes(&c, p);
    name_curves(g, r, curves, n);
    free(c.set);
}
