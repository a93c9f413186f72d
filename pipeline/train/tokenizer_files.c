#include "pipeline/train/tokenizer_files.h"

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TOKENIZER = 256 << 20, MAX_BESIDE = 16 << 20 };

/* ---- reading ---- */

static char *read_beside(const char *tokenizer, const char *name, size_t *len)
{
    char *path = tokenizer_beside(tokenizer, name), *text = path ? read_file(path, len, MAX_BESIDE) : NULL;
    free(path);
    return text;
}

/* Whether the file holds the same bytes as the tokenizer. */
static bool is_same(const struct tokenizer_files *f, const char *path)
{
    size_t len = 0;
    char *json = path_exists(path) ? read_file(path, &len, MAX_TOKENIZER) : NULL;
    bool same = json && len == f->len && memcmp(json, f->json, len) == 0;
    free(json);
    return same;
}

void tokenizer_files_read(struct tokenizer_files *f, const char *path, const char *dir)
{
    char err[1024], *own = dir ? path_join(dir, "tokenizer.json") : NULL;
    size_t len = 0;
    if (!path && !own)
        usage_error("-t FILE is missing: the tokenizer");
    const char *read = path ? path : own;
    *f = (struct tokenizer_files){0};
    f->json = read_file(read, &f->len, MAX_TOKENIZER);
    f->tok = tokenizer_parse(f->json, f->len, read, err, sizeof err);
    if (!f->tok)
        die("%s", err);
    if (path && own && is_same(f, own)) /* the model's tokenizer under another name */
        read = own;
    tokenizer_read_config(f->tok, read);
    f->template = read_beside(read, "chat_template.jinja", &f->template_len);
    char *config = read_beside(read, "tokenizer_config.json", &len);
    f->config = config ? json_loadb(config, len, 0, NULL) : NULL;
    free(config);
    free(own);
}

void tokenizer_files_free(struct tokenizer_files *f)
{
    tokenizer_free(f->tok);
    free(f->json);
    free(f->template);
    json_decref(f->config);
}

/* ---- writing ---- */

static void put_json(struct checkpoint_save *s, const char *name, json_t *o)
{
    char *text = json_dumps(o, JSON_INDENT(2));
    if (!text)
        die("out of memory");
    char *lines = xasprintf("%s\n", text);
    checkpoint_put_text(s, name, lines, strlen(lines));
    free(lines);
    free(text);
    json_decref(o);
}

/* Sets key to the content of the token; nothing when there is none. */
static void set_token(json_t *o, const char *key, const struct tokenizer *tok, uint32_t id)
{
    size_t len;
    const char *content = id == UINT32_MAX ? NULL : tokenizer_bytes(tok, id, &len);
    if (content)
        json_object_set_new(o, key, json_stringn(content, len));
}

/* Our own padding token, or the one that the files name. */
static uint32_t padding(const struct tokenizer_files *f)
{
    const json_t *v = json_object_get(f->config, "pad_token");
    const char *named = json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
    return tokenizer_special(f->tok, named ? named : "<|pad|>");
}

static void put_config(const struct tokenizer_files *f, struct checkpoint_save *s, int context)
{
    static const char *const kept[] = {"chat_template", "pad_token", "unk_token"};
    json_t *o = json_pack("{sssIsbs[ss]}", "tokenizer_class", "PreTrainedTokenizerFast", "model_max_length",
                          (json_int_t)context, "clean_up_tokenization_spaces", 0, "model_input_names",
                          "input_ids", "attention_mask");
    set_token(o, "bos_token", f->tok, tokenizer_bos(f->tok));
    set_token(o, "eos_token", f->tok, tokenizer_eos(f->tok));
    set_token(o, "pad_token", f->tok, padding(f));
    set_token(o, "unk_token", f->tok, tokenizer_special(f->tok, "<|unk|>"));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (json_object_get(f->config, kept[i]))
            json_object_set(o, kept[i], json_object_get(f->config, kept[i]));
    put_json(s, "tokenizer_config.json", o);
}

/* The id that ends documents, then the others that end a text; a list when there are several. */
static json_t *ends(const struct tokenizer *tok)
{
    size_t n;
    const uint32_t *listed = tokenizer_listed_ends(tok, &n);
    uint32_t eos = tokenizer_eos(tok);
    json_t *list = json_array();
    if (eos != UINT32_MAX)
        json_array_append_new(list, json_integer(eos));
    for (size_t i = 0; i < n; i++)
        if (listed[i] != eos)
            json_array_append_new(list, json_integer(listed[i]));
    json_t *one = json_array_size(list) == 1 ? json_incref(json_array_get(list, 0)) : json_incref(list);
    json_decref(list);
    return one;
}

static void put_generation(const struct tokenizer_files *f, struct checkpoint_save *s)
{
    uint32_t bos = tokenizer_bos(f->tok), pad = padding(f);
    json_t *o = json_pack("{sb}", "do_sample", 1);
    if (bos != UINT32_MAX)
        json_object_set_new(o, "bos_token_id", json_integer(bos));
    if (tokenizer_eos(f->tok) != UINT32_MAX)
        json_object_set_new(o, "eos_token_id", ends(f->tok));
    if (pad != UINT32_MAX)
        json_object_set_new(o, "pad_token_id", json_integer(pad));
    put_json(s, "generation_config.json", o);
}

void tokenizer_files_put(const struct tokenizer_files *f, struct checkpoint_save *s, int context)
{
    checkpoint_put_text(s, "tokenizer.json", f->json, f->len);
    put_config(f, s, context);
    put_generation(f, s);
    if (f->template)
        checkpoint_put_text(s, "chat_template.jinja", f->template, f->template_len);
}
