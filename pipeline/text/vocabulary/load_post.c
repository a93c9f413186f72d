/*
 * load_post.c - reads the decoder of a tokenizer.json, and its post-processor, which puts ids around a text
 */
#include <stdlib.h>
#include <string.h>

#include "pipeline/text/vocabulary/loader.h"

/* ---- the decoder ---- */

static int use_decoder(struct loader *l, const json_t *v)
{
    static const char *const known[] = {"ByteLevel", "Replace",   "ByteFallback", "Fuse",
                                        "Strip",     "Metaspace", "BPEDecoder"};
    const char *type = json_string_value(json_object_get(v, "type"));
    struct characters *c = l->t->characters;
    size_t i = 0;
    while (i < sizeof known / sizeof *known && !(type && strcmp(type, known[i]) == 0))
        i++;
    if (i == sizeof known / sizeof *known)
        return loader_bad(
            l,
            "decoder: %.60s is not supported: only ByteLevel, Replace, ByteFallback, Fuse, Strip, "
            "Metaspace, BPEDecoder and Sequence",
            type ? type : "without a type");
    if (!c)
        return 0;
    const json_t *pattern = json_object_get(json_object_get(v, "pattern"), "String"),
                 *start = json_object_get(v, "start");
    bool metaspace = is_type(v, "Metaspace");
    c->spaces |= metaspace || (is_type(v, "Replace") && is_string(pattern, "\xe2\x96\x81") &&
                               is_string(json_object_get(v, "content"), " "));
    if (metaspace && !is_string(json_object_get(v, "prepend_scheme"), "never") &&
        !json_is_false(json_object_get(v, "add_prefix_space")))
        l->t->drop_spaces = 1;
    if (is_type(v, "Strip") && json_is_integer(start) && json_integer_value(start) > 0)
        l->t->drop_spaces = (size_t)json_integer_value(start);
    return 0;
}

int load_decoder(struct loader *l)
{
    const json_t *v = json_object_get(l->root, "decoder"), *list = json_object_get(v, "decoders"), *one;
    bool bytes = is_type(v, "ByteLevel");
    size_t i;
    if (is_absent(v))
        return 0;
    if (!is_type(v, "Sequence")) {
        if (use_decoder(l, v) < 0)
            return -1;
    } else {
        if (!json_is_array(list))
            return loader_bad(l, "decoder: Sequence.decoders is not an array");
        json_array_foreach(list, i, one)
        {
            bytes |= is_type(one, "ByteLevel");
            if (use_decoder(l, one) < 0)
                return -1;
        }
    }
    if (bytes == l->byte_level)
        return 0;
    return loader_bad(l, bytes ? "decoder: ByteLevel, without a ByteLevel pre_tokenizer"
                               : "decoder: it must be ByteLevel, as the pre_tokenizer is");
}

/* ---- the post-processor ---- */

struct around { /* ids before and after a text */
    uint32_t *v[2];
    size_t n[2];
};

static const char *put_around(struct loader *l, struct around *a, int behind, json_int_t id)
{
    if (id < 0 || id >= (json_int_t)l->vocab_size || l->t->tokens[id].kind == TOKEN_UNUSED)
        return "an id that no token has";
    a->v[behind] = xrealloc(a->v[behind], (a->n[behind] + 1) * sizeof(uint32_t));
    a->v[behind][a->n[behind]++] = (uint32_t)id;
    return NULL;
}

static const char *use_template(struct loader *l, struct around *a, const json_t *v)
{
    const json_t *single = json_object_get(v, "single"), *special = json_object_get(v, "special_tokens"),
                 *piece, *id;
    int behind = 0;
    size_t i, k;
    if (!json_is_array(single))
        return "TemplateProcessing.single is not an array";
    json_array_foreach(single, i, piece)
    {
        const json_t *token = json_object_get(piece, "SpecialToken");
        if (json_object_get(piece, "Sequence")) {
            if (behind++)
                return "TemplateProcessing.single names the text twice";
            continue;
        }
        const char *name = json_string_value(json_object_get(token, "id"));
        const json_t *ids = name ? json_object_get(json_object_get(special, name), "ids") : NULL;
        if (!json_is_array(ids))
            return "TemplateProcessing.special_tokens lacks a token of single";
        json_array_foreach(ids, k, id)
        {
            const char *why = json_is_integer(id) ? put_around(l, a, behind, json_integer_value(id))
                                                  : "an id that is no "
                                                    "number";
            if (why)
                return why;
        }
    }
    return behind == 1 ? NULL : "TemplateProcessing.single does not name the text";
}

/* Reads [name, id], as the processors of BERT and RoBERTa have it. */
static const char *use_pair(struct loader *l, struct around *a, int behind, const json_t *v)
{
    const json_t *id = json_array_get(v, 1);
    return json_is_integer(id) ? put_around(l, a, behind, json_integer_value(id))
                               : "cls or sep is not a name and an id";
}

/* Returns NULL, or the reason why the processor is not supported. */
static const char *use_processor(struct loader *l, struct around *a, const json_t *v, int depth)
{
    const json_t *list = json_object_get(v, "processors"), *one;
    const char *why = NULL;
    size_t i;
    if (is_absent(v) || is_type(v, "ByteLevel"))
        return NULL;
    if (is_type(v, "Sequence") && json_is_array(list) && depth < 8) {
        json_array_foreach(list, i, one) if (!why) why = use_processor(l, a, one, depth + 1);
        return why;
    }
    if (a->n[0] + a->n[1] > 0)
        return "two processors that put ids around a text";
    if (is_type(v, "TemplateProcessing"))
        return use_template(l, a, v);
    if (!is_type(v, "BertProcessing") && !is_type(v, "RobertaProcessing"))
        return "only TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel and Sequence are "
               "supported";
    why = use_pair(l, a, 0, json_object_get(v, "cls"));
    return why ? why : use_pair(l, a, 1, json_object_get(v, "sep"));
}

void load_post_processor(struct loader *l)
{
    struct around a = {0};
    const char *why = use_processor(l, &a, json_object_get(l->root, "post_processor"), 0);
    l->t->before = a.v[0];
    l->t->after = a.v[1];
    l->t->n_before = why ? 0 : a.n[0];
    l->t->n_after = why ? 0 : a.n[1];
    l->t->post_refused = why ? xstrdup(why) : NULL;
}
