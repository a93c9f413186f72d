/*
 * pane_curves.c - what a run measures, over its steps
 */
#include "pipeline/monitor/panes.h"

#include "pipeline/lib/fs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double *curves_room(struct curves *c, size_t n)
{
    return c->owned[c->n_owned++] = xcalloc(n + 1, sizeof(double));
}

static double *column(struct curves *c, const struct run *r, size_t offset)
{
    double *out = curves_room(c, r->n_points);
    for (size_t i = 0; i < r->n_points; i++)
        memcpy(&out[i], (const char *)&r->points[i] + offset, sizeof *out);
    return out;
}

/* Returns an exponential mean over about a fiftieth of the points. */
static double *smoothed(struct curves *c, const double *y, size_t n)
{
    double *out = curves_room(c, n), keep = 1 - 1 / (1 + (double)n / 50), mean = NAN;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(y[i]))
            mean = isfinite(mean) ? keep * mean + (1 - keep) * y[i] : y[i];
        out[i] = mean;
    }
    return out;
}

void curves_add(struct curves *c, const double *x, const double *y, size_t n, enum colour colour, bool joined,
                const char *name)
{
    if (c->n < MAX_CURVES)
        c->v[c->n++] = (struct curve){x, y, n, colour, joined, name};
}

static void free_curves(struct curves *c)
{
    for (size_t i = 0; i < c->n_owned; i++)
        free(c->owned[i]);
}

void curves_draw(const struct view *v, struct grid *g, struct rect r, struct curves *c, bool log)
{
    double last = 1;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].n > 0)
            last = fmax(last, c->v[i].x[c->v[i].n - 1]);
    const struct plot p = {.from = v->from * last, .to = v->to * last, .log = log, .x_name = "step"};
    plot_draw(g, r, &p, c->v, c->n);
    free_curves(c);
}

/* The newest forecast of the loss at the end: its range, as a line upwards, and the way there. */
static void add_forecast(struct curves *c, const struct run *r, double loss)
{
    if (r->n_forecasts == 0 || !(r->last.step < r->steps))
        return;
    const struct run_forecast *f = &r->forecast[(r->n_forecasts - 1) % RUN_FORECASTS];
    double *x = curves_room(c, 5), *y = curves_room(c, 5);
    const double steps[] = {r->last.step, r->steps, r->steps, r->steps, r->steps},
                 losses[] = {loss, f->loss, f->low, f->high, f->loss};
    memcpy(x, steps, sizeof steps);
    memcpy(y, losses, sizeof losses);
    curves_add(c, x, y, 5, COLOUR_WARN, true, "forecast");
}

/* Draws a member of every run's steps: the values themselves, or the smoothed ones over them. */
static void draw_member(const struct view *v, struct grid *g, struct rect r, const char *title, size_t offset,
                        bool smooth, bool log)
{
    struct curves c = {0};
    struct rect inside = grid_frame(g, r, title);
    for (size_t i = 0; i < v->n_runs; i++) {
        const struct run *run = v->runs[i];
        enum colour colour = (enum colour)(COLOUR_SERIES + i);
        const double *x = column(&c, run, offsetof(struct run_point, step)), *y = column(&c, run, offset);
        if (smooth && v->n_runs == 1)
            curves_add(&c, x, y, run->n_points, COLOUR_DIM, false, NULL);
        const double *shown = smooth ? smoothed(&c, y, run->n_points) : y;
        curves_add(&c, x, shown, run->n_points, colour, true, run->name);
        if (offset == offsetof(struct run_point, loss) && run->n_points > 0)
            add_forecast(&c, run, shown[run->n_points - 1]);
    }
    curves_draw(v, g, inside, &c, log);
}

void curves_add_loss(struct curves *c, const struct run *r, enum colour colour)
{
    const double *x = column(c, r, offsetof(struct run_point, step)),
                 *y = column(c, r, offsetof(struct run_point, loss));
    curves_add(c, x, smoothed(c, y, r->n_points), r->n_points, colour, true, NULL);
}

static void draw_validation(const struct view *v, struct grid *g, struct rect r)
{
    struct curves c = {0};
    struct rect inside = grid_frame(g, r, "validation, bits per byte");
    const struct run *run = view_chosen(v);
    for (size_t i = 0; run && i < run->n_val; i++) {
        const struct run_series *s = &run->val[i];
        curves_add(&c, s->step, s->bits, s->n, (enum colour)(COLOUR_SERIES + i % SERIES_COLOURS), true,
                   s->name);
    }
    curves_draw(v, g, inside, &c, v->log);
}

void pane_training_loss(const struct view *v, struct grid *g, struct rect r)
{
    draw_member(v, g, r, "training loss", offsetof(struct run_point, loss), true, v->log);
}

void pane_loss(const struct view *v, struct grid *g, struct rect r)
{
    int half = r.height / 2;
    pane_training_loss(v, g, (struct rect){r.x, r.y, r.width, half});
    draw_validation(v, g, (struct rect){r.x, r.y + half, r.width, r.height - half});
}

void pane_rates(const struct view *v, struct grid *g, struct rect r)
{
    int third = r.height / 3;
    draw_member(v, g, (struct rect){r.x, r.y, r.width, third}, "learning rate",
                offsetof(struct run_point, lr), false, v->log);
    draw_member(v, g, (struct rect){r.x, r.y + third, r.width, third}, "gradient norm",
                offsetof(struct run_point, grad_norm), true, v->log);
    draw_member(v, g, (struct rect){r.x, r.y + 2 * third, r.width, r.height - 2 * third}, "tokens a second",
                offsetof(struct run_point, tokens_per_s), true, false);
}
