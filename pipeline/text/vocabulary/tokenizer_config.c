/*
 * tokenizer_config.c - reads which tokens end and begin a text from the files beside a tokenizer.json
 *
 * tokenizer_config.json names them: "eos_token" is a content, or an object with one. generation_config.json
 * and config.json have numbers: "eos_token_id" is a number or a list. The first that is found ends documents;
 * all numbers of generation_config.json, or of config.json where that names none, end a text that a model
 * writes.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/vocabulary/vocabulary.h"

static uint32_t existing(const struct tokenizer *t, json_int_t id)
{
    return id >= 0 && id < (json_int_t)t->vocab_size && t->tokens[id].kind != TOKEN_UNUSED ? (uint32_t)id
                                                                                           : UINT32_MAX;
}

static uint32_t by_content(const struct tokenizer *t, const json_t *root, const char *key)
{
    const json_t *v = json_object_get(root, key);
    const char *content = json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
    return content ? tokenizer_special(t, content) : UINT32_MAX;
}

/* Element i of a list of ids, or the only one. */
static uint32_t by_number(const struct tokenizer *t, const json_t *v, size_t i)
{
    v = json_is_array(v) ? json_array_get(v, i) : i == 0 ? v : NULL;
    return json_is_integer(v) ? existing(t, json_integer_value(v)) : UINT32_MAX;
}

char *tokenizer_beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    if (strcmp(slash ? slash + 1 : path, "tokenizer.json") != 0)
        return NULL;
    char *file = xasprintf("%.*s%s", (int)(strlen(path) - strlen("tokenizer.json")), path, name);
    if (path_exists(file))
        return file;
    free(file);
    return NULL;
}

static json_t *read_beside(const char *path, const char *name)
{
    json_error_t e;
    char *file = tokenizer_beside(path, name);
    json_t *root = file ? json_load_file(file, 0, &e) : NULL;
    if (file && !root)
        warn("%s: line %d: %s: not asked which token ends a text", file, e.line, e.text);
    free(file);
    return root;
}

static bool listed(const struct tokenizer *t, uint32_t id)
{
    for (size_t i = 0; i < t->n_ends; i++)
        if (t->ends[i] == id)
            return true;
    return false;
}

static void use_ends(struct tokenizer *t, const json_t *ends)
{
    size_t n = json_is_array(ends) ? json_array_size(ends) : 1;
    t->ends = xcalloc(n + 1, sizeof *t->ends);
    for (size_t i = 0; i < n; i++) {
        uint32_t id = by_number(t, ends, i);
        if (id != UINT32_MAX && !listed(t, id))
            t->ends[t->n_ends++] = id;
    }
}

static void use_numbers(struct tokenizer *t, const json_t *root)
{
    const json_t *ends = json_object_get(root, "eos_token_id");
    if (t->eos == UINT32_MAX)
        t->eos = by_number(t, ends, 0);
    if (t->bos == UINT32_MAX)
        t->bos = by_number(t, json_object_get(root, "bos_token_id"), 0);
    if (!t->ends && ends && !json_is_null(ends))
        use_ends(t, ends);
}

void tokenizer_read_config(struct tokenizer *t, const char *path)
{
    static const char *const numbers[] = {"generation_config.json", "config.json"};
    json_t *names = read_beside(path, "tokenizer_config.json");
    if (t->eos == UINT32_MAX)
        t->eos = by_content(t, names, "eos_token");
    if (t->bos == UINT32_MAX)
        t->bos = by_content(t, names, "bos_token");
    json_decref(names);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        json_t *root = read_beside(path, numbers[i]);
        use_numbers(t, root);
        json_decref(root);
    }
}

bool tokenizer_ends(const struct tokenizer *t, uint32_t id)
{
    return id != UINT32_MAX && (id == tokenizer_eos(t) || listed(t, id));
}

const uint32_t *tokenizer_listed_ends(const struct tokenizer *t, size_t *n)
{
    *n = t->n_ends;
    return t->ends;
}

uint32_t tokenizer_named(const struct tokenizer *t, const char *word)
{
    uint64_t number;
    uint32_t id = tokenizer_special(t, word);
    if (id == UINT32_MAX && parse_u64(word, &number) == 0 && number < t->vocab_size)
        id = existing(t, (json_int_t)number);
    return id;
}
