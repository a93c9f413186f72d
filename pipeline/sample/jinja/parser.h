/*
 * parser.h - the state of parsing a template, for lexer.c, expression.c and parse.c
 */
#ifndef JINJA_PARSER_H
#define JINJA_PARSER_H

#include "pipeline/sample/jinja/node.h"

enum token { T_END, T_NAME, T_STRING, T_NUMBER, T_OPERATOR };

struct parser {
    struct jinja *j;
    const char *text;
    size_t len, at;
    jmp_buf failed;
    char *why;
    size_t cap;
    bool block;      /* within {% %}, not {{ }} */
    int brackets;    /* open ones, within which }} is no end */
    bool trim;       /* white space before `at` was asked to go */
    bool line_start; /* nothing stands before `at` on its line */
    int depth;
    enum token token;
    const char *word;     /* the token's name, operator or text */
    json_t *value;        /* of a text or number; the next node takes it */
    struct strbuf buffer; /* owned: of a text that is being read */
    const char *tag;      /* the name that ended parse_body */
};

/* Ends the parsing. */
_Noreturn void parser_fail(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Whoever recurses counts itself in depth, and out again; this ends the parsing where there are too many. */
void parser_deeper(struct parser *p);
struct node *parser_node(struct parser *p, enum node_kind kind);
bool parser_starts(const struct parser *p, const char *s); /* what comes next in the text */

/* lexer.c: reads the next token of a tag. */
void parser_advance(struct parser *p);
bool parser_is(const struct parser *p, enum token t, const char *word);
bool parser_take(struct parser *p, enum token t,
                 const char *word); /* goes on to the next token if it is that */
void parser_expect(struct parser *p, enum token t, const char *word);
const char *parser_name(struct parser *p);

/* expression.c */
struct node *parser_expression(struct parser *p);
struct node *parser_expression_without_if(struct parser *p);
/* The targets of for and set: names with commas between them. */
struct node *parser_targets(struct parser *p);
/* The arguments of a call or the parameters of a macro, after the opening bracket and up to the closing one.
 */
struct node *parser_arguments(struct parser *p);

/* Adds a node to a list whose last `next` *end points to. */
static inline void parser_append(struct node ***end, struct node *n)
{
    **end = n;
    *end = &n->next;
}

#endif
