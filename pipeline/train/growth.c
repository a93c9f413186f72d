#include "pipeline/train/growth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double GROWTH_AUTO = 0.75; /* of the steps (a guess) */

/* "STEP" or "SHARE%" up to a comma or the end; NULL: neither. */
static const char *parse_when(const char *s, uint64_t steps, uint64_t *step)
{
    char *end;
    if (!(*s >= '0' && *s <= '9'))
        return NULL;
    double x = strtod(s, &end);
    if (*end == '%') {
        *step = (uint64_t)ceil(x / 100 * (double)steps);
        return x <= 100 ? end + 1 : NULL;
    }
    *step = strtoull(s, &end, 10);
    return end;
}

static int parse_stages(struct growth *g, const char *words, uint64_t steps)
{
    g->n = 0;
    for (const char *s = words; g->n < GROWTH_STAGES; s++) {
        char *end;
        struct growth_stage *at = &g->stage[g->n++];
        long depth = *s >= '0' && *s <= '9' ? strtol(s, &end, 10) : 0;
        if (depth < 1 || depth > 1 << 20 || *end != '@' || !(s = parse_when(end + 1, steps, &at->step)))
            return -1;
        at->depth = (int)depth;
        if (*s == 0)
            return 0;
        if (*s != ',')
            return -1;
    }
    return -1;
}

static int check(const struct growth *g, int layers, uint64_t steps, uint64_t least, char *err, size_t cap)
{
    const struct growth_stage *last = &g->stage[g->n - 1];
    for (int i = 1; i < g->n; i++) {
        if (g->stage[i].step > g->stage[i - 1].step && g->stage[i].depth > g->stage[i - 1].depth)
            continue;
        snprintf(err, cap, "%d layers at step %llu do not follow %d at step %llu: both numbers must rise",
                 g->stage[i].depth, (unsigned long long)g->stage[i].step, g->stage[i - 1].depth,
                 (unsigned long long)g->stage[i - 1].step);
        return -1;
    }
    if (g->stage[0].step != 0) {
        snprintf(err, cap, "it begins at step %llu: say how many layers there are from step 0 on",
                 (unsigned long long)g->stage[0].step);
        return -1;
    }
    if (last->depth != layers) {
        snprintf(err, cap, "it ends with %d layers, the model has %d", last->depth, layers);
        return -1;
    }
    if (g->n > 1 && last->step + least > steps) {
        snprintf(err, cap,
                 "the last layers join at step %llu of %llu, which leaves them %llu steps; they need %llu at "
                 "least",
                 (unsigned long long)last->step, (unsigned long long)steps,
                 (unsigned long long)(last->step < steps ? steps - last->step : 0),
                 (unsigned long long)least);
        return -1;
    }
    return 0;
}

int growth_parse(struct growth *g, const char *words, int layers, uint64_t steps, uint64_t least, char *err,
                 size_t cap)
{
    *g = (struct growth){.stage = {{0, layers}}, .n = 1};
    if (strcmp(words, "off") == 0)
        return 0;
    if (strcmp(words, "auto") == 0) {
        if (layers > 1) {
            g->stage[g->n++] = (struct growth_stage){(uint64_t)ceil(GROWTH_AUTO * (double)steps), layers};
            g->stage[0].depth = 1;
        }
    } else if (parse_stages(g, words, steps) != 0) {
        snprintf(err, cap, "'%s' is not LAYERS@STEP,LAYERS@SHARE%%.., as in 1@0,6@75%%", words);
        return -1;
    }
    return check(g, layers, steps, least, err, cap);
}

int growth_depth(const struct growth *g, uint64_t step)
{
    int depth = g->stage[0].depth;
    for (int i = 1; i < g->n && g->stage[i].step <= step; i++)
        depth = g->stage[i].depth;
    return depth;
}

uint64_t growth_since(const struct growth *g, uint64_t step)
{
    uint64_t since = 0;
    for (int i = 1; i < g->n && g->stage[i].step <= step; i++)
        since = g->stage[i].step;
    return since;
}

double growth_flops(const struct growth *g, const struct model_config *m, int T, uint64_t from, uint64_t to)
{
    double sum = 0;
    for (int i = 0; i < g->n; i++) {
        struct model_config c = *m;
        uint64_t begin = g->stage[i].step > from ? g->stage[i].step : from,
                 end = i + 1 < g->n && g->stage[i + 1].step < to ? g->stage[i + 1].step : to;
        c.L = g->stage[i].depth;
        sum += end > begin ? (double)(end - begin) * model_flops_per_token(&c, T) : 0;
    }
    return sum;
}
