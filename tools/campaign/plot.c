#include "tools/campaign/plot.h"

#include <math.h>
#include <string.h>

enum { LEFT = 70, TOP = 30, WIDTH = 640, HEIGHT = 420, LEGEND = 230, LINE = 18 };

struct frame {
    double x0, x1, y0, y1; /* log seconds; loss */
};

struct spot {
    double cpu, loss, low, high;
    size_t n; /* seeds */
};

static const char *const colours[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e",
                                      "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22"};
static const char *const dashes[] = {"", " stroke-dasharray=\"7 3\"", " stroke-dasharray=\"2 3\""};
enum { COLOURS = sizeof colours / sizeof *colours, DASHES = sizeof dashes / sizeof *dashes };

static double px(const struct frame *a, double cpu)
{
    return LEFT + WIDTH * (log(cpu) - a->x0) / (a->x1 - a->x0);
}

static double py(const struct frame *a, double loss)
{
    return TOP + HEIGHT * (a->y1 - loss) / (a->y1 - a->y0);
}

static struct spot spot_of(const struct campaign *c, const char *arm, uint64_t budget)
{
    struct spot p = {.low = INFINITY, .high = -INFINITY};
    for (size_t s = 0; s < c->n_seeds; s++) {
        const struct trial *r = campaign_run(c, arm, budget, c->seeds[s]);
        if (!r || !isfinite(r->weighted))
            continue;
        p.cpu += log(r->cpu);
        p.loss += r->weighted;
        p.low = fmin(p.low, r->weighted);
        p.high = fmax(p.high, r->weighted);
        p.n++;
    }
    p.cpu = exp(p.cpu / (double)p.n);
    p.loss /= (double)p.n;
    return p;
}

static void include(struct frame *a, double cpu, double loss)
{
    a->x0 = fmin(a->x0, log(cpu));
    a->x1 = fmax(a->x1, log(cpu));
    a->y0 = fmin(a->y0, loss);
    a->y1 = fmax(a->y1, loss);
}

static struct frame frame_of(const struct campaign *c, const struct verdict *v)
{
    struct frame a = {INFINITY, -INFINITY, v->target, v->target};
    for (size_t i = 0; i < c->n_runs; i++)
        if (isfinite(c->runs[i].weighted))
            include(&a, c->runs[i].cpu, c->runs[i].weighted);
    double x = fmax(0.05 * (a.x1 - a.x0), 0.02), y = fmax(0.05 * (a.y1 - a.y0), 1e-3);
    return (struct frame){a.x0 - x, a.x1 + x, a.y0 - y, a.y1 + y};
}

static void label(FILE *f, double x, double y, const char *anchor, const char *text)
{
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    for (; *text; text++) {
        if (*text == '<' || *text == '&')
            fprintf(f, "&#%d;", *text);
        else
            fputc(*text, f);
    }
    fprintf(f, "</text>\n");
}

/* The first of 1, 2, 5 times a power of ten that makes at most n steps of the span. */
static double round_step(double span, double n)
{
    double unit = pow(10, floor(log10(span / n)));
    return span / n <= unit       ? unit
           : span / n <= 2 * unit ? 2 * unit
           : span / n <= 5 * unit ? 5 * unit
                                  : 10 * unit;
}

static void tick_x(FILE *f, const struct frame *a, double cpu)
{
    char text[32];
    snprintf(text, sizeof text,
             cpu < 120    ? "%.3g s"
             : cpu < 7200 ? "%.3g min"
                          : "%.3g h",
             cpu < 120    ? cpu
             : cpu < 7200 ? cpu / 60
                          : cpu / 3600);
    fprintf(f, "<path class=\"grid\" d=\"M%.1f %dV%d\"/>\n", px(a, cpu), TOP, TOP + HEIGHT);
    label(f, px(a, cpu), TOP + HEIGHT + LINE, "middle", text);
}

static void axes(FILE *f, const struct frame *a)
{
    double step = round_step(a->y1 - a->y0, 8), lx = a->x1 - a->x0 > 3 * log(2) ? 0 : 1;
    char text[32];
    for (double y = ceil(a->y0 / step) * step; y <= a->y1; y += step) {
        fprintf(f, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", LEFT, py(a, y), LEFT + WIDTH);
        snprintf(text, sizeof text, "%.*f", step < 0.01 ? 3 : step < 1 ? 2 : 0, y);
        label(f, LEFT - 8, py(a, y) + 4, "end", text);
    }
    if (lx == 0) { /* doublings of a second, every 2nd or 4th where there are many */
        double every = a->x1 - a->x0 > 8 * log(2) ? 4 : 2;
        for (double x = pow(every, ceil(a->x0 / log(every))); log(x) <= a->x1; x *= every)
            tick_x(f, a, x);
    } else {
        double linear = round_step(exp(a->x1) - exp(a->x0), 5);
        for (double x = ceil(exp(a->x0) / linear) * linear; log(x) <= a->x1; x += linear)
            tick_x(f, a, x);
    }
    fprintf(f, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#444\"/>\n", LEFT,
            TOP, WIDTH, HEIGHT);
    label(f, LEFT + WIDTH / 2.0, TOP + HEIGHT + 2 * LINE + 4, "middle", "processor time of training (log)");
    label(f, LEFT, TOP - 10, "start", "bits per byte of held-out text, weighted");
}

static void arm_line(FILE *f, const struct frame *a, const struct campaign *c, const char *arm,
                     const char *colour, const char *dash)
{
    bool first = true;
    fprintf(f, "<path fill=\"none\" stroke-width=\"2\" stroke=\"%s\"%s d=\"", colour, dash);
    for (size_t b = 0; b < c->n_budgets; b++) {
        struct spot p = spot_of(c, arm, c->budgets[b]);
        if (p.n == 0)
            continue;
        fprintf(f, "%c%.1f %.1f", first ? 'M' : 'L', px(a, p.cpu), py(a, p.loss));
        first = false;
    }
    fprintf(f, "\"/>\n");
    for (size_t b = 0; b < c->n_budgets; b++) {
        struct spot p = spot_of(c, arm, c->budgets[b]);
        if (p.n > 0)
            fprintf(f,
                    "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/><path stroke=\"%s\" d=\"M%.1f "
                    "%.1fV%.1f\"/>\n",
                    px(a, p.cpu), py(a, p.loss), colour, colour, px(a, p.cpu), py(a, p.low), py(a, p.high));
    }
}

void plot_write(FILE *f, const struct campaign *c, const struct verdict *v)
{
    struct frame a = frame_of(c, v);
    int rows = (int)v->n + 1, needed = TOP + rows * LINE + 20, height = TOP + HEIGHT + 60;
    height = height > needed ? height : needed;
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n",
            LEFT + WIDTH + LEGEND, height, LEFT + WIDTH + LEGEND, height);
    fprintf(f, "<style>text{font:13px sans-serif;fill:#222}.grid{stroke:#ddd}</style>\n<rect width=\"100%%\" "
               "height=\"100%%\" fill=\"#fff\"/>\n");
    axes(f, &a);
    fprintf(f, "<path stroke=\"#000\" stroke-dasharray=\"4 4\" d=\"M%d %.1fH%d\"/>\n", LEFT,
            py(&a, v->target), LEFT + WIDTH);
    for (size_t i = 0; i < v->n; i++) {
        const char *colour = colours[i % COLOURS], *dash = dashes[i / COLOURS % DASHES];
        double y = TOP + 10 + (double)i * LINE;
        arm_line(f, &a, c, v->arms[i].arm, colour, dash);
        fprintf(f, "<path stroke-width=\"2\" stroke=\"%s\"%s d=\"M%d %.1fh24\"/>\n", colour, dash,
                LEFT + WIDTH + 15, y);
        label(f, LEFT + WIDTH + 45, y + 4, "start", v->arms[i].arm);
    }
    fprintf(f, "<path stroke=\"#000\" stroke-dasharray=\"4 4\" d=\"M%d %dh24\"/>\n", LEFT + WIDTH + 15,
            TOP + 10 + (rows - 1) * LINE);
    label(f, LEFT + WIDTH + 45, TOP + 14 + (rows - 1) * LINE, "start", "target");
    fprintf(f, "</svg>\n");
}
