#include "tools/campaign/campaign.h"

#include "pipeline/lib/dir.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 16 << 20 };

static json_t *read_json(const char *path)
{
    size_t len;
    json_error_t e;
    char *text = read_file(path, &len, MAX_FILE);
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
    if (!json_is_object(o))
        die("%s: %s", path, o ? "not a JSON object" : e.text);
    free(text);
    return o;
}

static char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return xstrdup(s ? s : "");
}

static uint64_t count_of(const json_t *o, const char *key, const char *path)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        die("%s: no \"%s\"", path, key);
    return (uint64_t)json_integer_value(v);
}

static void read_settings(struct campaign *c, const char *dir)
{
    char *path = path_join(dir, "settings.json");
    size_t len;
    const char *name;
    json_t *o = read_json(path), *mix = json_object_get(o, "mix"), *w;
    if (!json_is_object(mix) || json_object_size(mix) == 0)
        die("%s: no \"mix\"", path);
    c->settings = read_file(path, &len, MAX_FILE);
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

static void read_bits(struct trial *r, const struct campaign *c, const char *path)
{
    json_t *o = r->failed ? NULL : read_json(path);
    double weight = 0;
    r->bits = xcalloc(c->n_domains, sizeof *r->bits);
    for (size_t i = 0; i < c->n_domains; i++) {
        const json_t *v =
            json_object_get(json_object_get(json_object_get(o, "data"), c->domain[i]), "bits_per_byte");
        if (o && !json_is_number(v))
            die("%s: no \"bits_per_byte\" of %s", path, c->domain[i]);
        r->bits[i] = o ? json_number_value(v) : INFINITY;
        r->weighted += c->weight[i] * r->bits[i];
        weight += c->weight[i];
    }
    r->weighted /= weight;
    json_decref(o);
}

static void read_run(struct campaign *c, const char *dir)
{
    char *path = path_join(dir, "done"), *eval = path_join(dir, "eval.json");
    if (path_exists(path)) {
        json_t *o = read_json(path);
        struct trial r = {.arm = text_of(o, "arm"),
                          .options = text_of(o, "options"),
                          .binary = text_of(o, "binary"),
                          .machine = text_of(o, "machine"),
                          .ended = text_of(o, "ended"),
                          .budget = count_of(o, "budget", path),
                          .seed = count_of(o, "seed", path),
                          .steps = count_of(o, "steps", path),
                          .tokens = count_of(o, "tokens", path),
                          .wall = json_number_value(json_object_get(o, "wall_s")),
                          .cpu = json_number_value(json_object_get(o, "cpu_s")),
                          .failed = json_is_true(json_object_get(o, "failed"))};
        if (!(r.wall > 0 && r.cpu > 0))
            die("%s: no \"wall_s\" or \"cpu_s\"", path);
        read_bits(&r, c, eval);
        c->runs = xrealloc(c->runs, (c->n_runs + 1) * sizeof *c->runs);
        c->runs[c->n_runs++] = r;
        json_decref(o);
    }
    free(path);
    free(eval);
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

static int in_order(const void *a, const void *b)
{
    const struct trial *x = a, *y = b;
    int arm = strcmp(x->arm, y->arm);
    if (arm != 0)
        return arm;
    if (x->budget != y->budget)
        return x->budget < y->budget ? -1 : 1;
    return (x->seed > y->seed) - (x->seed < y->seed);
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
        add_once(&c->budgets, &c->n_budgets, r->budget);
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
    collect(c);
    return c;
}

void campaign_free(struct campaign *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_runs; i++) {
        struct trial *r = &c->runs[i];
        void *const owned[] = {r->arm, r->options, r->binary, r->machine, r->ended, r->bits};
        for (size_t k = 0; k < sizeof owned / sizeof *owned; k++)
            free(owned[k]);
    }
    for (size_t i = 0; i < c->n_domains; i++)
        free(c->domain[i]);
    for (size_t i = 0; i < c->n_arms; i++)
        free(c->arms[i]);
    void *const owned[] = {c->settings, c->domain, c->weight, c->runs, c->arms, c->budgets, c->seeds};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    free(c);
}

const struct trial *campaign_run(const struct campaign *c, const char *arm, uint64_t budget, uint64_t seed)
{
    for (size_t i = 0; i < c->n_runs; i++) {
        const struct trial *r = &c->runs[i];
        if (r->budget == budget && r->seed == seed && strcmp(r->arm, arm) == 0)
            return r;
    }
    return NULL;
}
