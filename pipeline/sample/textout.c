#include "pipeline/sample/textout.h"

#include <string.h>

/* Bytes at the end of s that begin a character which is not complete yet: 0..3. */
static size_t incomplete_tail(const char *s, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)s[n - back];
        if (c < 0x80)
            return 0;
        if (c >= 0xc0) {
            size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
            return length > back && c < 0xf8 ? back : 0;
        }
    }
    return 0;
}

/* Bytes at the end of s that may grow into a stop string. */
static size_t stop_tail(const struct str_list *stops, const char *s, size_t n)
{
    size_t longest = 0;
    for (size_t i = 0; stops && i < stops->n; i++) {
        size_t len = strlen(stops->v[i]);
        for (size_t tail = len ? len - 1 : 0; tail > longest; tail--)
            if (tail <= n && memcmp(s + n - tail, stops->v[i], tail) == 0)
                longest = tail;
    }
    return longest;
}

static void emit(struct textout *t, size_t n)
{
    if (n)
        t->emit(t->arg, t->held.s, n);
    memmove(t->held.s, t->held.s + n, t->held.len - n + 1);
    t->held.len -= n;
}

bool textout_add(struct textout *t, const char *s, size_t n)
{
    const char *first = NULL;
    strbuf_add(&t->held, s, n);
    for (size_t i = 0; t->stops && i < t->stops->n; i++) {
        size_t len = strlen(t->stops->v[i]);
        const char *at = len ? memmem(t->held.s, t->held.len, t->stops->v[i], len) : NULL;
        if (at && (!first || at < first))
            first = at;
    }
    if (first) {
        emit(t, (size_t)(first - t->held.s));
        strbuf_reset(&t->held);
        return true;
    }
    size_t stop = stop_tail(t->stops, t->held.s, t->held.len), half = incomplete_tail(t->held.s, t->held.len);
    emit(t, t->held.len - (stop > half ? stop : half));
    return false;
}

void textout_end(struct textout *t)
{
    size_t half = t->held.len ? incomplete_tail(t->held.s, t->held.len) : 0;
    if (half) { /* the rest of the character will not come */
        t->held.len -= half;
        strbuf_add(&t->held, "\xef\xbf\xbd", 3);
    }
    if (t->held.len)
        t->emit(t->arg, t->held.s, t->held.len);
    strbuf_free(&t->held);
}
