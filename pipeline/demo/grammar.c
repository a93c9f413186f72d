/* grammar.c - slots and the template expander of gen.h */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "pipeline/demo/gen.h"

enum { MAX_ALTERNATIVES = 32, MAX_DEPTH = 16 };

static int slot_index(char a, char b)
{
    if (a < 'a' || a > 'z')
        return -1;
    if (b >= 'a' && b <= 'z')
        return (a - 'a') * 36 + (b - 'a');
    if (b >= '0' && b <= '9')
        return (a - 'a') * 36 + 26 + (b - '0');
    return -1;
}

static struct slot *slot_claim(struct gen *g, const char *name)
{
    int i = slot_index(name[0], name[1]);
    assert(i >= 0 && name[2] == '\0');
    g->slots[i].doc = g->doc;
    return &g->slots[i];
}

void gen_set_n(struct gen *g, const char *slot, const char *value, size_t n)
{
    struct slot *s = slot_claim(g, slot);
    s->s = value;
    s->n = (uint32_t)n;
}

void gen_set(struct gen *g, const char *slot, const char *value)
{
    gen_set_n(g, slot, value, strlen(value));
}

/* Decimal digits of value into buf; returns how many. */
static int format_long(char buf[24], long value)
{
    char tmp[24];
    int n = 0, len = 0;
    unsigned long u = value < 0 ? 0UL - (unsigned long)value : (unsigned long)value;
    do
        tmp[n++] = (char)('0' + u % 10);
    while (u /= 10);
    if (value < 0)
        buf[len++] = '-';
    while (n)
        buf[len++] = tmp[--n];
    return len;
}

void gen_num(struct gen *g, const char *slot, long value)
{
    struct slot *s = slot_claim(g, slot);
    s->n = (uint32_t)format_long(s->own, value);
    s->s = s->own;
}

void gen_fields(struct gen *g, char key, const char *record)
{
    char name[3] = {key, '1', '\0'};
    for (;;) {
        const char *end = strchrnul(record, '/');
        gen_set_n(g, name, record, (size_t)(end - record));
        if (!*end)
            return;
        record = end + 1;
        name[1]++;
    }
}

const char *gen_bind(struct gen *g, char key, const struct list *l)
{
    const char *record = gen_pick(g, l);
    gen_fields(g, key, record);
    return record;
}

static bool wants_an(const char *s, size_t n)
{
    if (!memchr("aeiouAEIOU8", s[0], 11))
        return n >= 4 && (!memcmp(s, "hour", 4) || !memcmp(s, "hone", 4));
    if (n >= 3 && (s[0] == 'u' || s[0] == 'U'))
        return memcmp(s + 1, "ni", 2) && memcmp(s + 1, "se", 2);
    if (n >= 3 && !memcmp(s, "one", 3))
        return false;
    return true;
}

/* Whether the next word begins a sentence, or the document. */
static bool at_sentence(const struct strbuf *b)
{
    if (b->len < 2)
        return b->len == 0;
    char last = b->s[b->len - 1], before = b->s[b->len - 2];
    return last == ' ' ? before == '.' || before == '!' || before == '?' : last == '\n';
}

static void emit(struct gen *g, const char *s, size_t n)
{
    if (!n)
        return;
    if (g->article) {
        g->article = false;
        if (wants_an(s, n))
            strbuf_add(g->out, "n ", 2);
        else
            strbuf_add(g->out, " ", 1);
    }
    if (s[0] >= 'a' && s[0] <= 'z' && (g->capital || at_sentence(g->out))) {
        char c = (char)(s[0] - 'a' + 'A');
        strbuf_add(g->out, &c, 1);
        s++, n--;
    }
    g->capital = false;
    strbuf_add(g->out, s, n);
}

static const struct slot *slot_value(const struct gen *g, const char *name)
{
    int i = slot_index(name[0], name[1]);
    assert(g->slots[i].doc == g->doc && "slot used but not set");
    return &g->slots[i];
}

static void expand(struct gen *g, const char *s, const char *end, int depth);

/* s is just behind a '{'. Expands one alternative and returns the place behind the matching '}'. */
static const char *expand_choice(struct gen *g, const char *s, const char *end, int depth)
{
    const char *start[MAX_ALTERNATIVES + 1];
    unsigned n = 0;
    int level = 0;
    start[n++] = s;
    for (; s < end; s++) {
        if (*s == '{') {
            level++;
        } else if (*s == '}') {
            if (level-- == 0)
                break;
        } else if (*s == '|' && level == 0) {
            assert(n < MAX_ALTERNATIVES);
            start[n++] = s + 1;
        }
    }
    assert(s < end && "unclosed {");
    start[n] = s + 1;
    unsigned k = gen_below(g, n);
    expand(g, start[k], start[k + 1] - 1, depth + 1);
    return s + 1;
}

static void expand(struct gen *g, const char *s, const char *end, int depth)
{
    assert(depth < MAX_DEPTH);
    while (s < end) {
        const char *run = s;
        while (s < end && *s != '$' && *s != '{' && *s != '^' && *s != '@')
            s++;
        emit(g, run, (size_t)(s - run));
        if (s == end)
            return;
        char mark = *s++;
        if (mark == '{') {
            s = expand_choice(g, s, end, depth);
        } else if (mark == '^') {
            g->capital = true;
        } else if (mark == '@') {
            emit(g, "a", 1);
            g->article = true;
        } else if (end - s >= 2 && slot_index(s[0], s[1]) >= 0) {
            const struct slot *v = slot_value(g, s);
            expand(g, v->s, v->s + v->n, depth + 1);
            s += 2;
        } else {
            emit(g, "$", 1);
        }
    }
}

void gen_say(struct gen *g, const char *template)
{
    expand(g, template, template + strlen(template), 0);
}

static void expand_code(struct gen *g, const char *s, const char *end, int depth)
{
    assert(depth < MAX_DEPTH);
    while (s < end) {
        const char *run = s;
        while (s < end && *s != '$')
            s++;
        strbuf_add(g->out, run, (size_t)(s - run));
        if (s == end)
            return;
        s++;
        if (end - s >= 2 && slot_index(s[0], s[1]) >= 0) {
            const struct slot *v = slot_value(g, s);
            expand_code(g, v->s, v->s + v->n, depth + 1);
            s += 2;
        } else {
            strbuf_add(g->out, "$", 1);
        }
    }
}

void gen_code_n(struct gen *g, const char *template, size_t n)
{
    expand_code(g, template, template + n, 0);
}

void gen_code(struct gen *g, const char *template)
{
    gen_code_n(g, template, strlen(template));
}

void gen_put_n(struct gen *g, const char *text, size_t n)
{
    emit(g, text, n);
}

void gen_put(struct gen *g, const char *text)
{
    emit(g, text, strlen(text));
}

void gen_put_num(struct gen *g, long value)
{
    char buf[24];
    emit(g, buf, (size_t)format_long(buf, value));
}
