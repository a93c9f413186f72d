/*
 * gen.h - what the domain generators share: a counter-based random source, slots, and a template expander
 *
 * A template is text with four special marks:
 *   $ab       the value of slot "ab" (a-z, then a-z or 0-9), itself expanded; any other $ is a dollar
 *   {x|y|z}   one alternative, equally likely, may nest and may be empty
 *   ^         the next letter becomes a capital; so does, without it, the first letter of a sentence or line
 *   @         "a " or "an ", as the next word wants
 * gen_code knows only $ab, for source code.
 *
 * Documents must not depend on the compiler: never draw twice in one expression whose order C leaves open.
 *
 * Slots live for one document. Using one that was not set in this document is a bug of ours: assert.
 */
#ifndef DEMO_GEN_H
#define DEMO_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "pipeline/lib/fs.h"

struct list {
    const char *const *v;
    unsigned n;
};
#define LIST(...)                                                                                            \
    {                                                                                                        \
        (const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(char *)        \
    }

struct slot {
    const char *s;
    uint32_t n;
    uint32_t doc; /* valid while equal to gen.doc */
    char own[24]; /* storage for numbers */
};

enum { GEN_SLOTS = 26 * 36 };

struct gen {
    uint64_t state; /* splitmix64 */
    struct strbuf *out;
    uint32_t doc;          /* stamp of the current document */
    bool capital, article; /* pending ^ and @ */
    uint64_t names_used;   /* people in this document, so that no two share a name */
    struct slot slots[GEN_SLOTS];
};

void gen_begin(struct gen *g, int domain, uint64_t seed, uint64_t i, struct strbuf *out);

uint64_t gen_random(struct gen *g);
unsigned gen_below(struct gen *g, unsigned n); /* 0 .. n-1 */
int gen_range(struct gen *g, int lo, int hi);  /* lo .. hi, both included */
bool gen_chance(struct gen *g, unsigned percent);
const char *gen_pick(struct gen *g, const struct list *l);
void gen_shuffle(struct gen *g, int *v, int n);
void gen_permutation(struct gen *g, int *v, int n); /* v becomes 0 .. n-1 in random order */

void gen_set(struct gen *g, const char *slot, const char *value); /* value must outlive the document */
void gen_set_n(struct gen *g, const char *slot, const char *value, size_t n);
void gen_num(struct gen *g, const char *slot, long value);
/* The '/'-separated fields of a record become slots key1, key2, ... */
void gen_fields(struct gen *g, char key, const char *record);
const char *gen_bind(struct gen *g, char key, const struct list *l); /* gen_fields of a random record of l */

/* A person: slots kn name, ks he/she, ko him/her, kp his/her, kr himself/herself, kk boy/girl for key k. */
enum gender { GIRL, BOY, ANY_GENDER };
enum gender gen_person(struct gen *g, char key, enum gender want);
void gen_pronouns(struct gen *g, char key, enum gender gender);

void gen_say(struct gen *g, const char *template);
void gen_code(struct gen *g, const char *template);
void gen_code_n(struct gen *g, const char *template, size_t n);
void gen_put(struct gen *g, const char *text);
void gen_put_n(struct gen *g, const char *text, size_t n);
void gen_put_num(struct gen *g, long value);

/* One weighted kind of document of a domain. */
struct kind {
    unsigned weight;
    void (*write)(struct gen *g);
};
void gen_kind(struct gen *g, const struct kind *kinds, unsigned n);

/* The domains. */
void demo_language(struct gen *g);
void demo_code(struct gen *g);
void demo_math(struct gen *g);
void demo_ml(struct gen *g);
void demo_logic(struct gen *g);

#endif
