#include "pipeline/eval/compare.h"
#include "formats/json_text.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/random.h"
#include "pipeline/model/checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 10000, FEWEST_DRAWS = 1000, MOST_NUMBERS = 400000000 };

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double drawn_ratio(const double *difference, const double *size, size_t n, uint64_t *state)
{
    double sum = 0, sizes = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = (size_t)((unsigned __int128)random_next(state) * n >> 64);
        sum += difference[k];
        sizes += size ? size[k] : 1;
    }
    return sizes > 0 ? sum / sizes : 0;
}

struct paired paired_bootstrap(const double *difference, const double *size, size_t n)
{
    size_t draws = n * DRAWS > MOST_NUMBERS ? MOST_NUMBERS / n : DRAWS;
    draws = draws < FEWEST_DRAWS ? FEWEST_DRAWS : draws;
    double *drawn = xcalloc(draws, sizeof *drawn), sum = 0, sizes = 0;
    uint64_t state = 0;
    struct paired p = {0};
    for (size_t i = 0; i < n; i++) {
        sum += difference[i];
        sizes += size ? size[i] : 1;
    }
    for (size_t i = 0; i < draws; i++) {
        drawn[i] = drawn_ratio(difference, size, n, &state);
        p.positive += (drawn[i] > 0) + .5 * (drawn[i] == 0);
    }
    qsort(drawn, draws, sizeof *drawn, ascending);
    p.difference = sizes > 0 ? sum / sizes : 0;
    p.low = drawn[(size_t)(.025 * (double)(draws - 1))];
    p.high = drawn[(size_t)(.975 * (double)(draws - 1) + .5)];
    p.positive /= (double)draws;
    free(drawn);
    return p;
}

struct comparison { /* one row */
    const char *name, *measure;
    size_t n;
    double a, b;
    struct paired p;
    bool less; /* less is better */
};

static double sureness_of_a(const struct comparison *c)
{
    return c->less ? 1 - c->p.positive : c->p.positive;
}

static void row(const struct comparison *c)
{
    double sure = sureness_of_a(c);
    printf("%-14.100s %-10s %8zu %9.4f %9.4f %+9.4f  %+.4f .. %+.4f  ", c->name, c->measure, c->n, c->a, c->b,
           c->p.difference, c->p.low, c->p.high);
    if (sure == .5)
        printf("neither\n");
    else
        printf("%s, %.1f%%\n", sure > .5 ? "A" : "B", 100 * (sure > .5 ? sure : 1 - sure));
}

static json_t *row_json(const struct comparison *c)
{
    return json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "measure", c->measure, "n", (json_int_t)c->n,
                     "a", c->a, "b", c->b, "difference", c->p.difference, "low", c->p.low, "high", c->p.high,
                     "a_is_better", sureness_of_a(c));
}

static void add(json_t *all, const struct comparison *c, bool table)
{
    if (table)
        row(c);
    if (json_object_set_new(all, c->name, row_json(c)) != 0)
        die("'%s': a name must be UTF-8", c->name);
}

/* Bits per byte, document by document; the loss where the tokens stand for no bytes. */
static void compare_data(json_t *all, const struct source *from, const struct tally *a, const struct tally *b,
                         bool table)
{
    size_t n = a->documents;
    bool bits = a->bytes > 0;
    if (b->documents != n)
        die("%s: %zu documents for A, %zu for B", from->path, n, (size_t)b->documents);
    double *difference = xcalloc(n + 1, sizeof *difference), *size = xcalloc(n + 1, sizeof *size);
    for (size_t i = 0; i < n; i++) {
        difference[i] = (a->kept[i].loss - b->kept[i].loss) / (bits ? M_LN2 : 1);
        size[i] = bits ? a->kept[i].bytes : a->kept[i].tokens;
    }
    struct comparison c = {.name = from->name,
                           .measure = bits ? "bits/byte" : "loss",
                           .n = n,
                           .a = (bits ? tally_bits_per_byte(a) : tally_loss(a)).value,
                           .b = (bits ? tally_bits_per_byte(b) : tally_loss(b)).value,
                           .p = paired_bootstrap(difference, size, n),
                           .less = true};
    add(all, &c, table);
    free(difference);
    free(size);
}

static bool right(const struct task *t, const struct question *q)
{
    return t->answers ? q->exact[0] : t->greedy ? q->greedy : question_right(q, t->acc_norm);
}

/* The share of right answers, of the questions that both models were asked. */
static void compare_task(json_t *all, const struct source *from, const struct questions *a,
                         const struct questions *b, bool table)
{
    const struct task *t = a->task;
    double *difference = xcalloc(a->n + 1, sizeof *difference), right_a = 0, right_b = 0;
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        if (!a->v[i].refused && !b->v[i].refused) {
            right_a += right(t, &a->v[i]);
            right_b += right(t, &b->v[i]);
            difference[n++] = right(t, &a->v[i]) - right(t, &b->v[i]);
        }
    if (n == 0)
        die("%s: no question that both models can be asked", from->path);
    struct comparison c = {.name = from->name,
                           .measure = task_measure(t),
                           .n = n,
                           .a = right_a / (double)n,
                           .b = right_b / (double)n,
                           .p = paired_bootstrap(difference, NULL, n)};
    add(all, &c, table);
    free(difference);
}

/* The models see equally many tokens at once: as many as the smaller context has. */
static void equal_context(struct measure_plan *plan, const char *a, const char *b)
{
    const char *const paths[] = {a, b};
    for (int i = 0; i < 2; i++) {
        char err[1024], *dir = checkpoint_resolve(paths[i], err, sizeof err);
        struct model_config c;
        if (!dir || checkpoint_config(dir, &c, err, sizeof err) != 0)
            die("%s", err);
        if (plan->context == 0 || (uint64_t)c.T < plan->context)
            plan->context = (uint64_t)c.T;
        free(dir);
    }
}

json_t *compare(struct measure_plan *plan, const char *a, const char *b)
{
    bool table = plan->table;
    struct measured x = {0}, y = {0};
    plan->keep = true;
    plan->table = false;
    if (!plan->context)
        equal_context(plan, a, b);
    measure(&x, plan, a);
    if (!stop_signal)
        measure(&y, plan, b);
    if (stop_signal)
        return NULL;
    if (table)
        printf("A = %s\nB = %s\n%-14s %-10s %8s %9s %9s %9s  %-18s  %s\n", x.dir, y.dir, "", "measure", "n",
               "A", "B", "A - B", "95% of draws", "better");
    json_t *data = json_object(), *tasks = json_object();
    for (size_t i = 0; i < plan->n_data; i++)
        compare_data(data, &plan->data[i], &x.data[i], &y.data[i], table);
    for (size_t i = 0; i < plan->n_tasks; i++)
        compare_task(tasks, &plan->tasks[i], &x.tasks[i], &y.tasks[i], table);
    json_t *result = json_pack("{s:o, s:o, s:i, s:i, s:o, s:o}", "a", json_text(x.dir, strlen(x.dir)), "b",
                               json_text(y.dir, strlen(y.dir)), "context", x.T, "stride", x.stride, "data",
                               data, "tasks", tasks);
    measured_free(&x, plan);
    measured_free(&y, plan);
    return result;
}
