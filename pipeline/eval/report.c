#include "pipeline/eval/report.h"

#include "formats/json_get.h"
#include "pipeline/lib/fs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

json_t *tally_json(const struct tally *t)
{
    struct estimate loss = tally_loss(t), ppl = tally_perplexity(t), bpb = tally_bits_per_byte(t);
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "tokens", (json_int_t)t->tokens,
                     "text_bytes", (json_int_t)t->bytes, "documents", (json_int_t)t->documents, "loss",
                     json_finite(loss.value), "loss_stderr", json_finite(loss.stderr_), "perplexity",
                     json_finite(ppl.value), "perplexity_stderr", json_finite(ppl.stderr_), "bits_per_byte",
                     json_finite(bpb.value), "bits_per_byte_stderr", json_finite(bpb.stderr_));
}

static const char *estimate(char buf[48], struct estimate e, int digits)
{
    if (!isfinite(e.value))
        snprintf(buf, 48, "-");
    else if (!isfinite(e.stderr_))
        snprintf(buf, 48, "%.*f", digits, e.value);
    else
        snprintf(buf, 48, "%.*f +- %.*f", digits, e.value, digits, e.stderr_);
    return buf;
}

void tally_row(const char *name, const struct tally *t)
{
    char a[48], b[48], c[48];
    printf("%-12s %10.0f %8llu  %-18s %-20s %s\n", name, t->tokens, (unsigned long long)t->documents,
           estimate(a, tally_loss(t), 4), estimate(b, tally_perplexity(t), 2),
           estimate(c, tally_bits_per_byte(t), 4));
}

void tally_heading(void)
{
    printf("%-12s %10s %8s  %-18s %-20s %s\n", "data", "tokens", "docs", "loss", "perplexity", "bits/byte");
}

json_t *accuracy_json(const struct task *t, const struct accuracy *r)
{
    json_t *o = json_pack("{s:I, s:I, s:I}", "questions", (json_int_t)r->n, "cut", (json_int_t)r->cut,
                          "refused", (json_int_t)r->refused);
    const struct {
        bool there;
        const char *name, *error;
        struct estimate e;
    } measures[] = {
        {t->acc, "acc", "acc_stderr", r->acc},
        {t->acc_norm, "acc_norm", "acc_norm_stderr", r->acc_norm},
        {t->greedy, "acc", "acc_stderr", r->greedy},
        {t->perplexity, "perplexity", "perplexity_stderr", r->perplexity},
    };
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
        if (measures[i].there) {
            json_object_set_new(o, measures[i].name, json_finite(measures[i].e.value));
            json_object_set_new(o, measures[i].error, json_finite(measures[i].e.stderr_));
        }
    for (int i = 0; t->answers && i < answers_count(t->answers); i++) {
        char *value = xasprintf("exact_match,%s", answers_name(t->answers, i));
        char *error = xasprintf("exact_match_stderr,%s", answers_name(t->answers, i));
        json_object_set_new(o, value, json_finite(r->exact[i].value));
        json_object_set_new(o, error, json_finite(r->exact[i].stderr_));
        free(value);
        free(error);
    }
    return o;
}

struct estimate accuracy_main(const struct task *t, const struct accuracy *r)
{
    return t->answers ? r->exact[0] : t->greedy ? r->greedy : t->acc_norm ? r->acc_norm : r->acc;
}

double accuracy_centred(const struct task *t, const struct accuracy *r)
{
    return (accuracy_main(t, r).value - r->chance) / (1 - r->chance);
}

void centred_row(double mean)
{
    printf("%-22s %10s  %.4f\n", "(centred)", "", mean);
}

void accuracy_heading(bool apart)
{
    printf("%s%-22s %10s  %-18s %-18s %s\n", apart ? "\n" : "", "task", "questions", "acc", "acc_norm",
           "perplexity");
}

/* A text's answer can be found in several ways, each of which gets a row. */
static void exact_rows(const struct task *t, const struct accuracy *r)
{
    for (int i = 0; i < answers_count(t->answers); i++) {
        char a[48], name[128];
        snprintf(name, sizeof name, "%.60s,%.60s", t->name, answers_name(t->answers, i));
        printf("%-22s %10zu  %s\n", name, r->n, estimate(a, r->exact[i], 4));
    }
}

void accuracy_row(const struct task *t, const struct accuracy *r)
{
    char a[48], b[48] = "", c[48] = "", line[256];
    if (t->answers) {
        exact_rows(t, r);
        return;
    }
    estimate(a, t->greedy ? r->greedy : r->acc, 4);
    if (t->acc_norm)
        estimate(b, r->acc_norm, 4);
    if (t->perplexity)
        estimate(c, r->perplexity, 2);
    int n = snprintf(line, sizeof line, "%-22.100s %10zu  %-18s %-18s %s", t->name, r->n, a, b, c);
    while (n > 0 && line[n - 1] == ' ')
        line[--n] = 0;
    puts(line);
}
