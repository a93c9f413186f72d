/*
 * lexer.c - the tokens of a template's tags
 */
#include "pipeline/sample/jinja/parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 200 };

_Noreturn void parser_fail(struct parser *p, const char *fmt, ...)
{
    char reason[160];
    size_t line = 1;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < p->at && i < p->len; i++)
        line += p->text[i] == '\n';
    snprintf(p->why, p->cap, "line %zu: %s", line, reason);
    longjmp(p->failed, 1);
}

void parser_deeper(struct parser *p)
{
    if (++p->depth > MAX_DEPTH)
        parser_fail(p, "too deep");
}

struct node *parser_node(struct parser *p, enum node_kind kind)
{
    struct node *n = xcalloc(1, sizeof *n);
    *n = (struct node){.kind = kind, .made_before = p->j->newest};
    return p->j->newest = n;
}

/* Returns a copy that the template owns. */
static const char *keep(struct parser *p, const char *s, size_t len)
{
    struct jinja *j = p->j;
    if ((j->n_strings & (j->n_strings - 1)) == 0) /* room for a power of two */
        j->strings = xrealloc(j->strings, (j->n_strings ? 2 * j->n_strings : 1) * sizeof *j->strings);
    struct strbuf *b = &j->strings[j->n_strings++];
    *b = (struct strbuf){0};
    strbuf_add(b, s, len);
    return b->s;
}

bool parser_starts(const struct parser *p, const char *s)
{
    size_t n = strlen(s);
    return p->len - p->at >= n && memcmp(p->text + p->at, s, n) == 0;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
}

static void add_code(struct parser *p, struct strbuf *b, int digits)
{
    char hex[9] = "", utf8[4];
    for (int i = 0; i < digits && p->at < p->len; i++)
        hex[i] = p->text[p->at++];
    unsigned long c = strtoul(hex, NULL, 16);
    if (c < 0x80) {
        utf8[0] = (char)c;
        strbuf_add(b, utf8, 1);
    } else if (c < 0x800) {
        strbuf_add(b, (char[]){(char)(0xc0 | c >> 6), (char)(0x80 | (c & 63))}, 2);
    } else {
        strbuf_add(b, (char[]){(char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))},
                   3);
    }
}

/* Adds the text between two quotes, at the first of which the parser stands. */
static void read_quoted(struct parser *p)
{
    static const char names[] = "ntrbfv\\'\"", values[] = "\n\t\r\b\f\v\\'\"";
    struct strbuf *b = &p->buffer;
    char quote = p->text[p->at];
    for (p->at++; p->at < p->len && p->text[p->at] != quote;) {
        char c = p->text[p->at++];
        if (c != '\\' || p->at == p->len) {
            strbuf_add(b, &c, 1);
            continue;
        }
        c = p->text[p->at++];
        const char *known = strchr(names, c);
        if (c == 'u' || c == 'x')
            add_code(p, b, c == 'u' ? 4 : 2);
        else if (known && c)
            strbuf_add(b, &values[known - names], 1);
        else
            strbuf_add(b, (char[]){'\\', c}, 2);
    }
    if (p->at == p->len)
        parser_fail(p, "a text without its end");
    p->at++;
}

static void skip_space(struct parser *p)
{
    while (p->at < p->len && is_space(p->text[p->at]))
        p->at++;
}

static bool at_quote(const struct parser *p)
{
    return p->at < p->len && (p->text[p->at] == '\'' || p->text[p->at] == '"');
}

/* Texts side by side are one. */
static void read_string(struct parser *p)
{
    strbuf_reset(&p->buffer);
    for (; at_quote(p); skip_space(p))
        read_quoted(p);
    json_decref(p->value);
    p->value = json_stringn(p->buffer.s, p->buffer.len);
    p->token = T_STRING;
}

static bool is_digit(const struct parser *p, size_t at)
{
    return at < p->len && p->text[at] >= '0' && p->text[at] <= '9';
}

/* Goes over the exponent of a number, if there is one. */
static bool skip_exponent(struct parser *p)
{
    if (p->at == p->len || (p->text[p->at] | 0x20) != 'e')
        return false;
    size_t at = p->at + 1;
    at += at < p->len && (p->text[at] == '+' || p->text[at] == '-');
    if (!is_digit(p, at))
        return false;
    while (is_digit(p, at))
        at++;
    p->at = at;
    return true;
}

static void read_number(struct parser *p)
{
    size_t from = p->at;
    bool real = false;
    for (; p->at < p->len; p->at++) {
        bool point = p->text[p->at] == '.' && is_digit(p, p->at + 1);
        if (!is_digit(p, p->at) && !point)
            break;
        real |= point;
    }
    real |= skip_exponent(p);
    const char *word = keep(p, p->text + from, p->at - from);
    json_decref(p->value);
    p->value = real ? json_real(strtod(word, NULL)) : json_integer(strtoll(word, NULL, 10));
    if (!p->value)
        parser_fail(p, "a number that is too large");
    p->token = T_NUMBER;
}

/* The end of a tag: notes what happens to the white space after it. */
static bool read_end(struct parser *p)
{
    const char *end = p->block ? "%}" : "}}";
    char sign = p->at < p->len && (p->text[p->at] == '-' || p->text[p->at] == '+') ? p->text[p->at] : 0;
    p->at += sign != 0;
    if (p->brackets > 0 || !parser_starts(p, end)) {
        p->at -= sign != 0;
        return false;
    }
    p->at += 2;
    p->trim = sign == '-';
    p->line_start = p->block && sign != '+' && parser_starts(p, "\n");
    p->at += p->line_start;
    p->token = T_END;
    return true;
}

void parser_advance(struct parser *p)
{
    static const char *const operators[] = {"==", "!=", "<=", ">=", "//", "**", "+", "-", "*",
                                            "/",  "%",  "~",  "<",  ">",  "(",  ")", "[", "]",
                                            "{",  "}",  ",",  ".",  ":",  "|",  "="};
    skip_space(p);
    if (p->at == p->len)
        parser_fail(p, "a tag without its end");
    char c = p->text[p->at];
    if (read_end(p))
        return;
    if (at_quote(p)) {
        read_string(p);
        return;
    }
    if (c >= '0' && c <= '9') {
        read_number(p);
        return;
    }
    size_t from = p->at;
    while (p->at < p->len && is_name(p->text[p->at]))
        p->at++;
    if (p->at > from) {
        p->token = T_NAME;
        p->word = keep(p, p->text + from, p->at - from);
        return;
    }
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (parser_starts(p, operators[i])) {
            p->token = T_OPERATOR;
            p->word = operators[i];
            p->at += strlen(operators[i]);
            p->brackets += strchr("([{", *p->word) ? 1 : strchr(")]}", *p->word) ? -1 : 0;
            return;
        }
    parser_fail(p, "'%c' is not understood", c);
}

bool parser_is(const struct parser *p, enum token t, const char *word)
{
    return p->token == t && strcmp(p->word, word) == 0;
}

bool parser_take(struct parser *p, enum token t, const char *word)
{
    if (!parser_is(p, t, word))
        return false;
    parser_advance(p);
    return true;
}

void parser_expect(struct parser *p, enum token t, const char *word)
{
    if (!parser_take(p, t, word))
        parser_fail(p, "'%s' is missing", word);
}

const char *parser_name(struct parser *p)
{
    if (p->token != T_NAME)
        parser_fail(p, "a name is missing");
    const char *name = p->word;
    parser_advance(p);
    return name;
}
