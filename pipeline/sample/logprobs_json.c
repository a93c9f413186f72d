#include "pipeline/sample/logprobs_json.h"

#include "formats/json_get.h"
#include "formats/json_text.h"
#include "pipeline/lib/fs.h"

#include <stdio.h>

static bool is_utf8(const char *s, size_t n)
{
    for (size_t i = 0, width; i < n; i += width)
        if (!(width = utf8_char(s + i, n - i)))
            return false;
    return true;
}

json_t *logprobs_json_token(const struct tokenizer *tok, int32_t id)
{
    size_t len = 0;
    const char *bytes = tokenizer_bytes(tok, (uint32_t)id, &len);
    if (!bytes)
        return json_sprintf("token:%d", id);
    if (is_utf8(bytes, len))
        return json_text(bytes, len);
    struct strbuf b = {0};
    strbuf_addf(&b, "bytes:");
    for (size_t i = 0; i < len; i++)
        strbuf_addf(&b, "\\x%02x", (unsigned char)bytes[i]);
    json_t *j = json_string(b.s);
    strbuf_free(&b);
    return j;
}

static void begin(struct logprobs_json *j)
{
    if (j->tokens)
        return;
    j->tokens = json_array();
    j->values = json_array();
    j->tops = json_array();
    j->offsets = json_array();
}

static void place(struct logprobs_json *j, json_t *token, const char *bytes, size_t len)
{
    json_array_append_new(j->tokens, token);
    json_array_append_new(j->offsets, json_integer((json_int_t)j->characters));
    for (size_t i = 0; i < len; i++)
        j->characters += ((unsigned char)bytes[i] & 0xc0) != 0x80;
}

static void set_top(json_t *top, const struct tokenizer *tok, struct token_logprob l)
{
    json_t *name = logprobs_json_token(tok, l.id);
    if (!json_object_get(top, json_string_value(name)))
        json_object_set_new(top, json_string_value(name), json_finite(l.logprob));
    json_decref(name);
}

void logprobs_json_add(struct logprobs_json *j, const struct tokenizer *tok, const struct logprobs *l,
                       const char *bytes, size_t len)
{
    begin(j);
    json_t *top = json_object();
    for (int i = 0; i < l->n_top; i++)
        set_top(top, tok, l->top[i]);
    if (l->n_top > 0)
        set_top(top, tok, l->token);
    json_array_append_new(j->values, json_finite(l->token.logprob));
    json_array_append_new(j->tops, top);
    place(j, logprobs_json_token(tok, l->token.id), bytes, len);
}

void logprobs_json_add_unknown(struct logprobs_json *j, const struct tokenizer *tok, int32_t id,
                               const char *bytes, size_t len)
{
    begin(j);
    json_array_append_new(j->values, json_null());
    json_array_append_new(j->tops, json_null());
    place(j, logprobs_json_token(tok, id), bytes, len);
}

json_t *logprobs_json_take(struct logprobs_json *j)
{
    begin(j);
    json_t *object = json_pack("{s:o, s:o, s:o, s:o}", "tokens", j->tokens, "token_logprobs", j->values,
                               "top_logprobs", j->tops, "text_offset", j->offsets);
    j->tokens = j->values = j->tops = j->offsets = NULL;
    return object;
}
