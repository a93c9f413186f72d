#include "tools/campaign/campaign.h"

#include "pipeline/lib/dir.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "tools/campaign/run_metrics.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 16 << 20 };

static char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return xstrdup(s ? s : "");
}

static void read_settings(struct campaign *c, const char *dir)
{
    char *path = path_join(dir, "settings.json");
    size_t len;
    json_error_t e;
    c->settings = read_file(path, &len, MAX_FILE);
    json_t *o = json_loadb(c->settings, len, JSON_REJECT_DUPLICATES, &e), *mix = json_object_get(o, "mix"),
           *w;
    const char *name;
    if (!o || !json_is_object(mix) || json_object_size(mix) == 0)
        die("%s: %s", path, o ? "no \"mix\"" : e.text);
    c->domain = xcalloc(json_object_size(mix), sizeof *c->domain);
    c->weight = xcalloc(json_object_size(mix), sizeof *c->weight);
    json_object_foreach(mix, name, w)
    {
        c->domain[c->n_domains] = xstrdup(name);
        c->weight[c->n_domains++] = json_number_value(w);
    }
    json_decref(o);
    free(path);
}

/* Both lines of `done` as one object; NULL: the run is not finished. */
static json_t *read_done(const char *path)
{
    size_t len;
    json_error_t e;
    if (!path_exists(path))
        return NULL;
    char *text = read_file(path, &len, MAX_FILE);
    json_t *o = json_loads(text, JSON_DISABLE_EOF_CHECK, &e),
           *facts = o ? json_loads(text + e.position, 0, &e) : NULL;
    if (!facts || json_object_update(o, facts) != 0)
        die("%s: not two lines of JSON: %s", path, e.text);
    json_decref(facts);
    free(text);
    return o;
}

static void read_run(struct campaign *c, const char *dir)
{
    char *path = path_join(dir, "done"), *metrics = path_join(dir, "metrics.jsonl");
    json_t *o = read_done(path), *lr = json_object_get(o, "lr");
    if (o) {
        struct trial r = {.phase = text_of(o, "phase"),
                          .arm = text_of(o, "arm"),
                          .options = text_of(o, "options"),
                          .binary = text_of(o, "binary"),
                          .machine = text_of(o, "machine"),
                          .ended = text_of(o, "ended"),
                          .lr = json_is_number(lr) ? json_number_value(lr) : NAN,
                          .steps = (uint64_t)json_integer_value(json_object_get(o, "steps")),
                          .seed = (uint64_t)json_integer_value(json_object_get(o, "seed")),
                          .failed = json_is_true(json_object_get(o, "failed"))};
        run_metrics_read(&r, metrics, c->domain, c->weight, c->n_domains);
        c->runs = xrealloc(c->runs, (c->n_runs + 1) * sizeof *c->runs);
        c->runs[c->n_runs++] = r;
    }
    json_decref(o);
    free(path);
    free(metrics);
}

static void read_runs(struct campaign *c, const char *dir)
{
    char *runs = path_join(dir, "runs");
    struct dir d = dir_read_if_there(runs);
    for (size_t i = 0; i < d.n; i++) {
        if (d.names[i][0] == '.')
            continue;
        char *path = path_join(runs, d.names[i]);
        read_run(c, path);
        free(path);
    }
    dir_free(&d);
    free(runs);
}

static void read_speeds(struct campaign *c, const char *dir)
{
    char *path = path_join(dir, "speed.jsonl"), *line = NULL;
    size_t cap = 0;
    FILE *f = fopen(path, "r");
    while (f && getline(&line, &cap, f) > 0) {
        json_t *o = json_loads(line, 0, NULL);
        c->speeds = xrealloc(c->speeds, (c->n_speeds + 1) * sizeof *c->speeds);
        c->speeds[c->n_speeds++] = json_number_value(json_object_get(o, "seconds_per_step"));
        json_decref(o);
    }
    if (f)
        fclose(f);
    free(line);
    free(path);
}

static int in_order(const void *a, const void *b)
{
    const struct trial *x = a, *y = b;
    int arm = strcmp(x->arm, y->arm);
    if (arm != 0)
        return arm;
    if (x->steps != y->steps)
        return x->steps < y->steps ? -1 : 1;
    if (x->seed != y->seed)
        return x->seed < y->seed ? -1 : 1;
    return (x->lr > y->lr) - (x->lr < y->lr);
}

static void add_once(uint64_t **list, size_t *n, uint64_t x)
{
    size_t i = 0;
    while (i < *n && (*list)[i] < x)
        i++;
    if (i < *n && (*list)[i] == x)
        return;
    *list = xrealloc(*list, (*n + 1) * sizeof **list);
    memmove(*list + i + 1, *list + i, (*n - i) * sizeof **list);
    (*list)[i] = x;
    (*n)++;
}

static void collect(struct campaign *c)
{
    if (c->n_runs)
        qsort(c->runs, c->n_runs, sizeof *c->runs, in_order);
    for (size_t i = 0; i < c->n_runs; i++) {
        const struct trial *r = &c->runs[i];
        if (strcmp(r->phase, "main") != 0)
            continue;
        add_once(&c->budgets, &c->n_budgets, r->steps);
        add_once(&c->seeds, &c->n_seeds, r->seed);
        if (c->n_arms && strcmp(c->arms[c->n_arms - 1], r->arm) == 0)
            continue;
        c->arms = xrealloc(c->arms, (c->n_arms + 1) * sizeof *c->arms);
        c->arms[c->n_arms++] = xstrdup(r->arm);
    }
}

struct campaign *campaign_read(const char *dir)
{
    struct campaign *c = xcalloc(1, sizeof *c);
    read_settings(c, dir);
    read_runs(c, dir);
    read_speeds(c, dir);
    collect(c);
    return c;
}

void campaign_free(struct campaign *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_runs; i++) {
        struct trial *r = &c->runs[i];
        char *const owned[] = {r->phase, r->arm, r->options, r->binary, r->machine, r->ended};
        for (size_t k = 0; k < sizeof owned / sizeof *owned; k++)
            free(owned[k]);
        free(r->points);
    }
    for (size_t i = 0; i < c->n_domains; i++)
        free(c->domain[i]);
    for (size_t i = 0; i < c->n_arms; i++)
        free(c->arms[i]);
    void *const owned[] = {c->settings, c->domain,  c->weight, c->runs,
                           c->arms,     c->budgets, c->seeds,  c->speeds};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    free(c);
}

const struct trial *campaign_run(const struct campaign *c, const char *phase, const char *arm, uint64_t steps,
                                 uint64_t seed)
{
    for (size_t i = 0; i < c->n_runs; i++) {
        const struct trial *r = &c->runs[i];
        if (r->steps == steps && r->seed == seed && strcmp(r->phase, phase) == 0 && strcmp(r->arm, arm) == 0)
            return r;
    }
    return NULL;
}

/* Mean final loss of the arm's sweep runs at this learning rate. */
static double sweep_loss(const struct campaign *c, const char *arm, double lr)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < c->n_runs; i++) {
        const struct trial *r = &c->runs[i];
        if (strcmp(r->phase, "sweep") != 0 || strcmp(r->arm, arm) != 0 || r->lr != lr)
            continue;
        sum += r->loss;
        n++;
    }
    return sum / n;
}

double campaign_best_lr(const struct campaign *c, const char *arm, bool *edge)
{
    double best = NAN, least = INFINITY, low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < c->n_runs; i++) {
        const struct trial *r = &c->runs[i];
        if (strcmp(r->phase, "sweep") != 0 || strcmp(r->arm, arm) != 0)
            continue;
        double loss = sweep_loss(c, arm, r->lr);
        low = fmin(low, r->lr);
        high = fmax(high, r->lr);
        if (loss < least) {
            least = loss;
            best = r->lr;
        }
    }
    *edge = best == low || best == high;
    return best;
}
