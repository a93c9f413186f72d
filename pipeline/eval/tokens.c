#include "pipeline/eval/tokens.h"
#include "formats/json_text.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    SHADES = 11, /* of surprise: one for each nat, the last for all above */
    WHOLE_CHARACTER = 4,
};

extern const char _binary_pipeline_eval_tokens_html_start[], _binary_pipeline_eval_tokens_html_end[];

struct token_sink {
    struct commit commit;
    FILE *f;
    bool html, begun; /* begun: a document is being written */
    const char *path;
    char *data; /* owned: the source's name */
    const struct tokenizer *tok;
    uint64_t document;  /* of this source, from 0 on */
    struct strbuf part; /* bytes of tokens that do not end with a whole character yet */
    double part_loss;
    int part_tokens;
};

struct token_sink *token_sink_open(const char *path)
{
    struct token_sink *s = xcalloc(1, sizeof *s);
    size_t n = strlen(path);
    s->path = path;
    s->html = n > 5 && strcmp(path + n - 5, ".html") == 0;
    s->f = commit_open(&s->commit, path);
    const char *from = _binary_pipeline_eval_tokens_html_start;
    if (s->html)
        fwrite(from, 1, (size_t)(_binary_pipeline_eval_tokens_html_end - from), s->f);
    return s;
}

static void put_escaped(FILE *f, const char *s, size_t n)
{
    for (size_t i = 0, width; i < n; i += width ? width : 1) {
        width = utf8_char(s + i, n - i);
        if (width == 0)
            fputs("\xef\xbf\xbd", f);
        else if (strchr("<>&\"", s[i]) && s[i])
            fprintf(f, "&#%d;", s[i]);
        else
            fwrite(s + i, 1, width, f);
    }
}

/* Writes the tokens of `part` as one piece of text. */
static void put_part(struct token_sink *s)
{
    if (s->part_tokens == 0)
        return;
    if (!s->begun)
        fputs("<p>", s->f);
    s->begun = true;
    int shade = s->part_loss < SHADES - 1 ? (int)s->part_loss : SHADES - 1;
    fprintf(s->f, "<i class=s%d title=\"%.3f\">", shade < 0 ? 0 : shade, s->part_loss);
    put_escaped(s->f, s->part.s, s->part.len);
    fputs("</i>", s->f);
    strbuf_reset(&s->part);
    s->part_loss = 0;
    s->part_tokens = 0;
}

/* Whether bytes end within a character of UTF-8. */
static bool ends_inside(const char *s, size_t n)
{
    size_t back = 1;
    while (back < n && back < WHOLE_CHARACTER && (s[n - back] & 0xc0) == 0x80)
        back++;
    if (n < back || n == 0)
        return false;
    unsigned char lead = (unsigned char)s[n - back];
    size_t needed = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return needed > back;
}

static void end_document(struct token_sink *s)
{
    put_part(s);
    if (s->begun)
        fputs("</p>\n", s->f);
    s->begun = false;
}

void token_sink_source(struct token_sink *s, const char *name, const struct tokenizer *tok)
{
    free(s->data);
    s->data = xstrdup(name);
    s->tok = tok;
    s->document = 0;
    if (!s->html)
        return;
    end_document(s);
    fputs("<h2>", s->f);
    put_escaped(s->f, name, strlen(name));
    fputs("</h2>\n", s->f);
}

void token_sink_add(struct token_sink *s, int32_t id, double loss)
{
    size_t n = 0;
    const char *text = (const char *)tokenizer_bytes(s->tok, (uint32_t)id, &n);
    uint64_t replaced = 0;
    n = text ? n : 0;
    if (!s->html) {
        fputs("{\"data\":", s->f);
        json_text_write(s->f, s->data, strlen(s->data), &replaced);
        fprintf(s->f, ",\"document\":%llu,\"token\":%d,\"text\":", (unsigned long long)s->document, id);
        json_text_write(s->f, text ? text : "", n, &replaced);
        fprintf(s->f, ",\"loss\":%.6f}\n", loss);
        return;
    }
    strbuf_add(&s->part, text ? text : "", n);
    s->part_loss += loss;
    s->part_tokens++;
    if (!ends_inside(s->part.s, s->part.len))
        put_part(s);
}

void token_sink_gap(struct token_sink *s)
{
    if (s->html)
        end_document(s);
    s->document++;
}

void token_sink_close(struct token_sink *s, bool whole)
{
    if (s->html) {
        end_document(s);
        fputs("</main>\n", s->f);
    }
    if (whole) {
        commit_finish(&s->commit);
        say_in_place(s->path);
    } else {
        commit_abort(&s->commit);
    }
    strbuf_free(&s->part);
    free(s->data);
    free(s);
}
