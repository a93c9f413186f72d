#include "pipeline/sample/jobs.h"

#include "pipeline/lib/log.h"
#include "pipeline/model/continuation.h"
#include "pipeline/sample/conversation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void jobs_open(struct jobs *j, const struct loaded *m, int context, bool special)
{
    *j = (struct jobs){.m = m, .context = context, .special = special, .encoder = encoder_new(m->tok, NULL)};
    chat_open(&j->chat, m->dir, m->tok);
    pthread_mutex_init(&j->encoding, NULL);
}

void jobs_close(struct jobs *j)
{
    chat_close(&j->chat);
    encoder_free(j->encoder);
    pthread_mutex_destroy(&j->encoding);
}

static int encode_text(struct jobs *j, struct request_prompt *p, struct request_error *e)
{
    size_t bad = tokenizer_check(j->m->tok, p->text, p->len);
    if (bad < p->len)
        return request_refuse(e, "prompt", "'prompt': the tokenizer has no token for byte %zu", bad);
    pthread_mutex_lock(&j->encoding);
    const uint32_t *ids = encode(j->encoder, p->text, p->len, true, &p->n_ids);
    p->ids = xcalloc(p->n_ids + 1, sizeof *p->ids);
    if (p->n_ids)
        memcpy(p->ids, ids, p->n_ids * sizeof *ids);
    pthread_mutex_unlock(&j->encoding);
    return 0;
}

static int encode_chat(struct jobs *j, struct request *r, struct request_error *e)
{
    char why[200];
    const json_t *tools = r->tools_are_off ? NULL : r->tools;
    const struct chat_template *template = chat_template_for(&j->chat, tools);
    if (!template->jinja)
        return request_refuse(e, "messages", "%s", template->why);
    if (tools && !template->has_tools)
        return request_refuse(e, "tools", "the tokenizer's chat template has no place for tools");
    if (conversation_has_calls(r->messages) && !template->has_calls)
        return request_refuse(e, "messages", "the tokenizer's chat template has no place for 'tool_calls'");
    r->prompts = xcalloc(1, sizeof *r->prompts);
    r->n_prompts = 1;
    pthread_mutex_lock(&j->encoding);
    r->prompts->ids =
        chat_encode(&j->chat, j->encoder, r->messages, tools, &r->prompts->n_ids, why, sizeof why);
    pthread_mutex_unlock(&j->encoding);
    return r->prompts->ids ? 0 : request_refuse(e, "messages", "the chat template: %s", why);
}

/* A text begins as it does for `sample`, and no ids at all as an empty text does. Other ids are taken as they
 * are. */
static int begin_prompt(const struct jobs *j, struct request_prompt *p, struct request_error *e)
{
    if (!p->text && p->n_ids > 0)
        return 0;
    uint32_t *before =
        prompt_begin(j->m->tok, (const uint32_t *)p->ids, p->n_ids, j->special, false, &p->n_before);
    p->ids = xrealloc(p->ids, (p->n_before + p->n_ids + 1) * sizeof *p->ids);
    memmove(p->ids + p->n_before, p->ids, p->n_ids * sizeof *p->ids);
    memcpy(p->ids, before, p->n_before * sizeof *p->ids);
    p->n_ids += p->n_before;
    free(before);
    if (p->n_ids > 0)
        return 0;
    return request_refuse(e, "prompt",
                          "'prompt' is empty, and there is no end-of-text token to begin a document with");
}

static int check_prompt(const struct jobs *j, const struct request_prompt *p, bool more,
                        struct request_error *e)
{
    size_t T = (size_t)j->context, room = more ? T - 1 : T;
    uint32_t ids = tokenizer_vocab_size(j->m->tok);
    if (p->n_ids > room)
        return request_refuse(e, "prompt", "the prompt has %zu tokens; the context is %zu%s", p->n_ids, T,
                              p->n_ids == T ? ", which leaves none for a new token" : "");
    for (size_t i = 0; i < p->n_ids; i++)
        if ((uint32_t)p->ids[i] >= ids)
            return request_refuse(e, "prompt", "'prompt': there is no token %d; the vocabulary has %u",
                                  p->ids[i], ids);
    return 0;
}

static int check_biases(const struct jobs *j, const struct request *r, struct request_error *e)
{
    for (size_t i = 0; i < r->n_biases; i++)
        if (r->biases[i].id >= j->m->w.c.V)
            return request_refuse(e, "logit_bias", "'logit_bias': there is no token %d", r->biases[i].id);
    return 0;
}

static int prepare(struct jobs *j, struct request *r, struct request_error *e)
{
    if (check_biases(j, r, e) != 0 || (r->chat && encode_chat(j, r, e) != 0))
        return -1;
    for (size_t i = 0; i < r->n_prompts; i++) {
        struct request_prompt *p = &r->prompts[i];
        if ((p->text && encode_text(j, p, e) != 0) || begin_prompt(j, p, e) != 0 ||
            check_prompt(j, p, r->max_tokens != 0, e) != 0)
            return -1;
    }
    return 0;
}

static void fill(const struct jobs *j, struct sequence *s, const struct request_prompt *p,
                 const struct request *r)
{
    int64_t T = j->context, n = (int64_t)p->n_ids;
    int64_t most = r->max_tokens < 0 || n + r->max_tokens > T ? T : n + r->max_tokens;
    s->n = s->n_prompt = (int)n;
    s->n_before = (int)p->n_before;
    s->most = (int)most;
    s->ids = xcalloc((size_t)most, sizeof *s->ids);
    memcpy(s->ids, p->ids, p->n_ids * sizeof *s->ids);
}

int jobs_make(struct jobs *j, struct job *job, struct request *r, struct request_error *e)
{
    if (prepare(j, r, e) != 0)
        return -1;
    if (!r->has_seed && getrandom(&r->seed, sizeof r->seed, 0) != sizeof r->seed)
        die_errno("random bytes");
    job_open(job, r, (int)r->n_prompts * r->n);
    job->end_id = r->chat ? j->chat.end : UINT32_MAX;
    for (int i = 0; i < job->n; i++) {
        struct sequence *s = &job->sequences[i];
        fill(j, s, &r->prompts[i / r->n], r);
        s->seed = r->seed + (uint64_t)(i % r->n);
    }
    return 0;
}
