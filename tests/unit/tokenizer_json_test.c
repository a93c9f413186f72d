/*
 * Hostile tokenizer.json: each value of a good file is replaced by values of every type, removed, or given
 * twice; what is accepted must be the same tokenizer, or differ in a way that its type allows. (Named
 * mistakes: bpe_test.c.)
 */
#include <jansson.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/vocabulary/tokenizer.h"
#include "pipeline/text/vocabulary/vocabulary.h"
#include "tests/check.h"

static const char *const values[] = {
    "null",
    "true",
    "false",
    "0",
    "-1",
    "7",
    "1048576",
    "9007199254740993",
    "1.5",
    "1e300",
    "\"\"",
    "\"x\"",
    "\"BPE\"",
    "\"\\u0100\"",
    "[]",
    "[7]",
    "[[]]",
    "{}",
    "{\"type\": 7}",
    "{\"type\": \"Sequence\"}",
    "{\"type\": \"Sequence\", \"pretokenizers\": 7}",
    "{\"type\": \"Sequence\", \"pretokenizers\": []}",
    "{\"type\": \"Sequence\", \"pretokenizers\": [7]}",
    "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\"}, 7]}",
    "{\"type\": \"Split\", \"pattern\": 7}"};
enum { N_VALUES = sizeof values / sizeof *values };

static json_t *good, *replacements[N_VALUES];
static uint64_t good_hash;
static unsigned accepted, refused;

/* 256 bytes, three merges, a special token and another one. */
static char *good_json(void)
{
    struct tokenizer *t = vocabulary_new(261);
    char why[200];
    size_t len;
    for (uint32_t b = 0; b < 256; b++)
        vocabulary_set(t, b, &(char){(char)b}, 1, TOKEN_TEXT);
    vocabulary_set(t, 256, "th", 2, TOKEN_TEXT);
    vocabulary_set(t, 257, "the", 3, TOKEN_TEXT);
    vocabulary_set(t, 258, " t", 2, TOKEN_TEXT);
    vocabulary_set(t, 259, "<|eos|>", 7, TOKEN_SPECIAL);
    vocabulary_set(t, 260, "<tool>", 6, TOKEN_ADDED);
    vocabulary_merge(t, 't', 'h', 256);
    vocabulary_merge(t, 256, 'e', 257);
    vocabulary_merge(t, ' ', 't', 258);
    CHECK(vocabulary_finish(t, why, sizeof why) == 0, "%s", why);
    good_hash = tokenizer_hash(t);
    char *json = tokenizer_to_json(t, &len);
    tokenizer_free(t);
    return json;
}

static struct tokenizer *load(const char *text, char *err)
{
    *err = 0;
    struct tokenizer *t = tokenizer_parse(text, strlen(text), "tok.json", err, 500);
    CHECK(t || strstr(err, "tok.json: ") == err, "no reason with the name: %s", err);
    t ? accepted++ : refused++;
    return t;
}

/* The changed file: refused; or the same; or changed as a value of that type may, or as one that is not
 * there. */
static void check(const char *where, const json_t *was, const json_t *now)
{
    char *text = json_dumps(good, JSON_COMPACT), err[500];
    struct tokenizer *t = load(text, err);
    bool same_type = !now || json_is_null(now) || json_typeof(was) == json_typeof(now) ||
                     (json_is_boolean(was) && json_is_boolean(now)) || json_is_null(was);
    CHECK(!t || same_type || tokenizer_hash(t) == good_hash, "%s: accepted: %.300s", where, text);
    tokenizer_free(t);
    free(text);
}

static void replace_all_in(json_t *v, const char *where);

static void replace_key(json_t *object, const char *key, const char *where)
{
    json_t *was = json_incref(json_object_get(object, key));
    for (size_t i = 0; i < N_VALUES; i++) {
        json_object_set(object, key, replacements[i]);
        check(where, was, replacements[i]);
    }
    json_object_del(object, key);
    check(where, was, NULL);
    json_object_set(object, key, was);
    replace_all_in(was, where);
    json_decref(was);
}

static void replace_element(json_t *array, size_t i, const char *where)
{
    json_t *was = json_incref(json_array_get(array, i));
    for (size_t k = 0; k < N_VALUES; k++) {
        json_array_set(array, i, replacements[k]);
        check(where, was, replacements[k]);
    }
    json_array_remove(array, i);
    check(where, was, NULL);
    json_array_insert(array, i, was);
    json_array_insert(array, i, was); /* twice */
    check(where, was, was);
    json_array_remove(array, i);
    replace_all_in(was, where);
    json_decref(was);
}

/* Replaces only some words of the vocabulary, since all bytes behave alike. */
static void replace_all_in(json_t *v, const char *where)
{
    static const char *const some[] = {"!", "th", "the", "<|eos|>", "<tool>"};
    json_t *keys = json_array(), *key;
    const char *name;
    json_t *value;
    size_t i;
    json_object_foreach(v, name, value) json_array_append_new(keys, json_string(name));
    if (json_object_size(v) > 200) {
        json_array_clear(keys);
        for (i = 0; i < sizeof some / sizeof *some; i++)
            json_array_append_new(keys, json_string(some[i]));
    }
    json_array_foreach(keys, i, key)
    {
        char path[500];
        snprintf(path, sizeof path, "%.400s.%.80s", where, json_string_value(key));
        replace_key(v, json_string_value(key), path);
    }
    json_decref(keys);
    for (i = 0; i < json_array_size(v); i++) {
        char path[500];
        snprintf(path, sizeof path, "%.400s[%zu]", where, i);
        replace_element(v, i, path);
    }
}

static void every_value_is_checked(const char *json)
{
    good = json_loads(json, 0, NULL);
    CHECK(good);
    for (size_t i = 0; i < N_VALUES; i++)
        CHECK((replacements[i] = json_loads(values[i], JSON_DECODE_ANY, NULL)));
    replace_all_in(good, "");
    CHECK(accepted > 100 && refused > 1000, "%u accepted, %u refused: not a test of both", accepted, refused);
    for (size_t i = 0; i < N_VALUES; i++)
        json_decref(replacements[i]);
    json_decref(good);
}

/* Each key, given once more before the others of its object. */
static void keys_come_once(const char *json)
{
    char err[500];
    for (const char *open = strchr(json, '{'); open; open = strchr(open + 1, '{')) {
        const char *key = strchr(open, '"'), *colon = key ? strchr(key, ':') : NULL;
        if (open[-1 + (open == json)] == '"' || !colon || key - open > 10 || colon - key > 40)
            continue; /* the byte "{", or an object without keys */
        char *twice =
            xasprintf("%.*s%.*s 1, %s", (int)(open + 1 - json), json, (int)(colon + 1 - key), key, open + 1);
        CHECK(!load(twice, err) && strstr(err, "offset") && strstr(err, "uplicate"), "%.60s: %s", open, err);
        free(twice);
    }
}

/* Returns the text with the first `from` replaced; the caller frees it. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    CHECK(at, "%s is not in the file", from);
    return xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* Other ways to write the same file. */
static void spelling_does_not_matter(const char *json)
{
    static const char *const ways[][2] = {
        {"\"id\"", "\"\\u0069d\""},
        {"\"content\": \"<|eos|>\", \"single_word\": false",
         "\"single_word\":false,\"content\" : \"\\u003c|eos|>\""},
        {", \"lstrip\": false", ""},
        {"\"lstrip\": false", "\"more\": [1.5, {\"special\": 7}], \"lstrip\": null"},
        {"[\"t\", \"h\"]", "\"t h\""},
        {"[\"t\", \"h\"]", "[ \"\\u0074\"\n,\"h\" ]"},
        {"\"the\": 257", "\"th\\u0065\"\t:\r257 "},
        {"\"vocab\"", "\"v\\u006fcab\""},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char *other = replaced(json, ways[i][0], ways[i][1]), err[500];
        struct tokenizer *t = load(other, err);
        CHECK(t && tokenizer_hash(t) == good_hash, "%s: %s", ways[i][1], err);
        tokenizer_free(t);
        free(other);
    }
}

/* The file with one byte changed, or cut off: what is accepted is JSON for jansson too, and what is refused
 * has a reason. */
static void text_is_json(const char *json)
{
    static const char bytes[] = "\"\\{}[],:0-.eu \n\x7f\x80\xff";
    size_t len = strlen(json), was_accepted = 0;
    char *text = xstrdup(json), err[500];
    for (size_t i = 0; i < 2500; i++) {
        size_t at = i * 7919 % len, n = i % 8 ? len : at;
        text[at] = bytes[i * 31 % sizeof bytes];
        struct tokenizer *t = tokenizer_parse(text, n, "tok.json", err, sizeof err);
        json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
        CHECK(!t || root, "byte %zu of %zu: accepted, but no JSON", at, n);
        CHECK(t || !strstr(err, "not understood"), "byte %zu of %zu: %s", at, n, err);
        was_accepted += t != NULL;
        json_decref(root);
        tokenizer_free(t);
        text[at] = json[at];
    }
    CHECK(was_accepted > 100 && was_accepted < 2000, "%zu were accepted: not a test of both", was_accepted);
    free(text);
}

/* Loads n tokens of which all but 260 are added ones; returns the processor time. */
static double seconds_of(uint32_t n)
{
    struct tokenizer *t = vocabulary_new(n);
    char why[200], err[500], name[16];
    size_t len;
    for (uint32_t b = 0; b < 256; b++)
        vocabulary_set(t, b, &(char){(char)b}, 1, TOKEN_TEXT);
    for (uint32_t i = 256; i < n; i++)
        vocabulary_set(t, i, name, (size_t)snprintf(name, sizeof name, "<|%08u|>", i), TOKEN_ADDED);
    CHECK(vocabulary_finish(t, why, sizeof why) == 0, "%s", why);
    char *json = tokenizer_to_json(t, &len);
    tokenizer_free(t);
    clock_t start = clock();
    t = tokenizer_parse(json, len, "tok.json", err, sizeof err);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    CHECK(t && tokenizer_special(t, "<|00000256|>") == 256, "%s", err);
    tokenizer_free(t);
    free(json);
    return seconds;
}

/* Four times as many tokens took sixteen times as long when each was compared with all before it. */
static void added_tokens_take_linear_time(void)
{
    double few = seconds_of(20000), many = seconds_of(80000);
    CHECK(many < 8 * few, "20,000 added tokens: %.3f s, 80,000: %.3f s", few, many);
}

int main(void)
{
    char err[500];
    test_begin(100);
    added_tokens_take_linear_time();
    char *json = good_json();
    tokenizer_free(load(json, err));
    every_value_is_checked(json);
    keys_come_once(json);
    spelling_does_not_matter(json);
    text_is_json(json);
    free(json);
    return 0;
}
