#include "pipeline/eval/curve.h"
#include "formats/json_text.h"
#include "pipeline/eval/report.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/dir.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

static void heading(const struct measure_plan *plan, bool several)
{
    if (several)
        printf("%-20s ", "run");
    printf("%8s", "step");
    for (size_t i = 0; i < plan->n_data; i++)
        printf("  %14.40s", plan->data[i].name);
    for (size_t i = 0; i < plan->n_tasks; i++)
        printf("  %14.40s", plan->tasks[i].name);
    if (plan->core)
        printf("  %14s", "CORE");
    printf("\n%*s", several ? 29 : 8, "");
    for (size_t i = 0; i < plan->n_data; i++)
        printf("  %14s", "bits/byte");
    for (size_t i = 0; i < plan->n_tasks; i++)
        printf("  %14s", task_measure(task_find(plan->tasks[i].name)));
    printf("\n");
}

static void row(const struct measured *r, const struct measure_plan *plan, const char *run, uint64_t step)
{
    if (run)
        printf("%-20.100s ", run);
    printf("%8llu", (unsigned long long)step);
    for (size_t i = 0; i < plan->n_data; i++)
        printf("  %14.4f", tally_bits_per_byte(&r->data[i]).value);
    for (size_t i = 0; i < plan->n_tasks; i++) {
        struct accuracy a = questions_accuracy(&r->tasks[i]);
        printf("  %14.4f", accuracy_main(r->tasks[i].task, &a).value);
    }
    if (plan->core)
        printf("  %14.4f", core_score(&r->core));
    printf("\n");
    fflush(stdout);
}

static void curve_of(json_t *all, struct measure_plan *plan, const char *run, bool several, bool table)
{
    static const char prefix[] = "step-";
    char *parent = path_join(run, "checkpoints");
    struct dir d = dir_read_if_there(parent);
    size_t found = 0;
    for (size_t i = 0; i < d.n && !stop_signal; i++) {
        if (strncmp(d.names[i], prefix, strlen(prefix)) != 0)
            continue;
        struct measured r;
        char *dir = path_join(parent, d.names[i]);
        uint64_t step = strtoull(d.names[i] + strlen(prefix), NULL, 10);
        measure(&r, plan, dir);
        if (table && !stop_signal && json_array_size(all) == 0)
            heading(plan, several);
        if (table && !stop_signal)
            row(&r, plan, several ? run : NULL, step);
        if (!stop_signal)
            json_array_append_new(all,
                                  json_pack("{s:o, s:I, s:o, s:o, s:o*}", "run", json_text(run, strlen(run)),
                                            "step", (json_int_t)step, "data", measured_data_json(&r, plan),
                                            "tasks", measured_tasks_json(&r, plan), "core",
                                            plan->core ? core_json(&r.core) : NULL));
        measured_free(&r, plan);
        free(dir);
        found++;
    }
    if (found == 0 && !stop_signal)
        die("%s: no checkpoints there: --every takes a run", parent);
    dir_free(&d);
    free(parent);
}

json_t *curve(struct measure_plan *plan, const char *const *runs, size_t n)
{
    json_t *all = json_array();
    bool table = plan->table;
    plan->table = false;
    for (size_t i = 0; i < n && !stop_signal; i++)
        curve_of(all, plan, runs[i], n > 1, table);
    return all;
}
