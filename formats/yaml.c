#include "formats/yaml.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* libyaml takes time that grows with the square of the depth of brackets and of the number of anchors, so
 * both have bounds; PART bytes of the text are parsed before the depth is looked at again. Aliases may repeat
 * nodes, and even hold themselves. */
enum { MAX_TEXT = 256 << 10, MAX_DEPTH = 64, MAX_NODES = 1 << 20, PART = 256 };
static const char too_large[] = "too large or too deep";

struct conversion {
    yaml_document_t *document;
    size_t nodes;
    char *why;
    size_t cap;
};

static json_t *bad(struct conversion *c, const yaml_node_t *node, const char *reason)
{
    snprintf(c->why, c->cap, "line %zu: %s", node ? node->start_mark.line + 1 : 1, reason);
    return NULL;
}

static json_t *convert(struct conversion *c, int id, int depth);

static json_t *convert_list(struct conversion *c, const yaml_node_t *node, int depth)
{
    json_t *list = json_array();
    for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++)
        if (json_array_append_new(list, convert(c, *i, depth)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *convert_mapping(struct conversion *c, const yaml_node_t *node, int depth)
{
    json_t *object = json_object();
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
        json_t *key = convert(c, p->key, depth), *value = key ? convert(c, p->value, depth) : NULL;
        if (key && !json_is_string(key))
            bad(c, yaml_document_get_node(c->document, p->key), "a key that is not a text");
        int failed =
            !value || !json_is_string(key) || json_object_set(object, json_string_value(key), value) != 0;
        json_decref(key);
        json_decref(value);
        if (failed) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *convert(struct conversion *c, int id, int depth)
{
    yaml_node_t *node = yaml_document_get_node(c->document, id);
    if (!node || depth > MAX_DEPTH || c->nodes++ > MAX_NODES)
        return bad(c, node, too_large);
    if (node->type == YAML_SEQUENCE_NODE)
        return convert_list(c, node, depth + 1);
    if (node->type == YAML_MAPPING_NODE)
        return convert_mapping(c, node, depth + 1);
    json_t *s = json_stringn((const char *)node->data.scalar.value, node->data.scalar.length);
    return s ? s : bad(c, node, "not a text");
}

struct source { /* what is left of the text */
    const yaml_parser_t *parser;
    const char *s;
    size_t left;
};

static int next_part(void *source, unsigned char *to, size_t room, size_t *n)
{
    struct source *from = source;
    *n = room < PART ? room : PART;
    *n = from->left < *n ? from->left : *n;
    if (from->parser->flow_level > MAX_DEPTH)
        return 0;
    memcpy(to, from->s, *n);
    from->s += *n;
    from->left -= *n;
    return 1;
}

json_t *yaml_json(const char *text, size_t len, char *why, size_t cap)
{
    yaml_parser_t parser;
    yaml_document_t document;
    json_t *j = NULL;
    snprintf(why, cap, "%s", len > MAX_TEXT ? too_large : "no memory");
    if (len > MAX_TEXT || !yaml_parser_initialize(&parser))
        return NULL;
    struct source source = {&parser, text, len};
    yaml_parser_set_input(&parser, next_part, &source);
    if (yaml_parser_load(&parser, &document)) {
        struct conversion c = {.document = &document, .why = why, .cap = cap};
        if (yaml_document_get_root_node(&document))
            j = convert(&c, 1, 0);
        else
            snprintf(why, cap, "empty");
        yaml_document_delete(&document);
    } else if (parser.flow_level > MAX_DEPTH) {
        snprintf(why, cap, "line %zu: %s", parser.mark.line + 1, too_large);
    } else {
        snprintf(why, cap, "line %zu: %s", parser.problem_mark.line + 1,
                 parser.problem ? parser.problem : "");
    }
    yaml_parser_delete(&parser);
    return j;
}
