#include "pipeline/sample/engine.h"

#include "pipeline/lib/log.h"
#include "pipeline/sample/sequence.h"
#include "pipeline/sample/slots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    GRACE_S = 20,
    LOOK_MS = 100
}; /* how long texts may go on after a signal; how often signals are seen */

struct engine {
    const struct loaded *m; /* borrowed */
    struct engine_limits limits;
    struct slots slots;
    struct sequence **running;      /* (slots) owned: by slot; NULL: free */
    struct sequence *reading;       /* the one whose prompt is being read */
    struct sequence *first, **last; /* the queue */
    float *logits, *scratch;        /* (slots,V), (V) owned */
    int *fed;                       /* (slots) owned: the slots of a step */
    int32_t *tokens;                /* (slots) owned: their tokens */
    pthread_mutex_t lock;           /* the queue, figures, jobs and what sequences show */
    pthread_cond_t work;
    bool stopping;
    struct engine_figures figures;
};

static void cond_open(pthread_cond_t *c)
{
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(c, &a);
    pthread_condattr_destroy(&a);
}

static void cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, int milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)milliseconds % 1000 * 1000000;
    until.tv_sec += milliseconds / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(c, lock, &until);
}

struct engine *engine_new(const struct loaded *m, const struct engine_limits *l)
{
    struct engine *e = xcalloc(1, sizeof *e);
    size_t n = (size_t)l->slots, V = (size_t)m->w.c.V;
    e->m = m;
    e->limits = *l;
    slots_open(&e->slots, &m->w, l->slots, l->context);
    e->running = xcalloc(n, sizeof *e->running);
    e->logits = xcalloc(n * V, sizeof *e->logits);
    e->scratch = xcalloc(V, sizeof *e->scratch);
    e->fed = xcalloc(n, sizeof *e->fed);
    e->tokens = xcalloc(n, sizeof *e->tokens);
    e->last = &e->first;
    pthread_mutex_init(&e->lock, NULL);
    cond_open(&e->work);
    return e;
}

void engine_free(struct engine *e)
{
    slots_close(&e->slots);
    free(e->running);
    free(e->logits);
    free(e->scratch);
    free(e->fed);
    free(e->tokens);
    pthread_cond_destroy(&e->work);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

void engine_lock(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
}

void engine_unlock(struct engine *e)
{
    pthread_mutex_unlock(&e->lock);
}

void engine_wait(struct engine *e, struct job *j, int milliseconds)
{
    cond_wait(&j->changed, &e->lock, milliseconds);
}

void engine_read_figures(struct engine *e, struct engine_figures *out)
{
    engine_lock(e);
    *out = e->figures;
    engine_unlock(e);
}

void job_open(struct job *j, const struct request *r, int n)
{
    *j = (struct job){.r = r, .n = n, .end_id = UINT32_MAX};
    j->sequences = xcalloc((size_t)n, sizeof *j->sequences);
    cond_open(&j->changed);
    for (int i = 0; i < n; i++) {
        j->sequences[i].job = j;
        j->sequences[i].slot = -1;
    }
}

int engine_submit(struct engine *e, struct job *j)
{
    engine_lock(e);
    bool full = e->figures.running + e->figures.waiting + j->n > e->limits.slots + e->limits.queue;
    int refused = e->stopping ? ENGINE_STOPPING : full ? ENGINE_FULL : ENGINE_OK;
    if (!refused) {
        j->open = j->n;
        j->submitted = now_seconds();
        j->deadline = j->submitted + e->limits.timeout_s;
        for (int i = 0; i < j->n; i++) {
            *e->last = &j->sequences[i];
            e->last = &j->sequences[i].next;
        }
        e->figures.waiting += j->n;
        pthread_cond_signal(&e->work);
    }
    engine_unlock(e);
    return refused;
}

void engine_drop(struct engine *e, struct job *j)
{
    engine_lock(e);
    j->dropped = true;
    pthread_cond_signal(&e->work);
    while (j->open > 0)
        engine_wait(e, j, 1000);
    engine_unlock(e);
    for (int i = 0; i < j->n; i++) {
        struct sequence *s = &j->sequences[i];
        free(s->ids);
        free(s->records);
        strbuf_free(&s->text);
        strbuf_free(&s->out.held);
    }
    free(j->sequences);
    pthread_cond_destroy(&j->changed);
}

/* With the lock. */
static void finish(struct engine *e, struct sequence *s, enum finish how)
{
    s->finish = how;
    if (how == FINISH_LENGTH || (how == FINISH_STOP && !s->cut))
        textout_end(&s->out);
    if (s->slot >= 0) {
        e->slots.slot[s->slot].taken = false;
        e->running[s->slot] = NULL;
        e->figures.running--;
        s->slot = -1;
    }
    if (e->reading == s)
        e->reading = NULL;
    e->figures.texts[how]++;
    s->job->open--;
    pthread_cond_signal(&s->job->changed);
}

static enum finish ended_from_outside(const struct sequence *s, double now)
{
    return s->job->dropped ? FINISH_DROPPED : now > s->job->deadline ? FINISH_TIMEOUT : NOT_FINISHED;
}

/* With the lock: ends the texts whose client has gone or whose time is over. */
static void end_from_outside(struct engine *e, double now)
{
    enum finish how;
    for (int i = 0; i < e->limits.slots; i++)
        if (e->running[i] && (how = ended_from_outside(e->running[i], now)))
            finish(e, e->running[i], how);
    for (struct sequence **at = &e->first; *at;) {
        struct sequence *s = *at;
        if (!(how = ended_from_outside(s, now))) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        if (e->last == &s->next)
            e->last = at;
        e->figures.waiting--;
        finish(e, s, how);
    }
}

/* With the lock: the next text of the queue takes a slot. */
static void admit(struct engine *e)
{
    struct sequence *s = e->first;
    int have;
    e->first = s->next;
    if (!e->first)
        e->last = &e->first;
    e->figures.waiting--;
    e->figures.running++;
    sequence_begin(s, e->m->tok);
    /* the logits of all prompt tokens are wanted: all are computed */
    s->slot = slots_take(&e->slots, s->ids, s->n_prompt, s->job->r->echo && s->job->r->logprobs >= 0, &have);
    s->fed = have;
    e->figures.reused_tokens += (uint64_t)have;
    e->figures.prompt_tokens += (uint64_t)s->n_prompt;
    e->running[s->slot] = e->reading = s;
    struct sampler *sampler = e->slots.slot[s->slot].sampler;
    sampler_set(sampler, &s->job->r->sampling);
    sampler_reseed(sampler, s->seed);
}

/* Takes the next token of a text from its logits (V). */
static void next_token(struct engine *e, struct sequence *s, const float *logits)
{
    struct logprobs l;
    int V = e->slots.V;
    int32_t id = sequence_draw(s, e->slots.slot[s->slot].sampler, logits, V, e->scratch);
    sequence_measure(s, &l, logits, V, id);
    engine_lock(e);
    if (s->n_new == 0) {
        e->figures.first_tokens++;
        e->figures.first_token_s += now_seconds() - s->job->submitted;
    }
    e->figures.new_tokens++;
    enum finish how = sequence_add(s, e->m->tok, &l, id);
    if (how)
        finish(e, s, how);
    else
        pthread_cond_signal(&s->job->changed);
    engine_unlock(e);
}

/* The logits of a chunk foretell the prompt tokens after each of its own. */
static void note_prompt(struct engine *e, struct sequence *s, int from, int n)
{
    int V = e->slots.V;
    for (int i = 0, take; i < n; i += take) {
        take = n - i < e->limits.slots ? n - i : e->limits.slots;
        model_chunk_logits(&e->m->w, e->slots.kv, i, take, e->logits);
        for (int k = 0; k < take && from + i + k + 1 < s->n_prompt; k++)
            sequence_note_prompt(s, e->logits + (size_t)k * (size_t)V, V, from + i + k + 1);
    }
}

/* Reads a chunk of the prompt, and after the last one takes the first token. Returns the tokens read. */
static int read_chunk(struct engine *e, struct sequence *s)
{
    struct slot *slot = &e->slots.slot[s->slot];
    int from = s->fed, left = s->n_prompt - from, n = left < KV_CHUNK ? left : KV_CHUNK;
    if (n > 0) {
        model_extend(&e->m->w, e->slots.kv, s->slot, s->ids + from, n, n == left ? slot->first : NULL);
        loaded_check(e->m);
        if (s->job->r->echo && s->job->r->logprobs >= 0)
            note_prompt(e, s, from, n);
    }
    slot->n = s->fed = from + n;
    if (s->fed < s->n_prompt)
        return n;
    slot->whole = true;
    e->reading = NULL;
    if (s->n < s->most) {
        next_token(e, s, slot->first);
        return n;
    }
    engine_lock(e);
    finish(e, s, FINISH_LENGTH); /* no token was asked for */
    engine_unlock(e);
    return n;
}

/* Steps all texts whose prompt has been read. */
static void step(struct engine *e)
{
    int n = 0;
    double began = now_seconds();
    for (int i = 0; i < e->limits.slots; i++) {
        struct sequence *s = e->running[i];
        if (!s || s == e->reading)
            continue;
        e->tokens[n] = s->ids[s->n - 1];
        e->fed[n++] = i;
    }
    if (n == 0)
        return;
    model_step(&e->m->w, e->slots.kv, n, e->fed, e->tokens, e->logits);
    loaded_check(e->m);
    for (int i = 0; i < n; i++)
        next_token(e, e->running[e->fed[i]], e->logits + (size_t)i * (size_t)e->slots.V);
    engine_lock(e);
    e->figures.steps++;
    e->figures.stepped += (uint64_t)n;
    e->figures.step_s += now_seconds() - began;
    engine_unlock(e);
}

/* Reads prompts, about a chunk in all, so that the texts that run do not wait long. */
static void read_prompts(struct engine *e)
{
    double began = now_seconds();
    for (int room = KV_CHUNK; room > 0;) {
        engine_lock(e);
        if (!e->reading && e->first && slots_any_free(&e->slots))
            admit(e);
        engine_unlock(e);
        if (!e->reading)
            break;
        room -= 1 + read_chunk(e, e->reading);
    }
    engine_lock(e);
    e->figures.read_s += now_seconds() - began;
    engine_unlock(e);
}

/* Returns whether there is something to do; waits a little otherwise. */
static bool look(struct engine *e, double *stop_at)
{
    engine_lock(e);
    if (stop_signal && !e->stopping) {
        e->stopping = true;
        *stop_at = now_seconds() + GRACE_S;
    }
    end_from_outside(e, e->stopping && now_seconds() > *stop_at ? HUGE_VAL : now_seconds());
    bool any = e->first || e->figures.running > 0;
    if (!any && !e->stopping)
        cond_wait(&e->work, &e->lock, LOOK_MS);
    engine_unlock(e);
    return any;
}

void engine_run(struct engine *e)
{
    double stop_at = 0;
    for (;;) {
        if (look(e, &stop_at)) {
            read_prompts(e);
            step(e);
        } else if (e->stopping) {
            return;
        }
    }
}
