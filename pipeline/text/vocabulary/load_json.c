/*
 * load_json.c - reads the JSON of a tokenizer.json
 *
 * Nearly all of the file is model.vocab, model.merges and added_tokens. They are read straight into arrays;
 * jansson would make an object of each of their strings and numbers, which takes ten times as long. It reads
 * everything else. Where the text is no JSON, jansson reads all of it, for its message.
 */
#include "pipeline/text/vocabulary/loader.h"

#include <stdlib.h>
#include <string.h>

#include "formats/json_members.h"
#include "formats/json_string.h"

enum {
    MAX_VALUES = 4 << 20, /* in what jansson reads: it needs some 100 bytes for each */
    MAX_MERGES = 2 << 20,
};

/* Counts what jansson would make objects of: at most that many. */
static size_t count_values(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += s[i] == ',' || s[i] == '[' || s[i] == '{' || s[i] == ':';
    return n;
}

/* Says why jansson refuses the file; returns -1. */
static int malformed(struct loader *l)
{
    json_error_t error;
    if (count_values(l->json, l->len) > MAX_VALUES)
        return loader_bad(l, "more than %d values: not a tokenizer.json", (int)MAX_VALUES);
    json_t *root = json_loadb(l->json, l->len, JSON_REJECT_DUPLICATES, &error);
    json_decref(root);
    return root ? loader_bad(l, "offset %zu: not understood", (size_t)(l->in.at - l->json))
                : loader_bad(l, "offset %d: %s", error.position, error.text);
}

/* Takes any value. NULL: there is none, or too many values. */
static json_t *take_any(struct loader *l)
{
    struct json_cursor *c = &l->in;
    json_error_t error;
    json_skip_space(c);
    size_t len = json_value_len(c->at, (size_t)(c->end - c->at));
    l->n_values += count_values(c->at, len);
    if (len == 0 || l->n_values > MAX_VALUES)
        return NULL;
    json_t *v = json_loadb(c->at, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    c->at += v ? len : 0;
    return v;
}

/* Takes an id. False: what comes is not plainly one. */
static bool take_plain_id(struct json_cursor *c, uint32_t *id)
{
    json_skip_space(c);
    const char *s = c->at;
    size_t n = 0;
    for (*id = 0; n < 8 && s + n < c->end && s[n] >= '0' && s[n] <= '9'; n++)
        *id = *id * 10 + (uint32_t)(s[n] - '0');
    if (n == 0 || s + n == c->end || *id >= VOCABULARY_MAX || (n > 1 && *s == '0') || strchr(".eE", s[n]))
        return false;
    c->at += n;
    return true;
}

/* ---- the vocabulary ---- */

static int take_id(struct loader *l, const char *name, uint32_t *id)
{
    if (take_plain_id(&l->in, id))
        return 0;
    json_t *v = take_any(l);
    int rc = v ? read_id(l, v, "model.vocab", name, id) : malformed(l);
    json_decref(v);
    return rc;
}

static int take_vocab(struct loader *l)
{
    struct json_cursor *c = &l->in;
    const char *name;
    size_t len;
    uint32_t id;
    if (json_take(c, '}'))
        return 0;
    do {
        if (!json_take_string(c, &name, &len) || !json_take(c, ':') || names_find(&l->vocab, name, len))
            return malformed(l);
        if (take_id(l, name, &id) < 0)
            return -1;
        names_add(&l->vocab, name, len, id);
    } while (json_take(c, ','));
    return json_take(c, '}') ? 0 : malformed(l);
}

/* ---- merges ---- */

/* Takes ["a", "b"], or "a b" as in older files. */
static bool take_merge(struct json_cursor *c, struct spelled *m)
{
    size_t left, right;
    const char *second;
    if (json_take(c, '[')) {
        if (!json_take_string(c, &m->left, &left) || !json_take(c, ',') ||
            !json_take_string(c, &second, &right) || !json_take(c, ']'))
            return false;
    } else {
        if (!json_take_string(c, &m->left, &left))
            return false;
        const char *space = strchr(m->left, ' ');
        if (!space || space == m->left || !space[1] || strchr(space + 1, ' '))
            return false;
        right = left - (size_t)(space + 1 - m->left);
        left = (size_t)(space - m->left);
    }
    m->left_len = (uint32_t)left;
    m->right_len = (uint32_t)right;
    return true;
}

static struct spelled *next_merge(struct loader *l)
{
    if (l->n_merges == l->merges_cap) {
        l->merges_cap = l->merges_cap * 2 + 1024;
        l->merges = xrealloc(l->merges, l->merges_cap * sizeof *l->merges);
    }
    return &l->merges[l->n_merges++];
}

static int take_merges(struct loader *l)
{
    struct json_cursor *c = &l->in;
    if (json_take(c, ']'))
        return 0;
    do {
        struct json_cursor start = *c;
        if (l->n_merges == MAX_MERGES)
            return loader_bad(l, "model.merges: more than %d", (int)MAX_MERGES);
        if (take_merge(c, next_merge(l)))
            continue;
        *c = start;
        json_t *v = take_any(l);
        json_decref(v);
        return v ? loader_bad(l, "model.merges[%zu]: not a pair of tokens", l->n_merges - 1) : malformed(l);
    } while (json_take(c, ','));
    return json_take(c, ']') ? 0 : malformed(l);
}

/* ---- added tokens ---- */

static bool take_truth(struct json_cursor *c, bool *truth)
{
    json_skip_space(c);
    size_t left = (size_t)(c->end - c->at), n = left > 4 && memcmp(c->at, "true", 4) == 0 ? 4 : 5;
    *truth = n == 4;
    if (left < n || (n == 5 && memcmp(c->at, "false", 5) != 0))
        return false;
    c->at += n;
    return true;
}

/* Takes an added token with all of its seven members in any order, and no others. */
static bool take_plain(struct json_cursor *c, struct given *g)
{
    const struct {
        const char *key;
        bool *flag;
    } flags[] = {{"special", &g->special},
                 {"single_word", &g->word},
                 {"lstrip", &g->lstrip},
                 {"rstrip", &g->rstrip},
                 {"normalized", &g->normalized}};
    unsigned seen = 0, which;
    const char *key;
    size_t len, content_len = 0;
    if (!json_take(c, '{'))
        return false;
    do {
        if (!json_take_string(c, &key, &len) || !json_take(c, ':'))
            return false;
        for (which = 0; which < 5 && strcmp(key, flags[which].key) != 0; which++)
            ;
        which += which == 5 && strcmp(key, "id") != 0;
        if (seen >> which & 1 || (which == 6 && strcmp(key, "content") != 0))
            return false;
        seen |= 1u << which;
        if (!(which < 5    ? take_truth(c, flags[which].flag)
              : which == 5 ? take_plain_id(c, &g->id)
                           : json_take_string(c, &g->content, &content_len)))
            return false;
    } while (json_take(c, ','));
    g->len = (uint32_t)content_len;
    return json_take(c, '}') && seen == 0x7f && g->len > 0;
}

static struct given *next_given(struct loader *l)
{
    if (l->n_added == l->added_cap) {
        l->added_cap = l->added_cap * 2 + 64;
        l->added = xrealloc(l->added, l->added_cap * sizeof *l->added);
    }
    struct given *g = &l->added[l->n_added++];
    *g = (struct given){0};
    return g;
}

static int take_added(struct loader *l)
{
    struct json_cursor *c = &l->in;
    if (json_take(c, ']'))
        return 0;
    do {
        struct json_cursor start = *c;
        struct given *g = next_given(l);
        if (take_plain(c, g))
            continue;
        *c = start;
        json_t *v = take_any(l);
        int rc = v ? read_added(l, v, g) : malformed(l);
        json_decref(v);
        if (rc < 0)
            return -1;
    } while (json_take(c, ','));
    return json_take(c, ']') ? 0 : malformed(l);
}

/* ---- the whole ---- */

static int take_object(struct loader *l, json_t *object, bool in_model);

/* Takes the value of a member. Large ones go to arrays, and an object or array that is empty takes their
 * place. */
static int take_member(struct loader *l, json_t *object, const char *key, bool in_model)
{
    struct json_cursor *c = &l->in;
    bool vocab = in_model && strcmp(key, "vocab") == 0, merges = in_model && strcmp(key, "merges") == 0,
         added = !in_model && strcmp(key, "added_tokens") == 0,
         model = !in_model && strcmp(key, "model") == 0;
    bool large = (vocab || model) ? json_take(c, '{') : (merges || added) && json_take(c, '[');
    json_t *v = !large ? take_any(l) : vocab || model ? json_object() : json_array();
    if (!v)
        return malformed(l);
    if (json_object_set_new(object, key, v) != 0)
        return loader_bad(l, "out of memory");
    return !large   ? 0
           : vocab  ? take_vocab(l)
           : merges ? take_merges(l)
           : added  ? take_added(l)
                    : take_object(l, v, true);
}

/* Takes the members of an object whose bracket has been taken. */
static int take_object(struct loader *l, json_t *object, bool in_model)
{
    struct json_cursor *c = &l->in;
    const char *key;
    size_t len;
    if (json_take(c, '}'))
        return 0;
    do {
        if (!json_take_string(c, &key, &len) || !json_take(c, ':') || json_object_get(object, key))
            return malformed(l);
        if (take_member(l, object, key, in_model) < 0)
            return -1;
    } while (json_take(c, ','));
    return json_take(c, '}') ? 0 : malformed(l);
}

int load_json(struct loader *l, const char *json, size_t len)
{
    l->json = json;
    l->len = len;
    l->in = (struct json_cursor){.at = json, .end = json + len};
    json_skip_space(&l->in);
    size_t start = (size_t)(l->in.at - json);
    if (start < len && json[start] == '[')
        return loader_bad(l, "offset %zu: not a JSON object", start);
    l->in.out = l->strings = xmalloc(len + JSON_OVERSHOOT);
    l->root = json_object();
    if (!l->root || !json_take(&l->in, '{'))
        return malformed(l);
    if (take_object(l, l->root, false) < 0)
        return -1;
    json_skip_space(&l->in);
    return l->in.at == l->in.end && !l->in.nul ? 0 : malformed(l); /* jansson refuses NUL characters */
}
