/*
 * pane_mix.c - what a run is fed: the share of each source as it was asked for and as it came, and how often
 * the source was read
 *
 * `train` knows rows and epochs by the source's number; names and the shares asked for come from the page of
 * a `mix` that runs.
 */
#include "pipeline/monitor/panes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct source {
    char name[STATS_NAME];
    double target, share, epochs; /* percent; NaN: not known */
};

static const char target[] = "target ";

static const struct stage *find_mix(const struct view *v)
{
    for (int i = 0; i < v->stages->n; i++)
        if (!v->stages->v[i].died && strcmp(v->stages->v[i].now.stage, "mix") == 0)
            return &v->stages->v[i];
    return NULL;
}

static double value_of(const struct stage *s, const char *what, const char *name)
{
    char counter[2 * STATS_NAME];
    snprintf(counter, sizeof counter, "%s %s", what, name);
    counter[STATS_NAME - 1] = 0; /* as a page cuts it */
    return stage_value(s, counter, NULL);
}

static size_t live_sources(const struct stage *s, struct source *out)
{
    size_t n = 0;
    double all = 0;
    for (int i = 0; i < s->now.n && n < RUN_SOURCES; i++) {
        const struct stats_value *c = &s->now.v[i];
        if (strncmp(c->name, target, sizeof target - 1) != 0)
            continue;
        struct source *o = &out[n++];
        snprintf(o->name, sizeof o->name, "%s", c->name + sizeof target - 1);
        o->target = c->value;
        o->share = value_of(s, "rows", o->name);
        o->epochs = value_of(s, "epochs", o->name);
        all += o->share;
    }
    for (size_t i = 0; i < n; i++)
        out[i].share *= all > 0 ? 100 / all : 0;
    return n;
}

static size_t told_sources(const struct run *r, struct source *out)
{
    double all = 0;
    for (size_t i = 0; i < r->n_mix; i++)
        all += r->mix[i].rows;
    for (size_t i = 0; i < r->n_mix; i++) {
        out[i] = (struct source){
            .target = NAN, .share = all > 0 ? 100 * r->mix[i].rows / all : 0, .epochs = r->mix[i].epochs};
        snprintf(out[i].name, sizeof out[i].name, "source %zu", i);
    }
    return r->n_mix;
}

void pane_mix(const struct view *v, struct grid *g, struct rect r)
{
    struct source sources[RUN_SOURCES];
    const struct run *run = view_chosen(v);
    const struct stage *live = run && !run->live ? NULL : find_mix(v);
    struct rect in = grid_frame(g, r, live ? "mix: asked for, and drawn so far" : "mix: rows trained on");
    size_t n = live ? live_sources(live, sources) : run ? told_sources(run, sources) : 0;
    int y = in.y, bar = in.width - 16 - 33;
    if (n == 0)
        grid_text(g, in.x + 1, y, in.width - 1, COLOUR_DIM, "nothing to show yet");
    else
        grid_printf(g, in.x, y++, in.width, COLOUR_DIM, "%-16s%8s %8s %8s", "source", "asked", "share",
                    "epochs");
    for (size_t i = 0; i < n && y < in.y + in.height; i++, y++) {
        const struct source *s = &sources[i];
        char asked[16] = "-";
        if (isfinite(s->target))
            snprintf(asked, sizeof asked, "%.2f %%", s->target);
        grid_printf(g, in.x, y, in.width, COLOUR_PLAIN, "%-15.15s %8s %6.2f %% %8.3g", s->name, asked,
                    s->share, s->epochs);
        grid_bar(g, in.x + in.width - bar, y, bar, fmin(s->share / 100, 1),
                 (enum colour)(COLOUR_SERIES + i % SERIES_COLOURS));
    }
}
