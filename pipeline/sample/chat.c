#include "pipeline/sample/chat.h"

#include "formats/json_text.h"
#include "pipeline/lib/fs.h"
#include "pipeline/text/encode/added.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 16 << 20 };

/* A noncharacter that is put within the names of special tokens in messages. There the rendered text is cut,
 * so that the name is not found; from messages themselves it is removed. */
static const char mark[] = "\xef\xb7\x90";
enum { MARK = sizeof mark - 1 };

static char *read_if_there(const char *dir, const char *name, size_t *len)
{
    char *path = path_join(dir, name), *text = path_exists(path) ? read_file(path, len, MAX_FILE) : NULL;
    free(path);
    return text;
}

/* A template: the file of its own, or the one of that name among several in tokenizer_config.json. Malloc'd;
 * NULL: there is none. */
static char *find_template(const char *dir, const char *file, const json_t *config, const char *wanted)
{
    size_t len = 0, i;
    char *text = read_if_there(dir, file, &len);
    const json_t *value = json_object_get(config, "chat_template"), *one;
    const char *found = NULL;
    json_array_foreach(value, i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));
        if (name && strcmp(name, wanted) == 0)
            found = json_string_value(json_object_get(one, "template"));
    }
    return text ? text : found ? xstrdup(found) : NULL;
}

/* The special tokens that a template may name: texts, or objects with their content. */
static json_t *find_tokens(const json_t *config)
{
    json_t *tokens = json_object(), *v;
    const char *key;
    json_object_foreach((json_t *)config, key, v)
    {
        size_t n = strlen(key);
        json_t *content = json_is_object(v) ? json_object_get(v, "content") : v;
        if (n > 6 && strcmp(key + n - 6, "_token") == 0 && json_is_string(content))
            json_object_set(tokens, key, content);
    }
    return tokens;
}

struct marking { /* of a text */
    const struct tokenizer *tok;
    struct strbuf out;
    const char *at, *end; /* what is not yet in out */
    uint32_t *ids;        /* owned: the tokens whose names stand next, n of them */
    size_t n, room;
};

/* Takes the text up to a place, in which the names stand. */
static void take_names(struct marking *m, const char *to)
{
    for (size_t i = 0; i < m->n; i++) {
        size_t len;
        const char *name = tokenizer_bytes(m->tok, m->ids[i], &len),
                   *at = name ? memmem(m->at, (size_t)(to - m->at), name, len) : NULL;
        if (!at || !tokenizer_is_special(m->tok, m->ids[i]))
            continue;
        size_t first = utf8_char(at, len);
        strbuf_add(&m->out, m->at, (size_t)(at - m->at) + first);
        strbuf_add(&m->out, mark, MARK);
        strbuf_add(&m->out, at + first, len - first);
        m->at = at + len;
    }
    strbuf_add(&m->out, m->at, (size_t)(to - m->at));
    m->at = to;
    m->n = 0;
}

static void put_text(void *arg, const char *text, size_t len)
{
    struct marking *m = arg;
    take_names(m, text);
    strbuf_add(&m->out, text, len);
    m->at = text + len;
}

static void put_id(void *arg, uint32_t id)
{
    struct marking *m = arg;
    if (m->n == m->room) {
        m->room = m->room ? 2 * m->room : 16;
        m->ids = xrealloc(m->ids, m->room * sizeof *m->ids);
    }
    m->ids[m->n++] = id;
}

/* Puts marks into the names that an encoder would find in this pass. Frees the text. */
static struct strbuf mark_names(const struct tokenizer *tok, struct strbuf text, enum added_pass pass)
{
    struct marking m = {.tok = tok, .at = text.s, .end = text.s + text.len};
    strbuf_add(&m.out, "", 0);
    added_split(tok, text.s, text.len, pass, ADDED_ALL, put_text, put_id, &m);
    take_names(&m, m.end);
    free(m.ids);
    strbuf_free(&text);
    return m.out;
}

/* A text of a client, with marks within the names of special tokens. */
static json_t *marked(const struct tokenizer *tok, const char *s, size_t len)
{
    struct strbuf b = {0};
    strbuf_add(&b, "", 0);
    for (const char *end = s + len, *at; s < end; s = at + MARK) { /* without marks of its own */
        at = memmem(s, (size_t)(end - s), mark, MARK);
        strbuf_add(&b, s, (size_t)((at ? at : end) - s));
        if (!at)
            break;
    }
    b = mark_names(tok, mark_names(tok, b, ADDED_RAW), ADDED_NORMALISED);
    json_t *text = json_text(b.s, b.len);
    strbuf_free(&b);
    return text;
}

/* A value with marks in all of its texts and keys. The caller owns it. */
static json_t *marked_all(const struct tokenizer *tok, const json_t *v)
{
    const char *name;
    json_t *out, *one;
    size_t i;
    if (json_is_string(v))
        return marked(tok, json_string_value(v), json_string_length(v));
    if (!json_is_array(v) && !json_is_object(v))
        return json_copy((json_t *)(uintptr_t)v);
    out = json_is_array(v) ? json_array() : json_object();
    json_array_foreach(v, i, one) json_array_append_new(out, marked_all(tok, one));
    json_object_foreach((json_t *)(uintptr_t)v, name, one)
    {
        json_t *key = marked(tok, name, strlen(name));
        json_object_set_new(out, json_string_value(key), marked_all(tok, one));
        json_decref(key);
    }
    return out;
}

/* Takes messages and tools. */
static char *render(const struct chat *c, json_t *messages, json_t *tools, bool prompt, size_t *len,
                    char *why, size_t cap)
{
    json_t *variables = json_pack("{s:o, s:o, s:n, s:b}", "messages", messages, "tools", tools, "documents",
                                  "add_generation_prompt", (int)prompt);
    const struct chat_template *template = chat_template_for(c, json_is_null(tools) ? NULL : tools);
    json_object_update(variables, c->tokens);
    char *text = jinja_render(template->jinja, variables, len, why, cap);
    json_decref(variables);
    return text;
}

/* Returns the token that the template writes right after an answer; UINT32_MAX: none stands there. */
static uint32_t find_end(const struct chat *c)
{
    size_t len, n = 0;
    char why[256];
    char *text = render(c,
                        json_pack("[{s:s, s:s}, {s:s, s:s}]", "role", "user", "content", "x", "role",
                                  "assistant", "content", mark),
                        json_null(), false, &len, why, sizeof why);
    char *at = text ? strstr(text, mark) : NULL;
    uint32_t end = UINT32_MAX;
    if (at) {
        at += MARK + strspn(at + MARK, " \t\n");
        struct encoder *e = encoder_new(c->tok, NULL);
        const uint32_t *ids = encode(e, at, strlen(at), true, &n);
        if (n > 0 && tokenizer_is_special(c->tok, ids[0]))
            end = ids[0];
        encoder_free(e);
    }
    free(text);
    return end;
}

/* Frees the text. */
static void open_template(struct chat_template *t, char *text)
{
    char reason[120];
    t->has_tools = strstr(text, "tools");
    t->has_calls = strstr(text, "tool_calls");
    t->jinja = jinja_parse(text, strlen(text), reason, sizeof reason);
    if (!t->jinja)
        snprintf(t->why, sizeof t->why,
                 "the tokenizer's chat template is not understood (%s): use /v1/completions with the text "
                 "that it makes",
                 reason);
    free(text);
}

void chat_open(struct chat *c, const char *dir, const struct tokenizer *tok)
{
    size_t len = 0;
    char *text = read_if_there(dir, "tokenizer_config.json", &len);
    json_t *config = text ? json_loadb(text, len, 0, NULL) : NULL;
    const char *only = json_string_value(json_object_get(config, "chat_template"));
    char *usual = find_template(dir, "chat_template.jinja", config, "default"),
         *with_tools = find_template(dir, "additional_chat_templates/tool_use.jinja", config, "tool_use");
    *c = (struct chat){.tok = tok, .end = UINT32_MAX, .tokens = find_tokens(config)};
    if (!usual && only)
        usual = xstrdup(only);
    if (usual)
        open_template(&c->usual, usual);
    else
        snprintf(c->usual.why, sizeof c->usual.why,
                 "the tokenizer has no chat template: use /v1/completions");
    if (with_tools)
        open_template(&c->with_tools, with_tools);
    if (c->usual.jinja)
        c->end = find_end(c);
    free(text);
    json_decref(config);
}

void chat_close(struct chat *c)
{
    jinja_free(c->usual.jinja);
    jinja_free(c->with_tools.jinja);
    json_decref(c->tokens);
}

const struct chat_template *chat_template_for(const struct chat *c, const json_t *tools)
{
    return tools && (c->with_tools.jinja || c->with_tools.why[0]) ? &c->with_tools : &c->usual;
}

/* The ids of a text that is cut at every mark. */
static int32_t *encode_marked(struct encoder *e, const char *s, size_t len, size_t *n_ids)
{
    int32_t *ids = xcalloc(1, sizeof *ids);
    *n_ids = 0;
    for (const char *end = s + len, *at; s < end; s = at + MARK) {
        size_t n;
        at = memmem(s, (size_t)(end - s), mark, MARK);
        const uint32_t *found = encode(e, s, (size_t)((at ? at : end) - s), true, &n);
        ids = xrealloc(ids, (*n_ids + n + 1) * sizeof *ids);
        memcpy(ids + *n_ids, found, n * sizeof *ids);
        *n_ids += n;
        if (!at)
            break;
    }
    return ids;
}

int32_t *chat_encode(const struct chat *c, struct encoder *e, const json_t *messages, const json_t *tools,
                     size_t *n_ids, char *why, size_t cap)
{
    size_t len;
    char *text = render(c, marked_all(c->tok, messages), tools ? marked_all(c->tok, tools) : json_null(),
                        true, &len, why, cap);
    int32_t *ids = text ? encode_marked(e, text, len, n_ids) : NULL;
    free(text);
    return ids;
}
