#include "pipeline/eval/questions.h"
#include "formats/json_text.h"
#include "pipeline/eval/mersenne.h"
#include "pipeline/eval/prompt.h"
#include "pipeline/eval/rows.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/signals.h"

#include <stdlib.h>
#include <string.h>

static void question_clear(struct question *q)
{
    free(q->context);
    free(q->ending);
    free(q->place);
    for (int k = 0; k < q->n_choices; k++)
        free(q->choice[k]);
}

/* The filled template, cleaned where the task says so; NULL: it fails, and why says the reason. */
static char *text_of(const struct task *t, const char *template, const json_t *row, char why[PROMPT_WHY])
{
    struct strbuf b = {0};
    strbuf_add(&b, "", 0);
    if (!prompt_fill(&b, template, row, why)) {
        strbuf_free(&b);
        return NULL;
    }
    if (!t->wikihow)
        return b.s;
    char *clean = prompt_clean_wikihow(b.s);
    strbuf_free(&b);
    return clean;
}

/* A column that holds a list of texts, or a list of the task itself, in which templates stand. */
static const json_t *list_in(const json_t *list, const json_t *row, bool *templates)
{
    *templates = json_is_array(list);
    return *templates ? list : prompt_column(row, json_string_value(list));
}

static bool add_choices(const struct task *t, const json_t *row, struct question *q, char why[PROMPT_WHY])
{
    bool templates;
    const json_t *list = list_in(t->choices, row, &templates), *one;
    size_t k;
    if (!json_is_array(list) || json_array_size(list) < 1 || json_array_size(list) > MAX_CHOICES) {
        snprintf(why, PROMPT_WHY, "column '%.100s' is missing, or no list of 1 to %d choices",
                 templates ? "choices" : json_string_value(t->choices), MAX_CHOICES);
        return false;
    }
    json_array_foreach(list, k, one)
    {
        const char *s = json_string_value(one);
        if (!s) {
            snprintf(why, PROMPT_WHY, "choice %zu is not a text", k + 1);
            return false;
        }
        q->choice[k] = templates    ? text_of(t, s, row, why)
                       : t->wikihow ? prompt_clean_wikihow(s)
                                    : xstrdup(s);
        if (!q->choice[k])
            return false;
        q->n_choices++;
    }
    return true;
}

/* The place of a label in the list of labels; -1: it is not there. */
static int label_index(const struct task *t, const json_t *row, const char *label)
{
    bool templates;
    const json_t *list = t->labels ? list_in(t->labels, row, &templates) : NULL, *one;
    size_t k;
    json_array_foreach(list, k, one) if (json_is_string(one) &&
                                         strcmp(json_string_value(one), label) == 0) return (int)k;
    return -1;
}

/* The number of the right choice. Out of range: it is none. */
static json_int_t right_choice(const struct task *t, const json_t *row, const json_t *answer)
{
    if (json_is_boolean(answer))
        return json_is_true(answer);
    char *text = NULL, *end;
    if (json_is_integer(answer))
        text = xasprintf("%lld", (long long)json_integer_value(answer));
    else if (json_is_string(answer))
        text = xstrdup(json_string_value(answer) + strspn(json_string_value(answer), " "));
    if (!text)
        return -1;
    json_int_t k = label_index(t, row, text);
    if (!t->labels && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        k = *text == 't'; /* out of a Parquet file */
    } else if (!t->labels) {
        k = strtoll(text, &end, 10);
        k = *text && !*end ? k : -1;
    }
    free(text);
    return k;
}

static bool make_question(const struct task *t, const json_t *row, struct question *q, char why[PROMPT_WHY])
{
    struct strbuf b = {0};
    if (!json_is_object(row)) {
        snprintf(why, PROMPT_WHY, "not an object");
        return false;
    }
    if (t->prompt && !(q->context = text_of(t, t->prompt, row, why)))
        return false;
    if (!t->prompt)
        q->context = xstrdup("");
    if (t->ending && !(q->ending = text_of(t, t->ending, row, why)))
        return false;
    if (!add_choices(t, row, q, why))
        return false;
    if ((t->greedy || t->perplexity) && !*q->choice[0]) {
        snprintf(why, PROMPT_WHY, "the text to be foretold is empty");
        return false;
    }
    if (t->description) {
        if (!prompt_fill(&b, t->description, row, why)) {
            strbuf_free(&b);
            return false;
        }
        q->n_description = b.len;
        strbuf_add(&b, q->context, strlen(q->context));
        free(q->context);
        q->context = b.s;
    }
    if (!t->answer)
        return true;
    const json_t *answer = prompt_column(row, t->answer);
    json_int_t label = right_choice(t, row, answer);
    if (label < 0 || label >= q->n_choices) {
        snprintf(why, PROMPT_WHY, answer ? "%.100s is none of the %d choices" : "column '%.100s' is missing",
                 t->answer, q->n_choices);
        return false;
    }
    q->label = (int)label;
    return true;
}

/* Adds the question of a row, which lies at a place. */
static void add_row(struct questions *q, json_t *row, char *place)
{
    char why[PROMPT_WHY];
    if ((q->n & (q->n - 1)) == 0) /* room for a power of two */
        q->v = xrealloc(q->v, (q->n ? 2 * q->n : 1) * sizeof *q->v);
    q->v[q->n] = (struct question){.place = place};
    if (!make_question(q->task, row, &q->v[q->n], why))
        die("%s: %s: %s", place, q->task->name, why);
    q->n++;
    json_decref(row);
}

static void read_rows(struct questions *q, const struct task *task, const char *path, uint64_t limit)
{
    *q = (struct questions){.path = path, .task = task};
    char *place;
    struct rows *r = rows_open(path);
    for (json_t *row; (limit == 0 || q->n < limit) && !stop_signal && (row = rows_next(r, &place));)
        add_row(q, row, place);
    rows_close(r);
    if (q->n == 0 && !stop_signal)
        die("%s: no questions", path);
}

/* An example with its answer, as it stands before the next text. */
static void add_example(struct strbuf *b, const struct question *q)
{
    char *context = question_context(q, q->label), *answer = question_continuation(q, q->label);
    strbuf_addf(b, "%s%s\n\n", context, answer);
    free(context);
    free(answer);
}

/* Whether an example asks the same as a question that has no examples yet. */
static bool is_same(const struct question *example, const struct question *q)
{
    bool same = strcmp(example->context, q->context + q->n_description) == 0 && example->label == q->label &&
                example->n_choices == q->n_choices;
    for (int k = 0; same && k < q->n_choices; k++)
        same = strcmp(example->choice[k], q->choice[k]) == 0;
    return same && (!q->ending || strcmp(example->ending, q->ending) == 0);
}

/* Puts examples before one question. apart: one more than needed is drawn, and the question itself is left
 * out.
 */
static void add_shots(struct question *q, const struct task *t, const struct questions *pool, bool apart,
                      struct mersenne *m, size_t n, size_t *drawn)
{
    struct strbuf b = {0};
    size_t wanted = n + apart, taken = 0;
    wanted = wanted < pool->n ? wanted : pool->n;
    for (size_t i = 0; i < wanted && t->first_shots; i++)
        drawn[i] = i;
    if (!t->first_shots)
        mersenne_sample(m, pool->n, wanted, drawn);
    strbuf_add(&b, q->context, q->n_description);
    for (size_t i = 0; i < wanted && taken < n; i++) {
        const struct question *example = &pool->v[drawn[i]];
        if (apart && is_same(example, q))
            continue;
        add_example(&b, example);
        taken++;
    }
    strbuf_addf(&b, "%s", q->context + q->n_description);
    free(q->context);
    q->context = b.s;
}

void questions_read(struct questions *q, const struct task *task, const char *path, uint64_t limit,
                    const struct shots *shots)
{
    struct task plain = *task;
    struct questions pool = {0};
    struct mersenne m;
    if (shots->n == 0) {
        read_rows(q, task, path, limit);
        return;
    }
    bool apart = task->other_shots || strcmp(shots->from, path) == 0;
    plain.description = NULL; /* it comes once, before the examples */
    read_rows(&pool, &plain, shots->from, 0);
    if (pool.n < shots->n + apart)
        die("%s: %zu examples, but --shots %llu needs %llu", shots->from, pool.n,
            (unsigned long long)shots->n, (unsigned long long)(shots->n + apart));
    read_rows(q, task, path, limit);
    size_t *drawn = xcalloc(shots->n + 1, sizeof *drawn);
    mersenne_seed(&m, shots->seed);
    for (size_t i = 0; i < q->n; i++)
        add_shots(&q->v[i], task, &pool, apart, &m, shots->n, drawn);
    free(drawn);
    questions_free(&pool);
}

void questions_free(struct questions *q)
{
    for (size_t i = 0; i < q->n; i++)
        question_clear(&q->v[i]);
    free(q->v);
    *q = (struct questions){0};
}

char *question_context(const struct question *q, int choice)
{
    return xasprintf("%s%s", q->context, q->ending ? q->choice[choice] : "");
}

char *question_continuation(const struct question *q, int choice)
{
    return xasprintf(" %s", q->ending ? q->ending : q->choice[choice]);
}

void question_show(FILE *f, const struct questions *q, size_t i)
{
    const struct question *one = &q->v[i];
    json_t *all = json_array(), *answer = json_integer(one->label);
    if (q->task->answers) { /* the only choice is what the text that is made is compared with */
        json_array_append_new(all, json_pack("{s:o, s:O*}", "context",
                                             json_text(one->context, strlen(one->context)), "until",
                                             q->task->until));
        json_decref(answer);
        answer = json_text(one->choice[0], strlen(one->choice[0]));
    }
    for (int k = 0; k < one->n_choices && !q->task->answers; k++) {
        char *context = question_context(one, k), *continuation = question_continuation(one, k);
        json_array_append_new(all, json_pack("{s:o, s:o}", "context", json_text(context, strlen(context)),
                                             "continuation", json_text(continuation, strlen(continuation))));
        free(context);
        free(continuation);
    }
    json_t *row = json_pack("{s:s, s:o, s:o, s:o}", "task", q->task->name, "place",
                            json_text(one->place, strlen(one->place)), "requests", all, "answer", answer);
    if (!row || json_dumpf(row, f, JSON_COMPACT) != 0)
        die("out of memory");
    fputc('\n', f);
    json_decref(row);
}
