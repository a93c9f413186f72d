/*
 * pane_machine.c - processors, memory and GPUs
 */
#include "pipeline/monitor/panes.h"

#include <math.h>
#include <stdio.h>

enum { NAME = 9, NUMBERS = 30, CELL = 4 /* columns of a processor among many */ };

static enum colour of_share(double share)
{
    return share > 0.9 ? COLOUR_WARN : COLOUR_GOOD;
}

/* A name, a bar, and numbers behind it. */
static void draw_share(struct grid *g, struct rect in, int y, const char *name, double share,
                       const char *numbers)
{
    int bar = in.width - NAME - NUMBERS;
    grid_text(g, in.x, y, NAME - 1, COLOUR_PLAIN, name);
    grid_bar(g, in.x + NAME, y, bar, isfinite(share) ? share : 0, of_share(share));
    grid_text(g, in.x + NAME + bar + 1, y, NUMBERS - 1, COLOUR_PLAIN, numbers);
}

/* Each processor as its share in percent, as many in a row as fit. */
static int draw_each(struct grid *g, struct rect in, int y, const struct hardware *h)
{
    int row = (in.width - NAME) / CELL;
    for (int i = 0; i < h->n_cpus && y < in.y + in.height; i++) {
        double use = h->cpu[i].use;
        if (isfinite(use))
            grid_printf(g, in.x + NAME + i % row * CELL, y, CELL, of_share(use), "%3.0f", 100 * use);
        y += i % row == row - 1 || i == h->n_cpus - 1;
    }
    return y;
}

static void draw_cpus(struct grid *g, struct rect r, const struct hardware *h)
{
    struct rect in = grid_frame(g, r, "processors and memory");
    char text[64];
    snprintf(text, sizeof text, "%3.0f %% of %d", isfinite(h->all.use) ? 100 * h->all.use : 0.0, h->n_cpus);
    draw_share(g, in, in.y, "CPU", h->all.use, text);
    snprintf(text, sizeof text, "%.1f of %.1f GB", h->memory / 1e9, h->memory_total / 1e9);
    draw_share(g, in, in.y + 1, "memory", h->memory / h->memory_total, text);
    if (isfinite(h->celsius))
        grid_printf(g, in.x, in.y + 2, in.width, COLOUR_PLAIN, "hottest  %.0f C", h->celsius);
    draw_each(g, in, in.y + 3, h);
}

static void draw_gpus(struct grid *g, struct rect r, const struct hardware *h)
{
    struct rect in = grid_frame(g, r, "GPUs");
    int y = in.y;
    char name[16], text[64];
    if (h->n_gpus == 0)
        grid_printf(g, in.x + 1, y, in.width - 1, COLOUR_DIM, "none: %s", h->no_gpu ? h->no_gpu : "");
    for (int i = 0; i < h->n_gpus && y + 1 < in.y + in.height; i++, y += 2) {
        const struct hardware_gpu *u = &h->gpu[i];
        snprintf(name, sizeof name, "GPU %d", i);
        snprintf(text, sizeof text, "%3.0f %%  %.0f C  %.0f W", 100 * u->use, u->celsius, u->watts);
        draw_share(g, in, y, name, u->use, text);
        snprintf(text, sizeof text, "%.1f of %.1f GB %s", u->memory / 1e9, u->memory_total / 1e9, u->name);
        draw_share(g, in, y + 1, "memory", u->memory / u->memory_total, text);
    }
}

/* Draws what the run reports of its GPU, which may be in another machine. */
static void draw_of_run(struct grid *g, struct rect r, const struct run *run)
{
    struct rect in = grid_frame(g, r, "as the run tells");
    if (!run)
        return;
    grid_text(g, in.x, in.y, in.width, COLOUR_PLAIN, run->backend);
    if (isfinite(run->gpu_memory))
        grid_printf(g, in.x, in.y + 1, in.width, COLOUR_PLAIN, "GPU %3.0f %%  %.1f GB  %.0f C  %.0f W",
                    run->gpu_utilization, run->gpu_memory / 1e9, run->gpu_celsius, run->gpu_watts);
}

void pane_machine(const struct view *v, struct grid *g, struct rect r)
{
    int own = 4, third = (r.height - own) / 2;
    if (!v->hardware)
        return;
    draw_cpus(g, (struct rect){r.x, r.y, r.width, third}, v->hardware);
    draw_gpus(g, (struct rect){r.x, r.y + third, r.width, r.height - own - third}, v->hardware);
    draw_of_run(g, (struct rect){r.x, r.y + r.height - own, r.width, own}, view_chosen(v));
}
