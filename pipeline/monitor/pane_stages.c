/*
 * pane_stages.c - the stages that run: how far each is, how fast, and how full the ring is that it writes
 */
#include "pipeline/monitor/panes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

/* With details, those that died come first, one by one, and each that lives has its command line; else the
 * dead are counted. */
static void draw_stages(const struct view *v, struct grid *g, struct rect r, bool details)
{
    struct rect in = grid_frame(g, r, "stages");
    int y = in.y, end = in.y + in.height, dead = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < v->stages->n && y < end; i++) {
            const struct stage *s = &v->stages->v[i];
            if (s->died != (pass == (details ? 0 : 1)))
                continue;
            dead += s->died;
            if (s->died && !details)
                continue;
            y = draw_stage(g, in, y, s);
            if (details && !s->died && y < end)
                grid_text(g, in.x + 10, y++, in.width - 10, COLOUR_DIM, s->now.label);
        }
    if (y == in.y && y < end)
        grid_text(g, in.x + 1, y++, in.width - 1, COLOUR_DIM, "none is running");
    if (dead > 0 && !details && y < end)
        grid_printf(g, in.x + 1, y, in.width - 1, COLOUR_WARN, "%d ended without a word: 4 Pipeline", dead);
}

void pane_stages(const struct view *v, struct grid *g, struct rect r)
{
    draw_stages(v, g, r, false);
}

/* ---- the pipeline as a drawing ---- */

enum { DRAWN = 8 };

/* The live stages in the order in which data flow. */
static int in_order(const struct stages *all, const struct stage *out[DRAWN])
{
    static const char *const order[] = {"fetch", "filter", "tokenize", "shard",
                                        "mix",   "train",  "eval",     "sample"};
    int n = 0;
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (int i = 0; i < all->n && n < DRAWN; i++)
            if (!all->v[i].died && strcmp(all->v[i].now.stage, order[k]) == 0)
                out[n++] = &all->v[i];
    return n;
}

/* Where a stage spends its time waiting, if most of it: "waits for data", "waits for room". */
static const char *waiting(const struct stage *s)
{
    double in = NAN, out = NAN;
    stage_value(s, "stall_in", &in);
    stage_value(s, "stall_out", &out);
    return in > 0.5 ? "waits for data" : out > 0.5 ? "waits for room" : "";
}

static const char *flow(const struct stage *s, char *out, size_t cap)
{
    static const char *const counters[] = {"tokens", "documents", "bytes"};
    char a[32];
    double rate;
    *out = 0;
    for (size_t i = 0; i < sizeof counters / sizeof *counters && !*out; i++)
        if (isfinite(stage_value(s, counters[i], &rate)) && isfinite(rate))
            snprintf(out, cap, "%s %s/s", amount(a, sizeof a, rate), counters[i]);
    return out;
}

/* A stage, what leaves it, where it waits, and an arrow to the next with the fill of the ring between them.
 */
static void draw_box(struct grid *g, int x, int y, int width, const struct stage *s, bool last)
{
    char text[64];
    double fill = stage_value(s, "ring_fill", NULL), room = stage_value(s, "ring_capacity", NULL);
    int end = grid_printf(g, x, y, width, COLOUR_TITLE, "%.12s ", s->now.stage), arrow = x + width - 2;
    for (int i = end; !last && i < arrow; i++)
        grid_put(g, i, y, 0x2500, COLOUR_DIM);
    if (!last)
        grid_put(g, arrow, y, 0x25b6, COLOUR_DIM);
    if (!last && room > 0)
        grid_bar(g, end, y, arrow - end, fill / room, fill > 0.9 * room ? COLOUR_WARN : COLOUR_GOOD);
    grid_text(g, x, y + 1, width - 1, COLOUR_GOOD, flow(s, text, sizeof text));
    grid_text(g, x, y + 2, width - 1, COLOUR_WARN, waiting(s));
}

void pane_pipeline(const struct view *v, struct grid *g, struct rect r)
{
    enum { HEIGHT = 5 };
    const struct stage *row[DRAWN];
    struct rect in =
        grid_frame(g, (struct rect){r.x, r.y, r.width, HEIGHT}, "pipeline: the bar is a ring's fill");
    int n = in_order(v->stages, row);
    for (int i = 0; i < n; i++)
        draw_box(g, in.x + i * in.width / n, in.y, in.width / n, row[i], i == n - 1);
    draw_stages(v, g, (struct rect){r.x, r.y + HEIGHT, r.width, r.height - HEIGHT}, true);
}
