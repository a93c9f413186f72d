/*
 * stage_inspect.c - tokenize inspect: what texts become, and how well a tokenizer fits them
 */
#include "pipeline/tokenize/stage.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/docs.h"
#include "formats/json_text.h"
#include "formats/tokens.h"
#include "pipeline/lib/cli.h"
#include "pipeline/stream/input.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/vocabulary/batches.h"
#include "pipeline/text/pretokenize/pretokenizer.h"

static const char *tokenizer_path, *text_given;
static bool as_json;
static uint64_t show_bytes = 4000, list_unused = 0;
static struct input_opts input_opts = {.domain = -1};

static const struct opt opts[] = {
    {'t', "tokenizer", OPT_STR, &tokenizer_path, "FILE", "tokenizer.json"},
    {0, "text", OPT_STR, &text_given, "TEXT", "look at this text instead of documents"},
    {0, "show", OPT_BYTES, &show_bytes, "SIZE",
     "show the tokens of the first SIZE bytes of text (default 4000)"},
    {0, "unused", OPT_U64, &list_unused, "N", "list the first N text tokens that did not occur (default 0)"},
    {0, "json", OPT_FLAG, &as_json, NULL, "write one JSON object: documents, domains, unused"},
    {'f', "text-field", OPT_STR, &input_opts.text_field, "FIELD",
     "where the text is in JSON (default: as fetch finds it)"},
    INPUT_FILE_OPTS(input_opts),
    INPUT_OPTIONS(input_opts),
    SANDBOX_OPTION(),
    {0},
};

static const struct cli cli = {
    "tokenize",
    "inspect: show what texts become",
    "tokenize inspect -t FILE [OPTION...] [DOCUMENTS...]",
    opts,
    "Shows the tokens, on a terminal in colours, else with | between them and bytes that are no text as "
    "\\xNN; then\n"
    "documents, tokens and bytes a token by domain, and how many of the tokenizer's text tokens did not "
    "occur.\n"
    "\n"
    "Examples:\n"
    "  tokenize inspect -t tok.json --text 'Once upon a time'\n"
    "  tokenize inspect -t tok.json --show 0 --json language.jsonl.zst | jq .domains\n"
    "\n"
    "Exit: 0 done, 1 failed (the message names file, place and reason), 2 misuse, 128+n ended by signal n.",
};

struct counts {
    uint64_t documents, tokens, bytes;
};

struct run {
    const struct tokenizer *t;
    struct encoder *encoder;
    struct pretokenizer *pretokenizer;
    struct counts domains[N_DOMAINS];
    uint64_t *used; /* how often each id occurred */
    uint64_t shown; /* bytes */
    bool colours;
    json_t *documents; /* --json */
};

/* ---- one token for people ---- */

static void print_bytes(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)s[i];
        size_t len = utf8_char(s + i, n - i);
        if (c == '\n')
            fputs("\\n", stdout);
        else if (c == '\t')
            fputs("\\t", stdout);
        else if (c < 0x20 || c == 0x7f || len == 0)
            printf("\\x%02x", c);
        else
            fwrite(s + i, 1, len, stdout);
        i += len ? len : 1;
    }
}

static void print_token(const struct run *r, uint32_t id, size_t k)
{
    static const int backgrounds[] = {44, 42, 45, 46, 43}; /* ANSI: neighbours differ */
    size_t len;
    const char *s = tokenizer_bytes(r->t, id, &len);
    if (r->colours)
        printf("\x1b[30;%dm", backgrounds[k % (sizeof backgrounds / sizeof *backgrounds)]);
    else if (k > 0)
        putchar('|');
    print_bytes(s, len);
    if (r->colours)
        fputs("\x1b[0m", stdout);
    if (r->colours && len > 0 && s[len - 1] == '\n')
        putchar('\n');
}

/* ---- documents ---- */

static void note_token(const struct run *r, json_t *tokens, uint32_t id)
{
    size_t len;
    const char *s = tokenizer_bytes(r->t, id, &len);
    json_t *text = json_stringn(s, len), *hex = NULL;
    if (!text) { /* no UTF-8 on its own */
        struct strbuf h = {0};
        for (size_t i = 0; i < len; i++)
            strbuf_addf(&h, "%02x", (unsigned char)s[i]);
        hex = json_string(h.s);
        strbuf_free(&h);
    }
    json_array_append_new(tokens,
                          json_pack("{s:i, s:o}", "id", (int)id, text ? "text" : "hex", text ? text : hex));
}

static void look_at_piece(struct run *r, struct counts *c, json_t *tokens, const char *text, size_t len)
{
    size_t n, at = 0;
    const uint32_t *ids = encode(r->encoder, text, len, false, &n);
    c->tokens += n;
    for (size_t i = 0; i < n; i++) {
        size_t bytes;
        tokenizer_bytes(r->t, ids[i], &bytes);
        r->used[ids[i]]++;
        if (r->shown + at < show_bytes && tokens)
            note_token(r, tokens, ids[i]);
        else if (r->shown + at < show_bytes)
            print_token(r, ids[i], i);
        at += bytes;
    }
    r->shown += len;
}

/* Long ones in the pieces that tokenize encodes. */
static void look_at(struct run *r, const struct doc *d)
{
    struct counts *c = &r->domains[d->domain];
    bool shows = r->shown < show_bytes;
    size_t bad = tokenizer_check(r->t, d->text, d->len);
    if (bad < d->len)
        die("%s: byte %zu: 0x%02x is not UTF-8, and the vocabulary has nothing for it",
            d->id ? d->id : "text", bad, (unsigned char)d->text[bad]);
    json_t *tokens = as_json && shows ? json_array() : NULL;
    c->documents++;
    c->bytes += d->len;
    for (size_t from = 0; from < d->len;) {
        size_t n = d->len - from;
        if (n > CHUNK_MAX && tokenizer_may_cut(r->t))
            n = pretokenizer_cut(r->pretokenizer, d->text + from, n, BATCH_BYTES, CHUNK_MAX);
        look_at_piece(r, c, tokens, d->text + from, n);
        from += n;
    }
    if (tokens)
        json_array_append_new(r->documents, json_pack("{s:o?, s:s, s:o}", "id",
                                                      d->id ? json_text(d->id, strlen(d->id)) : NULL,
                                                      "domain", domain_names[d->domain], "tokens", tokens));
    else if (shows)
        putchar('\n');
}

static void look_at_all(struct run *r, int n, char **argv)
{
    static const char *const standard_input = "-";
    struct doc d = {.text = text_given, .len = text_given ? strlen(text_given) : 0};
    if (text_given) {
        look_at(r, &d);
        return;
    }
    struct input *in =
        input_open(&input_opts, n > 0 ? (const char *const *)argv : &standard_input, n > 0 ? (size_t)n : 1);
    while (!stop_signal && input_next(in, &d))
        look_at(r, &d);
    input_close(in);
}

/* ---- the sums ---- */

/* A token of text: neither special nor a code. */
static bool is_text(const struct tokenizer *t, uint32_t id)
{
    size_t len;
    return tokenizer_bytes(t, id, &len) && !tokenizer_is_special(t, id);
}

static double ratio(const struct counts *c)
{
    return c->tokens ? (double)c->bytes / (double)c->tokens : 0;
}

static void count_unused(const struct run *r, uint64_t *text, uint64_t *unused, json_t *list)
{
    *text = *unused = 0;
    for (uint32_t id = 0; id < tokenizer_vocab_size(r->t); id++) {
        if (!is_text(r->t, id))
            continue;
        ++*text;
        if (r->used[id])
            continue;
        if (++*unused <= list_unused)
            note_token(r, list, id);
    }
}

static void print_sums(const struct run *r, const struct counts *all, uint64_t text, uint64_t unused,
                       json_t *list)
{
    printf("\n%-10s %10s %12s %14s %12s\n", "domain", "documents", "tokens", "bytes", "bytes/token");
    for (int d = 0; d <= N_DOMAINS; d++) {
        const struct counts *c = d < N_DOMAINS ? &r->domains[d] : all;
        if (c->documents)
            printf("%-10s %10llu %12llu %14llu %12.3f\n", d < N_DOMAINS ? domain_names[d] : "all",
                   (unsigned long long)c->documents, (unsigned long long)c->tokens,
                   (unsigned long long)c->bytes, ratio(c));
    }
    printf("text tokens that did not occur: %llu of %llu (%.1f%%)\n", (unsigned long long)unused,
           (unsigned long long)text, text ? 100.0 * (double)unused / (double)text : 0);
    for (size_t i = 0; i < json_array_size(list); i++) {
        uint32_t id = (uint32_t)json_integer_value(json_object_get(json_array_get(list, i), "id"));
        size_t len;
        const char *s = tokenizer_bytes(r->t, id, &len);
        printf("%8u  ", id);
        print_bytes(s, len);
        putchar('\n');
    }
}

static json_t *counts_json(const struct counts *c)
{
    return json_pack("{s:I, s:I, s:I, s:f}", "documents", (json_int_t)c->documents, "tokens",
                     (json_int_t)c->tokens, "bytes", (json_int_t)c->bytes, "bytes_per_token", ratio(c));
}

static void print_json(const struct run *r, const struct counts *all, uint64_t text, uint64_t unused,
                       json_t *list)
{
    json_t *domains = json_object();
    for (int d = 0; d < N_DOMAINS; d++)
        if (r->domains[d].documents)
            json_object_set_new(domains, domain_names[d], counts_json(&r->domains[d]));
    json_t *root = json_pack("{s:O, s:o, s:o, s:{s:I, s:I, s:O}}", "documents", r->documents, "domains",
                             domains, "all", counts_json(all), "unused", "text_tokens", (json_int_t)text,
                             "unused", (json_int_t)unused, "first", list);
    json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
}

int tokenize_inspect(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    argv = input_operands(&input_opts, argv, &n);
    struct tokenizer *t = stage_tokenizer(tokenizer_path);
    struct run r = {.t = t,
                    .encoder = encoder_new(t, NULL),
                    .pretokenizer = pretokenizer_new(),
                    .colours = isatty(STDOUT_FILENO) && !as_json,
                    .documents = json_array()};
    struct counts all = {0};
    uint64_t text, unused;
    json_t *list = json_array();
    if (text_given && n > 0)
        usage_error("--text and %s: look at one or the other", argv[0]);
    r.used = xcalloc(tokenizer_vocab_size(t), sizeof *r.used);
    look_at_all(&r, n, argv);
    for (int d = 0; d < N_DOMAINS; d++) {
        all.documents += r.domains[d].documents;
        all.tokens += r.domains[d].tokens;
        all.bytes += r.domains[d].bytes;
    }
    count_unused(&r, &text, &unused, list);
    (as_json ? print_json : print_sums)(&r, &all, text, unused, list);
    close_stdout();
    json_decref(list);
    json_decref(r.documents);
    free(r.used);
    encoder_free(r.encoder);
    pretokenizer_free(r.pretokenizer);
    tokenizer_free(t);
    return 0;
}
