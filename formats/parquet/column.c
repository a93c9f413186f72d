#include "formats/parquet/column.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum {
    WINDOW = 256 << 10,    /* bytes read at once */
    MAX_HEADER = 16 << 20, /* bytes of a page header, whose statistics may hold two values */
    KEEP = 4 << 20,        /* a larger buffer for compressed bytes is freed after the page */
};

int column_fail(struct column *c, int code, const char *why)
{
    return fault_set(&c->shared->fault, code, c->page_offset, "column %s: %s", c->name, why);
}

int column_no_room(struct column *c, int code, const char *what, uint64_t n)
{
    char long_what[COLUMN_NAME + 40];
    snprintf(long_what, sizeof long_what, "column %s: %s", c->name, what);
    return fault_memory(&c->shared->fault, code, &c->shared->memory, c->page_offset, long_what, n);
}

int column_init(struct column *c, struct shared *s, const struct parquet_element *e,
                const struct parquet_element *list, const char *name, const char *join)
{
    *c = (struct column){.shared = s, .element = e, .list = list, .join = join};
    snprintf(c->name, sizeof c->name, "%s", name);
    c->values.memory = &s->memory;
    const char *why = text_refused(e);
    if (!why && e->max_rep > (list != NULL) && !join)
        why = "it is a list, and nothing is said to join its values with";
    return why ? column_fail(c, PARQUET_EUNSUPPORTED, why) : 0;
}

void column_free(struct column *c)
{
    struct memory *m = &c->shared->memory;
    buffer_free(&c->window, m);
    buffer_free(&c->page, m);
    buffer_free(&c->joined, m);
    buffer_free(&c->parts, m);
    buffer_free(&c->values.last, m);
    dictionary_free(&c->dictionary, m);
}

int column_begin(struct column *c, const struct parquet_chunk *chunk)
{
    c->chunk = *chunk;
    c->page_offset = chunk->said_at;
    if (chunk->refused)
        return column_fail(c, PARQUET_EFORMAT, chunk->refused);
    const char *why = codec_refused(chunk->codec);
    if (why)
        return column_fail(c, PARQUET_EUNSUPPORTED, why);
    c->next = chunk->offset;
    c->end = chunk->offset + chunk->bytes;
    c->values_left = chunk->values;
    c->window_n = 0;
    c->page_left = 0;
    c->peeked = false;
    c->dictionary.there = false;
    return 0;
}

/* --- bytes of the file
 * ----------------------------------------------------------------------------------------- */

static int read_file(struct column *c, uint64_t offset, void *to, size_t n)
{
    struct shared *s = c->shared;
    int64_t r = s->io.read_at(s->io.ctx, offset, to, n);
    if (r < 0)
        return fault_set(&s->fault, PARQUET_ESYS, offset, "cannot read: %s", strerror((int)-r));
    if ((uint64_t)r != n)
        return fault_set(&s->fault, PARQUET_EFORMAT, offset + (uint64_t)r, "the file has become shorter");
    s->bytes_read += n;
    return 0;
}

/* Returns how many bytes the window holds from c->next on; *at points to them. */
static size_t in_window(const struct column *c, const uint8_t **at)
{
    uint64_t skip = c->next - c->window_offset;
    if (c->next < c->window_offset || skip >= c->window_n)
        return 0;
    *at = c->window.s + skip;
    return c->window_n - (size_t)skip;
}

/* Moves the window to c->next, so that it holds n bytes, or all bytes up to the chunk's end. */
static int fill_window(struct column *c, size_t n)
{
    const uint8_t *at = NULL;
    size_t have = in_window(c, &at);
    uint64_t left = c->end - c->next;
    if (n < WINDOW)
        n = WINDOW;
    if (n > left)
        n = (size_t)left;
    if (have >= n)
        return 0;
    if (have > 0)
        memmove(c->window.s, at, have);
    int r = buffer_grow(&c->window, n, &c->shared->memory);
    if (r < 0)
        return column_no_room(c, r, "a page header", n);
    c->window_offset = c->next;
    c->window_n = have;
    r = read_file(c, c->next + have, c->window.s + have, n - have);
    if (r == 0)
        c->window_n = n;
    return r;
}

/* Copies n bytes from c->next on and moves past them. */
static int copy_bytes(struct column *c, uint8_t *to, size_t n)
{
    const uint8_t *at = NULL;
    size_t have = in_window(c, &at);
    if (have > n)
        have = n;
    if (have > 0)
        memcpy(to, at, have);
    c->next += have;
    if (have == n)
        return 0;
    int r = read_file(c, c->next, to + have, n - have);
    c->next += n - have;
    return r;
}

/* --- pages
 * ----------------------------------------------------------------------------------------------------- */

/* Parses the header from the bytes in the window; as long as the header is cut, reads more of the file and
 * tries again. */
static int read_header(struct column *c, struct page_header *h)
{
    uint64_t left = c->end - c->next;
    c->page_offset = c->next;
    for (;;) {
        const uint8_t *at = (const uint8_t *)""; /* an empty window holds a header that is cut */
        size_t have = in_window(c, &at);
        struct thrift t = thrift_over(at, have, c->next);
        page_header_read(&t, h);
        if (!t.why) {
            c->next += (uint64_t)(t.at - t.start);
            break;
        }
        if (!t.cut || have == left)
            return fault_set(&c->shared->fault, PARQUET_EFORMAT, thrift_offset(&t),
                             "column %s: page header: %s", c->name, t.why);
        if (have >= MAX_HEADER)
            return column_fail(c, PARQUET_ELIMIT, "a page header longer than 16 MiB");
        int r = fill_window(c, have * 2);
        if (r < 0)
            return r;
    }
    if (h->stored > c->end - c->next)
        return column_fail(c, PARQUET_EFORMAT, "a page reaches beyond the column's end");
    return 0;
}

/* Finds the page's bytes as they are stored: in the window, or read into shared->stored. */
static int stored_bytes(struct column *c, const struct page_header *h, const uint8_t **bytes)
{
    struct shared *s = c->shared;
    if (in_window(c, bytes) >= h->stored) {
        c->next += h->stored;
        return 0;
    }
    int r = buffer_reserve(&s->stored, h->stored, &s->memory);
    if (r < 0)
        return column_no_room(c, r, "a page", h->stored);
    *bytes = s->stored.s;
    return copy_bytes(c, s->stored.s, h->stored);
}

/* Decompresses a page. The levels of a PAGE_DATA_V2 come first and are never compressed. */
static const char *decode(struct column *c, const struct page_header *h, const uint8_t *stored, uint8_t *out)
{
    size_t plain = h->type == PAGE_DATA_V2 ? h->rep_bytes + h->def_bytes : 0;
    int codec = h->type == PAGE_DATA_V2 && !h->compressed ? CODEC_UNCOMPRESSED : c->chunk.codec;
    if (h->has_crc && crc32_z(0, stored, h->stored) != h->crc)
        return "a page's checksum is wrong";
    if (plain > 0)
        memcpy(out, stored, plain);
    return codec_decode(c->shared->codec, codec, stored + plain, h->stored - plain, out + plain,
                        h->bytes - plain);
}

/* Reads and decompresses the page into *to. */
static int load_page(struct column *c, const struct page_header *h, struct buffer *to)
{
    struct shared *s = c->shared;
    const uint8_t *stored = NULL;
    int r = buffer_reserve(to, h->bytes, &s->memory);
    if (r < 0)
        return column_no_room(c, r, "a page", h->bytes);
    r = stored_bytes(c, h, &stored);
    const char *why = r == 0 ? decode(c, h, stored, to->s) : NULL;
    if (s->stored.cap > KEEP)
        buffer_free(&s->stored, &s->memory);
    if (!why)
        return r;
    return fault_set(&s->fault, PARQUET_EFORMAT, c->page_offset,
                     "column %s: cannot decompress a page (%s): %s", c->name,
                     parquet_codec_name(c->chunk.codec), why);
}

static int load_dictionary(struct column *c, const struct page_header *h)
{
    const char *why;
    if (c->dictionary.there)
        return column_fail(c, PARQUET_EFORMAT, "a second dictionary");
    if (h->encoding != ENCODING_PLAIN && h->encoding != ENCODING_PLAIN_DICTIONARY)
        return column_fail(c, PARQUET_EUNSUPPORTED, "a dictionary in an encoding that is not PLAIN");
    int r = load_page(c, h, &c->dictionary.page);
    if (r < 0)
        return r;
    r = dictionary_index(&c->dictionary, c->element, h->n_values, h->bytes, &c->shared->memory, &why);
    return r < 0 ? column_fail(c, r, why) : 0;
}

/* Begins the levels of a version 1 page: their length in four bytes, then runs. Moves *at past them. */
static int begin_levels_v1(struct column *c, struct levels *l, int max, int encoding, const uint8_t **at,
                           const uint8_t *end)
{
    uint32_t n;
    l->at = l->n = 0;
    if (max == 0)
        return 0;
    if (encoding != ENCODING_RLE)
        return column_fail(c, PARQUET_EUNSUPPORTED, "levels in an encoding that is not RLE");
    if (end - *at < 4)
        return column_fail(c, PARQUET_EFORMAT, "a page ends within its levels");
    memcpy(&n, *at, 4);
    if (n > (size_t)(end - *at) - 4)
        return column_fail(c, PARQUET_EFORMAT, "a page's levels are longer than the page");
    rle_begin(&l->rle, *at + 4, n, 32 - (unsigned)__builtin_clz((unsigned)max));
    *at += 4 + n;
    return 0;
}

static void begin_levels_v2(struct levels *l, int max, const uint8_t *at, uint32_t n)
{
    l->at = l->n = 0;
    if (max > 0)
        rle_begin(&l->rle, at, n, 32 - (unsigned)__builtin_clz((unsigned)max));
}

static int begin_data(struct column *c, const struct page_header *h)
{
    const struct parquet_element *e = c->element;
    if (h->n_values > c->values_left)
        return column_fail(c, PARQUET_EFORMAT, "its pages have more values than the row group says");
    int r = load_page(c, h, &c->page);
    const uint8_t *at = c->page.s, *end = at + h->bytes;
    if (r == 0 && h->type == PAGE_DATA_V2) {
        begin_levels_v2(&c->rep, e->max_rep, at, h->rep_bytes);
        begin_levels_v2(&c->def, e->max_def, at + h->rep_bytes, h->def_bytes);
        at += h->rep_bytes + h->def_bytes;
    } else if (r == 0) {
        r = begin_levels_v1(c, &c->rep, e->max_rep, h->rep_encoding, &at, end);
        if (r == 0)
            r = begin_levels_v1(c, &c->def, e->max_def, h->def_encoding, &at, end);
    }
    if (r < 0)
        return r;
    r = values_begin(&c->values, e, h->encoding, at, (size_t)(end - at), &c->dictionary);
    if (r < 0)
        return column_fail(c, r, c->values.why);
    c->values_left -= h->n_values;
    c->page_left = h->n_values;
    return 0;
}

int column_next_page(struct column *c)
{
    while (c->page_left == 0) {
        struct page_header h;
        if (c->values_left == 0)
            return 0;
        if (c->next == c->end)
            return column_fail(c, PARQUET_EFORMAT, "its pages have fewer values than the row group says");
        int r = read_header(c, &h);
        if (r == 0 && (h.type == PAGE_DATA || h.type == PAGE_DATA_V2))
            r = begin_data(c, &h);
        else if (r == 0 && h.type == PAGE_DICTIONARY)
            r = load_dictionary(c, &h);
        else if (r == 0)
            c->next += h.stored; /* this kind of page holds no values */
        if (r < 0)
            return r;
    }
    return 1;
}
