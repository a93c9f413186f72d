#include "pipeline/tokenize/rows.h"

#include <stdlib.h>
#include <string.h>

static void add_number(struct strbuf *s, int64_t v, bool first)
{
    char digits[24], *p = digits + sizeof digits;
    uint64_t u = v < 0 ? (uint64_t)-v : (uint64_t)v;
    do
        *--p = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        *--p = '-';
    if (!first)
        *--p = ',';
    strbuf_add(s, p, (size_t)(digits + sizeof digits - p));
}

enum field { INPUT_IDS, ATTENTION_MASK, LABELS };

static void add_row(struct strbuf *s, const struct rows *r, size_t row, size_t width, enum field field)
{
    size_t from = row ? r->ends[row - 1] : 0, n = r->ends[row] - from, gap = r->left ? width - n : 0;
    strbuf_add(s, "[", 1);
    for (size_t i = 0; i < width; i++) {
        bool token = i >= gap && i - gap < n;
        int64_t id = token             ? (int64_t)r->ids[from + i - gap]
                     : field == LABELS ? (int64_t)ROWS_IGNORED
                                       : (int64_t)r->pad;
        add_number(s, field == ATTENTION_MASK ? token : id, i == 0);
    }
    strbuf_add(s, "]", 1);
}

static void write_batch(struct rows *r)
{
    static const char *const names[] = {"{\"input_ids\":[", "],\"attention_mask\":[", "],\"labels\":["};
    struct strbuf s = {0};
    size_t width = r->length;
    for (size_t i = 0; i < r->n && !r->length; i++) {
        size_t n = r->ends[i] - (i ? r->ends[i - 1] : 0);
        width = n > width ? n : width;
    }
    for (enum field f = INPUT_IDS; f <= LABELS; f++) {
        strbuf_addf(&s, "%s", names[f]);
        for (size_t i = 0; i < r->n; i++) {
            if (i)
                strbuf_add(&s, ",", 1);
            add_row(&s, r, i, width, f);
        }
    }
    strbuf_add(&s, "]}\n", 3);
    r->write(r->arg, s.s, s.len);
    strbuf_free(&s);
    r->n = r->n_ids = 0;
}

void rows_add(struct rows *r, const uint32_t *ids, size_t n, bool last)
{
    if (!r->ends)
        r->ends = xcalloc(r->batch, sizeof *r->ends);
    size_t from = r->n ? r->ends[r->n - 1] : 0;
    if (r->n_ids + n + 1 > r->cap) {
        r->cap = (r->n_ids + n + 1) * 3 / 2;
        r->ids = xrealloc(r->ids, r->cap * sizeof *r->ids);
    }
    if (n > 0)
        memcpy(r->ids + r->n_ids, ids, n * sizeof *ids);
    r->n_ids += n;
    bool cut = r->length && r->n_ids - from >= r->length; /* EOS has no room, or will have none */
    if (cut && r->n_ids - from > r->length)
        r->n_ids = from + r->length; /* enough to know; memory stays that of a row */
    if (!last)
        return;
    r->truncated += cut;
    if (cut)
        r->n_ids = from + r->length - 1;
    r->ids[r->n_ids++] = r->eos;
    r->ends[r->n++] = r->n_ids;
    if (r->n == r->batch)
        write_batch(r);
}

void rows_end(struct rows *r)
{
    if (r->n)
        write_batch(r);
    free(r->ids);
    free(r->ends);
    r->ids = NULL;
    r->ends = NULL;
    r->cap = 0;
}
