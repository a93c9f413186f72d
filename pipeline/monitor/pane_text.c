/*
 * pane_text.c - what a run tells in words: alerts, events, and what the model writes
 */
#include "pipeline/monitor/panes.h"

#include <string.h>

static const enum colour severities[] = {COLOUR_PLAIN, COLOUR_WARN, COLOUR_BAD};

/* One alert a row, the newest first: those that nobody has seen, and then, unless unseen_only, the others. */
static int draw_alerts(struct grid *g, struct rect in, int y, const struct run *run, bool unseen_only)
{
    const struct alertlog *l = &run->alerts;
    uint64_t kept = l->n < ALERTLOG_KEPT ? l->n : ALERTLOG_KEPT;
    for (int seen = 0; seen < (unseen_only ? 1 : 2); seen++)
        for (uint64_t i = 0; i < kept && y < in.y + in.height; i++) {
            const struct alertlog_entry *e = &l->v[(l->n - 1 - i) % ALERTLOG_KEPT];
            if (e->seen != seen)
                continue;
            grid_printf(g, in.x, y, 9, COLOUR_DIM, "%8.0f", e->step);
            grid_printf(g, in.x + 10, y++, in.width - 10, seen ? COLOUR_DIM : severities[e->severity],
                        "%s%s: %s", seen ? "seen: " : "", severity_name(e->severity), e->text);
        }
    return y;
}

void pane_events_alone(const struct view *v, struct grid *g, struct rect r)
{
    const struct run *run = view_chosen(v);
    struct rect in = grid_frame(g, r, v->search[0] ? v->search : "events");
    uint64_t kept = !run ? 0 : run->n_events < RUN_EVENTS ? run->n_events : RUN_EVENTS;
    int y = in.y, skip = v->scroll;
    if (run && v->pane != PANE_EVENTS)
        y = draw_alerts(g, in, y, run, true);
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

void pane_events(const struct view *v, struct grid *g, struct rect r)
{
    const struct run *run = view_chosen(v);
    int height = !run || run->alerts.n == 0                   ? 3
                 : run->alerts.n + 2 < (uint64_t)r.height / 2 ? (int)run->alerts.n + 2
                                                              : r.height / 2;
    struct rect in = grid_frame(g, (struct rect){r.x, r.y, r.width, height}, "alerts (a: seen)");
    if (!run || draw_alerts(g, in, in.y, run, false) == in.y)
        grid_text(g, in.x + 1, in.y, in.width - 1, COLOUR_DIM, "none");
    pane_events_alone(v, g, (struct rect){r.x, r.y + height, r.width, r.height - height});
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

void pane_samples(const struct view *v, struct grid *g, struct rect r)
{
    const struct run *run = view_chosen(v);
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
