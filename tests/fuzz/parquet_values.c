/*
 * the values of a Parquet page in every encoding, and its codecs: whatever the bytes, values come out that
 * are within memory, or an error
 */
#include "formats/parquet/codec.h"
#include "formats/parquet/values.h"

#include "tests/fuzz/fuzz.h"

enum { MAX_VALUES = 4096, MAX_CONTENT = 1 << 16 };

/* Memory of exactly this size, so that a byte too many is seen. */
static uint8_t *exact(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    MUST(copy);
    memcpy(copy, bytes, n);
    return copy;
}

static void read_values(struct values *v)
{
    unsigned sum = 0;
    for (int i = 0; i < MAX_VALUES; i++) {
        const uint8_t *s;
        size_t n;
        v->why = NULL;
        int r = values_next(v, &s, &n);
        MUST(r == 0 || (r < 0 && v->why));
        if (r < 0)
            break;
        MUST(v->width == 0 || n == v->width);
        for (size_t at = 0; at < n; at++)
            sum += s[at];
    }
    MUST(sum + 1 != 0);
}

static void try_encoding(const struct parquet_element *e, int encoding, const uint8_t *bytes, size_t n,
                         const uint8_t *entries, size_t n_entries)
{
    struct memory m = {.limit = 1 << 20};
    struct values v = {.memory = &m};
    struct dictionary d = {0};
    const char *why;
    uint8_t *page = exact(bytes, n);
    MUST(buffer_reserve(&d.page, n_entries, &m) == 0);
    memcpy(d.page.s, entries, n_entries);
    if (dictionary_index(&d, e, (uint32_t)(n_entries / 4), n_entries, &m, &why) < 0)
        d.there = false;
    if (values_begin(&v, e, encoding, page, n, &d) == 0)
        read_values(&v);
    else
        MUST(v.why);
    dictionary_free(&d, &m);
    buffer_free(&v.last, &m);
    MUST(m.held == 0);
    free(page);
}

static void try_codec(int codec, const uint8_t *bytes, size_t n, size_t content)
{
    static struct codec_state *state;
    if (!state)
        state = codec_new();
    uint8_t *in = exact(bytes, n), *out = malloc(content ? content : 1);
    MUST(state && out);
    codec_decode(state, codec, in, n, out, content);
    free(in);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint8_t what = fuzz_choice(&bytes, &len), size = fuzz_choice(&bytes, &len);
    if (what & 0x80) {
        try_codec(what & 7, bytes, len, (size_t)size * size % MAX_CONTENT);
        return 0;
    }
    struct parquet_element e = {.type = (enum parquet_type)(what & 7), .type_length = 1 + size % 5};
    size_t n_entries = size < len ? size : len;
    try_encoding(&e, what >> 3 & 15, bytes + n_entries, len - n_entries, bytes, n_entries);
    return 0;
}
