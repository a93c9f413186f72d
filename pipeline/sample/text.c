#include "pipeline/sample/text.h"

#include "formats/json_text.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/sample/logprobs_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct text {
    const struct text_options *o;
    struct continuation *c;
    struct textout out;
    struct strbuf made; /* JSON: the text so far */
    struct logprobs_json records;
    bool colours;
    const char *colour; /* of the token at hand; NULL: none */
};

static void to_stdout(const char *s, size_t n)
{
    if (fwrite(s, 1, n, stdout) != n || fflush(stdout) != 0)
        die_errno("standard output");
}

static void emit(void *arg, const char *s, size_t n)
{
    struct text *t = arg;
    if (t->o->format == TEXT_JSON) {
        strbuf_add(&t->made, s, n);
        return;
    }
    if (t->colour)
        to_stdout(t->colour, strlen(t->colour));
    to_stdout(s, n);
    if (t->colour)
        to_stdout("\033[0m", 4);
}

/* Colours that can be read on light and dark ground. */
static const char *colour_of(double p)
{
    return p >= 0.9   ? "\033[32m"  /* green */
           : p >= 0.5 ? "\033[36m"  /* cyan */
           : p >= 0.2 ? "\033[33m"  /* yellow */
           : p >= .05 ? "\033[35m"  /* magenta */
                      : "\033[31m"; /* red */
}

static bool colours_wanted(const struct text_options *o)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return o->format == TEXT_TOKENS && isatty(1) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

/* Notes what the token's probability was. */
static void measure(struct text *t, int32_t id, const char *bytes, size_t len)
{
    struct logprobs l;
    int top = t->o->logprobs > 0 ? (int)t->o->logprobs : 0;
    if (!t->colours && t->o->logprobs < 0)
        return;
    logprobs_compute(&l, continuation_logits(t->c), t->c->w->c.V, id, top);
    t->colour = t->colours ? colour_of(exp(l.token.logprob)) : NULL;
    if (t->o->logprobs >= 0)
        logprobs_json_add(&t->records, t->c->tok, &l, bytes, len);
}

static const char *run(struct text *t, struct sampler *s)
{
    struct continuation *c = t->c;
    const struct text_options *o = t->o;
    while (!*o->stop) {
        if (o->max_tokens && c->n - c->n_prompt >= o->max_tokens)
            return "length";
        int32_t id = continuation_next(c, s);
        if (tokenizer_ends(c->tok, (uint32_t)id) && !o->ignore_eos)
            return "eos";
        size_t len = 0;
        const char *bytes = tokenizer_bytes(c->tok, (uint32_t)id, &len);
        if (!bytes || tokenizer_is_special(c->tok, (uint32_t)id))
            bytes = "", len = 0;
        measure(t, id, bytes, len);
        continuation_append(c, id);
        if (textout_add(&t->out, bytes, len))
            return "stop";
    }
    return "signal";
}

static void print_json(struct text *t, const char *begun, size_t len, const char *stop, uint64_t seed,
                       double rate)
{
    const struct continuation *c = t->c;
    json_t *j = json_pack("{s:o, s:o, s:I, s:I, s:s, s:I, s:f}", "prompt", json_text(begun, len), "text",
                          json_text(t->made.s, t->made.len), "prompt_tokens", (json_int_t)c->n_prompt,
                          "tokens", (json_int_t)(c->n - c->n_prompt), "stop", stop, "seed", (json_int_t)seed,
                          "tokens_per_second", rate);
    if (t->o->logprobs >= 0)
        json_object_set_new(j, "logprobs", logprobs_json_take(&t->records));
    char *line = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(9));
    to_stdout(line, strlen(line));
    free(line);
    json_decref(j);
}

const char *text_write(struct continuation *c, struct sampler *s, const struct text_options *o,
                       const char *begun, size_t len, uint64_t seed)
{
    struct text t = {.o = o, .c = c, .colours = colours_wanted(o)};
    t.out = (struct textout){o->stops, emit, &t, {0}};
    strbuf_reset(&t.made);
    sampler_reseed(s, seed);
    if (o->format != TEXT_JSON && o->echo)
        to_stdout(begun, len);
    continuation_rewind(c);
    double began = now_seconds();
    const char *stop = run(&t, s);
    double seconds = now_seconds() - began, made = (double)(c->n - c->n_prompt);
    textout_end(&t.out);
    if (o->format == TEXT_JSON)
        print_json(&t, begun, len, stop, seed, seconds > 0 ? made / seconds : 0);
    to_stdout("\n", 1);
    detail("%.0f tokens in %.2f s, %.1f tokens/s (%s)", made, seconds, made / seconds, stop);
    strbuf_free(&t.made);
    return stop;
}
