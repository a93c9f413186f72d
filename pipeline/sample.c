/*
 * sample - let a model go on with a text
 *
 * stdin:  the prompt, when neither -p nor -f gives one
 * stdout: the text as it is made, or one JSON object a line and sample
 */
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/threads.h"
#include "pipeline/model/loaded.h"
#include "pipeline/sample/interactive.h"
#include "pipeline/sample/server.h"
#include "pipeline/sample/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PROMPT = 64 << 20, FEW_TOKENS = 64 }; /* of the weights in a mapped file: weights_settle */

static const char *prompt_text, *prompt_file, *dtype = "auto", *device = "auto", *key_file, *model_name;
static uint64_t n_tokens = 200, num_samples = 1, seed = 1337;
static double temperature = 0.8, top_p = 1, min_p, penalty = 1;
static int64_t top_k, threads, logprobs = -1, slots = 16, queue = 64, context;
static double timeout_s = 600;
static unsigned format;
static bool echo = true, json, ignore_eos, document, bare, interactive, serve;
static struct str_list stops;

static const struct opt opts[] = {
    {0, NULL, OPT_HEADING, NULL, NULL, "Prompt"},
    {'p', "prompt", OPT_STR, &prompt_text, "TEXT", "the text that the model continues"},
    {'f', "file", OPT_STR, &prompt_file, "FILE", "the same, from a file (default: standard input)"},
    {0, "document", OPT_FLAG, &document, NULL,
     "put the end-of-text token before it: the text begins a document"},
    {0, "bare", OPT_FLAG, &bare, NULL,
     "models of others: do not put before it the tokens that the tokenizer's post_processor names"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Choice of tokens, in the order in which the filters act"},
    {0, "repetition-penalty", OPT_NUM, &penalty, "X",
     "make tokens that occurred less likely; above 1 (default: 1, off)"},
    {0, "temperature", OPT_NUM, &temperature, "X", "0: always the likeliest token (default: 0.8)"},
    {0, "top-k", OPT_INT, &top_k, "N", "only the N likeliest (default: 0, off)"},
    {0, "top-p", OPT_SHARE, &top_p, "X", "only the likeliest that together reach X (default: 1, off)"},
    {0, "min-p", OPT_SHARE, &min_p, "X",
     "only those at least X times as likely as the likeliest (default: 0, off)"},
    {0, "seed", OPT_U64, &seed, "N", "same seed, same text (default: 1337); sample i uses seed + i"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Length"},
    {'n', "tokens", OPT_U64, &n_tokens, "N",
     "at most N tokens (default: 200; 0: until the model ends the text)"},
    {0, "stop", OPT_LIST, &stops, "TEXT", "stop before TEXT; repeatable"},
    {0, "ignore-eos", OPT_FLAG, &ignore_eos, NULL,
     "go on after the end of a document (each eos_token_id of generation_config.json is one)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Output"},
    {0, "num-samples", OPT_U64, &num_samples, "N", "continuations of the same prompt (default: 1)"},
    {0, "echo", OPT_FLAG, &echo, NULL, "show the prompt too (default; --no-echo: only what is new)"},
    {0, "format", OPT_WORD, &format, "text|json|tokens",
     "text (default); json: an object for each sample with prompt, text, tokens, stop, seed, "
     "tokens_per_second; "
     "tokens: on a terminal each token in the colour of its probability, from green (90 % and more) through "
     "cyan (50 %), yellow (20 %) and magenta (5 %) to red"},
    {0, "json", OPT_FLAG, &json, NULL, "the same as --format json"},
    {0, "logprobs", OPT_INT, &logprobs, "N",
     "json: log-probabilities of each token and of the N likeliest in its place, up to 20 (default: off)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Other ways to use a model"},
    {'i', "interactive", OPT_FLAG, &interactive, NULL,
     "a terminal: the model goes on with each line; /help shows the commands"},
    {0, "serve", OPT_FLAG, &serve, NULL,
     "a server for many clients, as OpenAI's API has it, with a page to try the model, at HOST:PORT "
     "(default: "
     "127.0.0.1:8080; port 0: any that is free)"},
    {0, "api-key-file", OPT_STR, &key_file, "FILE",
     "its first line is the key that clients need; for other hosts than this machine there must be one"},
    {0, "model-name", OPT_STR, &model_name, "NAME", "what clients call the model (default: the run's name)"},
    {0, "slots", OPT_INT, &slots, "N",
     "texts that run at once (default: 16); each takes a cache of the context"},
    {0, "context", OPT_INT, &context, "N",
     "tokens of a text at most, prompt included (default: the model's context)"},
    {0, "queue", OPT_INT, &queue, "N", "texts that may wait; more are refused (default: 64)"},
    {0, "timeout", OPT_NUM, &timeout_s, "SECONDS", "a request may take so long in all (default: 600)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Computation"},
    {0, "device", OPT_STR, &device, "NAME",
     "auto (default: cuda where there is a GPU), cpu, cuda, or reference (very slow, for tiny models)"},
    {0, "dtype", OPT_STR, &dtype, "TYPE",
     "f32, bf16, int8, or auto (default): bf16 from 20M weights on. int8 is bf16 with matrices of 8 bits and "
     "a "
     "scale a row: half their bytes, 0.6 of the time of a token, all but the same text; not on a GPU"},
    {'j', "threads", OPT_INT, &threads, "N", "threads (default: all processors; 1 for a small model)"},
    SANDBOX_OPTION(),
    {0},
};

static const char notes[] =
    "CHECKPOINT is a run, a checkpoint, or a model directory of others: Qwen3, Qwen2, Llama, Mistral\n"
    "(formats/checkpoint.md says which).\n"
    "One newline at the end of standard input or FILE is not part of the prompt. An empty prompt begins a "
    "document.\n"
    "Special tokens such as <|eos|> may be written in the prompt.\n"
    "When the text outgrows the model's context, the model goes on from the last half of it.\n"
    "\n"
    "Examples:\n"
    "  sample runs/a/latest -p 'Once upon a time' -n 100 --temperature 0.8 --seed 7\n"
    "  echo 'def fibonacci(n):' | sample runs/a/latest --temperature 0 --stop $'\\n\\n'\n"
    "  sample runs/a/latest -p 'The' --num-samples 5 --json | jq -r .text\n"
    "  sample runs/a/latest --serve 127.0.0.1:8080        then open http://127.0.0.1:8080\n"
    "\n"
    "Exit: 0 done, 1 failed, 2 misuse, 128+n stopped by signal n.";

static const struct cli cli = {
    "sample",
    "text from a model",
    "sample CHECKPOINT [-p PROMPT | -f FILE | <prompt] [-n N] [--temperature X] [--top-p X]\n"
    "sample CHECKPOINT -i\n"
    "sample CHECKPOINT --serve [HOST:PORT]",
    opts,
    notes,
};

static void check_options(void)
{
    if (prompt_text && prompt_file)
        usage_error("-p and -f exclude each other");
    if (temperature < 0)
        usage_error("--temperature: %g is negative", temperature);
    if (penalty <= 0)
        usage_error("--repetition-penalty: %g is not positive", penalty);
    if (top_k < 0 || top_k > INT32_MAX)
        usage_error("--top-k: %lld is not within 0..2147483647", (long long)top_k);
    if (num_samples < 1)
        usage_error("--num-samples: at least 1");
    if (json)
        format = TEXT_JSON;
    if (logprobs < -1 || logprobs > LOGPROBS_TOP)
        usage_error("--logprobs: %lld is not within 0..%d", (long long)logprobs, LOGPROBS_TOP);
    if (logprobs >= 0 && format != TEXT_JSON)
        usage_error("--logprobs: only with --format json");
    for (size_t i = 0; i < stops.n; i++)
        if (!stops.v[i][0])
            usage_error("--stop: an empty text would stop at once");
}

static char *read_prompt(size_t *len)
{
    struct strbuf b = {0};
    char piece[65536];
    ssize_t got;
    if (prompt_text) {
        *len = strlen(prompt_text);
        return xstrdup(prompt_text);
    }
    if (prompt_file && strcmp(prompt_file, "-") != 0) {
        b.s = read_file(prompt_file, &b.len, MAX_PROMPT);
    } else {
        strbuf_reset(&b);
        while (!isatty(0) && (got = read(0, piece, sizeof piece)) != 0 && !stop_signal) {
            if (got < 0)
                die_errno("standard input");
            strbuf_add(&b, piece, (size_t)got);
            if (b.len > MAX_PROMPT)
                die("standard input: more than %d MB", MAX_PROMPT >> 20);
        }
    }
    if (b.len && b.s[b.len - 1] == '\n')
        b.s[--b.len] = 0;
    *len = b.len;
    return b.s;
}

/* The texts from one prompt: sample i has the seed of the first, plus i. */
static void write_samples(struct continuation *c, struct sampler *s, const char *prompt, size_t len)
{
    const struct text_options o = {format, &stops, n_tokens, ignore_eos, echo, logprobs, &stop_signal};
    for (uint64_t i = 0; i < num_samples && !stop_signal; i++) {
        if (format != TEXT_JSON && num_samples > 1)
            printf("%s--- sample %llu of %llu, seed %llu\n", i ? "\n" : "", (unsigned long long)i + 1,
                   (unsigned long long)num_samples, (unsigned long long)(seed + i));
        text_write(c, s, &o, prompt, len, seed + i);
    }
}

static void read_prompt_tokens(struct continuation *c, const struct loaded *m, const char *prompt, size_t len)
{
    int T = m->w.c.T;
    bool no_eos = tokenizer_eos(m->tok) == UINT32_MAX;
    if ((document && no_eos) || !continuation_prompt(c, prompt, len, document))
        die("%s: no end-of-text token to begin a document with: give a prompt", m->tokenizer_path);
    if (c->n_prompt > (size_t)T)
        warn("the prompt has %zu tokens, the context is %d: only the last %d are read", c->n_prompt, T,
             T > 1 ? T / 2 : 1);
}

/* The run's name in a path such as runs/a/latest or runs/a/steps/000100: the last part that is not about a
 * checkpoint. */
static char *name_of(const char *path)
{
    char *copy = xstrdup(path), *name = copy;
    for (char *part = strtok(copy, "/"); part; part = strtok(NULL, "/"))
        if (strcmp(part, "latest") != 0 && strcmp(part, "model") != 0 && strcmp(part, ".") != 0)
            name = part;
    char *result = xstrdup(*name ? name : "model");
    free(copy);
    return result;
}

static void check_server(const char *where, struct server_options *o)
{
    char err[256];
    if (interactive || prompt_text || prompt_file)
        usage_error("--serve: clients bring the prompts; -i, -p and -f are not for it");
    if (slots < 1 || slots > 1024 || queue < 0 || queue > 1 << 20)
        usage_error("--slots is within 1..1024, --queue within 0..%d", 1 << 20);
    if (context < 0 || context > INT32_MAX)
        usage_error("--context: %lld is not within 0..2147483647", (long long)context);
    if (!(timeout_s > 0))
        usage_error("--timeout: %g is not positive", timeout_s);
    if (address_parse(&o->address, where, err, sizeof err) != 0)
        usage_error("--serve: %s", err);
    if (!o->address.loopback && !key_file)
        usage_error("--serve %s: for clients on other machines --api-key-file is needed", where);
}

static void run_server(const char *path, const char *where)
{
    struct server_options o = {.key_file = key_file,
                               .slots = (int)slots,
                               .queue = (int)queue,
                               .context = (int)context,
                               .timeout_s = timeout_s};
    struct loaded m;
    check_server(where ? where : "127.0.0.1:8080", &o);
    o.model = model_name ? xstrdup(model_name) : name_of(path);
    signals_install();
    loaded_open(&m, path, device, dtype, threads, true);
    o.special = m.foreign && !bare;
    weights_settle(&m.w);
    server_run(&m, &o);
    free(o.model);
    loaded_close(&m);
}

static void run_terminal(const char *path)
{
    struct loaded m;
    struct sampling sampling = {temperature, (int)top_k, top_p, min_p, penalty};
    struct text_options text = {format, &stops, n_tokens, ignore_eos, echo, -1, NULL};
    if (prompt_text || prompt_file || format == TEXT_JSON)
        usage_error("-i: prompts are typed; -p, -f and --format json are not for it");
    loaded_open(&m, path, device, dtype, threads, true);
    weights_settle(&m.w);
    interactive_run(&m, &sampling, &text, seed, document, m.foreign && !bare);
    loaded_close(&m);
}

static void run_prompt(const char *path)
{
    struct loaded m;
    struct continuation c;
    size_t len;
    struct sampling sampling = {temperature, (int)top_k, top_p, min_p, penalty};
    signals_install();
    char *prompt = read_prompt(&len);
    if (!stop_signal) {
        loaded_open(&m, path, device, dtype, threads, true);
        if (n_tokens == 0 || n_tokens > FEW_TOKENS)
            weights_settle(&m.w);
        continuation_open(&c, &m.w, m.tok, continuation_most(len, n_tokens));
        c.special = m.foreign && !bare;
        read_prompt_tokens(&c, &m, prompt, len);
        struct sampler *s = sampler_new(m.w.c.V, &sampling, seed);
        if (!s)
            die("out of memory");
        write_samples(&c, s, prompt, len);
        continuation_close(&c);
        sampler_free(s);
        loaded_close(&m);
    }
    free(prompt);
}

int main(int argc, char **argv)
{
    threads_settle(argv);
    int operands = cli_parse(&cli, argc, argv);
    if (operands < 1 || operands > (serve ? 2 : 1))
        usage_error("one CHECKPOINT is needed: a model directory, or a run");
    check_options();
    if (serve)
        run_server(argv[0], argv[1]);
    else if (interactive)
        run_terminal(argv[0]);
    else
        run_prompt(argv[0]);
    free(stops.v);
    close_stdout();
    return signal_exit_code();
}
