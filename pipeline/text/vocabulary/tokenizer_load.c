/*
 * tokenizer_load.c - read tokenizer.json, refusing what would not encode as the tokenizers library does
 *
 * jansson checks JSON, UTF-8, depth and duplicate keys. What is checked here:
 * every type, every id, that each merge is of known tokens and makes a known
 * one, and that no part asks for something that tritter does not do (a
 * normaliser, another pattern, dropout, ...).
 */
#include "pipeline/text/vocabulary/vocabulary.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/vocabulary/bytelevel.h"
#include "pipeline/text/pretokenize/nfc.h"
#include "pipeline/text/pretokenize/pretokenizer.h"

enum {
    MAX_FILE = 32 << 20,  /* bytes: some times the largest in use */
    MAX_VALUES = 4 << 20, /* in the file: parsed, each takes some 100 bytes */
    MAX_MERGES = 2 << 20,
};

struct loader {
    const char *name;
    char *err;
    size_t cap;
    json_t *root; /* owned */
    json_t *vocab, *merges, *added;
    enum pattern pattern;
    const char *regex; /* PATTERN_REGEX, of root */
    bool nfc, ignore_merges;
    uint32_t vocab_size;
    struct tokenizer *t; /* owned until it is handed out */
    struct strbuf bytes;
};

static int bad(struct loader *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int bad(struct loader *l, const char *fmt, ...)
{
    char reason[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    snprintf(l->err, l->cap, "%s: %s", l->name, reason);
    return -1;
}

/* Missing counts as null. */
static bool absent(const json_t *v)
{
    return !v || json_is_null(v);
}

static bool is_string(const json_t *v, const char *s)
{
    return json_is_string(v) && strcmp(json_string_value(v), s) == 0;
}

static bool not_set(const json_t *v)
{
    return absent(v) || json_is_false(v) || is_string(v, "");
}

static int parse_json(struct loader *l, const char *json, size_t len)
{
    size_t values = 0, start = 0;
    while (start < len && strchr(" \t\r\n", json[start]) && json[start])
        start++;
    if (start < len && json[start] == '[') /* before all of it is parsed */
        return bad(l, "offset %zu: not a JSON object", start);
    for (size_t i = 0; i < len; i++)
        values += json[i] == ',' || json[i] == '[' || json[i] == '{' || json[i] == ':';
    if (values > MAX_VALUES)
        return bad(l, "more than %d values: not a tokenizer.json", (int)MAX_VALUES);
    json_error_t error;
    l->root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &error);
    if (!l->root)
        return bad(l, "offset %d: %s", error.position, error.text);
    return json_is_object(l->root) ? 0 : bad(l, "offset %zu: not a JSON object", start);
}

/* ---- what is done before the merges ---- */

static bool is_type(const json_t *v, const char *type)
{
    return is_string(json_object_get(v, "type"), type);
}

static bool is_byte_level(const json_t *v, bool *splits)
{
    const json_t *regex = json_object_get(v, "use_regex");
    *splits = absent(regex) || json_is_true(regex);
    return is_type(v, "ByteLevel") && (*splits || json_is_false(regex));
}

static int check_byte_level(struct loader *l, const json_t *v)
{
    const json_t *prefix = json_object_get(v, "add_prefix_space"); /* missing means true there */
    return json_is_false(prefix) ? 0 : bad(l, "pre_tokenizer: ByteLevel.add_prefix_space is not supported");
}

/* Split by a regular expression: which pattern that is. */
static int use_split(struct loader *l, const json_t *v)
{
    const json_t *regex = json_object_get(json_object_get(v, "pattern"), "Regex");
    if (!json_is_string(regex) || json_string_length(regex) == 0)
        return bad(l, "pre_tokenizer: Split.pattern: it must be {\"Regex\": ...}");
    if (!is_string(json_object_get(v, "behavior"), "Isolated") || !not_set(json_object_get(v, "invert")))
        return bad(l, "pre_tokenizer: Split: supported are behavior \"Isolated\" and invert false");
    l->pattern = pattern_named(json_string_value(regex));
    if (l->pattern != PATTERN_REGEX)
        return 0;
    char why[200];
    struct pretokenizer *p = pretokenizer_open(PATTERN_REGEX, json_string_value(regex), why, sizeof why);
    if (!p)
        return bad(l, "pre_tokenizer: Split.pattern: %s", why);
    pretokenizer_free(p);
    l->regex = json_string_value(regex);
    return 0;
}

/* ByteLevel; Split, ByteLevel that does not split; or Digits, ByteLevel that splits. */
static int use_pre_tokenizer(struct loader *l, const json_t *pre)
{
    const json_t *steps = is_type(pre, "Sequence") ? json_object_get(pre, "pretokenizers") : NULL;
    size_t n = steps ? json_array_size(steps) : 1;
    const json_t *last = steps ? json_array_get(steps, n - 1) : pre,
                 *first = n == 2 ? json_array_get(steps, 0) : NULL;
    bool splits;
    if (n < 1 || n > 2 || !is_byte_level(last, &splits))
        return bad(
            l, "pre_tokenizer: not supported: it must end with ByteLevel, after Split or Digits if anything");
    if (check_byte_level(l, last) < 0)
        return -1;
    l->pattern = splits ? PATTERN_GPT2 : PATTERN_NONE;
    if (n == 1)
        return 0;
    if (is_type(first, "Split") && !splits)
        return use_split(l, first);
    if (!is_type(first, "Digits") || !splits || !json_is_true(json_object_get(first, "individual_digits")))
        return bad(l, "pre_tokenizer: not supported before ByteLevel: only Split with use_regex false, or "
                      "Digits one by one");
    l->pattern = PATTERN_GPT2_DIGITS;
    return 0;
}

/* Vocabularies of characters, with <0xNN> for bytes that no token has: their settings come in many forms. */
static bool is_sentencepiece(const struct loader *l)
{
    const json_t *decoder = json_object_get(l->root, "decoder"),
                 *steps = json_object_get(decoder, "decoders"), *step;
    bool found = json_is_true(json_object_get(json_object_get(l->root, "model"), "byte_fallback")) ||
                 is_type(decoder, "Metaspace") ||
                 is_type(json_object_get(l->root, "pre_tokenizer"), "Metaspace");
    size_t i;
    json_array_foreach(steps, i, step) found |= is_type(step, "ByteFallback") || is_type(step, "Metaspace");
    return found;
}

static int check_pipeline(struct loader *l)
{
    const json_t *normalizer = json_object_get(l->root, "normalizer");
    if (is_sentencepiece(l))
        return bad(l, "a SentencePiece vocabulary (decoder: ByteFallback or Metaspace; model.byte_fallback), "
                      "which cuts text "
                      "into characters: only byte-level ones are supported");
    l->nfc = is_type(normalizer, "NFC");
    if (!l->nfc && !absent(normalizer))
        return bad(l, "normalizer: not supported: only NFC or none");
    if (!is_type(json_object_get(l->root, "decoder"), "ByteLevel"))
        return bad(l, "decoder: not supported: it must be ByteLevel");
    return use_pre_tokenizer(l, json_object_get(l->root, "pre_tokenizer"));
}

static int check_model(struct loader *l)
{
    static const char *const unset[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix",
                                        "fuse_unk", "byte_fallback"};
    const json_t *model = json_object_get(l->root, "model");
    if (!is_string(json_object_get(model, "type"), "BPE"))
        return bad(l, "model.type: not \"BPE\"");
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        if (!not_set(json_object_get(model, unset[i])))
            return bad(l, "model.%s: not supported", unset[i]);
    const json_t *ignore = json_object_get(model, "ignore_merges");
    if (!absent(ignore) && !json_is_boolean(ignore))
        return bad(l, "model.ignore_merges: not true or false");
    l->ignore_merges = json_is_true(ignore);
    l->vocab = json_object_get(model, "vocab");
    if (!json_is_object(l->vocab) || json_object_size(l->vocab) == 0)
        return bad(l, "model.vocab: missing, or not an object of ids");
    l->merges = json_object_get(model, "merges");
    if (!json_is_array(l->merges))
        return bad(l, "model.merges: missing, or not an array");
    if (json_array_size(l->merges) > MAX_MERGES)
        return bad(l, "model.merges: more than %d", (int)MAX_MERGES);
    l->added = json_object_get(l->root, "added_tokens");
    return absent(l->added) || json_is_array(l->added) ? 0 : bad(l, "added_tokens: not an array");
}

static int read_id(struct loader *l, const json_t *v, const char *what, const char *name, uint32_t *id)
{
    if (!json_is_integer(v))
        return bad(l, "%s: id of \"%.100s\" is not a whole number", what, name);
    json_int_t n = json_integer_value(v);
    if (n < 0 || n >= VOCABULARY_MAX)
        return bad(l, "%s: id %lld of \"%.100s\" is out of range", what, (long long)n, name);
    *id = (uint32_t)n;
    return 0;
}

/* Calls for each token of the vocabulary and each added token. */
static int each_id(struct loader *l, int (*use)(struct loader *, uint32_t id, const char *name, size_t len,
                                                const json_t *added))
{
    uint32_t id;
    size_t i;
    json_t *v;
    const char *key;
    json_array_foreach(l->added, i, v)
    {
        const json_t *content = json_object_get(v, "content");
        if (!json_is_string(content) || json_string_length(content) == 0)
            return bad(l, "added_tokens[%zu]: no content", i);
        if (read_id(l, json_object_get(v, "id"), "added_tokens", json_string_value(content), &id) < 0 ||
            use(l, id, json_string_value(content), json_string_length(content), v) < 0)
            return -1;
    }
    json_object_foreach(l->vocab, key, v) if (read_id(l, v, "model.vocab", key, &id) < 0 ||
                                              use(l, id, key, strlen(key), NULL) < 0) return -1;
    return 0;
}

static int use_for_size(struct loader *l, uint32_t id, const char *name, size_t len, const json_t *added)
{
    (void)name, (void)added;
    if (len > VOCABULARY_MAX_TOKEN)
        return bad(l, "id %u: token of %zu bytes", id, len);
    l->vocab_size = id >= l->vocab_size ? id + 1 : l->vocab_size;
    return 0;
}

static int read_flag(struct loader *l, const json_t *added, const char *flag, const char *name, bool *set)
{
    const json_t *v = json_object_get(added, flag);
    *set = json_is_true(v);
    return absent(v) || json_is_boolean(v)
               ? 0
               : bad(l, "added token \"%.100s\": %s is not true or false", name, flag);
}

static int use_added(struct loader *l, uint32_t id, const char *name, size_t len, const json_t *added)
{
    bool special, word, left, right, normalized;
    if (read_flag(l, added, "special", name, &special) < 0 ||
        read_flag(l, added, "single_word", name, &word) < 0 ||
        read_flag(l, added, "lstrip", name, &left) < 0 || read_flag(l, added, "rstrip", name, &right) < 0 ||
        read_flag(l, added, "normalized", name, &normalized) < 0)
        return -1;
    if (word)
        return bad(l, "added token \"%.100s\": single_word is not supported", name);
    size_t nfc_len;
    strbuf_reset(&l->bytes);
    if (normalized && l->nfc &&
        nfc(&l->bytes, name, len, &nfc_len) != name) /* the library looks for its NFC */
        return bad(l, "added token \"%.100s\": normalized, but not spelled in NFC", name);
    const json_t *in_vocab = json_object_get(l->vocab, name);
    if (l->t->tokens[id].kind != TOKEN_UNUSED || (in_vocab && json_integer_value(in_vocab) != id))
        return bad(l, "added token \"%.100s\": id %u belongs to another token", name, id);
    vocabulary_set(l->t, id, name, len, special ? TOKEN_SPECIAL : TOKEN_ADDED);
    struct token *token = &l->t->tokens[id];
    token->lstrip = left;
    token->rstrip = right;
    token->normalized = normalized;
    return 0;
}

static int use_token(struct loader *l, uint32_t id, const char *name, size_t len, const json_t *added)
{
    if (added)
        return use_added(l, id, name, len, added);
    const struct token *there = &l->t->tokens[id];
    if (there->kind >= TOKEN_ADDED && there->len == len && memcmp(token_bytes(l->t, id), name, len) == 0)
        return 0;
    if (there->kind != TOKEN_UNUSED)
        return bad(l, "model.vocab: id %u is used twice, again by \"%.100s\"", id, name);
    strbuf_reset(&l->bytes);
    if (bytelevel_bytes(&l->bytes, name, len) < 0)
        return bad(l, "model.vocab: \"%.100s\" is not spelled in the byte-level alphabet", name);
    vocabulary_set(l->t, id, l->bytes.s, l->bytes.len, TOKEN_TEXT);
    return 0;
}

static int token_named(struct loader *l, const char *name, uint32_t *id)
{
    const json_t *v = json_object_get(l->vocab, name);
    if (!v || l->t->tokens[json_integer_value(v)].kind != TOKEN_TEXT)
        return -1;
    *id = (uint32_t)json_integer_value(v);
    return 0;
}

static int use_merge(struct loader *l, size_t i, const char *left, const char *right)
{
    uint32_t a, b, id;
    char *both = xasprintf("%s%s", left, right);
    int rc = 0;
    if (token_named(l, left, &a) < 0)
        rc = bad(l, "model.merges[%zu]: \"%.100s\" is not in the vocabulary", i, left);
    else if (token_named(l, right, &b) < 0)
        rc = bad(l, "model.merges[%zu]: \"%.100s\" is not in the vocabulary", i, right);
    else if (token_named(l, both, &id) < 0)
        rc = bad(l, "model.merges[%zu]: it makes \"%.100s\", which is not in the vocabulary", i, both);
    else
        vocabulary_merge(l->t, a, b, id);
    free(both);
    return rc;
}

/* ["a", "b"], or "a b" as older files have it. */
static int read_merge(struct loader *l, size_t i, const json_t *v)
{
    if (json_is_array(v) && json_array_size(v) == 2 && json_is_string(json_array_get(v, 0)) &&
        json_is_string(json_array_get(v, 1)))
        return use_merge(l, i, json_string_value(json_array_get(v, 0)),
                         json_string_value(json_array_get(v, 1)));
    const char *pair = json_string_value(v);
    const char *space = pair ? strchr(pair, ' ') : NULL;
    if (!space || space == pair || !space[1] || strchr(space + 1, ' '))
        return bad(l, "model.merges[%zu]: not a pair of tokens", i);
    char *left = xasprintf("%.*s", (int)(space - pair), pair);
    int rc = use_merge(l, i, left, space + 1);
    free(left);
    return rc;
}

static int load(struct loader *l, const char *json, size_t len)
{
    if (parse_json(l, json, len) < 0 || check_pipeline(l) < 0 || check_model(l) < 0)
        return -1;
    if (each_id(l, use_for_size) < 0)
        return -1;
    l->t = vocabulary_new(l->vocab_size);
    l->t->pattern = l->pattern;
    l->t->regex = l->regex ? xstrdup(l->regex) : NULL;
    l->t->nfc = l->nfc;
    l->t->ignore_merges = l->ignore_merges;
    if (each_id(l, use_token) < 0)
        return -1;
    size_t i;
    json_t *v;
    json_array_foreach(l->merges, i, v) if (read_merge(l, i, v) < 0) return -1;
    char why[200];
    return vocabulary_finish(l->t, why, sizeof why) < 0 ? bad(l, "%s", why) : 0;
}

struct tokenizer *tokenizer_parse(const char *json, size_t len, const char *name, char *err, size_t cap)
{
    struct loader l = {.name = name, .err = err, .cap = cap};
    int rc = load(&l, json, len);
    json_decref(l.root);
    strbuf_free(&l.bytes);
    if (rc == 0)
        return l.t;
    tokenizer_free(l.t);
    return NULL;
}

/* The file's text, malloc'd; NULL with err filled. */
static char *read_text(const char *path, size_t *len, char *err, size_t cap)
{
    FILE *f = fopen(path, "re");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0 || S_ISDIR(st.st_mode)) {
        snprintf(err, cap, "%s: %s", path, f ? strerror(EISDIR) : strerror(errno));
        if (f)
            fclose(f);
        return NULL;
    }
    struct strbuf text = {0};
    char block[65536];
    size_t n;
    while (text.len <= MAX_FILE && (n = fread(block, 1, sizeof block, f)) > 0)
        strbuf_add(&text, block, n);
    bool failed = ferror(f);
    fclose(f);
    *len = text.len;
    if (failed)
        snprintf(err, cap, "%s: offset %zu: cannot read", path, text.len);
    else if (text.len > MAX_FILE)
        snprintf(err, cap, "%s: larger than %d MiB: not a tokenizer.json", path, (int)MAX_FILE >> 20);
    else if (text.len == 0)
        snprintf(err, cap, "%s: empty", path);
    else
        return text.s;
    strbuf_free(&text);
    return NULL;
}

struct tokenizer *tokenizer_load(const char *path, char *err, size_t cap)
{
    size_t len;
    char *json = read_text(path, &len, err, cap);
    if (!json)
        return NULL;
    struct tokenizer *t = tokenizer_parse(json, len, path, err, cap);
    free(json);
    return t;
}
