/*
 * tokenizer_config.c - reads which tokens end and begin a text from the files beside a tokenizer.json
 *
 * tokenizer_config.json names them: "eos_token" is a content, or an object with one. generation_config.json
 * has numbers: "eos_token_id" is a number, or a list of which the first counts.
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

static uint32_t by_number(const struct tokenizer *t, const json_t *root, const char *key)
{
    const json_t *v = json_object_get(root, key);
    v = json_is_array(v) ? json_array_get(v, 0) : v;
    return json_is_integer(v) ? existing(t, json_integer_value(v)) : UINT32_MAX;
}

static void read_beside(struct tokenizer *t, const char *path, const char *name,
                        uint32_t (*find)(const struct tokenizer *, const json_t *, const char *),
                        const char *eos, const char *bos)
{
    json_error_t e;
    char *file = xasprintf("%.*s%s", (int)(strlen(path) - strlen("tokenizer.json")), path, name);
    json_t *root = path_exists(file) ? json_load_file(file, 0, &e) : NULL;
    if (!root && path_exists(file))
        warn("%s: line %d: %s: not asked which token ends a text", file, e.line, e.text);
    if (t->eos == UINT32_MAX)
        t->eos = find(t, root, eos);
    if (t->bos == UINT32_MAX)
        t->bos = find(t, root, bos);
    json_decref(root);
    free(file);
}

void tokenizer_read_config(struct tokenizer *t, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (strcmp(slash ? slash + 1 : path, "tokenizer.json") != 0)
        return;
    read_beside(t, path, "tokenizer_config.json", by_content, "eos_token", "bos_token");
    read_beside(t, path, "generation_config.json", by_number, "eos_token_id", "bos_token_id");
}

uint32_t tokenizer_named(const struct tokenizer *t, const char *word)
{
    uint64_t number;
    uint32_t id = tokenizer_special(t, word);
    if (id == UINT32_MAX && parse_u64(word, &number) == 0 && number < t->vocab_size)
        id = existing(t, (json_int_t)number);
    return id;
}
