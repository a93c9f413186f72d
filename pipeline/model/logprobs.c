#include "pipeline/model/logprobs.h"

#include <math.h>

/* Puts a token in its place among the likeliest, the lower id first among equals. */
static void insert(struct logprobs *out, int n_top, int32_t id, float logit)
{
    int at = out->n_top < n_top ? out->n_top++ : n_top - 1;
    for (; at > 0 && out->top[at - 1].logprob < logit; at--)
        out->top[at] = out->top[at - 1];
    out->top[at] = (struct token_logprob){id, logit};
}

void logprobs_compute(struct logprobs *out, const float *logits, int V, int32_t id, int n_top)
{
    float most = logits[0];
    double sum = 0;
    out->n_top = 0;
    for (int i = 1; i < V; i++)
        most = logits[i] > most ? logits[i] : most;
    for (int i = 0; i < V; i++) {
        sum += expf(logits[i] - most);
        if (n_top > 0 && (out->n_top < n_top || logits[i] > out->top[n_top - 1].logprob))
            insert(out, n_top, i, logits[i]);
    }
    float all = most + (float)log(sum);
    out->token = (struct token_logprob){id, logits[id] - all};
    for (int i = 0; i < out->n_top; i++)
        out->top[i].logprob -= all;
}
