/*
 * loader.h - the state of reading a tokenizer.json, for tokenizer_load.c and load_*.c
 */
#ifndef VOCABULARY_LOADER_H
#define VOCABULARY_LOADER_H

#include <jansson.h>
#include <stdbool.h>

#include "formats/json_string.h"
#include "pipeline/lib/fs.h"
#include "pipeline/text/pretokenize/normaliser.h"
#include "pipeline/text/pretokenize/splitter.h"
#include "pipeline/text/vocabulary/names.h"
#include "pipeline/text/vocabulary/vocabulary.h"

struct spelled { /* a merge: two strings with one byte between them, in loader.strings */
    const char *left;
    uint32_t left_len, right_len;
};

struct given {           /* an element of added_tokens */
    const char *content; /* in loader.strings, with a NUL behind it */
    uint32_t len;
    uint32_t id;     /* as the file says */
    uint32_t number; /* the id that it gets */
    uint32_t first;  /* place in the list of the first element with this content */
    uint32_t place;  /* of that first one, in tokenizer.added */
    bool special, lstrip, rstrip, normalized, word;
};

struct loader {
    const char *name;
    char *err;
    size_t cap;
    const char *json;
    size_t len;
    struct json_cursor in; /* where in the JSON */
    char *strings;         /* strings of vocab, merges and added; owned */
    size_t n_values;       /* at most so many values that jansson has read */
    json_t *root;          /* the file without the members of vocab, merges and added; owned */
    struct names vocab;
    uint32_t next_made;     /* place in vocab of the token that the next merge probably makes */
    struct spelled *merges; /* owned */
    size_t n_merges, merges_cap;
    struct given *added; /* owned */
    size_t n_added, added_cap;
    struct text_steps *steps;      /* rules and steps for a text; owned until the tokenizer takes them */
    bool byte_level, spelled;      /* spelled: the steps end with the characters of bytelevel.h */
    struct normaliser *normaliser; /* runs the rules, for added tokens; owned */
    uint32_t vocab_size;
    struct tokenizer *t; /* owned until it is returned to the caller */
    struct strbuf bytes;
};

/* Writes "NAME: reason" into err; returns -1. */
int loader_bad(struct loader *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A missing value counts as null. */
bool is_absent(const json_t *v);
bool is_string(const json_t *v, const char *s);
bool is_type(const json_t *v, const char *type);
/* Reads a member that is true or false; a missing one counts as `unset`. Returns -1: it is something else. */
int read_bool(struct loader *l, const json_t *v, const char *where, const char *key, bool unset, bool *set);
/* Reads an id, which belongs to `name` in the part `what` of the file. */
int read_id(struct loader *l, const json_t *v, const char *what, const char *name, uint32_t *id);
/* Makes vocab_size large enough for the id, and refuses a token that is too long. */
int use_for_size(struct loader *l, uint32_t id, const char *name, size_t len);

/* load_json.c: reads the JSON into root, vocab, merges and added. */
int load_json(struct loader *l, const char *json, size_t len);
/* load_added.c: read_added reads an element of the list, which is the last one in l->added. number_added
 * gives the added tokens their ids, load_added adds them to the tokenizer, after the vocabulary. */
int read_added(struct loader *l, const json_t *v, struct given *g);
int number_added(struct loader *l);
int load_added(struct loader *l);
/* load_normaliser.c: reads root.normalizer into l->steps->rules. */
int load_normaliser(struct loader *l);
/* load_pre_tokenizer.c: reads root.pre_tokenizer into l->steps->steps and l->byte_level. */
int load_pre_tokenizer(struct loader *l);
/* load_post.c, called after the tokens are known: reads root.decoder, and root.post_processor, which is
 * refused only when it is asked for. */
int load_decoder(struct loader *l);
void load_post_processor(struct loader *l);

#endif
