/*
 * pane_engine.c - what training does to come to its end sooner: phases of the schedule, layers that join
 * later, and the forecasts of the finished weights and of the last loss beside what came
 */
#include "pipeline/monitor/panes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *phase;
    enum colour colour;
} phases[] = {{"warm-up", COLOUR_SERIES + 1},
              {"constant", COLOUR_SERIES},
              {"cosine", COLOUR_SERIES + 4},
              {"decay", COLOUR_SERIES + 3}};
enum { PHASES = sizeof phases / sizeof *phases };

static enum colour colour_of(const char *phase)
{
    for (size_t i = 0; i < PHASES; i++)
        if (strcmp(phases[i].phase, phase) == 0)
            return phases[i].colour;
    return COLOUR_SERIES;
}

void draw_ribbon(struct grid *g, int x, int y, int width, const struct run *r)
{
    double done = r->steps > 0 ? r->last.step / r->steps : 0;
    for (int i = 0; i < width; i++) {
        double share = (i + 0.5) / width;
        grid_put(g, x + i, y, share <= done ? 0x2588 : 0x2591, colour_of(run_phase(r, share * r->steps)));
    }
}

/* Names the phases below the ribbon, each where it begins. */
static void name_phases(struct grid *g, int x, int y, int width, const struct run *r)
{
    const char *last = "";
    for (int i = 0; i < width; i++) {
        const char *phase = run_phase(r, (i + 0.5) / width * r->steps);
        if (strcmp(phase, last) != 0)
            grid_text(g, x + i, y, width - i, colour_of(phase), phase);
        last = phase;
    }
}

/* Layers that take part now, and the share of all passes through a layer, so far, that were saved because it
 * had not joined yet. */
static void measure_growth(const struct run *r, double *now, double *saved)
{
    double whole = r->depth[r->n_depths - 1].layers * r->last.step, done = 0;
    *now = r->depth[0].layers;
    for (size_t i = 0; i < r->n_depths; i++) {
        double from = r->depth[i].step, to = i + 1 < r->n_depths ? r->depth[i + 1].step : INFINITY;
        done += fmax(fmin(to, r->last.step) - from, 0) * r->depth[i].layers;
        if (r->last.step >= from)
            *now = r->depth[i].layers;
    }
    *saved = whole > 0 ? 1 - done / whole : 0;
}

static int draw_growth(struct grid *g, struct rect in, int y, const struct run *r)
{
    double now, saved;
    if (r->n_depths < 2)
        return grid_text(g, in.x, y, in.width, COLOUR_DIM, "layers: all of them always"), y + 1;
    measure_growth(r, &now, &saved);
    int x = grid_printf(g, in.x, y, in.width, COLOUR_PLAIN, "layers: %.0f now, %.1f %% of all passes saved;",
                        now, 100 * saved);
    for (size_t i = 0; i < r->n_depths; i++)
        x = grid_printf(g, x, y, in.x + in.width - x, COLOUR_DIM, " %.0f from step %.0f%s",
                        r->depth[i].layers, r->depth[i].step, i + 1 < r->n_depths ? "," : "");
    return y + 1;
}

static int draw_finish(struct grid *g, struct rect in, int y, const struct run *r)
{
    if (isfinite(r->finish_change))
        grid_printf(g, in.x, y++, in.width, r->finish_change < 0 ? COLOUR_GOOD : COLOUR_PLAIN,
                    "finished weights: loss %+.4f (+- %.4f) against those as they are", r->finish_change,
                    2 * r->finish_se);
    for (size_t i = 0; i < r->n_val && y < in.y + in.height; i++) {
        const struct run_series *s = &r->val[i];
        if (s->n > 0 && isfinite(s->finished[s->n - 1]))
            grid_printf(g, in.x, y++, in.width, COLOUR_PLAIN, "%-16.16s finished %.4f   as it is %.4f",
                        s->name, s->finished[s->n - 1], s->loss[s->n - 1]);
    }
    return y;
}

static int draw_forecast(struct grid *g, struct rect in, int y, const struct run *r)
{
    if (r->n_forecasts == 0)
        return y;
    const struct run_forecast *f = &r->forecast[(r->n_forecasts - 1) % RUN_FORECASTS];
    grid_printf(g, in.x, y, in.width, COLOUR_PLAIN,
                "loss at the end: %.4g (%.4g to %.4g), told at step %.0f; twice the steps: %.4g", f->loss,
                f->low, f->high, f->step, f->twice);
    return y + 1;
}

/* The forecasts of the last loss, each at the step at which it was made, over the loss as it came. */
static void draw_forecasts(const struct view *v, struct grid *g, struct rect r, const struct run *run)
{
    struct curves c = {0};
    struct rect in = grid_frame(g, r, "loss at the end: forecasts, over the loss as it came");
    size_t n = run->n_forecasts < RUN_FORECASTS ? (size_t)run->n_forecasts : RUN_FORECASTS;
    double *step = curves_room(&c, n), *loss = curves_room(&c, n), *low = curves_room(&c, n),
           *high = curves_room(&c, n);
    for (size_t i = 0; i < n; i++) {
        const struct run_forecast *f = &run->forecast[(run->n_forecasts - n + i) % RUN_FORECASTS];
        step[i] = f->step;
        loss[i] = f->loss;
        low[i] = f->low;
        high[i] = f->high;
    }
    curves_add_loss(&c, run, COLOUR_DIM);
    curves_add(&c, step, low, n, COLOUR_SERIES + 1, true, "low");
    curves_add(&c, step, high, n, COLOUR_SERIES + 1, true, "high");
    curves_add(&c, step, loss, n, COLOUR_SERIES, true, "forecast");
    curves_draw(v, g, in, &c, v->log);
}

void pane_engine(const struct view *v, struct grid *g, struct rect r)
{
    const struct run *run = view_chosen(v);
    int height = r.height / 2;
    struct rect in = grid_frame(g, (struct rect){r.x, r.y, r.width, height}, "engine");
    if (!run) {
        grid_text(g, in.x + 1, in.y, in.width - 1, COLOUR_DIM, "no run");
        return;
    }
    draw_ribbon(g, in.x, in.y, in.width, run);
    name_phases(g, in.x, in.y + 1, in.width, run);
    int y = draw_growth(g, in, in.y + 2, run);
    y = draw_forecast(g, in, y, run);
    draw_finish(g, in, y, run);
    draw_forecasts(v, g, (struct rect){r.x, r.y + height, r.width, r.height - height}, run);
}
