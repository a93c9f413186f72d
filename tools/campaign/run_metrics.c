#include "tools/campaign/run_metrics.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pending { /* a validation whose domains are still coming */
    uint64_t step;
    size_t seen;
    double loss, weight, bytes;
};

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static bool is(const json_t *o, const char *key, const char *word)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s && strcmp(s, word) == 0;
}

static void take_step(struct trial *r, const json_t *line)
{
    r->wall = number(line, "trained_s");
    r->cpu = number(line, "cpu_s");
    r->tokens = number(line, "tokens");
    r->stall += number(line, "stall_s");
}

static void take_val(struct trial *r, struct pending *p, const json_t *line, char *const *domain,
                     const double *weight, size_t n)
{
    const char *name = json_string_value(json_object_get(line, "name"));
    uint64_t step = (uint64_t)json_integer_value(json_object_get(line, "step"));
    double loss = number(line, "loss");
    size_t i = 0;
    while (i < n && (!name || strcmp(name, domain[i]) != 0))
        i++;
    if (i == n)
        return;
    if (p->step != step)
        *p = (struct pending){.step = step};
    p->seen++;
    p->weight += weight[i];
    p->loss += weight[i] * loss;
    p->bytes += weight[i] * loss / M_LN2 / number(line, "bits_per_byte");
    if (p->seen < n)
        return;
    r->points = xrealloc(r->points, (r->n_points + 1) * sizeof *r->points);
    r->points[r->n_points++] =
        (struct val_point){step, number(line, "trained_s"), number(line, "cpu_s"), p->loss / p->weight};
    r->bytes_per_token = p->bytes / p->weight;
}

static void finish(struct trial *r, const char *path)
{
    if (r->failed) {
        r->loss = INFINITY;
        return;
    }
    const struct val_point *last = r->n_points ? &r->points[r->n_points - 1] : NULL;
    if (!last || last->step != r->steps)
        die("%s: no validation of every domain at step %llu", path, (unsigned long long)r->steps);
    r->loss = isfinite(last->loss) ? last->loss : INFINITY;
    r->wall = last->wall;
    r->cpu = last->cpu;
    if (!(r->wall > 0))
        die("%s: its validation says no trained_s: written by an older train", path);
}

void run_metrics_read(struct trial *r, const char *path, char *const *domain, const double *weight, size_t n)
{
    char *line = NULL;
    size_t cap = 0, at = 0;
    ssize_t len;
    json_error_t e;
    struct pending p = {0};
    FILE *f = fopen(path, "r");
    r->wall = r->cpu = r->tokens = r->bytes_per_token = NAN;
    if (!f)
        die_errno("%s", path);
    while ((len = getline(&line, &cap, f)) > 0) {
        json_t *o = json_loadb(line, (size_t)len, 0, &e);
        at++;
        if (!o)
            die("%s: line %zu: %s", path, at, e.text);
        if (is(o, "type", "step"))
            take_step(r, o);
        else if (is(o, "type", "val"))
            take_val(r, &p, o, domain, weight, n);
        json_decref(o);
    }
    free(line);
    fclose(f);
    finish(r, path);
}
