/*
 * tasks.c - questions out of the tasks' own files
 *
 * PIQA (Bisk et al. 2019, arXiv:1911.11641): "Question: {goal}\nAnswer:", choices sol1 and sol2.
 */
#include "formats/json_lenient.h"
#include "pipeline/eval/choices.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 1 << 30 };

/* Returns NULL, or what is wrong with the item. */
static const char *piqa(const json_t *item, struct question *q)
{
    const char *goal = json_string_value(json_object_get(item, "goal"));
    const char *sol1 = json_string_value(json_object_get(item, "sol1"));
    const char *sol2 = json_string_value(json_object_get(item, "sol2"));
    const json_t *label = json_object_get(item, "label");
    if (!goal || !sol1 || !sol2)
        return "goal, sol1 or sol2 is missing or not a string";
    if (!json_is_integer(label) || json_integer_value(label) < 0 || json_integer_value(label) > 1)
        return "label is not 0 or 1";
    q->context = xasprintf("Question: %s\nAnswer:", goal);
    q->choice[0] = xstrdup(sol1);
    q->choice[1] = xstrdup(sol2);
    q->n_choices = 2;
    q->label = (int)json_integer_value(label);
    return NULL;
}

static const struct task {
    const char *name;
    const char *(*read)(const json_t *item, struct question *q);
} tasks[] = {{"piqa", piqa}};

static const struct task *find(const char *name)
{
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(tasks[i].name, name) == 0)
            return &tasks[i];
    return NULL;
}

bool task_known(const char *name)
{
    return find(name) != NULL;
}

const char *task_names(void)
{
    return "piqa";
}

static void read_line(struct questions *q, const struct task *task, const char *line, size_t len,
                      char *reason, size_t cap)
{
    json_error_t e;
    json_t *item = json_load_lenient(line, len, JSON_REJECT_DUPLICATES, 0, &e, NULL);
    struct question *one = &q->v[q->n];
    const char *problem;
    *one = (struct question){0};
    reason[0] = 0;
    if (!item)
        snprintf(reason, cap, "%s", e.text);
    else if ((problem = task->read(item, one)))
        snprintf(reason, cap, "%s", problem);
    else
        q->n++;
    json_decref(item);
}

void questions_read(struct questions *q, const char *task_name, const char *path, uint64_t limit)
{
    const struct task *task = find(task_name);
    char reason[256];
    size_t len, room = 0, line = 0;
    apart_input(path);
    char *text = read_file(path, &len, MAX_FILE);
    *q = (struct questions){.path = path};
    for (size_t at = 0; at < len && (limit == 0 || q->n < limit);) {
        const char *newline = memchr(text + at, '\n', len - at);
        size_t n = newline ? (size_t)(newline - text) - at : len - at;
        line++;
        if (q->n == room) {
            room = room ? 2 * room : 256;
            q->v = xrealloc(q->v, room * sizeof *q->v);
        }
        if (strspn(text + at, " \t\r") < n) {
            read_line(q, task, text + at, n, reason, sizeof reason);
            q->v[q->n - !reason[0]].line = line;
            if (reason[0])
                die("%s: line %zu, offset %zu: %s", path, line, at, reason);
        }
        at += n + 1;
    }
    free(text);
    if (q->n == 0)
        die("%s: no questions", path);
}

void questions_free(struct questions *q)
{
    for (size_t i = 0; i < q->n; i++) {
        free(q->v[i].context);
        for (int k = 0; k < q->v[i].n_choices; k++)
            free(q->v[i].choice[k]);
    }
    free(q->v);
    *q = (struct questions){0};
}
