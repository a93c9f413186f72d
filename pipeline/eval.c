/*
 * eval - how well a model predicts text, and answers questions
 *
 * files:  a checkpoint; token shards of its tokenizer (formats/shard.md); questions as JSON lines
 * stdout: a table for people, or one JSON object
 */
#include "formats/json_get.h"
#include "formats/json_text.h"
#include "pipeline/eval/compare.h"
#include "pipeline/eval/curve.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/threads.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct str_list data, tasks, shots_from;
static uint64_t context, stride, limit, examples, shots, seed = 1234, show;
static int64_t threads;
static const char *dtype = "f32", *device = "auto", *output, *task_file, *tokens, *core;
static unsigned way;
static bool json, document_mask, compared, every;

static const struct opt opts[] = {
    {0, NULL, OPT_HEADING, NULL, NULL, "What to measure"},
    {'d', "data", OPT_LIST, &data, "NAME=DIR", "loss on the token shards in DIR; repeatable"},
    {0, "task", OPT_LIST, &tasks, "TASK=FILE",
     "questions of a benchmark (JSON lines, Parquet) in its data set's own columns; repeatable. TASK: "
     "hellaswag,\n"
     "arc_easy, arc_challenge, piqa, winogrande, openbookqa, boolq, commonsense_qa,\n"
     "lambada_openai, mmlu, gsm8k, or one of --tasks"},
    {0, "core", OPT_STR, &core, "DIR",
     "the CORE score of DataComp-LM, of its evaluation bundle unpacked in DIR (see below)"},
    {0, "tasks", OPT_STR, &task_file, "FILE.json", "tasks of your own: what their prompts and choices are"},
    {0, "limit", OPT_U64, &limit, "N",
     "at most N tokens of each DIR, in stretches spread over it (default: all)"},
    {0, "examples", OPT_U64, &examples, "N",
     "the first N questions of each FILE, and of each task of --core (default: all)"},
    {0, "shots", OPT_U64, &shots, "N", "put N solved questions before each (default: 0)"},
    {0, "shots-from", OPT_LIST, &shots_from, "TASK=FILE", "the file of a task that they are drawn from"},
    {0, "seed", OPT_U64, &seed, "N", "of that drawing (default: 1234)"},
    {0, "show", OPT_U64, &show, "N",
     "print the texts of the first N questions of each task as JSON lines, and compute nothing"},
    {0, "compare", OPT_FLAG, &compared, NULL,
     "measure two checkpoints, A and B, and say which is better, and how surely"},
    {0, "every", OPT_FLAG, &every, NULL, "measure every checkpoint of the runs: a curve"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Computation"},
    {'T', "context", OPT_U64, &context, "N", "tokens the model sees at once (default: the model's context)"},
    {0, "stride", OPT_U64, &stride, "N",
     "new tokens in each window after the first (default: half the context)"},
    {0, "doc-mask", OPT_FLAG, &document_mask, NULL, "documents do not see the ones before them"},
    {0, "device", OPT_STR, &device, "NAME",
     "auto (default: cuda where there is a GPU), cpu, cuda, or reference (very slow, for tiny models)"},
    {0, "dtype", OPT_STR, &dtype, "TYPE", "f32 (default), bf16, or int8, as sample knows it"},
    {0, "choices", OPT_WORD, &way, "auto|batched|cached",
     "choices together in batches, or one by one over a cache of what they share (default: the\n"
     "faster); equal but for rounding"},
    {'j', "threads", OPT_INT, &threads, "N", "threads (default: all processors)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Result"},
    {0, "json", OPT_FLAG, &json, NULL, "one JSON object on standard output instead of the table"},
    {'o', "output", OPT_STR, &output, "FILE", "also write the JSON object to FILE"},
    {0, "tokens", OPT_STR, &tokens, "FILE",
     "write the loss of each token of --data: JSON lines, or a page that colours the\n"
     "text by surprise when FILE ends in .html; see --limit"},
    SANDBOX_OPTION(&output, &tokens),
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
    "              by the choice's characters. Of lambada_openai: the likeliest next tokens are the last "
    "word.\n"
    "              Prompts, splitting and scores as in lm-evaluation-harness. Long questions lose their\n"
    "              beginning, which is counted (cut); one with a choice longer than the context is not\n"
    "              scored and counted apart (refused).\n"
    "  exact_match share of questions of gsm8k in whose answer, a text of up to 256 tokens, the right number "
    "is "
    "found:\n"
    "              strict-match after ####, flexible-extract as the last number of all\n"
    "  +-          one standard error, over documents and over questions\n"
    "  (centred)   mean over tasks of (acc_norm, or else acc, - chance) / (1 - chance), as CORE of "
    "DataComp-LM\n"
    "              averages its own tasks\n"
    "  CORE        --core: mean over the bundle's tasks of (acc - chance) / (1 - chance), texts, examples, "
    "order and "
    "scores\n"
    "              as nanochat's; DIR has core.yaml, eval_meta_data.csv and eval_data/\n"
    "  95%         --compare draws documents or questions anew 10,000 times (a paired bootstrap): 95% of "
    "the\n"
    "              differences lie between these; better: the share of draws in which that model was\n"
    "\n"
    "Examples (--shots) are drawn anew for each question, as lm-evaluation-harness draws them with the same "
    "seed;\n"
    "mmlu takes the first ones.\n"
    "\n"
    "FILE.json is a list of tasks. pipeline/eval/tasks.md says what columns they have.\n"
    "\n"
    "Examples:\n"
    "  bin/eval runs/a/latest --data language=tokens/language/val --data math=tokens/math/val\n"
    "  bin/eval runs/a/latest --task piqa=piqa.val.jsonl --json | jq .tasks.piqa.acc_norm\n"
    "  bin/eval --compare runs/a runs/b --data math=tokens/math/val --task arc_easy=arc.jsonl\n"
    "  bin/eval --every runs/a --data math=tokens/math/val --limit 100k\n"
    "\n"
    "`eval` alone is a command of the shell: call bin/eval.\n"
    "Exit: 0 done, 1 failed (a shard of another tokenizer, a damaged file), 2 misuse, 128+n stopped by "
    "signal n.";

static const struct cli cli = {
    "eval",
    "loss, perplexity, bits per byte and accuracy of a model",
    "eval CHECKPOINT --data NAME=DIR... [--task TASK=FILE...] [--core DIR] [--json]\n"
    "eval --compare A B ... | eval --every RUN... ... | eval --show N --task TASK=FILE...",
    opts,
    notes,
};

/* NAME=PATH; the name is malloced. */
static struct source split(const char *word, const char *option)
{
    const char *eq = strchr(word, '=');
    if (!eq || eq == word || !eq[1])
        usage_error("%s: '%s' is not NAME=PATH", option, word);
    struct source s = {.name = xstrdup(word), .path = eq + 1};
    s.name[eq - word] = 0;
    return s;
}

static struct source *split_all(const struct str_list *l, const char *option)
{
    struct source *all = xcalloc(l->n + 1, sizeof *all);
    for (size_t i = 0; i < l->n; i++) {
        all[i] = split(l->v[i], option);
        if (l != &data && !task_find(all[i].name))
            usage_error("%s: there is no '%s', only: %s", option, all[i].name, task_names());
        for (size_t k = 0; k < i; k++)
            if (strcmp(all[i].name, all[k].name) == 0)
                usage_error("%s: '%s' is given twice", option, all[i].name);
    }
    return all;
}

static void free_sources(struct source *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(s[i].name);
    free(s);
}

/* Tells each task where its examples come from. */
static void add_shots(struct source *task, size_t n)
{
    struct source *from = split_all(&shots_from, "--shots-from");
    for (size_t i = 0; i < n; i++) {
        task[i].shots = (struct shots){shots, NULL, seed};
        for (size_t k = 0; k < shots_from.n; k++)
            if (strcmp(task[i].name, from[k].name) == 0)
                task[i].shots.from = from[k].path;
        if (shots > 0 && !task[i].shots.from)
            usage_error("--shots: no file of examples for %s: --shots-from %s=FILE", task[i].name,
                        task[i].name);
    }
    free_sources(from, shots_from.n);
}

static struct measure_plan make_plan(void)
{
    tasks_load(task_file);
    struct measure_plan plan = {.data = split_all(&data, "--data"),
                                .n_data = data.n,
                                .tasks = split_all(&tasks, "--task"),
                                .n_tasks = tasks.n,
                                .core = core,
                                .device = device,
                                .dtype = dtype,
                                .threads = threads,
                                .context = context,
                                .stride = stride,
                                .limit = limit,
                                .examples = examples,
                                .document_mask = document_mask,
                                .way = way,
                                .table = !json};
    add_shots(plan.tasks, plan.n_tasks);
    return plan;
}

static void show_tasks(const struct measure_plan *plan)
{
    for (size_t i = 0; i < plan->n_tasks; i++) {
        struct questions q;
        measure_read_task(&q, plan, i, show);
        for (size_t k = 0; k < q.n; k++)
            question_show(stdout, &q, k);
        questions_free(&q);
    }
    if (core) {
        struct core c;
        core_open(&c, core);
        core_show(stdout, &c, show);
        core_free(&c);
    }
}

static json_t *measure_one(struct measure_plan *plan, const char *checkpoint)
{
    struct measured r;
    double began = now_seconds();
    plan->tokens = tokens ? token_sink_open(tokens) : NULL;
    measure(&r, plan, checkpoint);
    if (tokens)
        token_sink_close(plan->tokens, !stop_signal);
    json_t *result = NULL;
    if (!stop_signal)
        result = json_pack("{s:o, s:s, s:i, s:i, s:b, s:I, s:o, s:o, s:f}", "checkpoint",
                           json_text(r.dir, strlen(r.dir)), "dtype", dtype, "context", r.T, "stride",
                           r.stride, "doc_mask", (int)document_mask, "parameters", (json_int_t)r.parameters,
                           "data", measured_data_json(&r, plan), "tasks", measured_tasks_json(&r, plan),
                           "seconds", now_seconds() - began);
    if (result && plan->n_tasks > 1)
        json_object_set_new(result, "centred", json_finite(measured_centred(&r, plan)));
    if (result && core)
        json_object_set_new(result, "core", core_json(&r.core));
    measured_free(&r, plan);
    return result;
}

static struct commit commit; /* --output: opened before the work, since it may not be possible */

static void put_json(const json_t *result)
{
    char *text = json_dumps(result, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (!text)
        die("out of memory");
    if (json)
        printf("%s\n", text);
    if (output) {
        fprintf(commit.f, "%s\n", text);
        commit_finish(&commit);
        say_in_place(output);
    }
    free(text);
}

static void check_operands(int n)
{
    if ((show > 0) + compared + every > 1)
        usage_error("--show, --compare and --every exclude each other");
    if (show && n != 0)
        usage_error("--show needs no CHECKPOINT");
    if (compared && n != 2)
        usage_error("--compare takes two checkpoints");
    if (every && n < 1)
        usage_error("--every takes a run");
    if (!show && !compared && !every && n != 1)
        usage_error("one CHECKPOINT is needed: a model directory, or a run");
    if (compared && core)
        usage_error("--core is not compared: measure one checkpoint after the other");
    if (!data.n && !tasks.n && !core)
        usage_error("nothing to measure: give --data, --task or --core");
    if (tokens && (!data.n || compared || every))
        usage_error("--tokens takes the losses of one checkpoint on --data");
}

int main(int argc, char **argv)
{
    threads_settle(argv);
    int n = cli_parse(&cli, argc, argv);
    check_operands(n);
    struct measure_plan plan = make_plan();
    signals_install();
    if (output)
        commit_open(&commit, output);
    json_t *result = NULL;
    if (show)
        show_tasks(&plan);
    else if (compared)
        result = compare(&plan, argv[0], argv[1]);
    else if (every)
        result = curve(&plan, (const char *const *)argv, (size_t)n);
    else
        result = measure_one(&plan, argv[0]);
    if (result && !stop_signal)
        put_json(result);
    else if (output)
        commit_abort(&commit);
    json_decref(result);
    free_sources(plan.data, plan.n_data);
    free_sources(plan.tasks, plan.n_tasks);
    free(data.v);
    free(tasks.v);
    free(shots_from.v);
    tasks_free();
    close_stdout();
    return signal_exit_code();
}
