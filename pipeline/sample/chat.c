#include "pipeline/sample/chat.h"

#include "pipeline/lib/fs.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 16 << 20 };

/* ChatML as Hugging Face's documents and Qwen2, SmolLM2 and others have it. Between the two halves of the
 * second stands the system message that is added. */
static const char messages_part[] = "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + "
                                    "'<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ "
                                    "'<|im_start|>assistant\\n' }}{% endif %}";
static const char plain_part[] = "{% for message in messages %}";
static const char system_part[] =
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ "
    "'<|im_start|>system\\n";
static const char system_end[] = "<|im_end|>\\n' }}{% endif %}";

static const char *after(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s && strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* Whether the template is one of those above; *system receives the message that it adds, malloc'd, or NULL.
 */
static bool is_chatml(const char *template, char **system)
{
    const char *rest = after(template, system_part), *end;
    *system = NULL;
    if (!rest)
        return (rest = after(template, plain_part)) && strcmp(rest, messages_part) == 0;
    if (!(end = strstr(rest, system_end)) || strcmp(end + strlen(system_end), messages_part) != 0)
        return false;
    if (memchr(rest, '\\', (size_t)(end - rest)) || memchr(rest, '\'', (size_t)(end - rest)))
        return false; /* an escape or an expression within the message */
    *system = strndup(rest, (size_t)(end - rest));
    return *system;
}

static char *read_if_there(const char *dir, const char *name, size_t *len)
{
    char *path = path_join(dir, name), *text = path_exists(path) ? read_file(path, len, MAX_FILE) : NULL;
    free(path);
    return text;
}

/* The template: a file of its own, or a text in tokenizer_config.json. Malloc'd; NULL: there is none. */
static char *find_template(const char *dir)
{
    size_t len = 0;
    char *text = read_if_there(dir, "chat_template.jinja", &len), *config = NULL;
    if (!text && (config = read_if_there(dir, "tokenizer_config.json", &len))) {
        json_t *j = json_loadb(config, len, 0, NULL);
        const char *value = json_string_value(json_object_get(j, "chat_template"));
        text = value ? xstrdup(value) : NULL;
        json_decref(j);
    }
    free(config);
    return text;
}

void chat_open(struct chat *c, const char *dir, const struct tokenizer *tok)
{
    char *template = find_template(dir);
    size_t len = template ? strlen(template) : 0;
    if (len && template[len - 1] == '\n') /* Jinja drops one newline at the end of a template */
        template[len - 1] = '\0';
    *c = (struct chat){.begin = tokenizer_special(tok, "<|im_start|>"),
                       .end = tokenizer_special(tok, "<|im_end|>")};
    if (!template)
        snprintf(c->why, sizeof c->why, "the tokenizer has no chat template: use /v1/completions");
    else if (!is_chatml(template, &c->system))
        snprintf(c->why, sizeof c->why,
                 "the tokenizer's chat template is none of those known here (ChatML): "
                 "use /v1/completions with the text that the template makes");
    else if (c->begin == UINT32_MAX || c->end == UINT32_MAX)
        snprintf(c->why, sizeof c->why,
                 "the chat template needs the special tokens <|im_start|> and "
                 "<|im_end|>, which the tokenizer lacks");
    else
        c->known = true;
    free(template);
}

void chat_close(struct chat *c)
{
    free(c->system);
}

struct ids {
    int32_t *v;
    size_t n, room;
};

static void add_id(struct ids *ids, uint32_t id)
{
    if (ids->n == ids->room) {
        ids->room = ids->room ? 2 * ids->room : 256;
        ids->v = xrealloc(ids->v, ids->room * sizeof *ids->v);
    }
    ids->v[ids->n++] = (int32_t)id;
}

static void add_text(struct ids *ids, struct encoder *e, const char *text, size_t len)
{
    size_t n;
    const uint32_t *found = encode(e, text, len, false, &n);
    for (size_t i = 0; i < n; i++)
        add_id(ids, found[i]);
}

/* end: a newline follows the message. Otherwise the message is still to be written. */
static void add_message(struct ids *ids, const struct chat *c, struct encoder *e, const char *role,
                        const char *content, size_t len, bool end)
{
    struct strbuf b = {0};
    add_id(ids, c->begin);
    strbuf_addf(&b, "%s\n", role);
    strbuf_add(&b, content, len);
    add_text(ids, e, b.s, b.len);
    strbuf_free(&b);
    if (!end)
        return;
    add_id(ids, c->end);
    add_text(ids, e, "\n", 1);
}

int32_t *chat_encode(const struct chat *c, struct encoder *e, const struct request_message *messages,
                     size_t n, size_t *n_ids)
{
    struct ids ids = {0};
    if (c->system && strcmp(messages[0].role, "system") != 0)
        add_message(&ids, c, e, "system", c->system, strlen(c->system), true);
    for (size_t i = 0; i < n; i++)
        add_message(&ids, c, e, messages[i].role, messages[i].content, messages[i].len, true);
    add_message(&ids, c, e, "assistant", "", 0, false);
    *n_ids = ids.n;
    return ids.v;
}
