/*
 * node.h - a template as a tree, and what the files of this room share
 */
#ifndef JINJA_NODE_H
#define JINJA_NODE_H

#include "pipeline/lib/fs.h"
#include "pipeline/sample/jinja/jinja.h"

#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

enum node_kind {
    /* statements */
    NODE_TEXT,     /* value */
    NODE_OUTPUT,   /* a */
    NODE_IF,       /* a: condition, list: then, b: else (NODE_BLOCK) or NULL */
    NODE_FOR,      /* names: targets; a: what is walked, c: condition or NULL, list: body, b: else or NULL */
    NODE_SET,      /* names: targets; a: value; or a NULL: list is the block whose text is the value */
    NODE_SET_ATTR, /* name.value: a */
    NODE_MACRO,    /* name; names: NODE_KEYWORDs of parameters, a: their defaults; list: body */
    NODE_BLOCK,    /* list */
    NODE_BREAK,
    NODE_CONTINUE,
    /* expressions */
    NODE_CONST, /* value */
    NODE_NAME,  /* name */
    NODE_LIST,  /* list */
    NODE_DICT,  /* list: NODE_PAIRs of a and b */
    NODE_PAIR,
    NODE_MEMBER, /* a . name */
    NODE_ITEM,   /* a [b] */
    NODE_SLICE,  /* a [from:to:step]: list has three, NODE_CONST null where one is left out */
    NODE_CALL,   /* a (list), with NODE_KEYWORDs name = a at its end */
    NODE_KEYWORD,
    NODE_FILTER, /* a | name (list) */
    NODE_TEST,   /* a is name (list) */
    NODE_NOT,    /* a */
    NODE_MINUS,  /* a */
    NODE_BINARY, /* a name b */
    NODE_AND,
    NODE_OR,
    NODE_CHOICE, /* a if b else c; c may be NULL */
};

struct node {
    enum node_kind kind;
    const char *name;
    json_t *value; /* owned */
    struct node *a, *b, *c;
    struct node *list;  /* the first of the children, which `next` links */
    struct node *names; /* the same of targets and parameters */
    struct node *next;
    struct node *made_before; /* of all nodes, which jinja_free frees */
};

struct jinja {
    struct node *newest; /* owned */
    struct node *body;
    struct strbuf *strings; /* owned: names, n_strings of them */
    size_t n_strings;
};

enum { JINJA_MAX_BYTES = 64 << 20 }; /* of all texts that a rendering makes */

struct scope { /* variables; those of an outer scope are seen, not set */
    json_t *variables;
    struct scope *outer;
};

struct run { /* one rendering */
    const struct jinja *j;
    jmp_buf failed;
    char *why;
    size_t cap;
    json_t **owned; /* every value that was made; freed at the end */
    size_t n_owned;
    struct scope *scope, *global;
    struct strbuf *out;
    const struct node **macros; /* owned: those that the template has reached */
    size_t n_macros;
    struct strbuf **buffers; /* owned: texts that are being made, each for the one before it */
    size_t n_buffers;
    uint64_t steps;
    size_t bytes; /* of all strings made */
    int depth;
    bool breaking, continuing;
    json_t *undefined; /* the one value that stands for what is not there */
};

/* Ends the rendering. */
_Noreturn void run_fail(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
json_t *run_own(struct run *r, json_t *v); /* takes a new value, which lives until the end */
json_t *run_string(struct run *r, const char *s, size_t len);
/* A text that is made piece by piece: a buffer that the rendering owns, also when it ends meanwhile, and at
 * last a value. The buffer that was begun last is made first. */
struct strbuf *run_buffer(struct run *r);
void run_add(struct run *r, struct strbuf *b, const char *s, size_t len);
void run_add_text(struct run *r, struct strbuf *b, const json_t *text);
json_t *run_made(struct run *r, struct strbuf *b);
void run_step(struct run *r, size_t n); /* counts n steps; ends the rendering when there are too many */
/* Counts the steps of going through a text, or through a list or object but not into what it holds. */
void run_walk(struct run *r, const json_t *v);
/* Counts the steps of going through all that a value holds, which may be far more than was made: a list can
 * hold another one twice. Returns the bytes of its texts. Ends the rendering when it is nested too deeply for
 * functions that recurse. */
size_t run_measure(struct run *r, const json_t *v);
json_t *run_copy(struct run *r, json_t *v); /* of lists and objects, with all that they hold */
json_t *run_keys(struct run *r, json_t *v); /* of an object, as a list; what is none has none */
bool run_true(const struct run *r, const json_t *v);
bool run_equal(struct run *r, const json_t *a, const json_t *b);
json_int_t run_whole(struct run *r, double v); /* without its fraction */
/* A number as Python writes it: a fraction with as many digits as tell it from others. */
enum { JINJA_NUMBER = 32 };
void jinja_number(char text[JINJA_NUMBER], const json_t *v);
/* The value as {{ }} writes it. Lists and objects are not written. */
json_t *run_text(struct run *r, json_t *v);

/* a OP b, but for `and` and `or`. */
json_t *jinja_binary(struct run *r, const char *op, json_t *a, json_t *b);

struct arguments {             /* of a call */
    json_t *values, *keywords; /* an array and an object */
};
/* The i-th argument, or the one of that name (NULL: it has none); NULL: it is not given. */
json_t *run_argument(const struct arguments *a, size_t i, const char *name);

/* filters.c and tests.c. `|` and `is` with names that are not there are found when a template is parsed. */
bool jinja_has_filter(const char *name);
json_t *jinja_filter(struct run *r, const char *name, json_t *v, const struct arguments *a);
bool jinja_has_test(const char *name);
bool jinja_test(struct run *r, const char *name, json_t *v, const struct arguments *a);
/* tojson.c: a value as JSON; spaces 0: in one line. */
json_t *jinja_tojson(struct run *r, json_t *v, size_t spaces);
/* methods.c: a method of a text, a list or an object; a function of the template's surroundings. */
json_t *jinja_method(struct run *r, json_t *v, const char *name, const struct arguments *a);
json_t *jinja_function(struct run *r, const char *name, const struct arguments *a);
/* The part of a text or list between places, as Python's slices; NULL values are left out. */
json_t *jinja_slice(struct run *r, json_t *v, const json_t *from, const json_t *to, const json_t *step);
json_t *jinja_characters(struct run *r, const json_t *v); /* of a text, as a list */
json_t *jinja_item(struct run *r, json_t *v, const json_t *key);
/* Without the characters of a set at the ends that are asked for; set NULL: white space. */
json_t *jinja_strip(struct run *r, json_t *v, const char *set, bool left, bool right);
size_t jinja_length(struct run *r, const json_t *v);

/* Where a name stands among n; -1: nowhere. */
static inline int jinja_place(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

#endif
