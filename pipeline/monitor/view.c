#include "pipeline/monitor/view.h"

#include "pipeline/lib/fs.h"
#include "pipeline/monitor/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CURVES = 2 * VIEW_RUNS + RUN_SOURCES, SIDE = 30 /* columns of numbers beside the curves */ };

static const char *const pane_names[N_PANES] = {"Overview", "Loss", "Rates", "Pipeline", "Events", "Samples"};

static const struct run *chosen(const struct view *v)
{
    return v->n_runs ? v->runs[v->chosen] : NULL;
}

/* ---- numbers as people read them ---- */

static const char *amount(char *out, size_t cap, double x)
{
    static const char *const suffix[] = {"", "k", "M", "G", "T"};
    int i = 0;
    if (!isfinite(x)) {
        snprintf(out, cap, "-");
        return out;
    }
    for (; fabs(x) >= 10000 && i < 4; i++)
        x /= 1000;
    snprintf(out, cap, fabs(x - rint(x)) < 1e-9 ? "%.0f%s" : "%.4g%s", x, suffix[i]);
    return out;
}

static const char *duration(char *out, size_t cap, double s)
{
    if (!isfinite(s))
        snprintf(out, cap, "-");
    else if (s < 60)
        snprintf(out, cap, "%.0f s", s);
    else if (s < 3600)
        snprintf(out, cap, "%.0f min %02.0f s", floor(s / 60), fmod(s, 60));
    else
        snprintf(out, cap, "%.0f h %02.0f min", floor(s / 3600), floor(fmod(s, 3600) / 60));
    return out;
}

/* ---- curves ---- */

struct curves {
    struct curve v[MAX_CURVES];
    double *owned[2 * MAX_CURVES];
    size_t n, n_owned;
};

static double *column(struct curves *c, const struct run *r, size_t offset)
{
    double *out = xcalloc(r->n_points + 1, sizeof *out);
    for (size_t i = 0; i < r->n_points; i++)
        memcpy(&out[i], (const char *)&r->points[i] + offset, sizeof *out);
    c->owned[c->n_owned++] = out;
    return out;
}

/* Returns an exponential mean over about a fiftieth of the points. */
static double *smoothed(struct curves *c, const double *y, size_t n)
{
    double *out = xcalloc(n + 1, sizeof *out), keep = 1 - 1 / (1 + (double)n / 50), mean = NAN;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(y[i]))
            mean = isfinite(mean) ? keep * mean + (1 - keep) * y[i] : y[i];
        out[i] = mean;
    }
    c->owned[c->n_owned++] = out;
    return out;
}

static void add_curve(struct curves *c, const double *x, const double *y, size_t n, enum colour colour,
                      bool joined, const char *name)
{
    if (c->n < MAX_CURVES)
        c->v[c->n++] = (struct curve){x, y, n, colour, joined, name};
}

static void free_curves(struct curves *c)
{
    for (size_t i = 0; i < c->n_owned; i++)
        free(c->owned[i]);
}

static void draw_curves(const struct view *v, struct grid *g, struct rect r, struct curves *c, bool log)
{
    double last = 1;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].n > 0)
            last = fmax(last, c->v[i].x[c->v[i].n - 1]);
    const struct plot p = {.from = v->from * last, .to = v->to * last, .log = log, .x_name = "step"};
    plot_draw(g, r, &p, c->v, c->n);
    free_curves(c);
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
            add_curve(&c, x, y, run->n_points, COLOUR_DIM, false, NULL);
        add_curve(&c, x, smooth ? smoothed(&c, y, run->n_points) : y, run->n_points, colour, true, run->name);
    }
    draw_curves(v, g, inside, &c, log);
}

static void draw_validation(const struct view *v, struct grid *g, struct rect r)
{
    struct curves c = {0};
    struct rect inside = grid_frame(g, r, "validation, bits per byte");
    const struct run *run = chosen(v);
    for (size_t i = 0; run && i < run->n_val; i++) {
        const struct run_series *s = &run->val[i];
        add_curve(&c, s->step, s->bits, s->n, (enum colour)(COLOUR_SERIES + i % SERIES_COLOURS), true,
                  s->name);
    }
    draw_curves(v, g, inside, &c, v->log);
}

/* ---- header ---- */

static void draw_header(const struct view *v, struct grid *g)
{
    const struct run *r = chosen(v);
    char done[32], all[32], tokens[32], left[32];
    if (!r) {
        grid_text(g, 1, 0, g->width - 2, COLOUR_TITLE, "no run");
        return;
    }
    int x = grid_text(g, 1, 0, 40, COLOUR_TITLE, r->name) + 2;
    x = grid_text(g, x, 0, 12, r->live ? COLOUR_GOOD : COLOUR_DIM, r->live ? "live" : "not running") + 2;
    grid_text(g, x, 0, g->width - x - 1, COLOUR_DIM, r->model);
    double share = r->steps > 0 ? r->last.step / r->steps : 0;
    x = grid_printf(g, 1, 1, g->width - 2, COLOUR_PLAIN, "step %s of %s  %s tokens  %s left  ",
                    amount(done, sizeof done, r->last.step), amount(all, sizeof all, r->steps),
                    amount(tokens, sizeof tokens, r->last.tokens),
                    duration(left, sizeof left, run_seconds_left(r)));
    int width = g->width - x - 7;
    if (width > 4) {
        grid_bar(g, x, 1, width, share, COLOUR_SERIES);
        grid_printf(g, x + width + 1, 1, 6, COLOUR_PLAIN, "%3.0f %%", 100 * share);
    }
}

static void draw_tabs(const struct view *v, struct grid *g)
{
    int x = 1, y = g->height - 1;
    for (int i = 0; i < N_PANES; i++)
        x = grid_printf(g, x, y, 14, i == (int)v->pane ? COLOUR_TITLE : COLOUR_DIM, "%d %s", i + 1,
                        pane_names[i]) +
            2;
    grid_text(g, x, y, g->width - x, COLOUR_DIM, v->paused ? "paused: space goes on" : "? help  q leave");
}

/* ---- panes ---- */

static void draw_numbers(const struct view *v, struct grid *g, struct rect r)
{
    const struct run *run = chosen(v);
    struct rect in = grid_frame(g, r, "now");
    int y = in.y, end = in.y + in.height;
    char a[32];
    if (!run)
        return;
    const struct {
        const char *name;
        double value;
    } rows[] = {{"loss", run->last.loss},
                {"gradient norm", run->last.grad_norm},
                {"learning rate", run->last.lr},
                {"tokens a second", run->last.tokens_per_s},
                {"wait for data, s", run->last.stall}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows && y < end; i++, y++)
        grid_printf(g, in.x, y, in.width, COLOUR_PLAIN, "%-17s %9s", rows[i].name,
                    amount(a, sizeof a, rows[i].value));
    for (size_t i = 0; i < run->n_val && y < end; i++, y++) {
        const struct run_series *s = &run->val[i];
        if (s->n > 0)
            grid_printf(g, in.x, y, in.width, (enum colour)(COLOUR_SERIES + i % SERIES_COLOURS),
                        "%-17.17s %9.4f", s->name, s->bits[s->n - 1]);
    }
    if (isfinite(run->gpu_utilization) && y < end)
        grid_printf(g, in.x, y, in.width, COLOUR_PLAIN, "GPU %3.0f %%  %.1f GB  %.0f C  %.0f W",
                    run->gpu_utilization, run->gpu_memory / 1e9, run->gpu_celsius, run->gpu_watts);
}

static int draw_stage(struct grid *g, struct rect in, int y, const struct stage *s)
{
    char a[32], b[32];
    double rate, fill = stage_value(s, "ring_fill", NULL), room = stage_value(s, "ring_capacity", NULL);
    static const char *const flows[] = {"tokens", "documents", "bytes", "done"};
    int x =
        grid_printf(g, in.x, y, in.width, s->died ? COLOUR_BAD : COLOUR_TITLE, "%-9.9s", s->now.stage) + 1;
    if (s->died) {
        grid_printf(g, x, y, in.width - 10, COLOUR_BAD,
                    "process %d is gone without ending (tools/doctor --remove)", s->now.pid);
        return y + 1;
    }
    for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
        double value = stage_value(s, flows[i], &rate);
        if (!isfinite(value) || (i > 1 && x > in.x + 10))
            continue;
        x = grid_printf(g, x, y, in.x + in.width - x, COLOUR_PLAIN, "%s %s", amount(a, sizeof a, value),
                        flows[i]) +
            1;
        if (isfinite(rate))
            x = grid_printf(g, x, y, in.x + in.width - x, COLOUR_GOOD, "%s/s", amount(b, sizeof b, rate)) + 1;
    }
    if (room > 0 && in.x + in.width - x > 14) {
        grid_text(g, x, y, 5, COLOUR_DIM, "ring");
        grid_bar(g, x + 5, y, 8, fill / room, fill > 0.9 * room ? COLOUR_WARN : COLOUR_GOOD);
    }
    return y + 1;
}

/* The live ones first. With details each has its command line, and those that died are shown one by one; else
 * those are counted. */
static void draw_stages(const struct view *v, struct grid *g, struct rect r, bool details)
{
    struct rect in = grid_frame(g, r, "stages");
    int y = in.y, end = in.y + in.height, dead = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < v->stages->n && y < end; i++) {
            const struct stage *s = &v->stages->v[i];
            if (s->died != (pass == 1))
                continue;
            dead += s->died;
            if (s->died && !details)
                continue;
            y = draw_stage(g, in, y, s);
            if (details && y < end)
                grid_text(g, in.x + 10, y++, in.width - 10, COLOUR_DIM, s->now.label);
        }
    if (y == in.y && y < end)
        grid_text(g, in.x + 1, y++, in.width - 1, COLOUR_DIM, "none is running");
    if (dead > 0 && !details && y < end)
        grid_printf(g, in.x + 1, y, in.width - 1, COLOUR_WARN, "%d ended without a word: 4 Pipeline", dead);
}

static void draw_events(const struct view *v, struct grid *g, struct rect r)
{
    const struct run *run = chosen(v);
    struct rect in = grid_frame(g, r, v->search[0] ? v->search : "events");
    uint64_t kept = !run ? 0 : run->n_events < RUN_EVENTS ? run->n_events : RUN_EVENTS;
    int y = in.y, skip = v->scroll;
    for (uint64_t i = 0; i < kept && y < in.y + in.height; i++) {
        const struct run_event *e = &run->events[(run->n_events - 1 - i) % RUN_EVENTS];
        if ((v->search[0] && !strstr(e->text, v->search)) || skip-- > 0)
            continue;
        grid_printf(g, in.x, y, 9, COLOUR_DIM, "%8.0f", e->step);
        grid_text(g, in.x + 10, y++, in.width - 10, e->bad ? COLOUR_BAD : COLOUR_PLAIN, e->text);
    }
    if (y == in.y && in.height > 0)
        grid_text(g, in.x + 1, y, in.width - 1, COLOUR_DIM, "none");
}

/* Writes text over as many rows as it takes; returns the row after the last. Line ends begin a new row. */
static int draw_text(struct grid *g, struct rect in, int y, const char *text)
{
    char row[1024];
    while (*text && y < in.y + in.height) {
        size_t n = strcspn(text, "\n"),
               width = (size_t)in.width < sizeof row - 4 ? (size_t)in.width : sizeof row - 4;
        size_t here = n < width ? n : width;
        while (here < n && ((unsigned char)text[here] & 0xc0) == 0x80) /* do not cut within a character */
            here++;
        memcpy(row, text, here);
        row[here] = 0;
        grid_text(g, in.x, y++, in.width, COLOUR_PLAIN, row);
        text += here + (text[here] == '\n');
    }
    return y;
}

static void draw_samples(const struct view *v, struct grid *g, struct rect r)
{
    const struct run *run = chosen(v);
    struct rect in = grid_frame(g, r, "what the model writes, newest first");
    uint64_t kept = !run ? 0 : run->n_samples < RUN_SAMPLES ? run->n_samples : RUN_SAMPLES;
    int y = in.y;
    for (uint64_t i = (uint64_t)v->scroll; i < kept && y < in.y + in.height; i++) {
        const struct run_sample *s = &run->samples[(run->n_samples - 1 - i) % RUN_SAMPLES];
        grid_printf(g, in.x, y++, in.width, COLOUR_TITLE, "step %.0f: %s", s->step, s->prompt);
        y = draw_text(g, in, y, s->text) + 1;
    }
    if (kept == 0 && in.height > 0)
        grid_text(g, in.x + 1, y, in.width - 1, COLOUR_DIM,
                  "none: train --sample-every N --sample-prompt TEXT");
}

static void draw_help(struct grid *g, struct rect r)
{
    static const char *const lines[] = {
        "1-6, Tab    panes",
        "n           next run",
        "l           logarithmic y",
        "+ -         zoom in, out",
        "arrows      move through time; events: scroll",
        "0           the whole run",
        "/           search events",
        "space       stop and go on looking",
        "?           this help",
        "q           leave (the run goes on)",
    };
    struct rect in = grid_frame(g, r, "keys");
    for (int i = 0; i < (int)(sizeof lines / sizeof *lines) && i < in.height; i++)
        grid_text(g, in.x + 1, in.y + i, in.width - 1, COLOUR_PLAIN, lines[i]);
}

static void draw_overview(const struct view *v, struct grid *g, struct rect r)
{
    int side = r.width > 2 * SIDE ? SIDE : r.width / 3, low = r.height / 3;
    struct rect curves = {r.x, r.y, r.width - side, r.height - low};
    draw_member(v, g, curves, "training loss", offsetof(struct run_point, loss), true, v->log);
    draw_numbers(v, g, (struct rect){r.x + r.width - side, r.y, side, r.height - low});
    draw_stages(v, g, (struct rect){r.x, r.y + r.height - low, r.width / 2, low}, false);
    draw_events(v, g, (struct rect){r.x + r.width / 2, r.y + r.height - low, r.width - r.width / 2, low});
}

static void draw_loss(const struct view *v, struct grid *g, struct rect r)
{
    int half = r.height / 2;
    draw_member(v, g, (struct rect){r.x, r.y, r.width, half}, "training loss",
                offsetof(struct run_point, loss), true, v->log);
    draw_validation(v, g, (struct rect){r.x, r.y + half, r.width, r.height - half});
}

static void draw_rates(const struct view *v, struct grid *g, struct rect r)
{
    int third = r.height / 3;
    draw_member(v, g, (struct rect){r.x, r.y, r.width, third}, "learning rate",
                offsetof(struct run_point, lr), false, v->log);
    draw_member(v, g, (struct rect){r.x, r.y + third, r.width, third}, "gradient norm",
                offsetof(struct run_point, grad_norm), true, v->log);
    draw_member(v, g, (struct rect){r.x, r.y + 2 * third, r.width, r.height - 2 * third}, "tokens a second",
                offsetof(struct run_point, tokens_per_s), true, false);
}

void view_draw(const struct view *v, struct grid *g)
{
    struct rect r = {0, 2, g->width, g->height - 3};
    if (g->width < VIEW_WIDTH || g->height < VIEW_HEIGHT) {
        grid_printf(g, 0, 0, g->width, COLOUR_WARN, "%d x %d is too small: %d x %d is needed", g->width,
                    g->height, VIEW_WIDTH, VIEW_HEIGHT);
        return;
    }
    draw_header(v, g);
    draw_tabs(v, g);
    if (v->help) {
        draw_help(g, r);
        return;
    }
    switch (v->pane) {
    case PANE_OVERVIEW:
        draw_overview(v, g, r);
        break;
    case PANE_LOSS:
        draw_loss(v, g, r);
        break;
    case PANE_RATES:
        draw_rates(v, g, r);
        break;
    case PANE_PIPELINE:
        draw_stages(v, g, r, true);
        break;
    case PANE_SAMPLES:
        draw_samples(v, g, r);
        break;
    case PANE_EVENTS:
    case N_PANES:
        draw_events(v, g, r);
        break;
    }
}
