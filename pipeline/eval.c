/*
 * eval - how well a model predicts text, and answers questions
 *
 * files:  a checkpoint; token shards of its tokenizer (formats/shard.md); questions as JSON lines
 * stdout: a table for people, or one JSON object
 */
#include "formats/json_text.h"
#include "pipeline/eval/choices.h"
#include "pipeline/eval/windows.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/threads.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct str_list data, tasks;
static uint64_t context, stride, limit, examples;
static int64_t threads;
static const char *dtype = "f32", *device = "auto", *output;
static bool json, document_mask;

static const struct opt opts[] = {
    {0, NULL, OPT_HEADING, NULL, NULL, "What to measure"},
    {'d', "data", OPT_LIST, &data, "NAME=DIR", "loss on the token shards in DIR; repeatable"},
    {0, "task", OPT_LIST, &tasks, "TASK=FILE", "multiple-choice questions; TASK: piqa; repeatable"},
    {0, "limit", OPT_U64, &limit, "N",
     "at most N tokens of each DIR, in stretches spread over it (default: all)"},
    {0, "examples", OPT_U64, &examples, "N", "the first N questions of each FILE (default: all)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Computation"},
    {'T', "context", OPT_U64, &context, "N", "tokens the model sees at once (default: the model's context)"},
    {0, "stride", OPT_U64, &stride, "N",
     "new tokens in each window after the first (default: half the context)"},
    {0, "doc-mask", OPT_FLAG, &document_mask, NULL, "documents do not see the ones before them"},
    {0, "device", OPT_STR, &device, "NAME",
     "auto (default: cuda where there is a GPU), cpu, cuda, or reference (very slow, for tiny models)"},
    {0, "dtype", OPT_STR, &dtype, "TYPE", "f32 (default) or bf16"},
    {'j', "threads", OPT_INT, &threads, "N", "threads (default: all processors)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Result"},
    {0, "json", OPT_FLAG, &json, NULL, "one JSON object on standard output instead of the table"},
    {'o', "output", OPT_STR, &output, "FILE", "also write the JSON object to FILE"},
    SANDBOX_OPTION(),
    {0},
};

static const char notes[] =
    "CHECKPOINT is a run, a checkpoint, or a model directory of others: Qwen3, Qwen2, Llama, Mistral\n"
    "(formats/checkpoint.md says which); a long context of theirs takes much memory, so give --context.\n"
    "\n"
    "Measures:\n"
    "  loss        mean of -log p over the predicted tokens, natural logarithm. Every token but the first of "
    "DIR is\n"
    "              predicted once, the ends of documents included, from at least context - stride tokens "
    "before it.\n"
    "  perplexity  e^loss\n"
    "  bits/byte   the same sum of -log p, in bits, divided by the bytes of text that the predicted tokens "
    "stand for.\n"
    "              Comparable between tokenizers, which loss and perplexity are not.\n"
    "  acc         share of questions whose right choice has the largest log-probability; acc_norm after "
    "dividing\n"
    "              by the choice's characters. Prompts, splitting and scores as in lm-evaluation-harness. "
    "Long\n"
    "              questions lose their beginning, which is counted (cut); one with a choice longer than "
    "the\n"
    "              context is not scored and counted apart (refused).\n"
    "  +-          one standard error, over documents and over questions\n"
    "\n"
    "Examples:\n"
    "  bin/eval runs/a/latest --data language=tokens/language/val --data math=tokens/math/val\n"
    "  bin/eval runs/a/latest --task piqa=piqa.val.jsonl --json | jq .tasks.piqa.acc_norm\n"
    "\n"
    "`eval` alone is a command of the shell: call bin/eval.\n"
    "Exit: 0 done, 1 failed (a shard of another tokenizer, a damaged file), 2 misuse, 128+n stopped by "
    "signal n.";

static const struct cli cli = {
    "eval",
    "loss, perplexity, bits per byte and accuracy of a model",
    "eval CHECKPOINT --data NAME=DIR... [--task TASK=FILE...] [--json]",
    opts,
    notes,
};

/* NAME=PATH: returns the path and puts the name into *name (caller frees). */
static const char *split(const char *word, const char *option, char **name)
{
    const char *eq = strchr(word, '=');
    if (!eq || eq == word || !eq[1])
        usage_error("%s: '%s' is not NAME=PATH", option, word);
    *name = xstrdup(word);
    (*name)[eq - word] = 0;
    return eq + 1;
}

static void check_words(const struct str_list *l, const char *option)
{
    for (size_t i = 0; i < l->n; i++) {
        char *name, *other;
        split(l->v[i], option, &name);
        if (l == &tasks && !task_known(name))
            usage_error("--task: there is no '%s', only: %s", name, task_names());
        for (size_t k = 0; k < i; k++) {
            split(l->v[k], option, &other);
            if (strcmp(name, other) == 0)
                usage_error("%s: '%s' is given twice", option, name);
            free(other);
        }
        free(name);
    }
}

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *tally_json(const struct tally *t)
{
    struct estimate loss = tally_loss(t), ppl = tally_perplexity(t), bpb = tally_bits_per_byte(t);
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "tokens", (json_int_t)t->tokens,
                     "text_bytes", (json_int_t)t->bytes, "documents", (json_int_t)t->documents, "loss",
                     number(loss.value), "loss_stderr", number(loss.stderr_), "perplexity", number(ppl.value),
                     "perplexity_stderr", number(ppl.stderr_), "bits_per_byte", number(bpb.value),
                     "bits_per_byte_stderr", number(bpb.stderr_));
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

static void tally_row(const char *name, const struct tally *t)
{
    char a[48], b[48], c[48];
    printf("%-12s %10.0f %8llu  %-18s %-20s %s\n", name, t->tokens, (unsigned long long)t->documents,
           estimate(a, tally_loss(t), 4), estimate(b, tally_perplexity(t), 2),
           estimate(c, tally_bits_per_byte(t), 4));
}

static void put(json_t *results, const char *name, json_t *value)
{
    if (json_object_set_new(results, name, value) != 0)
        die("'%s': a name must be UTF-8", name);
}

static json_t *eval_data(const struct loaded *m, const struct window_plan *plan)
{
    struct tally all = {0};
    json_t *results = json_object();
    char err[1024];
    if (data.n && !json)
        printf("%-12s %10s %8s  %-18s %-20s %s\n", "data", "tokens", "docs", "loss", "perplexity",
               "bits/byte");
    for (size_t i = 0; i < data.n && !stop_signal; i++) {
        char *name;
        struct tally t = {0};
        const char *dir = split(data.v[i], "--data", &name);
        apart_input_dir(dir);
        struct shard_set *s = shard_set_open(dir, false, err, sizeof err);
        if (!s)
            die("%s", err);
        windows_run(m, s, dir, plan, &t);
        shard_set_close(s);
        tally_merge(&all, &t);
        put(results, name, tally_json(&t));
        if (!json && !stop_signal)
            tally_row(name, &t);
        fflush(stdout);
        free(name);
    }
    if (data.n > 1 && !json && !stop_signal)
        tally_row("(all)", &all);
    return results;
}

static json_t *eval_tasks(const struct loaded *m, int T)
{
    json_t *results = json_object();
    if (tasks.n && !json && !stop_signal)
        printf("%s%-12s %10s  %-18s %s\n", data.n ? "\n" : "", "task", "questions", "acc", "acc_norm");
    for (size_t i = 0; i < tasks.n && !stop_signal; i++) {
        char *name, a[48], b[48];
        struct questions q;
        const char *path = split(tasks.v[i], "--task", &name);
        questions_read(&q, name, path, examples);
        questions_score(m, &q, T);
        struct accuracy r = questions_accuracy(&q);
        if (r.n == 0)
            die("%s: no question fits the context of %d tokens", path, T);
        questions_free(&q);
        put(results, name,
            json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "questions", (json_int_t)r.n, "cut",
                      (json_int_t)r.cut, "refused", (json_int_t)r.refused, "acc", number(r.acc), "acc_stderr",
                      number(r.acc_stderr), "acc_norm", number(r.acc_norm), "acc_norm_stderr",
                      number(r.acc_norm_stderr)));
        if (!json && !stop_signal)
            printf("%-12s %10zu  %-18s %s\n", name, r.n,
                   estimate(a, (struct estimate){r.acc, r.acc_stderr}, 4),
                   estimate(b, (struct estimate){r.acc_norm, r.acc_norm_stderr}, 4));
        free(name);
    }
    return results;
}

static void put_json(const json_t *result)
{
    char *text = json_dumps(result, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (!text)
        die("out of memory");
    if (json)
        printf("%s\n", text);
    if (output) {
        struct commit c;
        FILE *f = commit_open(&c, output);
        fprintf(f, "%s\n", text);
        commit_finish(&c);
        say_in_place(output);
    }
    free(text);
}

static struct window_plan plan_windows(const struct loaded *m)
{
    uint64_t most = (uint64_t)m->w.c.T;
    context = context ? context : most;
    if (context > most)
        usage_error("--context: %llu is beyond the model's %llu", (unsigned long long)context,
                    (unsigned long long)most);
    stride = stride ? stride : (context + 1) / 2;
    if (stride > context)
        usage_error("--stride: %llu is beyond the context of %llu", (unsigned long long)stride,
                    (unsigned long long)context);
    return (struct window_plan){(int)context, (int)stride, limit, 0, document_mask};
}

int main(int argc, char **argv)
{
    threads_settle(argv);
    struct loaded m;
    if (cli_parse(&cli, argc, argv) != 1)
        usage_error("one CHECKPOINT is needed: a model directory, or a run");
    if (!data.n && !tasks.n)
        usage_error("nothing to measure: give --data or --task");
    check_words(&data, "--data");
    check_words(&tasks, "--task");
    signals_install();
    double began = now_seconds();
    loaded_open(&m, argv[0], device, dtype, threads, false);
    struct window_plan plan = plan_windows(&m);
    json_t *by_data = eval_data(&m, &plan), *by_task = eval_tasks(&m, plan.T);
    json_t *result =
        json_pack("{s:o, s:s, s:i, s:i, s:b, s:I, s:o, s:o, s:f}", "checkpoint",
                  json_text(m.dir, strlen(m.dir)), "dtype", dtype, "context", plan.T, "stride", plan.stride,
                  "doc_mask", (int)document_mask, "parameters", (json_int_t)model_params(&m.w.c), "data",
                  by_data, "tasks", by_task, "seconds", now_seconds() - began);
    if (!stop_signal)
        put_json(result);
    json_decref(result);
    loaded_close(&m);
    free(data.v);
    free(tasks.v);
    close_stdout();
    return signal_exit_code();
}
