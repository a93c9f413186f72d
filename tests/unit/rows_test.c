/*
 * Padded batches against a plain reading of their JSON, and fill in the middle:
 * the pieces put together again are the document.
 */
#include <jansson.h>
#include <string.h>

#include "pipeline/tokenize/fim.h"
#include "pipeline/tokenize/rows.h"
#include "tests/check.h"

static struct strbuf out;

static void keep(void *arg, const char *s, size_t n)
{
    (void)arg;
    strbuf_add(&out, s, n);
}

enum { PAD = 900, EOS = 901, N = 7 };
static const size_t lengths[N] = {3, 0, 1, 9, 4, 5, 12};

/* Document i is 100 i, 100 i + 1, ...; given in pieces of two. */
static void give(struct rows *r)
{
    out.len = 0;
    for (size_t i = 0; i < N; i++) {
        uint32_t ids[16];
        for (size_t k = 0; k < lengths[i]; k++)
            ids[k] = (uint32_t)(100 * i + k);
        size_t at = 0;
        for (; lengths[i] - at > 2; at += 2)
            rows_add(r, ids + at, 2, false);
        rows_add(r, ids + at, lengths[i] - at, true);
    }
    rows_end(r);
}

static json_int_t at(json_t *batch, const char *field, size_t row, size_t i)
{
    return json_integer_value(json_array_get(json_array_get(json_object_get(batch, field), row), i));
}

static void check_row(json_t *batch, size_t row, size_t doc, size_t width, size_t length, bool left)
{
    size_t n = lengths[doc] + 1 > length && length ? length : lengths[doc] + 1, gap = left ? width - n : 0;
    CHECK(json_array_size(json_array_get(json_object_get(batch, "input_ids"), row)) == width, "width of %zu",
          doc);
    for (size_t i = 0; i < width; i++) {
        bool token = i >= gap && i < gap + n;
        json_int_t want = !token ? PAD : i == gap + n - 1 ? EOS : (json_int_t)(100 * doc + i - gap);
        CHECK(at(batch, "input_ids", row, i) == want, "document %zu, %zu", doc, i);
        CHECK(at(batch, "attention_mask", row, i) == token, "mask of document %zu, %zu", doc, i);
        CHECK(at(batch, "labels", row, i) == (token ? want : -100), "label of document %zu, %zu", doc, i);
    }
}

static void batches(size_t batch, size_t length, bool left)
{
    struct rows r = {.batch = batch, .length = length, .left = left, .pad = PAD, .eos = EOS, .write = keep};
    give(&r);
    char *line = out.s;
    size_t doc = 0, cut = 0;
    while (doc < N) {
        json_error_t e;
        json_t *b = json_loads(line, JSON_DISABLE_EOF_CHECK, &e);
        CHECK(b, "%s", e.text);
        size_t n = json_array_size(json_object_get(b, "input_ids")), width = length;
        CHECK(n == (N - doc < batch ? N - doc : batch), "%zu rows", n);
        for (size_t i = 0; i < n && !length; i++)
            width = lengths[doc + i] + 1 > width ? lengths[doc + i] + 1 : width;
        for (size_t i = 0; i < n; i++, doc++) {
            check_row(b, i, doc, width, length, left);
            cut += length && lengths[doc] + 1 > length;
        }
        json_decref(b);
        line = strchr(line, '\n') + 1;
    }
    CHECK(*line == '\0' && r.truncated == cut, "%llu truncated, not %zu", (unsigned long long)r.truncated,
          cut);
}

static void middle_is_cut_out(void)
{
    static const char text[] = "int na\xc3\xafve(void)\n{\n    return \xe4\xb8\xad + 1;\n}\n";
    size_t len = sizeof text - 1, cuts = 0, spm = 0, same = 0;
    enum { TRIES = 4000 };
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        struct fim_cut c, again;
        CHECK(!fim_choose(text, len, 0, seed, &c), "rate 0");
        if (!fim_choose(text, len, 0.5, seed, &c))
            continue;
        CHECK(fim_choose(text, len, 0.5, seed, &again) && again.from == c.from && again.to == c.to &&
                  again.spm == c.spm,
              "not the same again");
        CHECK(c.from <= c.to && c.to <= len, "%zu to %zu", c.from, c.to);
        for (size_t i = 0; i < 2; i++) {
            size_t k = i ? c.to : c.from;
            CHECK(k == len || ((unsigned char)text[k] & 0xc0) != 0x80, "cut within a character at %zu", k);
        }
        cuts++, spm += c.spm, same += c.from == 0;
    }
    CHECK(cuts > TRIES * 0.45 && cuts < TRIES * 0.55, "%zu of %d", cuts, (int)TRIES);
    CHECK(spm > cuts * 0.44 && spm < cuts * 0.56, "%zu of %zu", spm, cuts);
    CHECK(same < cuts / 5, "cuts are spread");
    struct fim_cut c;
    CHECK(fim_choose("", 0, 1, 0, &c) && c.to == 0, "empty");
    CHECK(fim_choose("\x80\x80\x80\x80\x80\x80", 6, 1, 3, &c) && c.to <= 6, "no UTF-8");
}

int main(void)
{
    test_begin(60);
    static const size_t widths[] = {0, 1, 2, 5, 10, 40};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        for (size_t batch = 1; batch < 9; batch += 2) {
            batches(batch, widths[i], false);
            batches(batch, widths[i], true);
        }
    middle_is_cut_out();
    strbuf_free(&out);
    printf("ok\n");
    return 0;
}
