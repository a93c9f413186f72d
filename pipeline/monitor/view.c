#include "pipeline/monitor/view.h"

#include "pipeline/monitor/panes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 30 /* columns of numbers beside the curves */ };

const struct run *view_chosen(const struct view *v)
{
    return v->n_runs ? v->runs[v->chosen] : NULL;
}

/* ---- numbers as people read them ---- */

const char *amount(char *out, size_t cap, double x)
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

const char *duration(char *out, size_t cap, double s)
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

/* ---- header ---- */

static void draw_header(const struct view *v, struct grid *g)
{
    const struct run *r = view_chosen(v);
    char done[32], all[32], tokens[32], left[32];
    if (!r) {
        grid_text(g, 1, 0, g->width - 2, COLOUR_TITLE, "no run");
        return;
    }
    int x = grid_text(g, 1, 0, g->width > 80 ? 40 : 20, COLOUR_TITLE, r->name) + 2;
    x = grid_text(g, x, 0, 12, r->live ? COLOUR_GOOD : COLOUR_DIM,
                  v->replay ? "replay"
                  : r->live ? "live"
                            : "not running") +
        2;
    x = grid_text(g, x, 0, g->width - x - 1, COLOUR_DIM, r->model) + 2;
    grid_text(g, x, 0, g->width - x - 12, COLOUR_PLAIN, run_phase(r, r->last.step));
    unsigned unseen = alertlog_unseen(&r->alerts, ALERT_INFO);
    if (unseen > 0)
        grid_printf(g, g->width - 11, 0, 11,
                    alertlog_unseen(&r->alerts, ALERT_CRITICAL) ? COLOUR_BAD : COLOUR_WARN, "%3u alert%s",
                    unseen, unseen > 1 ? "s" : "");
    double share = r->steps > 0 ? r->last.step / r->steps : 0;
    x = grid_printf(g, 1, 1, g->width - 2, COLOUR_PLAIN, "step %s of %s  %s tokens  %s left  ",
                    amount(done, sizeof done, r->last.step), amount(all, sizeof all, r->steps),
                    amount(tokens, sizeof tokens, r->last.tokens),
                    duration(left, sizeof left, run_seconds_left(r)));
    int width = g->width - x - 7;
    if (width > 4) {
        draw_ribbon(g, x, 1, width, r);
        grid_printf(g, x + width + 1, 1, 6, COLOUR_PLAIN, "%3.0f %%", 100 * share);
    }
}

/* ---- panes ---- */

static void draw_numbers(const struct view *v, struct grid *g, struct rect r)
{
    const struct run *run = view_chosen(v);
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

static void draw_help(struct grid *g, struct rect r)
{
    static const char *const lines[] = {
        "1-9, Tab    panes; a click on a name, too (shift selects text)",
        "n           next run",
        "l           logarithmic y",
        "+ -         zoom in, out",
        "arrows      move through time; events: scroll (the wheel as well)",
        "0           the whole run",
        "/           search events",
        "a           alerts: mark all as seen",
        "space       stop and go on looking; a replay stops, too",
        "< >         replay: slower, faster",
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
    pane_training_loss(v, g, (struct rect){r.x, r.y, r.width - side, r.height - low});
    draw_numbers(v, g, (struct rect){r.x + r.width - side, r.y, side, r.height - low});
    pane_stages(v, g, (struct rect){r.x, r.y + r.height - low, r.width / 2, low});
    pane_events_alone(v, g,
                      (struct rect){r.x + r.width / 2, r.y + r.height - low, r.width - r.width / 2, low});
}

/* ---- tabs ---- */

static const struct {
    const char *name;
    pane_draw *draw;
} panes[N_PANES] = {
    [PANE_OVERVIEW] = {"Overview", draw_overview},
    [PANE_LOSS] = {"Loss", pane_loss},
    [PANE_RATES] = {"Rates", pane_rates},
    [PANE_PIPELINE] = {"Pipeline", pane_pipeline},
    [PANE_MIX] = {"Mix", pane_mix},
    [PANE_ENGINE] = {"Engine", pane_engine},
    [PANE_MACHINE] = {"Machine", pane_machine},
    [PANE_EVENTS] = {"Events", pane_events},
    [PANE_SAMPLES] = {"Samples", pane_samples},
};

const char *view_pane_name(enum pane p)
{
    return panes[p].name;
}

/* Where there is no room for all names, only the chosen pane has its own beside its number. Returns the
 * columns it takes. */
static int tab_text(const struct view *v, int width, enum pane p, char *out, size_t cap)
{
    enum { ALL_NAMES = 104 };
    bool named = width >= ALL_NAMES || p == v->pane;
    return snprintf(out, cap, "%d%s%s", (int)p + 1, named ? " " : "", named ? panes[p].name : "");
}

enum pane view_pane_at(const struct view *v, int width, int height, int x, int y)
{
    char text[32];
    int at = 1;
    for (enum pane p = 0; p < N_PANES && y == height - 1; p++) {
        int n = tab_text(v, width, p, text, sizeof text);
        if (x >= at && x < at + n)
            return p;
        at += n + 2;
    }
    return N_PANES;
}

static void draw_tabs(const struct view *v, struct grid *g)
{
    char text[32];
    int x = 1, y = g->height - 1;
    for (enum pane p = 0; p < N_PANES; p++) {
        tab_text(v, g->width, p, text, sizeof text);
        x = grid_text(g, x, y, 14, p == v->pane ? COLOUR_TITLE : COLOUR_DIM, text) + 2;
    }
    if (v->trouble) {
        grid_text(g, 1, y, g->width - 1, COLOUR_BAD, v->trouble);
        return;
    }
    grid_text(g, x, y, g->width - x, COLOUR_DIM, v->paused ? "paused: space goes on" : "? help  q leave");
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
    panes[v->pane].draw(v, g, r);
}
