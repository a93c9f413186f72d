#include "pipeline/sample/sequence.h"

#include <stdlib.h>
#include <string.h>

static void emit(void *arg, const char *s, size_t n)
{
    strbuf_add(&((struct sequence *)arg)->text, s, n);
}

static struct record *new_record(struct sequence *s)
{
    if (s->n_records == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        s->records = xrealloc(s->records, s->room * sizeof *s->records);
    }
    return &s->records[s->n_records++];
}

void sequence_begin(struct sequence *s, const struct tokenizer *tok)
{
    s->out = (struct textout){&s->job->r->stops, emit, s, {0}};
    strbuf_reset(&s->text);
    for (int i = 0; s->job->r->echo && i < s->n_prompt; i++) {
        size_t len = 0;
        const char *bytes = tokenizer_bytes(tok, (uint32_t)s->ids[i], &len);
        if (s->job->r->logprobs >= 0)
            *new_record(s) =
                (struct record){.l.token.id = s->ids[i], .prompt = i >= s->n_before, .begins = s->text.len};
        if (bytes && i >= s->n_before)
            strbuf_add(&s->text, bytes, len);
    }
}

void sequence_note_prompt(struct sequence *s, const float *logits, int V, int at)
{
    logprobs_compute(&s->records[at].l, logits, V, s->ids[at], s->job->r->logprobs);
    s->records[at].known = true;
}

/* OpenAI's penalties: frequency for each time that a token was made, presence for having been made at all. */
static void penalise(const struct sequence *s, float *logits)
{
    const struct request *r = s->job->r;
    for (int i = s->n_prompt; i < s->n; i++) {
        bool first = true;
        for (int k = s->n_prompt; k < i && first; k++)
            first = s->ids[k] != s->ids[i];
        logits[s->ids[i]] -= (float)(r->frequency_penalty + (first ? r->presence_penalty : 0));
    }
}

int32_t sequence_draw(const struct sequence *s, struct sampler *sampler, const float *logits, int V,
                      float *scratch)
{
    const struct request *r = s->job->r;
    if (r->n_biases || r->presence_penalty != 0 || r->frequency_penalty != 0) {
        memcpy(scratch, logits, (size_t)V * sizeof *scratch);
        for (size_t i = 0; i < r->n_biases; i++)
            scratch[r->biases[i].id] += r->biases[i].value;
        penalise(s, scratch);
        logits = scratch;
    }
    return sampler_next(sampler, logits, s->ids, (size_t)s->n);
}

void sequence_measure(const struct sequence *s, struct logprobs *out, const float *logits, int V, int32_t id)
{
    if (s->job->r->logprobs >= 0)
        logprobs_compute(out, logits, V, id, s->job->r->logprobs);
}

enum finish sequence_add(struct sequence *s, const struct tokenizer *tok, const struct logprobs *l,
                         int32_t id)
{
    const struct request *r = s->job->r;
    size_t len = 0;
    const char *bytes = tokenizer_bytes(tok, (uint32_t)id, &len);
    if (r->logprobs >= 0)
        *new_record(s) = (struct record){.l = *l, .known = true, .begins = s->text.len + s->out.held.len};
    s->ids[s->n++] = id;
    s->n_new++;
    if ((tokenizer_ends(tok, (uint32_t)id) || (uint32_t)id == s->job->end_id) && !r->ignore_eos)
        return FINISH_STOP;
    if (bytes && !tokenizer_is_special(tok, (uint32_t)id) && textout_add(&s->out, bytes, len)) {
        s->cut = true;
        return FINISH_STOP;
    }
    return s->n >= s->most ? FINISH_LENGTH : NOT_FINISHED;
}
