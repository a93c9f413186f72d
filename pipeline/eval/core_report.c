/*
 * core_report.c - CORE as figures, as JSON and as a table
 */
#include "formats/json_text.h"
#include "pipeline/eval/core.h"

#include <math.h>
#include <string.h>

static struct estimate accuracy(const struct core_task *t)
{
    double n = (double)t->n, p = (double)t->right / n;
    return (struct estimate){p, sqrt(p * (1 - p) / (n - 1))};
}

static double centred(const struct core_task *t)
{
    return (accuracy(t).value - t->chance) / (1 - t->chance);
}

double core_score(const struct core *c)
{
    double sum = 0;
    for (size_t i = 0; i < c->n; i++)
        sum += centred(&c->v[i]);
    return sum / (double)c->n;
}

json_t *core_json(const struct core *c)
{
    json_t *tasks = json_object();
    for (size_t i = 0; i < c->n; i++) {
        const struct core_task *t = &c->v[i];
        struct estimate acc = accuracy(t);
        json_object_set_new(
            tasks, t->label,
            json_pack("{s:I, s:I, s:I, s:f, s:o, s:f}", "questions", (json_int_t)t->n, "refused",
                      (json_int_t)t->refused, "shots", (json_int_t)t->shots, "acc", acc.value, "acc_stderr",
                      isfinite(acc.stderr_) ? json_real(acc.stderr_) : json_null(), "centred", centred(t)));
    }
    return json_pack("{s:o, s:f}", "tasks", tasks, "core", core_score(c));
}

void core_table(const struct core *c, bool apart)
{
    printf("%s%-38s %5s %10s  %-18s %s\n", apart ? "\n" : "", "task", "shots", "questions", "acc", "centred");
    for (size_t i = 0; i < c->n; i++) {
        const struct core_task *t = &c->v[i];
        struct estimate acc = accuracy(t);
        char text[48];
        snprintf(text, sizeof text, isfinite(acc.stderr_) ? "%.4f +- %.4f" : "%.4f", acc.value, acc.stderr_);
        printf("%-38.100s %5zu %10zu  %-18s %.4f\n", t->label, t->shots, t->n, text, centred(t));
    }
    printf("%-38s %5s %10s  %-18s %.4f\n", "CORE", "", "", "", core_score(c));
}
