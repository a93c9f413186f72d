#include "pipeline/text/convert/tekken.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/reason.h"
#include "pipeline/text/vocabulary/vocabulary.h"

/* The special tokens of files that name none, up to version 7. */
static const char *const old_special[] = {"<unk>",
                                          "<s>",
                                          "</s>",
                                          "[INST]",
                                          "[/INST]",
                                          "[AVAILABLE_TOOLS]",
                                          "[/AVAILABLE_TOOLS]",
                                          "[TOOL_RESULTS]",
                                          "[/TOOL_RESULTS]",
                                          "[TOOL_CALLS]",
                                          "[IMG]",
                                          "<pad>",
                                          "[IMG_BREAK]",
                                          "[IMG_END]",
                                          "[PREFIX]",
                                          "[MIDDLE]",
                                          "[SUFFIX]",
                                          "[SYSTEM_PROMPT]",
                                          "[/SYSTEM_PROMPT]",
                                          "[TOOL_CONTENT]"};

struct reader {
    struct tekken *k;
    const char *name;
    char *err;
    size_t cap;
};

__attribute__((format(printf, 2, 3))) static int bad(struct reader *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    reason_about(r->err, r->cap, r->name, fmt, ap);
    va_end(ap);
    return -1;
}

/* Returns a text; NULL: it is none, or one with a NUL, which no C string holds. */
static const char *text_of(const json_t *v)
{
    const char *s = json_string_value(v);
    return s && strlen(s) == json_string_length(v) ? s : NULL;
}

/* The numbers of ranks and of special tokens, which together are the vocabulary; the file may hold more
 * ranks. */
static int read_config(struct reader *r, const json_t *config, const json_t *vocab)
{
    const json_t *all = json_object_get(config, "default_vocab_size"),
                 *special = json_object_get(config, "default_num_special_tokens");
    const char *pattern = text_of(json_object_get(config, "pattern"));
    json_int_t n = json_integer_value(all), n_special = json_integer_value(special);
    if (n_special < 0 || n > VOCABULARY_MAX || n <= n_special ||
        (size_t)(n - n_special) > json_array_size(vocab))
        return bad(r, "config: default_vocab_size and default_num_special_tokens do not fit the %zu tokens",
                   json_array_size(vocab));
    if (!pattern)
        return bad(r, "config.pattern: it holds a NUL");
    if (strstr(pattern, "}+"))
        return bad(r, "config.pattern: \"}+\" means something else in a tokenizer.json");
    r->k->n_ranks = (uint32_t)(n - n_special);
    r->k->n_special = (uint32_t)n_special;
    r->k->pattern = xstrdup(pattern);
    return 0;
}

static int read_vocab(struct reader *r, const json_t *vocab)
{
    for (uint32_t i = 0; i < r->k->n_ranks; i++) {
        const json_t *entry = json_array_get(vocab, i), *rank = json_object_get(entry, "rank");
        const char *bytes = text_of(json_object_get(entry, "token_bytes"));
        if (!bytes || !json_is_integer(rank) || json_integer_value(rank) != i)
            return bad(r, "vocab[%u]: not a token of rank %u with its token_bytes", i, i);
        strbuf_addf(&r->k->lines, "%s %u\n", bytes, i + r->k->n_special);
    }
    return 0;
}

/* Those that the file names, or the old ones; the others are called <SPECIAL_i>. */
static int read_special(struct reader *r, const json_t *listed)
{
    struct tekken *k = r->k;
    size_t n = listed ? json_array_size(listed) : sizeof old_special / sizeof *old_special;
    if (n > k->n_special)
        return bad(r, "special_tokens: %zu, more than default_num_special_tokens", n);
    k->special = xcalloc(k->n_special + 1, sizeof *k->special);
    for (uint32_t i = 0; i < k->n_special; i++) {
        const json_t *entry = json_array_get(listed, i), *rank = json_object_get(entry, "rank");
        const char *named =
            listed ? text_of(json_object_get(entry, "token_str")) : old_special[i < n ? i : 0];
        if (i < n && listed && (!named || !*named || !json_is_integer(rank) || json_integer_value(rank) != i))
            return bad(r, "special_tokens[%u]: not a token of rank %u with its token_str", i, i);
        k->special[i] = (struct special_token){i < n ? xstrdup(named) : xasprintf("<SPECIAL_%u>", i), i};
    }
    return 0;
}

int tekken_read(struct tekken *k, const char *json, size_t len, const char *name, char *err, size_t cap)
{
    struct reader r = {k, name, err, cap};
    json_error_t e;
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
    const json_t *config = json_object_get(root, "config"), *vocab = json_object_get(root, "vocab"),
                 *special = json_object_get(root, "special_tokens");
    *k = (struct tekken){0};
    int rc = 1;
    if (!root)
        rc = bad(&r, "offset %d: %s", e.position, e.text);
    else if (json_is_string(json_object_get(config, "pattern")) && json_is_array(vocab))
        rc = read_config(&r, config, vocab) < 0 || read_vocab(&r, vocab) < 0 ||
                     read_special(&r, json_is_array(special) ? special : NULL) < 0
                 ? -1
                 : 0;
    json_decref(root);
    return rc;
}

void tekken_free(struct tekken *k)
{
    for (uint32_t i = 0; k->special && i < k->n_special; i++)
        free((char *)k->special[i].content);
    free(k->special);
    free(k->pattern);
    strbuf_free(&k->lines);
}
