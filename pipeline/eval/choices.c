/*
 * choices.c - every choice is a row of tokens (eval/requests.h)
 */
#include "pipeline/eval/choices.h"
#include "pipeline/eval/requests.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED = 10 }; /* refused questions that are named in a warning each */
static struct request make_request(const struct loaded *m, struct encoder *e, struct question *q, int k,
                                   int T)
{
    char *context = question_context(q, k), *rest = question_continuation(q, k);
    char *whole = xasprintf("%s%s", context, rest);
    size_t trimmed = strlen(context), n_context, n;
    while (trimmed > 0 && strchr(" \t\n\r\v\f", context[trimmed - 1]))
        trimmed--;
    encode(e, whole, trimmed, false, &n_context);
    const uint32_t *ids = encode(e, whole, strlen(whole), false, &n);
    n_context = n_context < n ? n_context : n - 1; /* a choice has at least one token */
    bool bare = n_context == 0; /* an empty context: the choice is predicted from the end of a document */
    struct request r = {.tokens = xcalloc(n + 1, sizeof(int32_t)),
                        .score = &q->score[k],
                        .greedy = k == 0 ? &q->greedy : NULL};
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
    free(context);
    free(rest);
    free(whole);
    return r;
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
                "%s: not scored: a choice is longer than the %d tokens that the model sees at once",
                one->place, T);
    }
    if (refused > NAMED)
        warn("%s: %zu questions in all are not scored for that reason", q->path, refused);
    if (cut > 0)
        warn("%s: %zu %s longer than the context of %d tokens and lost the beginning", q->path, cut,
             cut == 1 ? "question is" : "questions are", T);
}

void questions_score(const struct loaded *m, struct questions *q, int T, enum scoring_way way)
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
    requests_run(m, r, n, T, q->task && q->task->greedy ? SCORE_CACHED : way);
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

bool question_right(const struct question *q, bool by_character)
{
    return best(q, by_character) == q->label;
}

static struct estimate share(size_t k, double n)
{
    double p = (double)k / n;
    return (struct estimate){p, sqrt(p * (1 - p) / (n - 1))};
}

/* sum, squares: of the scores of n texts. */
static struct estimate perplexity(double sum, double squares, double n)
{
    double mean = sum / n, variance = fmax(squares - sum * mean, 0) / (n - 1), p = exp(-mean);
    return (struct estimate){p, p * sqrt(variance / n)};
}

struct accuracy questions_accuracy(const struct questions *q)
{
    struct accuracy a = {0};
    size_t right = 0, right_norm = 0, greedy = 0, exact[MAX_EXTRACTS] = {0};
    double sum = 0, squares = 0, chance = 0;
    for (size_t i = 0; i < q->n; i++) {
        const struct question *one = &q->v[i];
        a.refused += one->refused;
        a.cut += one->cut && !one->refused;
        if (one->refused)
            continue;
        right += question_right(one, false);
        right_norm += question_right(one, true);
        greedy += one->greedy;
        for (int k = 0; k < MAX_EXTRACTS; k++)
            exact[k] += one->exact[k];
        chance += one->n_choices > 1 ? 1. / one->n_choices : 0;
        sum += one->score[0];
        squares += one->score[0] * one->score[0];
    }
    a.n = q->n - a.refused;
    double n = (double)a.n;
    a.acc = share(right, n);
    a.acc_norm = share(right_norm, n);
    a.greedy = share(greedy, n);
    for (int k = 0; k < MAX_EXTRACTS; k++)
        a.exact[k] = share(exact[k], n);
    a.perplexity = perplexity(sum, squares, n);
    a.chance = chance / n;
    return a;
}
