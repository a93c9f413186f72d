/*
 * engine.h - texts of many clients, made by one model together
 *
 * One thread, the model's, reads prompts chunk by chunk and steps all texts that run by a token each. Texts
 * join and leave between steps. Other threads submit jobs, wait for what is new in them, and drop them.
 *
 *   model's thread              a client's thread
 *   engine_run(e)               engine_submit(e, &job)
 *                               engine_wait(e, &job, ...)    between engine_lock and engine_unlock
 *                               engine_drop(e, &job)         also when the client has gone
 *
 * A text depends on its prompt, its settings and its seed alone, not on its neighbours (kernels/ops.h,
 * equal_rows; slots.h).
 */
#ifndef SAMPLE_ENGINE_H
#define SAMPLE_ENGINE_H

#include "pipeline/lib/fs.h"
#include "pipeline/model/loaded.h"
#include "pipeline/model/logprobs.h"
#include "pipeline/sample/request.h"
#include "pipeline/sample/textout.h"

#include <pthread.h>

enum finish { NOT_FINISHED, FINISH_LENGTH, FINISH_STOP, FINISH_DROPPED, FINISH_TIMEOUT };

struct record { /* a token of the output, and how likely it was */
    struct logprobs l;
    bool known;    /* false: the first token of a text, of which no probability is known */
    bool prompt;   /* part of an echoed prompt, as the client gave it */
    size_t begins; /* length of the text where the token begins */
};

struct sequence { /* one choice: one text */
    struct job *job;
    struct sequence *next; /* in the queue */
    int32_t *ids;          /* owned: prompt, then new tokens */
    int n, n_prompt, most; /* most: where the text ends at the latest */
    int n_before;          /* ids of the prompt that stand before what the client gave */
    int fed;               /* ids in the cache */
    int slot;              /* -1: waits, or has ended */
    uint64_t seed;
    struct textout out;
    bool cut; /* a stop text was reached: records from there on do not count */
    /* what a client's thread reads, under the lock */
    struct strbuf text; /* owned */
    struct record *records;
    size_t n_records, room; /* owned */
    int n_new;              /* tokens made, the end-of-text token included */
    enum finish finish;
};

struct job {
    const struct request *r; /* borrowed */
    uint32_t end_id;         /* another token that ends a text, as a chat has one; UINT32_MAX: none */
    struct sequence *sequences;
    int n, open; /* open: how many have not finished */
    double submitted, deadline;
    bool dropped;
    pthread_cond_t changed;
};

struct engine_limits {
    int slots, queue; /* texts that run at once; that may wait */
    int context;      /* tokens of a text at most, prompt included; the model's context or less */
    double timeout_s; /* of a job, from its submission on */
};

struct engine_figures { /* counts since the start, but for running and waiting */
    uint64_t prompt_tokens, reused_tokens, new_tokens, steps, stepped, texts[FINISH_TIMEOUT + 1],
        first_tokens;
    double step_s, read_s, first_token_s;
    int running, waiting;
};

enum { ENGINE_OK = 0, ENGINE_FULL = -1, ENGINE_STOPPING = -2 };

struct engine;
struct engine *engine_new(const struct loaded *m, const struct engine_limits *l); /* dies without memory */
/* Runs until stop_signal is set: then finishes what was submitted, for some seconds at most. */
void engine_run(struct engine *e);
void engine_free(struct engine *e);

/* Prepares a job with n texts. The caller sets ids, n_prompt, n_before, most and seed of each. */
void job_open(struct job *j, const struct request *r, int n);
int engine_submit(struct engine *e, struct job *j);
/* Ends what still runs of a job, and frees it. A job that was refused, or never submitted, is freed too. */
void engine_drop(struct engine *e, struct job *j);
void engine_lock(struct engine *e);
void engine_unlock(struct engine *e);
/* Waits, with the lock, until something of the job has changed, or for that long. */
void engine_wait(struct engine *e, struct job *j, int milliseconds);
void engine_read_figures(struct engine *e, struct engine_figures *out);

#endif
