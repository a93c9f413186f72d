#include "formats/parquet/values.h"

#include "formats/parquet/page.h"

#include <string.h>

static const char ends[] = "the values end before the page's last one";

static int fail(struct values *v, const char *why)
{
    v->why = why;
    return PARQUET_EFORMAT;
}

static uint32_t little32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

size_t values_width(const struct parquet_element *e)
{
    switch (e->type) {
    case PARQUET_BOOLEAN:
        return 1;
    case PARQUET_INT32:
    case PARQUET_FLOAT:
        return 4;
    case PARQUET_INT64:
    case PARQUET_DOUBLE:
        return 8;
    case PARQUET_INT96:
        return 12;
    case PARQUET_FIXED:
        return (size_t)e->type_length;
    default:
        return 0;
    }
}

/* --- dictionaries
 * ---------------------------------------------------------------------------------------------- */

int dictionary_index(struct dictionary *d, const struct parquet_element *e, uint32_t n, size_t bytes,
                     struct memory *memory, const char **why)
{
    size_t width = values_width(e), at = 0;
    d->n = n;
    d->there = true;
    *why = "the dictionary is shorter than its values";
    if (e->type == PARQUET_BOOLEAN) {
        *why = "booleans have no dictionary";
        return PARQUET_EFORMAT;
    }
    if (n > bytes / (width ? width : 4))
        return PARQUET_EFORMAT;
    if (width)
        return 0;
    int r = buffer_reserve(&d->index, (size_t)n * sizeof(uint32_t), memory);
    if (r < 0) {
        *why = "the dictionary needs too much memory";
        return r;
    }
    uint32_t *index = (uint32_t *)d->index.s;
    for (uint32_t i = 0; i < n; i++) {
        if (bytes - at < 4 || little32(d->page.s + at) > bytes - at - 4)
            return PARQUET_EFORMAT;
        index[i] = (uint32_t)at + 4;
        at += 4 + little32(d->page.s + at);
    }
    return 0;
}

void dictionary_free(struct dictionary *d, struct memory *memory)
{
    buffer_free(&d->page, memory);
    buffer_free(&d->index, memory);
    *d = (struct dictionary){0};
}

/* --- the beginning of a page
 * ----------------------------------------------------------------------------------- */

static int begin_dictionary(struct values *v)
{
    if (!v->dictionary->there)
        return fail(v, "its values are in a dictionary that is not there");
    unsigned width = v->at < v->end ? *v->at++ : 0; /* when all values are null the byte may be missing */
    if (width > 32)
        return fail(v, "dictionary indices wider than 32 bits");
    rle_begin(&v->rle, v->at, (size_t)(v->end - v->at), width);
    return 0;
}

static int begin_booleans(struct values *v)
{
    if ((size_t)(v->end - v->at) < 4 || little32(v->at) > (size_t)(v->end - v->at) - 4) {
        if (v->at < v->end)
            return fail(v, "its booleans are longer than the page");
        rle_begin(&v->rle, v->at, 0, 1);
        return 0;
    }
    rle_begin(&v->rle, v->at + 4, little32(v->at), 1);
    return 0;
}

/* Begins the differences at the front of the page; the bytes after them remain as the page's rest. */
static int begin_delta(struct values *v, struct delta *d)
{
    size_t n = (size_t)(v->end - v->at);
    if (n == 0) {
        *d = (struct delta){0};
        return 0;
    }
    const uint8_t *end = delta_begin(d, v->at, n) == 0 ? delta_end(d) : NULL;
    if (!end)
        return fail(v, "damaged differences");
    d->end = v->at = end;
    return 0;
}

int values_begin(struct values *v, const struct parquet_element *e, int encoding, const uint8_t *bytes,
                 size_t n, const struct dictionary *dictionary)
{
    v->type = e->type;
    v->encoding = encoding == ENCODING_PLAIN_DICTIONARY ? ENCODING_RLE_DICTIONARY : encoding;
    v->width = values_width(e);
    v->at = bytes;
    v->end = bytes + n;
    v->n = v->batch_at = v->batch_n = v->last_len = 0;
    v->dictionary = dictionary;
    bool integers = e->type == PARQUET_INT32 || e->type == PARQUET_INT64;
    bool strings = e->type == PARQUET_BYTE_ARRAY;
    if (v->encoding == ENCODING_PLAIN)
        return 0;
    if (v->encoding == ENCODING_RLE_DICTIONARY)
        return begin_dictionary(v);
    if (v->encoding == ENCODING_RLE && e->type == PARQUET_BOOLEAN)
        return begin_booleans(v);
    if (v->encoding == ENCODING_DELTA_BINARY_PACKED && integers)
        return begin_delta(v, &v->lengths);
    if (v->encoding == ENCODING_DELTA_LENGTH_BYTE_ARRAY && strings)
        return begin_delta(v, &v->lengths);
    if (v->encoding == ENCODING_DELTA_BYTE_ARRAY && (strings || e->type == PARQUET_FIXED)) {
        int r = begin_delta(v, &v->prefixes);
        return r < 0 ? r : begin_delta(v, &v->lengths);
    }
    if (v->encoding == ENCODING_BYTE_STREAM_SPLIT && v->width > 1 && e->type != PARQUET_INT96) {
        v->n_split = n / v->width;
        return n % v->width == 0 ? 0 : fail(v, "BYTE_STREAM_SPLIT values of unequal lengths");
    }
    v->why =
        parquet_encoding_name(encoding) ? "an encoding that its type cannot have" : "an unknown encoding";
    return PARQUET_EFORMAT;
}

/* --- one value
 * ------------------------------------------------------------------------------------------------- */

static int next_plain(struct values *v, const uint8_t **s, size_t *len)
{
    size_t left = (size_t)(v->end - v->at);
    if (v->type == PARQUET_BOOLEAN) {
        if (v->n / 8 >= left)
            return fail(v, ends);
        v->scratch[0] = v->at[v->n / 8] >> (v->n % 8) & 1;
        *s = v->scratch;
        *len = 1;
        return 0;
    }
    size_t n = v->width;
    if (n == 0) {
        if (left < 4)
            return fail(v, ends);
        n = little32(v->at);
        v->at += 4;
        left -= 4;
    }
    if (n > left)
        return fail(v, v->width ? ends : "a string is longer than the page");
    *s = v->at;
    *len = n;
    v->at += n;
    return 0;
}

static int next_in_runs(struct values *v, uint32_t *out)
{
    if (v->batch_at == v->batch_n) {
        v->batch_at = 0;
        v->batch_n = rle_read(&v->rle, v->batch, VALUES_BATCH);
        if (v->batch_n == 0)
            return fail(v, ends);
    }
    *out = v->batch[v->batch_at++];
    return 0;
}

static int next_in_dictionary(struct values *v, const uint8_t **s, size_t *len)
{
    const struct dictionary *d = v->dictionary;
    uint32_t i;
    if (next_in_runs(v, &i) < 0)
        return PARQUET_EFORMAT;
    if (i >= d->n)
        return fail(v, "an index beyond the dictionary");
    if (v->width) {
        *s = d->page.s + (size_t)i * v->width;
        *len = v->width;
    } else {
        *s = d->page.s + ((const uint32_t *)d->index.s)[i];
        *len = little32(*s - 4);
    }
    return 0;
}

/* Reads a length from a list of differences and checks that it is possible. */
static int next_length(struct values *v, struct delta *d, size_t most, size_t *len)
{
    int64_t n;
    if (d->left == 0 || delta_next(d, &n) < 0)
        return fail(v, ends);
    if (n < 0 || (uint64_t)n > most)
        return fail(v, "a string is longer than the page");
    *len = (size_t)n;
    return 0;
}

static int next_delta_number(struct values *v, const uint8_t **s, size_t *len)
{
    int64_t n;
    if (v->lengths.left == 0 || delta_next(&v->lengths, &n) < 0)
        return fail(v, ends);
    memcpy(v->scratch, &n, 8); /* little-endian: the first four bytes are the 32-bit number */
    *s = v->scratch;
    *len = v->width;
    return 0;
}

static int next_delta_length(struct values *v, const uint8_t **s, size_t *len)
{
    if (next_length(v, &v->lengths, (size_t)(v->end - v->at), len) < 0)
        return PARQUET_EFORMAT;
    *s = v->at;
    v->at += *len;
    return 0;
}

/* A string is the beginning of the last one, followed by bytes of its own. */
static int next_delta_string(struct values *v, const uint8_t **s, size_t *len)
{
    const uint8_t *suffix;
    size_t prefix, n;
    if (next_length(v, &v->prefixes, v->last_len, &prefix) < 0 || next_delta_length(v, &suffix, &n) < 0)
        return PARQUET_EFORMAT;
    int r = buffer_grow(&v->last, prefix + n, v->memory);
    if (r < 0) {
        v->why = "a string needs too much memory";
        return r;
    }
    memcpy(v->last.s + prefix, suffix, n);
    *s = v->last.s;
    *len = v->last_len = prefix + n;
    return v->width && *len != v->width ? fail(v, "a value of another length than its column's") : 0;
}

static int next_split(struct values *v, const uint8_t **s, size_t *len)
{
    size_t n = v->n_split;
    if (v->n >= n)
        return fail(v, ends);
    int r = buffer_grow(&v->last, v->width, v->memory);
    if (r < 0) {
        v->why = "a value needs too much memory";
        return r;
    }
    for (size_t i = 0; i < v->width; i++)
        v->last.s[i] = v->at[i * n + v->n];
    *s = v->last.s;
    *len = v->width;
    return 0;
}

static int next_boolean(struct values *v, const uint8_t **s, size_t *len)
{
    uint32_t b;
    if (next_in_runs(v, &b) < 0)
        return PARQUET_EFORMAT;
    v->scratch[0] = b != 0;
    *s = v->scratch;
    *len = 1;
    return 0;
}

int values_next(struct values *v, const uint8_t **s, size_t *len)
{
    static int (*const next[])(struct values *, const uint8_t **, size_t *) = {
        [ENCODING_PLAIN] = next_plain,
        [ENCODING_RLE] = next_boolean,
        [ENCODING_DELTA_BINARY_PACKED] = next_delta_number,
        [ENCODING_DELTA_LENGTH_BYTE_ARRAY] = next_delta_length,
        [ENCODING_DELTA_BYTE_ARRAY] = next_delta_string,
        [ENCODING_RLE_DICTIONARY] = next_in_dictionary,
        [ENCODING_BYTE_STREAM_SPLIT] = next_split,
    };
    int r = next[v->encoding](v, s, len);
    v->n++;
    return r;
}
