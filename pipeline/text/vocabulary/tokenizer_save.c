/*
 * tokenizer_save.c - writes tokenizer.json as the tokenizers library reads it: tokenizer.md
 */
#include "pipeline/text/vocabulary/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/pretokenize/bytelevel.h"
#include "pipeline/text/pretokenize/pretokenizer.h"
#include "pipeline/text/vocabulary/quote.h"

static void add(struct strbuf *out, const char *s)
{
    strbuf_addf(out, "%s", s);
}

static void quote_token(struct strbuf *out, const struct tokenizer *t, uint32_t id)
{
    const struct token *token = &t->tokens[id];
    if (token->kind >= TOKEN_ADDED) {
        quote(out, token_bytes(t, id), token->len);
        return;
    }
    struct strbuf spelling = {0};
    bytelevel_spell(&spelling, token_bytes(t, id), token->len);
    quote(out, spelling.s, spelling.len);
    strbuf_free(&spelling);
}

static const char *truth(bool yes)
{
    return yes ? "true" : "false";
}

static int by_id(const void *a, const void *b, void *arg)
{
    const struct tokenizer *t = arg;
    uint32_t x = t->added[*(const uint32_t *)a].id, y = t->added[*(const uint32_t *)b].id;
    return x < y ? -1 : x > y;
}

static void write_added(struct strbuf *out, const struct tokenizer *t)
{
    const char *comma = "";
    uint32_t *order = xmalloc((t->n_added + 1) * sizeof *order);
    for (uint32_t i = 0; i < t->n_added; i++)
        order[i] = i;
    qsort_r(order, t->n_added, sizeof *order, by_id, (void *)t);
    add(out, "  \"added_tokens\": [");
    for (uint32_t i = 0; i < t->n_added; i++) {
        const struct added *a = &t->added[order[i]];
        strbuf_addf(out, "%s\n    {\"id\": %u, \"content\": ", comma, a->id);
        quote(out, t->bytes + a->at, a->len);
        strbuf_addf(
            out,
            ", \"single_word\": %s, \"lstrip\": %s, \"rstrip\": %s, \"normalized\": %s, \"special\": %s}",
            truth(a->word), truth(a->lstrip), truth(a->rstrip), truth(a->normalized), truth(a->special));
        comma = ",";
    }
    add(out, "\n  ],\n");
    free(order);
}

static void write_split(struct strbuf *out, const char *regex)
{
    add(out, "    {\"type\": \"Split\", \"pattern\": {\"Regex\": ");
    quote(out, regex, strlen(regex));
    add(out, "}, \"behavior\": \"Isolated\", \"invert\": false},\n    ");
}

static void write_steps(struct strbuf *out, const struct tokenizer *t)
{
    static const char byte_level[] =
        "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": false, \"use_regex\": ";
    bool own = t->pattern == PATTERN_GPT2 ||
               t->pattern == PATTERN_GPT2_DIGITS; /* ByteLevel itself splits the text */
    strbuf_addf(out, "  \"normalizer\": %s,\n", t->nfc ? "{\"type\": \"NFC\"}" : "null");
    add(out, "  \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [\n");
    if (t->pattern == PATTERN_GPT2_DIGITS)
        add(out, "    {\"type\": \"Digits\", \"individual_digits\": true},\n    ");
    else if (t->pattern == PATTERN_REGEX || (pattern_regex(t->pattern) && !own))
        write_split(out, t->regex ? t->regex : pattern_regex(t->pattern));
    else
        add(out, "    ");
    strbuf_addf(out, "%s%s}\n  ]},\n", byte_level, own ? "true" : "false");
    strbuf_addf(out, "  \"post_processor\": null,\n  \"decoder\": %sfalse},\n", byte_level);
}

static void write_model(struct strbuf *out, const struct tokenizer *t)
{
    const char *comma = "";
    add(out, "  \"model\": {\n"
             "    \"type\": \"BPE\", \"dropout\": null, \"unk_token\": null, \"continuing_subword_prefix\": "
             "null,\n"
             "    \"end_of_word_suffix\": null, \"fuse_unk\": false, \"byte_fallback\": false, "
             "\"ignore_merges\": ");
    add(out, t->ignore_merges ? "true,\n    \"vocab\": {" : "false,\n    \"vocab\": {");
    for (uint32_t id = 0; id < t->vocab_size; id++) {
        if (t->tokens[id].kind == TOKEN_UNUSED)
            continue;
        strbuf_addf(out, "%s\n      ", comma);
        quote_token(out, t, id);
        strbuf_addf(out, ": %u", id);
        comma = ",";
    }
    add(out, "\n    },\n    \"merges\": [");
    for (uint32_t i = 0; i < t->n_merges; i++) {
        add(out, i ? ",\n      [" : "\n      [");
        quote_token(out, t, t->merges[i].left);
        add(out, ", ");
        quote_token(out, t, t->merges[i].right);
        add(out, "]");
    }
    add(out, "\n    ]\n  }\n}\n");
}

char *tokenizer_to_json(const struct tokenizer *t, size_t *len)
{
    struct strbuf out = {0};
    if (t->steps || t->characters)
        return NULL;
    add(&out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n");
    write_added(&out, t);
    write_steps(&out, t);
    write_model(&out, t);
    *len = out.len;
    return out.s;
}
