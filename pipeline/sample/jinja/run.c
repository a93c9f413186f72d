/*
 * run.c - renders the tree of a template
 */
#include "pipeline/sample/jinja/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 300 };

static json_t *eval(struct run *r, const struct node *n);
static void run_list(struct run *r, const struct node *n);

static json_t *lookup(struct run *r, const char *name)
{
    for (struct scope *s = r->scope; s; s = s->outer) {
        json_t *v = json_object_get(s->variables, name);
        if (v)
            return v;
    }
    return r->undefined;
}

static void assign(struct run *r, const char *name, json_t *v)
{
    json_object_set(r->scope->variables, name, v);
}

/* One value to one name, or the elements of a list to several. */
static void assign_all(struct run *r, const struct node *names, json_t *v)
{
    size_t i = 0;
    if (!names->next) {
        assign(r, names->name, v);
        return;
    }
    for (; names; names = names->next, i++) {
        json_t *one = json_array_get(v, i);
        if (!one || (!names->next && json_array_size(v) != i + 1))
            run_fail(r, "a list is taken apart into another number of names");
        assign(r, names->name, one);
    }
}

static void open_scope(struct run *r, struct scope *s, struct scope *outer)
{
    *s = (struct scope){run_own(r, json_object()), outer};
    r->scope = s;
}

/* Returns what a list of nodes writes, as a text. */
static json_t *captured(struct run *r, const struct node *list)
{
    struct strbuf *before = r->out, *b = r->out = run_buffer(r);
    run_list(r, list);
    r->out = before;
    return run_made(r, b);
}

static json_t *eval_argument(struct run *r, const struct node *n)
{
    json_t *v = eval(r, n);
    run_walk(r, v); /* what takes the argument may go through it */
    return v;
}

static struct arguments eval_arguments(struct run *r, const struct node *list)
{
    struct arguments a = {run_own(r, json_array()), run_own(r, json_object())};
    for (const struct node *n = list; n; n = n->next) {
        if (n->kind == NODE_KEYWORD)
            json_object_set(a.keywords, n->name, eval_argument(r, n->a));
        else
            json_array_append(a.values, eval_argument(r, n));
    }
    return a;
}

static json_t *call_macro(struct run *r, const struct node *m, const struct arguments *a)
{
    struct scope inner, *before = r->scope;
    size_t i = 0;
    open_scope(r, &inner, r->global);
    for (const struct node *p = m->names; p; p = p->next, i++) {
        json_t *v = run_argument(a, i, p->name);
        v = v ? v : p->kind == NODE_KEYWORD ? eval(r, p->a) : r->undefined;
        assign(r, p->name, v);
    }
    json_t *text = captured(r, m->list);
    r->scope = before;
    return text;
}

static json_t *call(struct run *r, const struct node *n)
{
    struct arguments a = eval_arguments(r, n->list);
    if (n->a->kind == NODE_MEMBER)
        return jinja_method(r, eval(r, n->a->a), n->a->name, &a);
    if (n->a->kind != NODE_NAME)
        run_fail(r, "a call of what has no name");
    run_step(r, r->n_macros / 64);
    for (size_t i = r->n_macros; i-- > 0;)
        if (strcmp(r->macros[i]->name, n->a->name) == 0)
            return call_macro(r, r->macros[i], &a);
    return jinja_function(r, n->a->name, &a);
}

static json_t *boolean(bool v)
{
    return v ? json_true() : json_false();
}

static json_t *collection(struct run *r, const struct node *n)
{
    json_t *v = run_own(r, n->kind == NODE_LIST ? json_array() : json_object());
    for (const struct node *one = n->list; one; one = one->next) {
        if (n->kind == NODE_LIST) {
            json_array_append(v, eval(r, one));
        } else {
            json_t *key = run_text(r, eval(r, one->a));
            json_object_set(v, json_string_value(key), eval(r, one->b));
        }
    }
    return v;
}

static json_t *member(struct run *r, json_t *v, const char *name)
{
    json_t *found = json_object_get(v, name);
    if (v == r->undefined)
        run_fail(r, "'%s' of what is not there", name);
    return found ? found : r->undefined;
}

static json_t *eval_kind(struct run *r, const struct node *n)
{
    json_t *v;
    switch (n->kind) {
    case NODE_CONST:
        return n->value;
    case NODE_NAME:
        return lookup(r, n->name);
    case NODE_LIST:
    case NODE_DICT:
        return collection(r, n);
    case NODE_MEMBER:
        return member(r, eval(r, n->a), n->name);
    case NODE_ITEM:
        v = eval(r, n->a);
        return jinja_item(r, v, eval(r, n->b));
    case NODE_SLICE:
        v = eval(r, n->a);
        return jinja_slice(r, v, eval(r, n->list), eval(r, n->list->next), eval(r, n->list->next->next));
    case NODE_CALL:
        return call(r, n);
    case NODE_FILTER: {
        v = eval(r, n->a);
        struct arguments a = eval_arguments(r, n->list);
        return jinja_filter(r, n->name, v, &a);
    }
    case NODE_TEST: {
        v = eval(r, n->a);
        struct arguments a = eval_arguments(r, n->list);
        return boolean(jinja_test(r, n->name, v, &a));
    }
    case NODE_NOT:
        return boolean(!run_true(r, eval(r, n->a)));
    case NODE_MINUS:
        v = eval(r, n->a);
        return jinja_binary(r, "-", run_own(r, json_integer(0)), v);
    case NODE_BINARY:
        v = eval(r, n->a);
        return jinja_binary(r, n->name, v, eval(r, n->b));
    case NODE_AND:
    case NODE_OR:
        v = eval(r, n->a);
        return run_true(r, v) == (n->kind == NODE_OR) ? v : eval(r, n->b);
    default:
        return run_true(r, eval(r, n->b)) ? eval(r, n->a) : n->c ? eval(r, n->c) : r->undefined;
    }
}

static json_t *eval(struct run *r, const struct node *n)
{
    run_step(r, 1);
    if (++r->depth > MAX_DEPTH)
        run_fail(r, "the template goes too deep");
    json_t *v = eval_kind(r, n);
    r->depth--;
    return v;
}

/* Returns what a loop walks through, as a list: the keys of an object. */
static json_t *walked(struct run *r, json_t *v)
{
    if (json_is_array(v))
        return v;
    if (!json_is_object(v)) /* what is not there is an object, too */
        run_fail(r, "a loop over what holds nothing");
    return run_keys(r, v);
}

/* The elements that the loop's condition lets through. */
static json_t *chosen(struct run *r, const struct node *n)
{
    json_t *all = walked(r, eval(r, n->a)), *some, *one;
    struct scope inner, *before = r->scope;
    size_t i;
    if (!n->c)
        return all;
    some = run_own(r, json_array());
    open_scope(r, &inner, before);
    json_array_foreach(all, i, one)
    {
        assign_all(r, n->names, one);
        if (run_true(r, eval(r, n->c)))
            json_array_append(some, one);
    }
    r->scope = before;
    return some;
}

static json_t *loop_of(struct run *r, json_t *list, size_t i)
{
    json_int_t k = (json_int_t)i, n = (json_int_t)json_array_size(list);
    json_t *before = i > 0 ? json_array_get(list, i - 1) : NULL, *after = json_array_get(list, i + 1);
    return run_own(r, json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:O*, s:O*}", "index0", k, "index",
                                k + 1, "length", n, "revindex", n - k, "revindex0", n - k - 1, "first",
                                i == 0, "last", k + 1 == n, "previtem", before, "nextitem", after));
}

static void run_for(struct run *r, const struct node *n)
{
    json_t *list = chosen(r, n), *one;
    struct scope inner, *before = r->scope;
    size_t i;
    json_array_foreach(list, i, one)
    {
        run_step(r, 1);
        open_scope(r, &inner, before);
        assign(r, "loop", loop_of(r, list, i));
        assign_all(r, n->names, one);
        run_list(r, n->list);
        r->scope = before;
        r->continuing = false;
        if (r->breaking)
            break;
    }
    r->breaking = false;
    if (json_array_size(list) == 0 && n->b)
        run_list(r, n->b->list);
}

/* A member of a namespace gets a copy, so that no value can come to hold itself. */
static void set_member(struct run *r, const struct node *n)
{
    json_t *space = lookup(r, n->names->name), *v = eval(r, n->a);
    if (space == r->undefined || json_object_set(space, n->name, run_copy(r, v)) != 0)
        run_fail(r, "'%s' is no namespace", n->names->name);
}

static void run_statement(struct run *r, const struct node *n)
{
    json_t *v;
    switch (n->kind) {
    case NODE_TEXT:
    case NODE_OUTPUT:
        v = n->kind == NODE_TEXT ? n->value : run_text(r, eval(r, n->a));
        run_add_text(r, r->out, v);
        break;
    case NODE_IF:
        if (run_true(r, eval(r, n->a)))
            run_list(r, n->list);
        else if (n->b)
            run_list(r, n->b);
        break;
    case NODE_FOR:
        run_for(r, n);
        break;
    case NODE_SET:
        v = n->a ? eval(r, n->a) : captured(r, n->list);
        assign_all(r, n->names, v);
        break;
    case NODE_SET_ATTR:
        set_member(r, n);
        break;
    case NODE_MACRO:
        r->macros = xrealloc(r->macros, (r->n_macros + 1) * sizeof *r->macros);
        r->macros[r->n_macros++] = n;
        break;
    case NODE_BLOCK:
        run_list(r, n->list);
        break;
    default:
        r->breaking = n->kind == NODE_BREAK;
        r->continuing = n->kind == NODE_CONTINUE;
    }
}

static void run_list(struct run *r, const struct node *n)
{
    if (++r->depth > MAX_DEPTH)
        run_fail(r, "the template goes too deep");
    for (; n && !r->breaking && !r->continuing; n = n->next) {
        run_step(r, 1);
        run_statement(r, n);
    }
    r->depth--;
}

/* All values let go of what they hold before any is freed, since lists may hold lists to such a depth that
 * freeing the outermost one would recurse too deeply. */
static void free_values(struct run *r)
{
    for (size_t i = 0; i < r->n_owned; i++) {
        json_array_clear(r->owned[i]);
        json_object_clear(r->owned[i]);
    }
    for (size_t i = 0; i < r->n_owned; i++)
        json_decref(r->owned[i]);
    free(r->owned);
    json_decref(r->undefined);
}

char *jinja_render(const struct jinja *j, json_t *variables, size_t *len, char *why, size_t cap)
{
    struct strbuf out = {0};
    struct scope given = {variables, NULL}, global = {json_object(), &given};
    struct run r = {.j = j,
                    .why = why,
                    .cap = cap,
                    .out = &out,
                    .scope = &global,
                    .global = &global,
                    .undefined = json_object()};
    strbuf_add(&out, "", 0);
    bool good = setjmp(r.failed) == 0;
    if (good)
        run_list(&r, j->body);
    free_values(&r);
    json_decref(global.variables);
    for (size_t i = 0; i < r.n_buffers; i++) {
        strbuf_free(r.buffers[i]);
        free(r.buffers[i]);
    }
    free(r.buffers);
    free(r.macros);
    if (good) {
        *len = out.len;
        return out.s;
    }
    strbuf_free(&out);
    return NULL;
}
