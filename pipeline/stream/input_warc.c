/*
 * input_warc - WARC files (ISO 28500), as Common Crawl publishes them: .warc holds fetched pages, .wet their
 * texts
 *
 * A record is a head "WARC/1.0" with "Name: value" lines and an empty line, Content-Length bytes, and two
 * empty lines. Records of type conversion hold text. Those of type response hold an HTTP reply, of which
 * status 200 and text/html or text/plain become documents. All other records are passed over.
 */
#include "formats/tokens.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/cli.h"
#include "pipeline/stream/charset.h"
#include "pipeline/stream/input_inside.h"
#include "pipeline/stream/plain_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_HEAD = 1 << 20 };

/* Finds a line "name: value" in a head of n bytes. Returns the value without blanks around it, with its
 * length in *len; NULL: there is no such line. */
static const char *value_of(const char *head, size_t n, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    for (const char *line = head, *end = head + n; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *stop = newline ? newline : end;
        if ((size_t)(stop - line) > name_len && line[name_len] == ':' &&
            strncasecmp(line, name, name_len) == 0) {
            const char *v = line + name_len + 1;
            while (v < stop && (*v == ' ' || *v == '\t'))
                v++;
            while (stop > v && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
                stop--;
            *len = (size_t)(stop - v);
            return v;
        }
        line = stop + 1;
    }
    return NULL;
}

static bool has_value(const char *head, size_t n, const char *name, const char *value)
{
    size_t len, want = strlen(value);
    const char *v = value_of(head, n, name, &len);
    return v && len >= want && strncasecmp(v, value, want) == 0;
}

/* Returns the length of the head at pos, its empty line included; 0: there is no head. */
static size_t head_length(struct input *in)
{
    for (size_t searched = 0; searched < MAX_HEAD;) {
        size_t n = in->len - in->pos;
        const char *hit =
            n > searched ? memmem(in->buf + in->pos + searched, n - searched, "\r\n\r\n", 4) : NULL;
        if (hit)
            return (size_t)(hit + 4 - (in->buf + in->pos));
        searched = n > 3 ? n - 3 : 0;
        if (!input_more(in))
            return 0;
    }
    return 0;
}

static void set_uri(struct input *in, struct doc *d, const char *head, size_t head_len)
{
    size_t len;
    const char *uri = value_of(head, head_len, "WARC-Target-URI", &len);
    if (!uri) {
        input_set_id(in, d, "#", in->piece);
        return;
    }
    free(in->id);
    d->id = in->id = xasprintf("%.*s", (int)len, uri);
}

/* Makes a document of a page of HTML or text, which is at that offset. False: it has no text. */
static bool page(struct input *in, enum markup markup, uint64_t at, struct doc *d)
{
    if (input_nul(in, markup, d->text, d->len)) {
        in->stats.binary++;
        return false;
    }
    if (markup != MARKUP_NONE && !input_plain_text(in, markup, at, d))
        return false;
    in->stats.empty += d->len == 0 || !d->text;
    return d->text && d->len > 0;
}

/* Turns the text into UTF-8 if the head or a byte order mark says that it is something else; *known: whether
 * they say anything. False: it cannot be done, which is reported. */
static bool recode(struct input *in, const char *type, size_t type_len, uint64_t at, struct doc *d,
                   bool *known)
{
    char name[CHARSET_NAME];
    const char *why;
    *known = charset_find(name, type, type_len, d->text, d->len);
    if (!*known || charset_is_utf8(name))
        return true;
    free(in->recoded);
    in->recoded = charset_to_utf8(name, d->text, d->len, INPUT_MAX_TEXT, &d->len, &why);
    d->text = in->recoded;
    if (!in->recoded)
        input_bad(in, 1, at, "a page whose charset, \"%s\", %s", name, why);
    return in->recoded;
}

/* Makes a document of an HTTP reply. False: the reply is not one that is read as text. */
static bool reply(struct input *in, const char *s, size_t n, struct doc *d)
{
    const char *end = memmem(s, n, "\r\n\r\n", 4);
    if (!end || n < 12 || memcmp(s, "HTTP/1.", 7) != 0 || memcmp(s + 8, " 200", 4) != 0)
        return false;
    size_t head = (size_t)(end + 2 - s), len, type_len = 0;
    uint64_t at = in->text_before + (uint64_t)(end + 4 - in->buf);
    const char *type = value_of(s, head, "Content-Type", &type_len);
    bool html = has_value(s, head, "Content-Type", "text/html");
    if (!html && !has_value(s, head, "Content-Type", "text/plain"))
        return false;
    if (value_of(s, head, "Transfer-Encoding", &len) || value_of(s, head, "Content-Encoding", &len)) {
        in->stats.encoded++;
        return false;
    }
    if (html && !in->opts.plain_text)
        usage_error("%s: its records are HTML: --plain-text makes text of them", in->name);
    bool known;
    d->text = end + 4;
    d->len = n - head - 2;
    if (!recode(in, type, type_len, at, d, &known))
        return false;
    return page(in, !html ? MARKUP_NONE : known ? MARKUP_HTML_UTF8 : MARKUP_HTML, at, d);
}

bool input_warc_record(struct input *in, struct doc *d)
{
    while (input_have(in, 1) && (in->buf[in->pos] == '\r' || in->buf[in->pos] == '\n'))
        in->pos++;
    if (!input_have(in, 1)) {
        input_end_file(in);
        return false;
    }
    uint64_t at = in->text_before + in->pos, body_len;
    size_t head = head_length(in), len;
    const char *length = head ? value_of(in->buf + in->pos, head, "Content-Length", &len) : NULL;
    char number[24] = "";
    if (length && len < sizeof number)
        memcpy(number, length, len);
    if (head == 0 || memcmp(in->buf + in->pos, "WARC/1.", 7) != 0 || parse_u64(number, &body_len) != 0)
        die("%s: offset %llu: no head of a WARC record with its Content-Length", in->name,
            (unsigned long long)at);
    if (body_len > INPUT_MAX_TEXT)
        die("%s: offset %llu: a record of %llu bytes, above the limit of %d MiB", in->name,
            (unsigned long long)at, (unsigned long long)body_len, INPUT_MAX_TEXT >> 20);
    if (!input_have(in, head + body_len) && !in->stopped)
        die("%s: offset %llu: truncated: the file ends within a record", in->name, (unsigned long long)at);
    if (in->stopped)
        return false;
    const char *record = in->buf + in->pos, *body = record + head;
    in->pos += head + body_len;
    in->piece++;
    d->domain = DOMAIN_OTHER;
    d->text = body;
    d->len = body_len;
    bool found = has_value(record, head, "WARC-Type", "conversion") ? page(in, MARKUP_NONE, at + head, d)
                 : has_value(record, head, "WARC-Type", "response") ? reply(in, body, body_len, d)
                                                                    : false;
    if (found)
        set_uri(in, d, record, head);
    return found;
}
