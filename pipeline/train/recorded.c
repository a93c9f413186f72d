#include "pipeline/train/recorded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

/* The symbols that the linker makes for the embedded file. */
extern const char _binary_pipeline_train_data_recorded_txt_start[],
    _binary_pipeline_train_data_recorded_txt_end[];

static enum schedule_kind kind_of(const char *word)
{
    if (strcmp(word, "wsd") == 0)
        return SCHEDULE_WSD;
    return strcmp(word, "cosine") == 0 ? SCHEDULE_COSINE : SCHEDULE_CONSTANT; /* merge is constant */
}

/* "NAME TOKENS STEPS WARMUP DECAY LAST_RATE SCHEDULE WIDTH", then the numbers; returns the text behind them.
 */
static const char *read_run(struct recorded *r, const char *text)
{
    unsigned long long steps, width;
    char kind[16];
    int used;
    struct schedule *s = &r->schedule;
    if (sscanf(text, "%31s %lf %llu %lf %lf %lf %15s %llu%n", r->name, &r->tokens, &steps, &s->warmup,
               &s->decay, &s->min_ratio, kind, &width, &used) != 8 ||
        width == 0)
        die("recorded.txt: no run: %.40s", text);
    s->kind = kind_of(kind);
    s->steps = steps;
    s->peak = 1;
    r->width = width;
    r->n = (size_t)((steps + width - 1) / width);
    r->loss = xcalloc(r->n, sizeof *r->loss);
    text += used;
    for (size_t i = 0; i < r->n; i++) {
        char *end;
        r->loss[i] = strtod(text, &end);
        if (end == text)
            die("recorded.txt: %s: %zu numbers, not %zu", r->name, i, r->n);
        text = end;
    }
    size_t last = r->n * 97 / 100;
    for (size_t i = last; i < r->n; i++)
        r->end += r->loss[i] / (double)(r->n - last);
    return text;
}

size_t recorded_runs(struct recorded **runs)
{
    size_t n = 0, room = 0;
    struct strbuf copy = {0};
    *runs = NULL;
    strbuf_add(&copy, _binary_pipeline_train_data_recorded_txt_start,
               (size_t)(_binary_pipeline_train_data_recorded_txt_end -
                        _binary_pipeline_train_data_recorded_txt_start));
    for (const char *text = copy.s; *(text += strspn(text, " \n"));) {
        if (*text == '#') {
            text += strcspn(text, "\n");
            continue;
        }
        if (n == room)
            *runs = xrealloc(*runs, (room = 2 * room + 16) * sizeof **runs);
        (*runs)[n] = (struct recorded){0};
        text = read_run(&(*runs)[n++], text);
    }
    strbuf_free(&copy);
    return n;
}

void recorded_free(struct recorded *runs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(runs[i].loss);
    free(runs);
}

struct losses recorded_losses(const struct recorded *r, uint64_t steps)
{
    struct losses l;
    losses_begin(&l, 0, r->tokens);
    for (uint64_t t = 0; t < steps && t < r->schedule.steps; t++)
        losses_add(&l, r->loss[t / r->width]);
    return l;
}

bool recorded_kin(const struct recorded *a, const struct recorded *b)
{
    if (a->width != b->width)
        return false;
    for (size_t i = 0; i < 8; i++)
        if (fabs(a->loss[i] - b->loss[i]) > 2e-3)
            return false;
    return true;
}
