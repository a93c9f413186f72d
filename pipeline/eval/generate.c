#include "pipeline/eval/generate.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/signals.h"
#include "pipeline/model/continuation.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 16 }; /* texts made together where the backend does not say how many rows give equal bits */

struct text { /* one that is being made */
    struct question *q;
    int slot, n;        /* tokens made */
    int32_t last;       /* the newest of them, which the model has not read yet */
    struct strbuf made; /* owned */
};

struct maker {
    const struct loaded *m;
    struct questions *q;
    struct kv_cache *kv;
    struct encoder *encoder;
    struct text *running; /* n_running of them; their slots differ */
    int n_running, slots, T;
    float *logits; /* (slots,V) */
};

static int32_t likeliest(const float *logits, int V)
{
    int best = 0;
    for (int i = 1; i < V; i++)
        best = logits[i] > logits[best] ? i : best;
    return best;
}

/* The first place of any stop text, or NULL. The end-of-text token's name is one of them, written out. */
static char *find_stop(const struct maker *k, char *s, size_t len)
{
    const json_t *until = k->q->task->until, *one;
    char *first = NULL;
    size_t i, n;
    json_array_foreach(until, i, one)
    {
        char *at = memmem(s, len, json_string_value(one), json_string_length(one));
        first = at && (!first || at < first) ? at : first;
    }
    const char *eos = tokenizer_bytes(k->m->tok, tokenizer_eos(k->m->tok), &n);
    char *at = eos ? memmem(s, len, eos, n) : NULL;
    return at && (!first || at < first) ? at : first;
}

/* Adds a token to the text. Returns whether the text has ended; what follows the stop text is then gone. */
static bool add_token(struct maker *k, struct text *x, int32_t id)
{
    size_t n = 0;
    const char *bytes = tokenizer_bytes(k->m->tok, (uint32_t)id, &n);
    char *name = bytes && tokenizer_is_special(k->m->tok, (uint32_t)id) ? strndup(bytes, n) : NULL;
    bool ended = (uint32_t)id == tokenizer_eos(k->m->tok) || (name && find_stop(k, name, n));
    if (bytes && !name)
        strbuf_add(&x->made, bytes, n);
    free(name);
    char *stop = x->made.len ? find_stop(k, x->made.s, x->made.len) : NULL;
    if (stop)
        x->made.len = (size_t)(stop - x->made.s);
    x->last = id;
    return ++x->n == k->q->task->max_tokens || ended || stop;
}

static void judge(struct maker *k, struct text *x)
{
    struct answers *a = k->q->task->answers;
    for (int i = 0; i < answers_count(a); i++)
        x->q->exact[i] = answers_right(a, i, x->made.s, x->made.len, x->q->choice[0]);
    strbuf_free(&x->made);
}

/* The tokens of a question, malloc'd, without the beginning where they are more than `most`. */
static int32_t *prompt_of(struct maker *k, struct question *q, size_t most, size_t *n)
{
    size_t n_ids, n_before;
    const uint32_t *ids = encode(k->encoder, q->context, strlen(q->context), false, &n_ids);
    uint32_t *before = prompt_begin(k->m->tok, ids, n_ids, k->m->foreign, false, &n_before);
    int32_t *all = xcalloc(n_before + n_ids + 1, sizeof *all);
    for (size_t i = 0; i < n_before; i++)
        all[i] = (int32_t)before[i];
    for (size_t i = 0; i < n_ids; i++)
        all[n_before + i] = (int32_t)ids[i];
    free(before);
    *n = n_before + n_ids;
    if (*n == 0)
        die("%s: an empty prompt, and the tokenizer has no end-of-text token to begin with", q->place);
    q->cut = *n > most;
    if (q->cut) {
        memmove(all, all + *n - most, most * sizeof *all);
        *n = most;
    }
    return all;
}

/* Makes the model read a question in a slot, and takes the first token of its answer. */
static void start(struct maker *k, struct question *q, int slot)
{
    size_t n;
    int32_t *prompt = prompt_of(k, q, (size_t)(k->T - k->q->task->max_tokens), &n);
    struct text *x = &k->running[k->n_running];
    kv_cache_truncate(k->kv, slot, 0);
    model_extend(&k->m->w, k->kv, slot, prompt, (int)n, k->logits);
    free(prompt);
    *x = (struct text){.q = q, .slot = slot};
    strbuf_add(&x->made, "", 0);
    if (add_token(k, x, likeliest(k->logits, k->m->w.c.V)))
        judge(k, x);
    else
        k->n_running++;
}

/* A token more for each text. */
static void step(struct maker *k)
{
    int slots[k->slots], left = 0;
    int32_t last[k->slots];
    size_t V = (size_t)k->m->w.c.V;
    for (int i = 0; i < k->n_running; i++) {
        slots[i] = k->running[i].slot;
        last[i] = k->running[i].last;
    }
    model_step(&k->m->w, k->kv, k->n_running, slots, last, k->logits);
    for (int i = 0; i < k->n_running; i++) {
        if (add_token(k, &k->running[i], likeliest(k->logits + (size_t)i * V, (int)V)))
            judge(k, &k->running[i]);
        else
            k->running[left++] = k->running[i];
    }
    k->n_running = left;
}

static int free_slot(const struct maker *k)
{
    for (int slot = 0; slot < k->slots; slot++) {
        bool taken = false;
        for (int i = 0; i < k->n_running; i++)
            taken |= k->running[i].slot == slot;
        if (!taken)
            return slot;
    }
    return -1;
}

static void report_cut(const struct questions *q, int T)
{
    size_t cut = 0;
    for (size_t i = 0; i < q->n; i++)
        cut += q->v[i].cut;
    if (cut > 0)
        warn("%s: %zu %s too long for the context of %d tokens with %d new ones and lost the beginning",
             q->path, cut, cut == 1 ? "question is" : "questions are", T, q->task->max_tokens);
}

void questions_generate(const struct loaded *m, struct questions *q, int T)
{
    char err[256];
    int equal = m->w.ops->equal_rows;
    struct maker k = {.m = m, .q = q, .T = T, .slots = equal > 0 && equal < SLOTS ? equal : SLOTS};
    if (T <= q->task->max_tokens)
        die("%s: %s makes texts of up to %d tokens, which a context of %d does not hold", q->path,
            q->task->name, q->task->max_tokens, T);
    if (!(k.kv = kv_cache_alloc(&m->w, k.slots, T, err, sizeof err)))
        die("%s", err);
    k.encoder = encoder_new(m->tok, NULL);
    k.running = xcalloc((size_t)k.slots, sizeof *k.running);
    k.logits = xcalloc((size_t)k.slots * (size_t)m->w.c.V, sizeof *k.logits);
    for (size_t next = 0; (next < q->n || k.n_running > 0) && !stop_signal;) {
        while (next < q->n && k.n_running < k.slots)
            start(&k, &q->v[next++], free_slot(&k));
        if (k.n_running > 0)
            step(&k);
        loaded_check(m);
        progress("texts", next - (size_t)k.n_running, q->n, "texts", NULL);
    }
    progress_end();
    for (int i = 0; i < k.n_running; i++)
        strbuf_free(&k.running[i].made);
    report_cut(q, T);
    free(k.running);
    free(k.logits);
    encoder_free(k.encoder);
    kv_cache_free(k.kv);
}
