#include "pipeline/train/samples.h"

#include "formats/json_text.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/model/sampler.h"

#include <stdlib.h>
#include <string.h>

enum { SEED = 7 };

/* Likely words, with some variety: what people choose to look at a small model. */
static const struct sampling sampling = {.temperature = 0.8, .top_p = 0.95, .repetition_penalty = 1};

struct writer {
    const struct samples *s;
    const struct weights *w;
    struct kv_cache *kv;
    struct sampler *sampler;
    struct encoder *encoder;
    float *logits;
    int32_t *ids; /* room for the model's context */
};

static void open_writer(struct writer *t, const struct samples *s, const struct weights *w)
{
    char err[512];
    *t = (struct writer){.s = s, .w = w, .encoder = encoder_new(s->tok, NULL)};
    t->kv = kv_cache_alloc(w, w->c.T, err, sizeof err);
    if (!t->kv)
        die("samples: %s", err);
    t->sampler = sampler_new(w->c.V, &sampling, SEED);
    t->logits = xcalloc((size_t)w->c.V, sizeof *t->logits);
    t->ids = xcalloc((size_t)w->c.T, sizeof *t->ids);
    if (!t->sampler)
        die("samples: out of memory");
}

static void close_writer(struct writer *t)
{
    kv_cache_free(t->kv);
    sampler_free(t->sampler);
    encoder_free(t->encoder);
    free(t->logits);
    free(t->ids);
}

/* The ids of the prompt, after an end-of-text token, as documents are in training. How many. */
static size_t begin_text(struct writer *t, const char *prompt)
{
    size_t n, room = (size_t)t->w->c.T - 1;
    const uint32_t *ids = encode(t->encoder, prompt, strlen(prompt), true, &n);
    uint32_t eos = tokenizer_eos(t->s->tok);
    size_t used = 0;
    if (eos != UINT32_MAX)
        t->ids[used++] = (int32_t)eos;
    for (size_t i = 0; i < n && used < room; i++)
        t->ids[used++] = (int32_t)ids[i];
    return used;
}

/* Continues the prompt up to the end of the text, of the context or of --sample-tokens. Malloc'd. */
static char *write_text(struct writer *t, const char *prompt, size_t *len)
{
    size_t n = begin_text(t, prompt), from = 0, first = n, end = n + t->s->tokens;
    int32_t eos = (int32_t)tokenizer_eos(t->s->tok);
    kv_cache_truncate(t->kv, 0);
    sampler_reseed(t->sampler, SEED);
    while (n > 0 && n < end && n < (size_t)t->w->c.T) {
        model_extend(t->w, t->kv, t->ids + from, (int)(n - from), t->logits);
        from = n;
        int32_t id = sampler_next(t->sampler, t->logits, t->ids, n);
        if (id == eos)
            break;
        t->ids[n++] = id;
    }
    return decode(t->s->tok, (const uint32_t *)t->ids + first, n - first, true, len);
}

void samples_write(const struct samples *s, const struct weights *w, struct logfile *log, uint64_t step)
{
    struct writer t;
    uint64_t replaced = 0;
    open_writer(&t, s, w);
    for (size_t i = 0; i < s->prompts->n; i++) {
        size_t len;
        const char *prompt = s->prompts->v[i];
        char *text = write_text(&t, prompt, &len);
        fprintf(log->f, "{\"type\":\"sample\",\"step\":%llu,\"prompt\":", (unsigned long long)step);
        json_text_write(log->f, prompt, strlen(prompt), &replaced);
        fputs(",\"text\":", log->f);
        json_text_write(log->f, text, len, &replaced);
        fputc('}', log->f);
        logfile_end_line(log);
        free(text);
    }
    close_writer(&t);
}
