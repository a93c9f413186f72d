#include "pipeline/filter/batch.h"

#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

static void open_lines(struct batch *b)
{
    b->f = open_memstream(&b->lines, &b->lines_size);
    if (!b->f)
        die_errno("cannot write to memory");
}

static void close_lines(struct batch *b)
{
    fclose(b->f);
    free(b->lines);
    b->lines = NULL;
    b->lines_size = 0;
}

struct batch *batch_new(void)
{
    struct batch *b = xcalloc(1, sizeof *b);
    open_lines(b);
    return b;
}

void batch_free(struct batch *b)
{
    close_lines(b);
    strbuf_free(&b->bytes);
    free(b);
}

void batch_empty(struct batch *b)
{
    b->n = 0;
    b->replaced = 0;
    if (b->bytes.cap > BATCH_KEPT)
        strbuf_free(&b->bytes);
    else
        strbuf_reset(&b->bytes);
    if (b->lines_size > BATCH_KEPT) {
        close_lines(b);
        open_lines(b);
    }
    rewind(b->f);
}

bool batch_is_full(const struct batch *b)
{
    return b->n == BATCH_DOCS || b->bytes.len >= BATCH_BYTES;
}

void batch_add(struct batch *b, const struct doc *d)
{
    struct batch_doc *to = &b->docs[b->n++];
    *to = (struct batch_doc){.text_at = b->bytes.len, .text_len = d->len, .domain = d->domain};
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
    off_t from = ftello(b->f);
    if (doc_write(b->f, &doc, &b->replaced) != 0)
        die("out of memory");
    d->line_at = (size_t)from;
    d->line_len = (size_t)(ftello(b->f) - from);
}

void batch_judge(struct batch *b, struct judge *j, const struct law *law)
{
    for (size_t i = 0; i < b->n; i++) {
        struct batch_doc *d = &b->docs[i];
        d->judgement = judge_document(j, law, (struct span){b->bytes.s + d->text_at, d->text_len});
        if (d->judgement.verdict.rule == RULE_KEEP || law->options->explain)
            write_line(b, d);
    }
    if (fflush(b->f) != 0)
        die("out of memory");
}
