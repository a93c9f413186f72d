/*
 * words_address.c - addresses of pages and mailboxes, which are one word
 */
#include "pipeline/filter/words.h"

#include "pipeline/filter/chars.h"

#include <string.h>

/* The end of the host name at s: labels with dots between them, the last of two small letters or more. NULL:
 * there is none. */
static const char *host_end(const char *s, const char *end)
{
    const char *label = s;
    unsigned labels = 0, letters = 0, chars = 0; /* of the last label: small letters, all characters */
    uint32_t c;
    while (s < end) {
        size_t width = char_next(s, end, &c);
        unsigned class = char_class(c);
        if (c == '.' && s > label) {
            labels++;
            label = s + 1;
            letters = chars = 0;
        } else if ((c < 128 && class & (CHAR_LETTER | CHAR_DIGIT)) || c >= 0xa1 ||
                   ((c == '-' || c == '_') && s > label)) {
            letters += (class & CHAR_LOWER) != 0;
            chars++;
        } else {
            break;
        }
        s += width;
    }
    return labels > 0 && letters >= 2 && letters == chars ? s : NULL;
}

/* Whether a host, and a port and a path, which may be missing, are all of it. */
static bool is_place(const char *s, const char *end)
{
    if (!(s = host_end(s, end)))
        return false;
    if (s < end && *s == ':') {
        const char *port = ++s;
        while (s < end && *s >= '0' && *s <= '9')
            s++;
        if (s - port < 2 || s - port > 5)
            return false;
    }
    return s == end || *s == '/' || *s == '?' || *s == '#';
}

/* The length of a scheme such as https://; 0: there is none. */
static size_t scheme_length(struct span t)
{
    const char *s = t.s, *end = t.s + t.len;
    uint32_t c;
    while (s < end && *s != ':') {
        size_t width = char_next(s, end, &c);
        if (!(char_class(c) & (CHAR_LETTER | CHAR_NUMBER)) && c != '_' && c != '+' && c != '-' && c != '.')
            return 0;
        s += width;
    }
    return end - s > 3 && s - t.s >= 2 && memcmp(s, "://", 3) == 0 ? (size_t)(s - t.s) + 3 : 0;
}

bool word_is_address(const char *s, size_t len)
{
    const char *end = s + len;
    if (!memchr(s, '.', len))
        return false;
    s += scheme_length((struct span){s, len});
    const char *at = memrchr(s, '@', (size_t)(end - s));
    return is_place(s, end) || (at && at > s && is_place(at + 1, end));
}
