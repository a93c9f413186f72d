#include "formats/parquet/page.h"

#include "formats/parquet/parquet.h"

static uint32_t read_size(struct thrift *t, const struct thrift_field *f)
{
    int32_t v = thrift_i32(t, f);
    if (v < 0)
        thrift_fail(t, "a size or count in the page's header is negative");
    return t->why ? 0 : (uint32_t)v;
}

/* DataPageHeader and DictionaryPageHeader begin alike; the third field of the latter is a boolean. */
static void read_v1(struct thrift *t, struct page_header *h)
{
    for (struct thrift_field f = {0}; thrift_field(t, &f);) {
        if (f.id == 1)
            h->n_values = read_size(t, &f);
        else if (f.id == 2)
            h->encoding = thrift_i32(t, &f);
        else if (f.id == 3 && f.type == THRIFT_I32)
            h->def_encoding = thrift_i32(t, &f);
        else if (f.id == 4)
            h->rep_encoding = thrift_i32(t, &f);
        else
            thrift_skip(t, &f);
    }
}

static void read_v2(struct thrift *t, struct page_header *h)
{
    h->compressed = true;
    h->def_encoding = h->rep_encoding = ENCODING_RLE;
    for (struct thrift_field f = {0}; thrift_field(t, &f);) {
        switch (f.id) {
        case 1:
            h->n_values = read_size(t, &f);
            break;
        case 4:
            h->encoding = thrift_i32(t, &f);
            break;
        case 5:
            h->def_bytes = read_size(t, &f);
            break;
        case 6:
            h->rep_bytes = read_size(t, &f);
            break;
        case 7:
            h->compressed = thrift_bool(t, &f);
            break;
        default:
            thrift_skip(t, &f);
        }
    }
}

/* Checks that the header which belongs to the page's type is present. */
static void check(struct thrift *t, const struct page_header *h, int described)
{
    int want = h->type == PAGE_DATA ? 5 : h->type == PAGE_DICTIONARY ? 7 : h->type == PAGE_DATA_V2 ? 8 : 0;
    if (want && want != described)
        thrift_fail(t, "the page's header does not describe its values");
    if (h->type == PAGE_DATA_V2 &&
        (uint64_t)h->rep_bytes + h->def_bytes > (h->bytes < h->stored ? h->bytes : h->stored))
        thrift_fail(t, "the page's levels are longer than the page");
}

void page_header_read(struct thrift *t, struct page_header *h)
{
    int described = 0;
    *h = (struct page_header){.type = -1, .encoding = -1};
    for (struct thrift_field f = {0}; thrift_field(t, &f);) {
        switch (f.id) {
        case 1:
            h->type = thrift_i32(t, &f);
            break;
        case 2:
            h->bytes = read_size(t, &f);
            break;
        case 3:
            h->stored = read_size(t, &f);
            break;
        case 4:
            h->crc = (uint32_t)thrift_i32(t, &f);
            h->has_crc = true;
            break;
        case 5:
        case 7:
        case 8:
            described = f.id;
            if (thrift_is_struct(t, &f) && f.id == 8)
                read_v2(t, h);
            else if (!t->why)
                read_v1(t, h);
            break;
        default:
            thrift_skip(t, &f);
        }
    }
    if (!t->why)
        check(t, h, described);
}

const char *parquet_encoding_name(int encoding)
{
    static const char *const names[] = {
        "PLAIN",
        NULL,
        "PLAIN_DICTIONARY",
        "RLE",
        "BIT_PACKED",
        "DELTA_BINARY_PACKED",
        "DELTA_LENGTH_BYTE_ARRAY",
        "DELTA_BYTE_ARRAY",
        "RLE_DICTIONARY",
        "BYTE_STREAM_SPLIT",
    };
    return encoding >= 0 && encoding < (int)(sizeof names / sizeof *names) ? names[encoding] : NULL;
}
