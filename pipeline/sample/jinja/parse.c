/*
 * parse.c - a template's text as a tree: the text between tags, and statements
 */
#include "pipeline/sample/jinja/parser.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TEMPLATE = 1 << 20 /* bytes; those of models have some thousands */ };

static struct node *body(struct parser *p, const char *const *ends);

static bool ends_here(const char *const *ends, const char *name)
{
    for (; *ends; ends++)
        if (strcmp(*ends, name) == 0)
            return true;
    return false;
}

/* The end of the tag at hand. */
static void tag_end(struct parser *p)
{
    if (p->token != T_END)
        parser_fail(p, "the tag does not end where it should");
}

/* After the condition of an if or elif: the rest, its end included. */
static struct node *if_rest(struct parser *p)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL}, *const last[] = {"endif", NULL};
    struct node *n = parser_node(p, NODE_IF);
    n->a = parser_expression(p);
    tag_end(p);
    n->list = body(p, ends);
    if (strcmp(p->tag, "elif") == 0) {
        parser_deeper(p);
        n->b = if_rest(p);
        p->depth--;
    } else if (strcmp(p->tag, "else") == 0) {
        tag_end(p);
        n->b = parser_node(p, NODE_BLOCK);
        n->b->list = body(p, last);
    }
    return n;
}

static struct node *for_loop(struct parser *p)
{
    static const char *const ends[] = {"else", "endfor", NULL}, *const last[] = {"endfor", NULL};
    struct node *n = parser_node(p, NODE_FOR);
    n->names = parser_targets(p);
    parser_expect(p, T_NAME, "in");
    n->a = parser_expression_without_if(p);
    if (parser_take(p, T_NAME, "if"))
        n->c = parser_expression(p);
    tag_end(p);
    n->list = body(p, ends);
    if (strcmp(p->tag, "else") == 0) {
        tag_end(p);
        n->b = parser_node(p, NODE_BLOCK);
        n->b->list = body(p, last);
    }
    return n;
}

static struct node *set(struct parser *p)
{
    static const char *const ends[] = {"endset", NULL};
    struct node *n = parser_node(p, NODE_SET);
    n->names = parser_targets(p);
    if (parser_take(p, T_OPERATOR, ".")) {
        n->kind = NODE_SET_ATTR;
        n->name = parser_name(p);
    }
    if (parser_take(p, T_OPERATOR, "=")) {
        n->a = parser_expression(p);
        if (parser_is(p, T_OPERATOR, ",")) { /* a tuple without brackets */
            struct node *tuple = parser_node(p, NODE_LIST), **end = &tuple->list;
            parser_append(&end, n->a);
            while (parser_take(p, T_OPERATOR, ","))
                parser_append(&end, parser_expression(p));
            n->a = tuple;
        }
        return n;
    }
    tag_end(p);
    n->list = body(p, ends);
    return n;
}

static struct node *macro(struct parser *p)
{
    static const char *const ends[] = {"endmacro", NULL};
    struct node *n = parser_node(p, NODE_MACRO);
    n->name = parser_name(p);
    parser_expect(p, T_OPERATOR, "(");
    n->names = parser_arguments(p);
    for (struct node *one = n->names; one; one = one->next)
        if (one->kind != NODE_NAME && one->kind != NODE_KEYWORD)
            parser_fail(p, "a parameter that is no name");
    tag_end(p);
    n->list = body(p, ends);
    return n;
}

/* The statement of that name. */
static struct node *statement(struct parser *p, const char *name)
{
    static const char *const generation_ends[] = {"endgeneration", NULL};
    struct node *n = NULL;
    parser_deeper(p);
    if (strcmp(name, "if") == 0)
        n = if_rest(p);
    else if (strcmp(name, "for") == 0)
        n = for_loop(p);
    else if (strcmp(name, "set") == 0)
        n = set(p);
    else if (strcmp(name, "macro") == 0)
        n = macro(p);
    else if (strcmp(name, "break") == 0 || strcmp(name, "continue") == 0)
        n = parser_node(p, *name == 'b' ? NODE_BREAK : NODE_CONTINUE);
    else if (strcmp(name, "generation") == 0) {
        tag_end(p);
        n = parser_node(p, NODE_BLOCK);
        n->list = body(p, generation_ends);
    } else
        parser_fail(p, "the statement '%s' is not known here", name);
    tag_end(p);
    p->depth--;
    return n;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Adds the text up to the next tag, without the white space that the tags around it take. */
static void text(struct parser *p, struct node ***end, size_t to)
{
    size_t from = p->at, stop = to, line;
    bool tag = to < p->len, block = tag && p->text[to + 1] != '{';
    char sign = tag && to + 2 < p->len ? p->text[to + 2] : 0;
    while (p->trim && from < to && is_space(p->text[from]))
        from++;
    while (tag && sign == '-' && stop > from && is_space(p->text[stop - 1]))
        stop--;
    for (line = stop; line > from && p->text[line - 1] != '\n' && is_space(p->text[line - 1]);)
        line--;
    bool alone = line > from ? p->text[line - 1] == '\n' : p->line_start; /* on its line, before the tag */
    if (block && sign != '-' && sign != '+' && alone)
        stop = line;
    if (stop > from) {
        struct node *n = parser_node(p, NODE_TEXT);
        if (!(n->value = json_stringn(p->text + from, stop - from)))
            parser_fail(p, "a text that is not UTF-8");
        parser_append(end, n);
    }
    p->at = to;
}

static size_t next_tag(const struct parser *p)
{
    for (size_t i = p->at; i + 1 < p->len; i++)
        if (p->text[i] == '{' && strchr("{%#", p->text[i + 1]))
            return i;
    return p->len;
}

static void comment(struct parser *p)
{
    const char *end = memmem(p->text + p->at, p->len - p->at, "#}", 2);
    if (!end)
        parser_fail(p, "a comment without its end");
    size_t at = (size_t)(end - p->text);
    p->trim = at > p->at + 2 && end[-1] == '-';
    bool plus = end[-1] == '+';
    p->at = at + 2;
    p->line_start = !plus && parser_starts(p, "\n");
    p->at += p->line_start;
}

/* Nodes up to a tag that one of the names begins, at whose next token it leaves off. */
static struct node *body(struct parser *p, const char *const *ends)
{
    struct node *first = NULL, **end = &first;
    for (;;) {
        text(p, &end, next_tag(p));
        if (p->at == p->len) {
            if (*ends)
                parser_fail(p, "'%s' is missing", *ends);
            return first;
        }
        char kind = p->text[p->at + 1];
        if (kind == '#') {
            comment(p);
            continue;
        }
        p->at += 2;
        p->at += p->at < p->len && (p->text[p->at] == '-' || p->text[p->at] == '+');
        p->block = kind == '%';
        p->brackets = 0;
        parser_advance(p);
        if (p->block) {
            const char *name = parser_name(p);
            p->tag = name;
            if (ends_here(ends, name))
                return first;
            parser_append(&end, statement(p, name));
        } else {
            struct node *n = parser_node(p, NODE_OUTPUT);
            n->a = parser_expression(p);
            tag_end(p);
            parser_append(&end, n);
        }
    }
}

struct jinja *jinja_parse(const char *template, size_t len, char *why, size_t cap)
{
    static const char *const none[] = {NULL};
    struct jinja *j = xcalloc(1, sizeof *j);
    struct parser p = {.j = j, .text = template, .len = len, .why = why, .cap = cap, .line_start = true};
    p.len -= len > 0 && template[len - 1] == '\n'; /* Jinja drops one newline at the end of a template */
    if (setjmp(p.failed) == 0) {
        if (len > MAX_TEMPLATE)
            parser_fail(&p, "a template of more than %d bytes", MAX_TEMPLATE);
        j->body = body(&p, none);
    } else {
        jinja_free(j);
        j = NULL;
    }
    json_decref(p.value);
    strbuf_free(&p.buffer);
    return j;
}

void jinja_free(struct jinja *j)
{
    if (!j)
        return;
    for (struct node *n = j->newest, *before; n; n = before) {
        before = n->made_before;
        json_decref(n->value);
        free(n);
    }
    for (size_t i = 0; i < j->n_strings; i++)
        strbuf_free(&j->strings[i]);
    free(j->strings);
    free(j);
}
