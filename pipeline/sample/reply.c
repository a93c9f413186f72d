#include "pipeline/sample/reply.h"

#include "formats/json_text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct cursor { /* how much of a text the client has */
    size_t text, records;
    bool begun, ended;
    struct logprobs_json lp;
};

struct piece {
    char *text; /* owned */
    size_t len;
    struct record *records; /* owned */
    size_t n_records;
    enum finish finish;
};

void reply_open(struct reply *a, uint64_t id)
{
    snprintf(a->id, sizeof a->id, "%s-%016llx", a->r->chat ? "chatcmpl" : "cmpl", (unsigned long long)id);
    a->created = (long long)time(NULL);
    a->cursors = xcalloc((size_t)a->job->n, sizeof *a->cursors);
}

void reply_close(struct reply *a)
{
    free(a->cursors);
}

/* A record may go when the text of its token goes, so that both end together when a stop text cuts them; one
 * of the prompt, when the prompt has been read. */
static bool may_go(const struct sequence *s, const struct record *r)
{
    if (r->prompt)
        return s->n_new > 0 || s->finish;
    return r->begins < s->text.len || (s->finish && !s->cut);
}

/* With the engine's lock: copies what is new. Returns whether anything is. */
static bool take_piece(struct cursor *c, const struct sequence *s, struct piece *p)
{
    size_t end = c->records;
    while (end < s->n_records && may_go(s, &s->records[end]))
        end++;
    *p = (struct piece){.len = s->text.len - c->text, .n_records = end - c->records, .finish = s->finish};
    if (c->ended || (!p->len && !p->n_records && !p->finish))
        return false;
    p->text = xmalloc(p->len + 1);
    p->records = xcalloc(p->n_records + 1, sizeof *p->records);
    if (p->len)
        memcpy(p->text, s->text.s + c->text, p->len);
    if (p->n_records)
        memcpy(p->records, s->records + c->records, p->n_records * sizeof *p->records);
    c->text = s->text.len;
    c->records = end;
    c->ended = p->finish != NOT_FINISHED;
    return true;
}

static void free_piece(struct piece *p)
{
    free(p->text);
    free(p->records);
}

static json_t *bytes_of(const struct tokenizer *tok, int32_t id)
{
    size_t len = 0;
    const char *bytes = tokenizer_bytes(tok, (uint32_t)id, &len);
    json_t *j = json_array();
    for (size_t i = 0; bytes && i < len; i++)
        json_array_append_new(j, json_integer((unsigned char)bytes[i]));
    return j;
}

static json_t *chat_token(const struct tokenizer *tok, struct token_logprob t)
{
    return json_pack("{s:o, s:f, s:o}", "token", logprobs_json_token(tok, t.id), "logprob", (double)t.logprob,
                     "bytes", bytes_of(tok, t.id));
}

static json_t *chat_logprobs(const struct reply *a, const struct piece *p)
{
    json_t *content = json_array();
    for (size_t i = 0; i < p->n_records; i++) {
        const struct logprobs *l = &p->records[i].l;
        json_t *j = chat_token(a->tok, l->token), *top = json_array();
        for (int k = 0; k < l->n_top; k++)
            json_array_append_new(top, chat_token(a->tok, l->top[k]));
        json_object_set_new(j, "top_logprobs", top);
        json_array_append_new(content, j);
    }
    return json_pack("{s:o}", "content", content);
}

static json_t *completion_logprobs(const struct reply *a, struct cursor *c, const struct piece *p)
{
    for (size_t i = 0; i < p->n_records; i++) {
        const struct record *r = &p->records[i];
        size_t len = 0;
        const char *bytes = tokenizer_bytes(a->tok, (uint32_t)r->l.token.id, &len);
        if (!bytes || (!r->prompt && tokenizer_is_special(a->tok, (uint32_t)r->l.token.id)))
            bytes = "", len = 0;
        if (r->known)
            logprobs_json_add(&c->lp, a->tok, &r->l, bytes, len);
        else
            logprobs_json_add_unknown(&c->lp, a->tok, r->l.token.id, bytes, len);
    }
    return logprobs_json_take(&c->lp);
}

static json_t *logprobs_of(const struct reply *a, struct cursor *c, const struct piece *p)
{
    if (a->r->logprobs < 0)
        return json_null();
    return a->r->chat ? chat_logprobs(a, p) : completion_logprobs(a, c, p);
}

static json_t *finish_reason(const struct piece *p)
{
    return p->finish == FINISH_LENGTH ? json_string("length")
           : p->finish == FINISH_STOP ? json_string("stop")
                                      : json_null();
}

static json_t *choice(const struct reply *a, int index, const struct piece *p, bool streamed)
{
    struct cursor *c = &a->cursors[index];
    json_t *j = json_pack("{s:i, s:o, s:o}", "index", index, "logprobs", logprobs_of(a, c, p),
                          "finish_reason", finish_reason(p));
    json_t *text = json_text(p->text, p->len);
    if (!a->r->chat) {
        json_object_set_new(j, "text", text);
        return j;
    }
    json_t *message = json_pack("{s:o}", "content", text);
    if (!c->begun)
        json_object_set_new(message, "role", json_string("assistant"));
    c->begun = true;
    json_object_set_new(j, streamed ? "delta" : "message", message);
    return j;
}

static json_t *usage(const struct reply *a)
{
    json_int_t prompt = 0, made = 0;
    for (int i = 0; i < a->job->n; i++) {
        prompt += i % a->r->n == 0 ? a->job->sequences[i].n_prompt : 0; /* a prompt counts once */
        made += a->job->sequences[i].n_new;
    }
    return json_pack("{s:I, s:I, s:I}", "prompt_tokens", prompt, "completion_tokens", made, "total_tokens",
                     prompt + made);
}

static json_t *object(const struct reply *a, bool streamed)
{
    const char *kind = !a->r->chat ? "text_completion"
                       : streamed  ? "chat.completion.chunk"
                                   : "chat.completion";
    return json_pack("{s:s, s:s, s:I, s:s, s:[]}", "id", a->id, "object", kind, "created",
                     (json_int_t)a->created, "model", a->model, "choices");
}

static char *as_text(json_t *j)
{
    char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(j);
    return text;
}

char *reply_error(const char *type, const char *code, const char *param, const char *message)
{
    /* A field's name comes from the client and may have been cut within a character. */
    json_t *name = param && *param ? json_text(param, strlen(param)) : NULL;
    return as_text(json_pack("{s:{s:o, s:s, s:o?, s:s?}}", "error", "message",
                             json_text(message, strlen(message)), "type", type, "param", name, "code", code));
}

char *reply_whole(struct reply *a)
{
    json_t *j = object(a, false), *choices = json_object_get(j, "choices");
    bool in_time = true;
    for (int i = 0; i < a->job->n; i++) {
        struct piece p;
        engine_lock(a->e);
        take_piece(&a->cursors[i], &a->job->sequences[i], &p);
        engine_unlock(a->e);
        in_time = in_time && p.finish != FINISH_TIMEOUT;
        json_array_append_new(choices, choice(a, i, &p, false));
        free_piece(&p);
    }
    json_object_set_new(j, "usage", usage(a));
    if (in_time)
        return as_text(j);
    json_decref(j);
    return NULL;
}

bool reply_has_news(const struct reply *a)
{
    for (int i = 0; i < a->job->n; i++) {
        const struct sequence *s = &a->job->sequences[i];
        const struct cursor *c = &a->cursors[i];
        if (!c->ended && (s->finish || s->text.len > c->text ||
                          (c->records < s->n_records && may_go(s, &s->records[c->records]))))
            return true;
    }
    return false;
}

static void add_event(struct strbuf *out, char *data)
{
    strbuf_addf(out, "data: %s\n\n", data);
    free(data);
}

static void add_piece(struct reply *a, int i, const struct piece *p, struct strbuf *out)
{
    json_t *j = object(a, true);
    json_array_append_new(json_object_get(j, "choices"), choice(a, i, p, true));
    if (a->r->usage_in_stream)
        json_object_set_new(j, "usage", json_null());
    add_event(out, as_text(j));
}

bool reply_events(struct reply *a, struct strbuf *out)
{
    bool all = true, late = false;
    for (int i = 0; i < a->job->n; i++) {
        struct piece p;
        engine_lock(a->e);
        bool any = take_piece(&a->cursors[i], &a->job->sequences[i], &p);
        engine_unlock(a->e);
        late = late || p.finish == FINISH_TIMEOUT;
        all = all && a->cursors[i].ended;
        if (any)
            add_piece(a, i, &p, out);
        if (any)
            free_piece(&p);
    }
    if (!all)
        return false;
    if (late) {
        add_event(out, reply_error("server_error", "timeout", NULL, "the time for this request is over"));
        return true;
    }
    if (a->r->usage_in_stream) {
        json_t *j = object(a, true);
        json_object_set_new(j, "usage", usage(a));
        add_event(out, as_text(j));
    }
    strbuf_addf(out, "data: [DONE]\n\n");
    return true;
}
