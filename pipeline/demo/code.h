/*
 * code.h - function families: one meaning, bodies in three languages, examples by an evaluator in C
 *
 * Slots of a body: fn the function's name, a0 b0 c0 its parameters, k0 the family's constant.
 */
#ifndef DEMO_CODE_H
#define DEMO_CODE_H

#include "pipeline/demo/gen.h"

enum { CODE_MAX_LIST = 24, CODE_MAX_TEXT = 96 };

/* A value of an example. type: i number, b truth, l list of numbers, s string. */
struct value {
    char type;
    long i;
    int n;
    long v[CODE_MAX_LIST];
    char s[CODE_MAX_TEXT];
};

struct family {
    const char *names; /* '/'-separated snake_case; $kw the constant in words */
    const char *doc;   /* the text of the docstring, without "Return" */
    const char *types; /* parameters, '>', result: "il>b" */
    int k_lo, k_hi;    /* range of the constant; both 0: none */
    int lo, hi;        /* range of number arguments and list members */
    void (*eval)(const struct value *a, long k, struct value *r);
    const char *py[3];   /* bodies without the first indent; NULL ends */
    const char *rs, *ts; /* bodies, or NULL: not written in this language */
};

/* Parameter types: i number, e small exponent, j and k low and high bound, l list of numbers, w word, p word
 * that may be a palindrome, t text of some words, n person's name. Result types: i, b, l, s. */
extern const struct family code_numbers[], code_lists[], code_strings[];
extern const unsigned n_code_numbers, n_code_lists, n_code_strings;

void code_python(struct gen *g, const struct family *f);
void code_rust(struct gen *g, const struct family *f);
void code_typescript(struct gen *g, const struct family *f);
void code_python_class(struct gen *g);
void code_triton(struct gen *g);

/* code_examples.c: arguments at random, results by the family's evaluator, written as source */
struct example {
    struct value args[3], result;
};
unsigned code_n_params(const struct family *f);
char code_result_type(const struct family *f);
void code_example(struct gen *g, const struct family *f, long k, struct example *e);
enum code_language { PYTHON, RUST, TYPESCRIPT };
void code_put_value(struct gen *g, const struct value *v, enum code_language lang);
/* name(arg, arg) in the language; the name is slot fn. */
void code_put_call(struct gen *g, const struct family *f, const struct example *e, enum code_language lang);
/* Chooses constant, name (kept in the caller's buffer) and parameter names: sets slots fn, k0, a0, b0, c0. */
long code_bind(struct gen *g, const struct family *f, enum code_language lang, char name[64]);
/* A body, each line indented. */
void code_put_body(struct gen *g, const char *body, const char *indent);

#endif
