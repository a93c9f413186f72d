/*
 * expression.c - the expressions of a template as trees
 */
#include "pipeline/sample/jinja/parser.h"

#include <string.h>

static struct node *constant(struct parser *p, json_t *value)
{
    struct node *n = parser_node(p, NODE_CONST);
    if (!(n->value = value))
        parser_fail(p, "a text that is not UTF-8");
    return n;
}

struct node *parser_arguments(struct parser *p)
{
    struct node *first = NULL, **end = &first;
    while (!parser_take(p, T_OPERATOR, ")")) {
        struct node *e = parser_expression(p);
        if (e->kind == NODE_NAME && parser_take(p, T_OPERATOR, "=")) {
            e->kind = NODE_KEYWORD;
            e->a = parser_expression(p);
        }
        parser_append(&end, e);
        if (!parser_is(p, T_OPERATOR, ")"))
            parser_expect(p, T_OPERATOR, ",");
    }
    return first;
}

static struct node *list(struct parser *p, const char *close)
{
    struct node *n = parser_node(p, NODE_LIST), **end = &n->list;
    while (!parser_take(p, T_OPERATOR, close)) {
        parser_append(&end, parser_expression(p));
        if (!parser_is(p, T_OPERATOR, close))
            parser_expect(p, T_OPERATOR, ",");
    }
    return n;
}

static struct node *dict(struct parser *p)
{
    struct node *n = parser_node(p, NODE_DICT), **end = &n->list;
    while (!parser_take(p, T_OPERATOR, "}")) {
        struct node *pair = parser_node(p, NODE_PAIR);
        pair->a = parser_expression(p);
        parser_expect(p, T_OPERATOR, ":");
        pair->b = parser_expression(p);
        parser_append(&end, pair);
        if (!parser_is(p, T_OPERATOR, "}"))
            parser_expect(p, T_OPERATOR, ",");
    }
    return n;
}

/* An expression in brackets, or the elements of a tuple. */
static struct node *bracketed(struct parser *p)
{
    if (parser_is(p, T_OPERATOR, ")"))
        return list(p, ")");
    struct node *e = parser_expression(p);
    if (parser_take(p, T_OPERATOR, ")"))
        return e;
    parser_expect(p, T_OPERATOR, ",");
    struct node *tuple = list(p, ")");
    e->next = tuple->list;
    tuple->list = e;
    return tuple;
}

static struct node *name_or_constant(struct parser *p)
{
    const char *s = parser_name(p);
    if (strcmp(s, "true") == 0 || strcmp(s, "True") == 0)
        return constant(p, json_true());
    if (strcmp(s, "false") == 0 || strcmp(s, "False") == 0)
        return constant(p, json_false());
    if (strcmp(s, "none") == 0 || strcmp(s, "None") == 0)
        return constant(p, json_null());
    struct node *n = parser_node(p, NODE_NAME);
    n->name = s;
    return n;
}

static struct node *primary(struct parser *p)
{
    if (p->token == T_STRING || p->token == T_NUMBER) {
        struct node *n = constant(p, p->value);
        p->value = NULL;
        parser_advance(p);
        return n;
    }
    if (p->token == T_NAME)
        return name_or_constant(p);
    if (parser_take(p, T_OPERATOR, "("))
        return bracketed(p);
    if (parser_take(p, T_OPERATOR, "["))
        return list(p, "]");
    if (parser_take(p, T_OPERATOR, "{"))
        return dict(p);
    parser_fail(p, "an expression is missing");
}

/* After `a[`: an item or a slice. */
static struct node *subscript(struct parser *p, struct node *a)
{
    struct node *part[3] = {NULL}, *n;
    int k = 0;
    for (; !parser_is(p, T_OPERATOR, "]");) {
        if (parser_take(p, T_OPERATOR, ":")) {
            if (++k == 3)
                parser_fail(p, "a slice of four parts");
        } else {
            part[k] = parser_expression(p);
        }
    }
    parser_advance(p);
    n = parser_node(p, k == 0 ? NODE_ITEM : NODE_SLICE);
    n->a = a;
    if (k == 0 && !(n->b = part[0]))
        parser_fail(p, "an expression is missing");
    struct node **end = &n->list;
    for (int i = 0; i < 3 && k > 0; i++)
        parser_append(&end, part[i] ? part[i] : constant(p, json_null()));
    return n;
}

static struct node *postfix(struct parser *p, struct node *a)
{
    for (struct node *n;; a = n) {
        if (parser_take(p, T_OPERATOR, ".")) {
            n = parser_node(p, NODE_MEMBER);
            n->name = parser_name(p);
            n->a = a;
        } else if (parser_take(p, T_OPERATOR, "[")) {
            n = subscript(p, a);
        } else if (parser_take(p, T_OPERATOR, "(")) {
            n = parser_node(p, NODE_CALL);
            n->a = a;
            n->list = parser_arguments(p);
        } else {
            return a;
        }
    }
}

static struct node *unary(struct parser *p, bool filters);

/* `is` and its test, whose one argument may stand without brackets. */
static struct node *test(struct parser *p, struct node *a)
{
    bool negated = parser_take(p, T_NAME, "not");
    struct node *n = parser_node(p, NODE_TEST), *not ;
    n->a = a;
    n->name = parser_name(p);
    if (!jinja_has_test(n->name))
        parser_fail(p, "there is no test '%s' here", n->name);
    if (parser_take(p, T_OPERATOR, "("))
        n->list = parser_arguments(p);
    else if (p->token == T_STRING || p->token == T_NUMBER || parser_is(p, T_OPERATOR, "[") ||
             (p->token == T_NAME && strcmp(p->word, "else") && strcmp(p->word, "and") &&
              strcmp(p->word, "or") && strcmp(p->word, "is") && strcmp(p->word, "if") &&
              strcmp(p->word, "not") && strcmp(p->word, "in")))
        n->list = unary(p, false);
    if (!negated)
        return n;
    not = parser_node(p, NODE_NOT);
    not ->a = n;
    return not ;
}

static struct node *filtered(struct parser *p, struct node *a)
{
    for (;;) {
        if (parser_take(p, T_OPERATOR, "|")) {
            struct node *n = parser_node(p, NODE_FILTER);
            n->a = a;
            n->name = parser_name(p);
            if (!jinja_has_filter(n->name))
                parser_fail(p, "there is no filter '%s' here", n->name);
            if (parser_take(p, T_OPERATOR, "("))
                n->list = parser_arguments(p);
            a = n;
        } else if (parser_take(p, T_NAME, "is")) {
            a = test(p, a);
        } else {
            return a;
        }
    }
}

static struct node *unary(struct parser *p, bool filters)
{
    struct node *n;
    if (parser_take(p, T_OPERATOR, "-")) {
        n = parser_node(p, NODE_MINUS);
        parser_deeper(p);
        n->a = unary(p, false);
        p->depth--;
    } else {
        n = postfix(p, primary(p));
    }
    return filters ? filtered(p, n) : n;
}

static struct node *binary(struct parser *p, enum node_kind kind, const char *name, struct node *a,
                           struct node *b)
{
    struct node *n = parser_node(p, kind);
    n->name = name;
    n->a = a;
    n->b = b;
    return n;
}

/* Operators that bind equally tightly, the loosest level first; each level's operands are of the next. */
static struct node *arithmetic(struct parser *p, int level)
{
    static const char *const operators[3][5] = {{"+", "-"}, {"~"}, {"*", "/", "//", "%"}};
    if (level == 3)
        return unary(p, true);
    struct node *a = arithmetic(p, level + 1);
    for (int i = 0; i < 5 && operators[level][i];) {
        if (p->token == T_OPERATOR && strcmp(p->word, operators[level][i]) == 0) {
            parser_advance(p);
            a = binary(p, NODE_BINARY, operators[level][i], a, arithmetic(p, level + 1));
            i = 0;
        } else {
            i++;
        }
    }
    return a;
}

static struct node *comparison(struct parser *p)
{
    static const char *const operators[] = {"==", "!=", "<=", ">=", "<", ">"};
    struct node *all = NULL, *a = arithmetic(p, 0);
    for (;;) {
        const char *found = NULL;
        for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
            if (parser_is(p, T_OPERATOR, operators[i]))
                found = operators[i];
        if (found)
            parser_advance(p);
        else if (parser_take(p, T_NAME, "in"))
            found = "in";
        else if (parser_is(p, T_NAME, "not")) {
            parser_advance(p);
            parser_expect(p, T_NAME, "in");
            found = "not in";
        } else
            return all ? all : a;
        struct node *b = arithmetic(p, 0), *one = binary(p, NODE_BINARY, found, a, b);
        all = all ? binary(p, NODE_AND, NULL, all, one) : one;
        a = b;
    }
}

static struct node *negation(struct parser *p)
{
    if (!parser_take(p, T_NAME, "not"))
        return comparison(p);
    struct node *n = parser_node(p, NODE_NOT);
    parser_deeper(p);
    n->a = negation(p);
    p->depth--;
    return n;
}

static struct node *logic(struct parser *p, bool any)
{
    struct node *a = any ? logic(p, false) : negation(p);
    while (parser_take(p, T_NAME, any ? "or" : "and"))
        a = binary(p, any ? NODE_OR : NODE_AND, NULL, a, any ? logic(p, false) : negation(p));
    return a;
}

struct node *parser_expression(struct parser *p)
{
    parser_deeper(p);
    struct node *a = logic(p, true);
    while (parser_take(p, T_NAME, "if")) {
        struct node *n = binary(p, NODE_CHOICE, NULL, a, logic(p, true));
        if (parser_take(p, T_NAME, "else"))
            n->c = parser_expression(p);
        a = n;
    }
    p->depth--;
    return a;
}

struct node *parser_targets(struct parser *p)
{
    struct node *first = NULL, **end = &first;
    do {
        struct node *n = parser_node(p, NODE_NAME);
        n->name = parser_name(p);
        parser_append(&end, n);
    } while (parser_take(p, T_OPERATOR, ","));
    return first;
}

struct node *parser_expression_without_if(struct parser *p)
{
    return logic(p, true);
}
