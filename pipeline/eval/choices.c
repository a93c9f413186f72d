/*
 * choices.c - every choice is a row of tokens; rows of like length go through the model together
 */
#include "pipeline/eval/choices.h"
#include "pipeline/eval/windows.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED = 10 }; /* refused questions that are named in a warning each */

struct request {
    int32_t *tokens; /* owned: context and choice */
    int n, begin;    /* tokens; the first that belongs to the choice (>= 1: it has a token before it) */
    double *score;
};

static struct request make_request(const struct loaded *m, struct encoder *e, struct question *q, int k,
                                   int T)
{
    size_t trimmed = strlen(q->context), n_context, n;
    char *whole = xasprintf("%s %s", q->context, q->choice[k]);
    while (trimmed > 0 && strchr(" \t\n\r\v\f", q->context[trimmed - 1]))
        trimmed--;
    encode(e, whole, trimmed, false, &n_context);
    const uint32_t *ids = encode(e, whole, strlen(whole), false, &n);
    n_context = n_context < n ? n_context : n - 1; /* a choice has at least one token */
    bool bare = n_context == 0; /* an empty context: the choice is predicted from the end of a document */
    struct request r = {.tokens = xcalloc(n + 1, sizeof(int32_t)), .score = &q->score[k]};
    if (bare)
        r.tokens[0] = (int32_t)tokenizer_eos(m->tok);
    for (size_t i = 0; i < n; i++)
        r.tokens[i + bare] = (int32_t)ids[i];
    n += bare;
    n_context += bare;
    size_t cut = n > (size_t)T + 1 ? n - (size_t)T - 1 : 0; /* the beginning of the context is cut */
    q->cut |= cut > 0;
    q->refused |= n - n_context > (size_t)T;
    memmove(r.tokens, r.tokens + cut, (n - cut) * sizeof *r.tokens);
    r.n = (int)(n - cut);
    r.begin = n_context > cut ? (int)(n_context - cut) : 1;
    r.begin = r.begin < 1 ? 1 : r.begin;
    free(whole);
    return r;
}

static int longest_first(const void *a, const void *b)
{
    const struct request *x = a, *y = b;
    return y->n != x->n ? y->n - x->n : x->score < y->score ? -1 : x->score > y->score;
}

/* Runs rows r[0..B) of up to width+1 tokens; after a row's end comes padding, which no earlier token can see.
 */
static void run_batch(const struct loaded *m, struct activations *a, struct request *r, int B, int width,
                      int32_t *tokens, float *loss)
{
    size_t stride = (size_t)width + 1;
    for (int b = 0; b < B; b++) {
        int32_t *row = tokens + (size_t)b * stride;
        memset(row, 0, stride * sizeof *row);
        memcpy(row, r[b].tokens, (size_t)r[b].n * sizeof *row);
    }
    model_run(&m->w, a, tokens, B, width, -1, loss, NULL, 0);
    loaded_check(m);
    for (int b = 0; b < B; b++) {
        *r[b].score = 0;
        for (int t = r[b].begin; t < r[b].n; t++) /* loss t-1 belongs to token t */
            *r[b].score -= (double)loss[(size_t)b * (size_t)width + (size_t)t - 1];
    }
}

static void run_all(const struct loaded *m, struct request *r, size_t n, int T)
{
    char err[256];
    int rows = T < EVAL_BATCH_TOKENS ? EVAL_BATCH_TOKENS / T : 1;
    size_t room = (size_t)rows * (size_t)T;
    struct activations *a = activations_alloc(&m->w, rows, T, ACT_FORWARD, err, sizeof err);
    if (!a)
        die("%s", err);
    int32_t *tokens = xcalloc(2 * room, sizeof *tokens);
    float *loss = xcalloc(room, sizeof *loss);
    qsort(r, n, sizeof *r, longest_first);
    for (size_t i = 0; i < n && !stop_signal;) {
        int width = (r[i].n - 1 + 7) / 8 * 8; /* rounded up, so that there are few different shapes */
        width = width < T ? width : T;
        size_t B = room / (size_t)width;
        B = B < n - i ? B : n - i;
        run_batch(m, a, r + i, (int)B, width, tokens, loss);
        i += B;
        progress("choices", i, n, "choices", NULL);
    }
    progress_end();
    free(tokens);
    free(loss);
    activations_free(a);
}

/* Reports the questions that are not scored, a few of them by name, and how many contexts were cut. */
static void report(const struct questions *q, int T)
{
    size_t cut = 0, refused = 0;
    for (size_t i = 0; i < q->n; i++) {
        const struct question *one = &q->v[i];
        cut += one->cut && !one->refused;
        if (one->refused)
            (refused++ < NAMED ? warn : detail)(
                "%s: line %zu: not scored: a choice is longer than the %d tokens that the model sees at once",
                q->path, one->line, T);
    }
    if (refused > NAMED)
        warn("%s: %zu questions in all are not scored for that reason", q->path, refused);
    if (cut > 0)
        warn("%s: %zu %s longer than the context of %d tokens and lost the beginning", q->path, cut,
             cut == 1 ? "question is" : "questions are", T);
}

void questions_score(const struct loaded *m, struct questions *q, int T)
{
    struct encoder *e = encoder_new(m->tok, NULL);
    size_t n = 0;
    struct request *r = xcalloc(q->n * MAX_CHOICES, sizeof *r);
    for (size_t i = 0; i < q->n; i++) {
        size_t first = n;
        q->v[i].cut = q->v[i].refused = false;
        for (int k = 0; k < q->v[i].n_choices; k++)
            r[n++] = make_request(m, e, &q->v[i], k, T);
        while (q->v[i].refused && n > first)
            free(r[--n].tokens);
    }
    encoder_free(e);
    report(q, T);
    run_all(m, r, n, T);
    for (size_t i = 0; i < n; i++)
        free(r[i].tokens);
    free(r);
}

static size_t characters(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static int best(const struct question *q, bool by_character)
{
    int at = 0;
    double top = -INFINITY;
    for (int k = 0; k < q->n_choices; k++) {
        size_t n = by_character ? characters(q->choice[k]) : 1;
        double score = n > 0 ? q->score[k] / (double)n : -INFINITY;
        if (score > top) { /* among equals the first one wins */
            top = score;
            at = k;
        }
    }
    return at;
}

struct accuracy questions_accuracy(const struct questions *q)
{
    size_t right = 0, right_norm = 0, cut = 0, refused = 0;
    for (size_t i = 0; i < q->n; i++) {
        refused += q->v[i].refused;
        cut += q->v[i].cut && !q->v[i].refused;
        if (q->v[i].refused)
            continue;
        right += best(&q->v[i], false) == q->v[i].label;
        right_norm += best(&q->v[i], true) == q->v[i].label;
    }
    double n = (double)(q->n - refused), p = (double)right / n, p_norm = (double)right_norm / n;
    return (struct accuracy){.n = q->n - refused,
                             .cut = cut,
                             .refused = refused,
                             .acc = p,
                             .acc_stderr = sqrt(p * (1 - p) / (n - 1)),
                             .acc_norm = p_norm,
                             .acc_norm_stderr = sqrt(p_norm * (1 - p_norm) / (n - 1))};
}
