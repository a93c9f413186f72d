/*
 * core_bundle.c - what tasks a bundle has, and what guessing gets in each
 */
#include "formats/csv.h"
#include "formats/yaml.h"
#include "pipeline/eval/core.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 16 << 20, MOST_SHOTS = 1000 };

static json_t *read_yaml(const char *path)
{
    size_t len;
    char why[256];
    apart_input(path);
    char *text = read_file(path, &len, MAX_FILE);
    json_t *root = yaml_json(text, len, why, sizeof why);
    if (!root)
        die("%s: %s", path, why);
    free(text);
    return root;
}

static const char *member(const char *path, size_t i, const json_t *task, const char *name)
{
    const char *s = json_string_value(json_object_get(task, name));
    if (!s)
        die("%s: icl_tasks: %zu: %s is missing, or no text", path, i + 1, name);
    return s;
}

static enum core_kind kind_of(const char *path, size_t i, const char *name)
{
    static const char *const names[] = {
        [CORE_CHOICE] = "multiple_choice", [CORE_SCHEMA] = "schema", [CORE_TEXT] = "language_modeling"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (strcmp(name, names[k]) == 0)
            return (enum core_kind)k;
    die("%s: icl_tasks: %zu: icl_task_type '%s' is none of multiple_choice, schema, language_modeling", path,
        i + 1, name);
}

/* The label of task i, which no earlier one has, since figures are told by it. */
static const char *label_of(const struct core *c, const char *path, size_t i, const json_t *task)
{
    const char *label = member(path, i, task, "label");
    for (size_t k = 0; k < i; k++)
        if (strcmp(c->v[k].label, label) == 0)
            die("%s: icl_tasks: %zu: there is a task '%s' already", path, i + 1, label);
    return label;
}

/* num_fewshot is a list, whose first number counts. */
static size_t shots_of(const char *path, size_t i, const json_t *task)
{
    char *end = NULL;
    const json_t *list = json_object_get(task, "num_fewshot");
    const char *s = json_string_value(json_array_get(list, 0));
    unsigned long n = s ? strtoul(s, &end, 10) : 0;
    if (!s || !*s || *end || n > MOST_SHOTS)
        die("%s: icl_tasks: %zu: num_fewshot is no list that begins with a number up to %d", path, i + 1,
            MOST_SHOTS);
    return n;
}

/* Notes the accuracy of guessing, in percent, for the task of that name. */
static void note_chance(struct core *c, const char *path, size_t i, const json_t *row)
{
    const char *name = json_string_value(json_object_get(row, "Eval Task")),
               *text = json_string_value(json_object_get(row, "Random baseline"));
    if (!name || !text)
        die("%s: row %zu: no columns 'Eval Task' and 'Random baseline'", path, i);
    char *end;
    double percent = strtod(text, &end);
    bool number = *text && !*end && percent >= 0 && percent < 100;
    for (size_t k = 0; k < c->n; k++) {
        if (strcmp(c->v[k].label, name) != 0)
            continue;
        if (!number)
            die("%s: row %zu: '%s' is no number from 0 to 100", path, i, text);
        c->v[k].chance = .01 * percent;
    }
}

static void read_chances(struct core *c, const char *path)
{
    size_t len, n, at = 0, width, i = 0;
    const char *json;
    apart_input(path);
    char *text = read_file(path, &len, MAX_FILE);
    struct csv *csv = csv_new(',');
    if (!csv)
        die("out of memory");
    for (size_t k = 0; k < c->n; k++)
        c->v[k].chance = NAN;
    for (; (width = csv_record(csv, text + at, len - at, true)) > 0; at += width, i++) {
        if ((i == 0 ? csv_header(csv, text + at, width) : csv_json(csv, text + at, width, &json, &n)) != 0)
            die("%s: byte %zu: %s", path, at, csv_error(csv));
        json_t *row = i == 0 ? NULL : json_loadb(json, n, 0, NULL);
        if (row)
            note_chance(c, path, i, row);
        json_decref(row);
    }
    csv_free(csv);
    free(text);
    for (size_t k = 0; k < c->n; k++)
        if (isnan(c->v[k].chance))
            die("%s: no row for the task %s", path, c->v[k].label);
}

void core_open(struct core *c, const char *dir)
{
    char *path = path_join(dir, "core.yaml"), *data = path_join(dir, "eval_data"),
         *meta = path_join(dir, "eval_meta_data.csv");
    json_t *root = read_yaml(path), *tasks = json_object_get(root, "icl_tasks"), *one;
    size_t i;
    if (json_array_size(tasks) == 0)
        die("%s: icl_tasks is missing, or no list", path);
    *c = (struct core){.v = xcalloc(json_array_size(tasks), sizeof *c->v), .n = json_array_size(tasks)};
    json_array_foreach(tasks, i, one)
    {
        const json_t *delimiter = json_object_get(one, "continuation_delimiter");
        c->v[i] = (struct core_task){
            .label = xstrdup(label_of(c, path, i, one)),
            .path = path_join(data, member(path, i, one, "dataset_uri")),
            .delimiter = xstrdup(delimiter ? member(path, i, one, "continuation_delimiter") : " "),
            .kind = kind_of(path, i, member(path, i, one, "icl_task_type")),
            .shots = shots_of(path, i, one),
        };
    }
    json_decref(root);
    read_chances(c, meta);
    free(path);
    free(data);
    free(meta);
}

void core_free(struct core *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->v[i].label);
        free(c->v[i].path);
        free(c->v[i].delimiter);
    }
    free(c->v);
    *c = (struct core){0};
}
