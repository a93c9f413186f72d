#include "formats/tokens.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/input_inside.h"

#include <stdlib.h>
#include <string.h>

static const char separator[] = "<|endoftext|>"; /* a line of its own between texts, as in TinyStories */
enum { SEPARATOR_LEN = sizeof separator - 1 };

/* How much to take of a text that is too long for one document: whole lines if possible, otherwise whole
 * characters. */
static size_t cut_text(const char *s, size_t n)
{
    const char *newline = memrchr(s, '\n', n);
    if (newline)
        return (size_t)(newline - s) + 1;
    for (size_t back = 0; back < 4; back++)
        if (((unsigned char)s[n - back] & 0xc0) != 0x80)
            return n - back;
    return n;
}

/* Whether the separator at text[at] is a line of its own; *width: its bytes including the line's end. */
static bool is_separator_line(struct input *in, size_t at, size_t *width)
{
    if (at > 0 && in->buf[in->pos + at - 1] != '\n')
        return false;
    size_t end = at + SEPARATOR_LEN;
    if (input_have(in, end + 1) && in->buf[in->pos + end] == '\r')
        end++;
    *width = end - at;
    if (!input_have(in, end + 1))
        return true; /* the separator ends the file */
    ++*width;
    return in->buf[in->pos + end] == '\n';
}

/* Returns the length of the text at pos; *gap: bytes to skip after it. */
static size_t text_length(struct input *in, size_t *gap)
{
    size_t searched = 0;
    *gap = 0;
    for (;;) {
        const char *text = in->buf + in->pos;
        size_t n = in->len - in->pos;
        const char *hit = NULL;
        if (in->kind == TEXT_SEPARATED && n > searched)
            hit = memmem(text + searched, n - searched, separator, SEPARATOR_LEN);
        if (hit) {
            size_t at = (size_t)(hit - text);
            if (is_separator_line(in, at, gap))
                return at;
            searched = at + 1;
            *gap = 0;
        } else {
            searched = n >= SEPARATOR_LEN ? n - SEPARATOR_LEN + 1 : 0;
            if (n > INPUT_MAX_TEXT)
                return cut_text(text, INPUT_MAX_TEXT);
            if (!input_more(in))
                return n;
        }
    }
}

static void trim_newlines(struct doc *d)
{
    while (d->len > 0 && (d->text[0] == '\n' || d->text[0] == '\r'))
        d->text++, d->len--;
    while (d->len > 0 && (d->text[d->len - 1] == '\n' || d->text[d->len - 1] == '\r'))
        d->len--;
}

/* Handles a text that contains a NUL and was already skipped. A file that the user named must be text; in a
 * directory it is left out. */
static bool skip_binary(struct input *in, const char *nul)
{
    static const struct {
        const char *magic, *what;
    } archives[] = {{"7z\xbc\xaf", "a 7-Zip archive"}, {"Rar!", "a RAR archive"}};
    const char *what = "binary: it holds a NUL byte";
    for (size_t i = 0; in->piece == 0 && i < sizeof archives / sizeof *archives; i++)
        if (memcmp(in->buf, archives[i].magic, 4) == 0)
            what = archives[i].what;
    if (!in->walk && !in->members)
        die("%s: offset %llu: %s, which is not read as text", in->name,
            (unsigned long long)(in->text_before + (uint64_t)(nul - in->buf)), what);
    detail("%s: left out: %s", in->name, what);
    in->stats.binary++;
    in->piece++;
    return false;
}

const char *input_nul(const struct input *in, enum markup markup, const char *s, size_t n)
{
    bool wide = n >= 2 && (memcmp(s, "\xff\xfe", 2) == 0 || memcmp(s, "\xfe\xff", 2) == 0);
    return wide && markup == MARKUP_HTML && in->opts.plain_text ? NULL : memchr(s, '\0', n);
}

bool input_plain_text(struct input *in, enum markup markup, uint64_t at, struct doc *d)
{
    bool late;
    free(in->plain);
    d->text = in->plain = plain_text(markup, d->text, d->len, &d->len, &late);
    in->stopped |= late && stop_signal;
    if (late)
        input_bad(in, 1, at, "markup that takes far more time or memory than its length allows");
    return !late;
}

bool input_text(struct input *in, struct doc *d)
{
    size_t gap, len = text_length(in, &gap);
    d->text = in->buf + in->pos;
    d->len = len;
    d->domain = DOMAIN_OTHER;
    if (len + gap == 0) {
        in->stats.empty += in->piece == 0; /* an empty file counts as an empty document */
        input_end_file(in);
        return false;
    }
    uint64_t at = in->text_before + in->pos;
    in->pos += len + gap;
    bool markup = in->markup != MARKUP_NONE && in->opts.plain_text;
    const char *nul = input_nul(in, in->markup, d->text, len);
    if (nul)
        return skip_binary(in, nul);
    if (markup && !input_plain_text(in, in->markup, at, d))
        return false;
    in->separated |= gap > 0;
    if (in->separated)
        trim_newlines(d);
    if (++in->piece == 2 && markup)
        warn("%s: above %d MiB, so it is converted in pieces: what a cut goes through may show as text",
             in->name, INPUT_MAX_TEXT >> 20);
    if (in->piece > 1) {
        input_set_id(in, d, "#", in->piece);
    } else {
        free(in->id);
        d->id = in->id = xstrdup(in->name);
    }
    return true;
}
