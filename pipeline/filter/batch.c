#include "pipeline/filter/batch.h"

#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

static ssize_t append(void *lines, const char *bytes, size_t n)
{
    strbuf_add(lines, bytes, n);
    return (ssize_t)n;
}

static void empty(struct strbuf *b)
{
    if (b->cap > BATCH_KEPT)
        strbuf_free(b);
    else
        strbuf_reset(b);
}

struct batch *batch_new(void)
{
    struct batch *b = xcalloc(1, sizeof *b);
    b->f = fopencookie(&b->lines, "w", (cookie_io_functions_t){.write = append});
    if (!b->f)
        die("out of memory");
    return b;
}

void batch_free(struct batch *b)
{
    fclose(b->f);
    strbuf_free(&b->lines);
    strbuf_free(&b->bytes);
    free(b);
}

void batch_empty(struct batch *b)
{
    b->n = 0;
    b->replaced = 0;
    empty(&b->bytes);
    empty(&b->lines);
}

bool batch_is_full(const struct batch *b)
{
    return b->n == BATCH_DOCS || b->bytes.len >= BATCH_BYTES;
}

void batch_add(struct batch *b, const struct doc *d, uint64_t number)
{
    struct batch_doc *to = &b->docs[b->n++];
    *to = (struct batch_doc){
        .text_at = b->bytes.len, .text_len = d->len, .number = number, .domain = d->domain};
    strbuf_add(&b->bytes, d->text, d->len);
    to->id_at = b->bytes.len;
    strbuf_add(&b->bytes, d->id, strlen(d->id) + 1);
}

static void write_line(struct batch *b, struct batch_doc *d)
{
    struct doc doc = {.text = d->judgement.text.s,
                      .len = d->judgement.text.len,
                      .id = b->bytes.s + d->id_at,
                      .domain = d->domain};
    d->line_at = b->lines.len;
    if (doc_write(b->f, &doc, &b->replaced) != 0 || fflush(b->f) != 0)
        die("%s: cannot be written to memory", doc.id);
    d->line_len = b->lines.len - d->line_at;
}

void batch_judge(struct batch *b, struct judge *j, const struct law *law)
{
    for (size_t i = 0; i < b->n; i++) {
        struct batch_doc *d = &b->docs[i];
        d->judgement = judge_document(j, law, (struct span){b->bytes.s + d->text_at, d->text_len});
        d->judgement.keys.number = d->number;
        if (d->judgement.verdict.rule == RULE_KEEP || law->options->explain)
            write_line(b, d);
    }
}
