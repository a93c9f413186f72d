#include "pipeline/media/codes.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "formats/docs.h"
#include "formats/json_lenient.h"
#include "pipeline/lib/fs.h"
#include "pipeline/media/picture.h"

/* Adds the whole number v, which must be below `below`, as code base + v. */
static int add(struct code_list *out, const json_t *v, uint32_t below, uint32_t base, const char *field,
               char *err, size_t cap)
{
    if (!json_is_integer(v))
        return media_fail(err, cap, "\"%s\": element %zu is not a whole number", field, out->n);
    json_int_t code = json_integer_value(v);
    if (code < 0 || code >= below)
        return media_fail(err, cap, "\"%s\": %lld is not a code from 0 to %u", field, (long long)code,
                          below - 1);
    out->v[out->n++] = (uint16_t)(base + (uint32_t)code);
    return 0;
}

/* Reads one array for each level, all equally long; the codes are stored frame after frame, with the levels
 * of a frame together. */
static int add_levels(const struct modality *m, json_t *array, struct code_list *out, char *err, size_t cap)
{
    size_t levels = json_array_size(array), frames = json_array_size(json_array_get(array, 0));
    uint32_t size = m->n_codes / m->n_levels;
    if (levels > m->n_levels)
        return media_fail(err, cap, "\"%s\": %zu levels, not 1 to %u", m->codes_field, levels, m->n_levels);
    for (size_t l = 0; l < levels; l++)
        if (!json_is_array(json_array_get(array, l)) || json_array_size(json_array_get(array, l)) != frames)
            return media_fail(err, cap, "\"%s\": its levels are not arrays of the same length",
                              m->codes_field);
    out->v = xmalloc((levels * frames + 1) * sizeof *out->v);
    for (size_t f = 0; f < frames; f++)
        for (size_t l = 0; l < levels; l++)
            if (add(out, json_array_get(json_array_get(array, l), f), size, (uint32_t)l * size,
                    m->codes_field, err, cap) != 0)
                return -1;
    return 0;
}

/* Reads numbers, or rows of numbers, in their order. */
static int add_plain(const struct modality *m, json_t *array, struct code_list *out, char *err, size_t cap)
{
    size_t i, k, n = 0;
    json_t *row, *v;
    json_array_foreach(array, i, row) n += json_is_array(row) ? json_array_size(row) : 1;
    out->v = xmalloc((n + 1) * sizeof *out->v);
    json_array_foreach(array, i, row)
    {
        if (!json_is_array(row) && add(out, row, m->n_codes, 0, m->codes_field, err, cap) != 0)
            return -1;
        if (!json_is_array(row))
            continue;
        json_array_foreach(row, k,
                           v) if (add(out, v, m->n_codes, 0, m->codes_field, err, cap) != 0) return -1;
    }
    return 0;
}

static int take(const struct modality *m, json_t *root, struct code_list *out, char **text, size_t *text_len,
                char *err, size_t cap)
{
    json_t *codes = json_object_get(root, m->codes_field), *t = json_object_get(root, "text");
    if (!json_is_object(root))
        return media_fail(err, cap, "not a JSON object");
    if (!json_is_array(codes))
        return media_fail(err, cap, "no array \"%s\"", m->codes_field);
    if (json_array_size(codes) == 0)
        return media_fail(err, cap, "\"%s\" is empty", m->codes_field);
    if (t && !json_is_null(t) && !json_is_string(t))
        return media_fail(err, cap, "field \"text\" is not a string");
    bool levels = m->n_levels > 1 && json_is_array(json_array_get(codes, 0));
    if ((levels ? add_levels : add_plain)(m, codes, out, err, cap) != 0)
        return -1;
    if (json_is_string(t) && json_string_length(t) > 0) {
        *text_len = json_string_length(t);
        *text = xmalloc(*text_len);
        memcpy(*text, json_string_value(t), *text_len);
    }
    return 0;
}

int codes_parse(const struct modality *m, const char *json, size_t len, struct code_list *out, char **text,
                size_t *text_len, char *err, size_t cap)
{
    json_error_t where;
    *out = (struct code_list){0};
    *text = NULL;
    if (doc_too_many_values(json, len))
        return media_fail(err, cap, "more than %d values in a document", DOC_MAX_VALUES);
    json_t *root = json_load_lenient(json, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, 0, &where, NULL);
    if (!root)
        return media_fail(err, cap, "byte %d: invalid JSON: %s", where.position, where.text);
    int r = take(m, root, out, text, text_len, err, cap);
    json_decref(root);
    if (r != 0) {
        free(out->v);
        *out = (struct code_list){0};
    }
    return r;
}
