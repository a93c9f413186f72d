/*
 * tasks.c - reads rows of tasks, the built-in ones (tasks.json, from lm-evaluation-harness 0.4) like a user's
 * own
 */
#include "pipeline/eval/task.h"
#include "pipeline/eval/prompt.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 16 << 20, MAX_NEW = 256 /* as in lm-evaluation-harness */ };

extern const char _binary_pipeline_eval_tasks_json_start[], _binary_pipeline_eval_tasks_json_end[];

static struct task *all;
static size_t n_all;
static json_t *roots[2]; /* the rows point into them */
static char *names;

static void bad(const char *path, size_t i, const char *why, const char *what)
{
    die("%s: task %zu: %s%s", path, i + 1, what, why);
}

static const char *text_of(const char *path, size_t i, const json_t *row, const char *column)
{
    const json_t *v = json_object_get(row, column);
    if (v && !json_is_string(v))
        bad(path, i, " is not a string", column);
    return json_string_value(v);
}

/* A template, which is checked. */
static const char *template_of(const char *path, size_t i, const json_t *row, const char *column)
{
    const char *s = text_of(path, i, row, column);
    char why[PROMPT_WHY];
    if (s && !prompt_check(s, why))
        die("%s: task %zu: %s: %s", path, i + 1, column, why);
    return s;
}

/* A list of templates, or a column's name. */
static const json_t *list_of(const char *path, size_t i, const json_t *row, const char *column)
{
    const json_t *v = json_object_get(row, column), *one;
    char why[PROMPT_WHY];
    size_t k;
    if (v && !json_is_string(v) && !(json_is_array(v) && json_array_size(v) > 0))
        bad(path, i, " is neither a column nor a list of texts", column);
    json_array_foreach(v, k, one)
    {
        if (!json_is_string(one))
            bad(path, i, " is neither a column nor a list of texts", column);
        if (!prompt_check(json_string_value(one), why))
            die("%s: task %zu: %s: %s", path, i + 1, column, why);
    }
    return v;
}

static void read_metrics(const char *path, size_t i, const json_t *row, struct task *t)
{
    const json_t *v = json_object_get(row, "metrics"), *one;
    size_t k;
    if (v && !json_is_array(v))
        bad(path, i, " is not a list", "metrics");
    t->acc = t->acc_norm = !v;
    json_array_foreach(v, k, one)
    {
        const char *s = json_is_string(one) ? json_string_value(one) : "";
        bool *flag = strcmp(s, "acc") == 0          ? &t->acc
                     : strcmp(s, "acc_norm") == 0   ? &t->acc_norm
                     : strcmp(s, "greedy") == 0     ? &t->greedy
                     : strcmp(s, "perplexity") == 0 ? &t->perplexity
                                                    : NULL;
        if (!flag)
            bad(path, i, " are some of acc, acc_norm, greedy, perplexity", "metrics");
        *flag = true;
    }
}

/* How a text is made and judged. */
static void read_generate(const char *path, size_t i, const json_t *row, struct task *t)
{
    const json_t *v = json_object_get(row, "generate"), *most = json_object_get(v, "max_tokens"), *one;
    char why[ANSWERS_WHY];
    size_t k;
    if (!v)
        return;
    t->until = json_object_get(v, "until");
    json_array_foreach(t->until, k, one) if (!json_is_string(one) || !*json_string_value(one))
        bad(path, i, ": until is not a list of texts", "generate");
    if (t->until && !json_is_array(t->until))
        bad(path, i, ": until is not a list of texts", "generate");
    json_int_t n = most ? json_integer_value(most) : MAX_NEW;
    if (n < 1 || n > INT32_MAX)
        bad(path, i, ": max_tokens is not a number from 1 on", "generate");
    t->max_tokens = (int)n;
    if (!json_is_array(t->choices) || json_array_size(t->choices) != 1 || t->ending ||
        json_object_get(row, "metrics"))
        bad(path, i, " takes one choice, the right answer, and neither ending nor metrics", "generate");
    if (!(t->answers = answers_parse(v, why)))
        die("%s: task %zu: generate: %s", path, i + 1, why);
    t->acc = t->acc_norm = false;
}

static void check_columns(const char *path, size_t i, const json_t *row)
{
    static const char *const known[] = {"name",   "description", "prompt", "choices", "ending",  "answer",
                                        "labels", "clean",       "shots",  "metrics", "generate"};
    const char *key;
    const json_t *v;
    if (!json_is_object(row))
        bad(path, i, "not an object", "");
    json_object_foreach((json_t *)row, key, v)
    {
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            found |= strcmp(key, known[k]) == 0;
        if (!found)
            die("%s: task %zu: there is no column '%s' in a task", path, i + 1, key);
    }
}

static struct task read_row(const char *path, size_t i, const json_t *row)
{
    check_columns(path, i, row);
    struct task t = {.name = text_of(path, i, row, "name"),
                     .description = template_of(path, i, row, "description"),
                     .prompt = template_of(path, i, row, "prompt"),
                     .ending = template_of(path, i, row, "ending"),
                     .answer = text_of(path, i, row, "answer"),
                     .choices = list_of(path, i, row, "choices"),
                     .labels = list_of(path, i, row, "labels")};
    const char *clean = text_of(path, i, row, "clean"), *shots = text_of(path, i, row, "shots");
    t.wikihow = clean && strcmp(clean, "wikihow") == 0;
    t.first_shots = shots && strcmp(shots, "first") == 0;
    t.other_shots = shots && strcmp(shots, "others") == 0;
    read_metrics(path, i, row, &t);
    if (!t.name || !*t.name)
        bad(path, i, " is missing", "name");
    if (!t.choices)
        bad(path, i, " is missing", "choices");
    if (!t.prompt == !t.ending)
        bad(path, i, "one of prompt and ending is needed", "");
    if (!t.answer && !(json_is_array(t.choices) && json_array_size(t.choices) == 1))
        bad(path, i, " is missing: which of several choices is right?", "answer");
    if (clean && !t.wikihow)
        bad(path, i, " can only be wikihow", "clean");
    if (shots && !t.first_shots && !t.other_shots)
        bad(path, i, " can only be first or others", "shots");
    read_generate(path, i, row, &t);
    return t;
}

static json_t *read_rows(const char *path, const char *text, size_t len)
{
    json_error_t e;
    const json_t *row;
    size_t i;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
    if (!root)
        die("%s:%d: byte %d: %s", path, e.line, e.position, e.text);
    if (!json_is_array(root) || json_array_size(root) == 0)
        die("%s: not a list of tasks", path);
    all = xrealloc(all, (n_all + json_array_size(root)) * sizeof *all);
    json_array_foreach(root, i, row)
    {
        struct task t = read_row(path, i, row);
        if (task_find(t.name) && path[0] != '(')
            die("%s: task %zu: there is a task '%s' already", path, i + 1, t.name);
        all[n_all++] = t;
    }
    return root;
}

void tasks_load(const char *path)
{
    const char *from = _binary_pipeline_eval_tasks_json_start;
    roots[0] = read_rows("(built in)", from, (size_t)(_binary_pipeline_eval_tasks_json_end - from));
    if (!path)
        return;
    size_t len;
    apart_input(path);
    char *text = read_file(path, &len, MAX_FILE);
    roots[1] = read_rows(path, text, len);
    free(text);
}

const struct task *task_find(const char *name)
{
    for (size_t i = 0; i < n_all; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    return NULL;
}

const char *task_measure(const struct task *t)
{
    return t->answers ? "exact_match" : t->acc_norm ? "acc_norm" : "acc";
}

const char *task_names(void)
{
    struct strbuf b = {0};
    for (size_t i = 0; i < n_all; i++)
        strbuf_addf(&b, "%s%s", i ? ", " : "", all[i].name);
    free(names);
    return names = b.s;
}

void tasks_free(void)
{
    for (size_t i = 0; i < n_all; i++)
        answers_free(all[i].answers);
    json_decref(roots[0]);
    json_decref(roots[1]);
    free(all);
    free(names);
}
