#include "pipeline/stream/charset.h"

#include "pipeline/lib/fs.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Names that browsers, and so the pages, take for another charset than iconv does, or that iconv does not
 * know. */
static const struct {
    const char *name, *means;
} labels[] = {
    {"ascii", "WINDOWS-1252"},
    {"us-ascii", "WINDOWS-1252"},
    {"iso-8859-1", "WINDOWS-1252"},
    {"iso8859-1", "WINDOWS-1252"},
    {"latin1", "WINDOWS-1252"},
    {"iso-8859-9", "WINDOWS-1254"},
    {"iso-8859-11", "WINDOWS-874"},
    {"tis-620", "WINDOWS-874"},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"x-gbk", "GB18030"},
    {"big5", "BIG5-HKSCS"},
    {"shift_jis", "CP932"},
    {"shift-jis", "CP932"},
    {"sjis", "CP932"},
    {"x-sjis", "CP932"},
    {"ks_c_5601-1987", "UHC"},
    {"euc-kr", "UHC"},
    {"x-cp1251", "WINDOWS-1251"},
    {"x-cp1252", "WINDOWS-1252"},
    {"unicode", "UTF-16LE"},
    {"utf-16", "UTF-16LE"},
    {"x-mac-cyrillic", "MAC-CYRILLIC"},
};

static const struct {
    const char *bytes;
    size_t n;
    const char *name;
} marks[] = {{"\xef\xbb\xbf", 3, "utf-8"}, {"\xff\xfe", 2, "UTF-16LE"}, {"\xfe\xff", 2, "UTF-16BE"}};

/* The value of "charset=" in text/html; charset="utf-8"; NULL: it has none. */
static const char *parameter(const char *type, size_t n, size_t *len)
{
    static const char key[] = "charset=";
    const char *end = type + n, *at = memchr(type, ';', n);
    for (; at; at = memchr(at, ';', (size_t)(end - at))) {
        at++;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        if ((size_t)(end - at) < sizeof key - 1 || strncasecmp(at, key, sizeof key - 1) != 0)
            continue;
        at += sizeof key - 1;
        at += at < end && (*at == '"' || *at == '\'');
        *len = 0;
        while (at + *len < end && !memchr("\"'; \t", at[*len], 5))
            ++*len;
        return at;
    }
    return NULL;
}

bool charset_find(char name[CHARSET_NAME], const char *type, size_t type_len, const char *s, size_t n)
{
    size_t len = 0;
    name[0] = '\0';
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (n >= marks[i].n && memcmp(s, marks[i].bytes, marks[i].n) == 0)
            return strcpy(name, marks[i].name);
    const char *value = type ? parameter(type, type_len, &len) : NULL;
    if (!value || len == 0)
        return false;
    for (size_t i = 0; i < len && len < CHARSET_NAME; i++) {
        bool plain = (value[i] >= '0' && value[i] <= '9') || (value[i] >= 'A' && value[i] <= 'Z') ||
                     (value[i] >= 'a' && value[i] <= 'z') || memchr("-_.:+", value[i], 5);
        name[i] = plain ? value[i] : '?'; /* iconv would take a slash for more than a name */
        name[i + 1] = '\0';
    }
    return true;
}

bool charset_is_utf8(const char *name)
{
    return strcasecmp(name, "utf-8") == 0 || strcasecmp(name, "utf8") == 0;
}

static iconv_t open_charset(const char *name)
{
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (strcasecmp(name, labels[i].name) == 0)
            return iconv_open("UTF-8", labels[i].means);
    return *name && !strchr(name, '?') ? iconv_open("UTF-8", name) : (iconv_t)-1;
}

/* Converts up to the end, or to `most` bytes and some more. */
static void convert(iconv_t cd, char *in, size_t left, size_t most, struct strbuf *out)
{
    char piece[4096];
    while (left > 0 && out->len <= most) {
        char *to = piece;
        size_t room = sizeof piece;
        size_t r = iconv(cd, &in, &left, &to, &room);
        int why = r == (size_t)-1 ? errno : 0;
        strbuf_add(out, piece, sizeof piece - room);
        if (why == EILSEQ || why == EINVAL) { /* bytes that mean nothing, or the end cuts a character */
            strbuf_add(out, "\xef\xbf\xbd", 3);
            in++;
            left = why == EILSEQ ? left - 1 : 0;
        }
    }
}

char *charset_to_utf8(const char *name, const char *s, size_t n, size_t most, size_t *len, const char **why)
{
    struct strbuf out = {0};
    iconv_t cd = open_charset(name);
    *why = "is unknown";
    if (cd == (iconv_t)-1)
        return NULL;
    strbuf_add(&out, "", 0);
    convert(cd, (char *)s, n, most, &out);
    iconv_close(cd);
    *len = out.len;
    if (out.len <= most)
        return out.s;
    *why = "makes a text that is too long";
    strbuf_free(&out);
    return NULL;
}
