#include "pipeline/eval/measure.h"
#include "pipeline/eval/generate.h"
#include "pipeline/eval/report.h"
#include "pipeline/eval/tokens.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>

static void put(json_t *results, const char *name, json_t *value)
{
    if (json_object_set_new(results, name, value) != 0)
        die("'%s': a name must be UTF-8", name);
}

static void measure_data(struct measured *r, const struct measure_plan *plan, const struct loaded *m)
{
    struct tally all = {0};
    struct window_plan windows = {r->T, r->stride, plan->limit, 0, plan->document_mask, plan->tokens};
    char err[1024];
    for (size_t i = 0; i < plan->n_data && !stop_signal; i++) {
        const struct source *from = &plan->data[i];
        struct tally *t = &r->data[i];
        t->keep = plan->keep;
        apart_input_dir(from->path);
        struct shard_set *s = shard_set_open(from->path, false, err, sizeof err);
        if (!s)
            die("%s", err);
        if (plan->tokens)
            token_sink_source(plan->tokens, from->name, m->tok);
        windows_run(m, s, from->path, &windows, t);
        shard_set_close(s);
        tally_merge(&all, t);
        if (plan->table && !stop_signal && i == 0)
            tally_heading();
        if (plan->table && !stop_signal)
            tally_row(from->name, t);
        fflush(stdout);
    }
    if (plan->n_data > 1 && plan->table && !stop_signal)
        tally_row("(all)", &all);
}

void measure_read_task(struct questions *q, const struct measure_plan *plan, size_t i, uint64_t limit)
{
    const struct source *from = &plan->tasks[i];
    questions_read(q, task_find(from->name), from->path, limit, &from->shots);
}

double measured_centred(const struct measured *r, const struct measure_plan *plan)
{
    double sum = 0;
    for (size_t i = 0; i < plan->n_tasks; i++) {
        struct accuracy a = questions_accuracy(&r->tasks[i]);
        sum += accuracy_centred(r->tasks[i].task, &a);
    }
    return sum / (double)plan->n_tasks;
}

static void measure_tasks(struct measured *r, const struct measure_plan *plan, const struct loaded *m)
{
    for (size_t i = 0; i < plan->n_tasks && !stop_signal; i++) {
        struct questions *q = &r->tasks[i];
        measure_read_task(q, plan, i, plan->examples);
        if (q->task->answers)
            questions_generate(m, q, r->T);
        else
            questions_score(m, q, r->T, plan->way);
        struct accuracy a = questions_accuracy(q);
        if (a.n == 0)
            die("%s: no question fits the context of %d tokens", q->path, r->T);
        if (plan->table && !stop_signal && i == 0)
            accuracy_heading(plan->n_data > 0);
        if (plan->table && !stop_signal)
            accuracy_row(q->task, &a);
        fflush(stdout);
    }
    if (plan->n_tasks > 1 && plan->table && !stop_signal)
        centred_row(measured_centred(r, plan));
}

static void measure_core(struct measured *r, const struct measure_plan *plan, const struct loaded *m)
{
    if (!plan->core)
        return;
    core_open(&r->core, plan->core);
    core_measure(&r->core, m, r->T, plan->examples, plan->way);
    if (plan->table && !stop_signal)
        core_table(&r->core, plan->n_data + plan->n_tasks > 0);
}

static void settle_context(struct measured *r, const struct measure_plan *plan, const struct loaded *m)
{
    uint64_t most = (uint64_t)m->w.c.T, context = plan->context ? plan->context : most;
    uint64_t stride = plan->stride ? plan->stride : (context + 1) / 2;
    if (context > most)
        usage_error("--context: %llu is beyond the model's %llu", (unsigned long long)context,
                    (unsigned long long)most);
    if (stride > context)
        usage_error("--stride: %llu is beyond the context of %llu", (unsigned long long)stride,
                    (unsigned long long)context);
    r->T = (int)context;
    r->stride = (int)stride;
}

void measure(struct measured *r, const struct measure_plan *plan, const char *checkpoint)
{
    struct loaded m;
    loaded_open(&m, checkpoint, plan->device, plan->dtype, plan->threads, false);
    *r = (struct measured){.dir = xstrdup(m.dir),
                           .parameters = model_params(&m.w.c),
                           .data = xcalloc(plan->n_data + 1, sizeof *r->data),
                           .tasks = xcalloc(plan->n_tasks + 1, sizeof *r->tasks)};
    settle_context(r, plan, &m);
    measure_data(r, plan, &m);
    measure_tasks(r, plan, &m);
    if (!stop_signal)
        measure_core(r, plan, &m);
    loaded_close(&m);
}

void measured_free(struct measured *r, const struct measure_plan *plan)
{
    for (size_t i = 0; i < plan->n_data; i++)
        free(r->data[i].kept);
    for (size_t i = 0; i < plan->n_tasks; i++)
        questions_free(&r->tasks[i]);
    core_free(&r->core);
    free(r->data);
    free(r->tasks);
    free(r->dir);
}

json_t *measured_data_json(const struct measured *r, const struct measure_plan *plan)
{
    json_t *all = json_object();
    for (size_t i = 0; i < plan->n_data; i++)
        put(all, plan->data[i].name, tally_json(&r->data[i]));
    return all;
}

json_t *measured_tasks_json(const struct measured *r, const struct measure_plan *plan)
{
    json_t *all = json_object();
    for (size_t i = 0; i < plan->n_tasks; i++) {
        struct accuracy a = questions_accuracy(&r->tasks[i]);
        put(all, plan->tasks[i].name, accuracy_json(r->tasks[i].task, &a));
    }
    return all;
}
