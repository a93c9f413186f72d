/*
 * tokenizer.h - byte-pair encoding: text to ids and back, exactly
 *
 * Our own tokenizers are byte-level: decode(encode(x)) == x for every byte string x. The pre-tokenizer is the
 * Qwen2 pattern; bytes that are not UTF-8 are encoded byte by byte. Reads and
 * writes tokenizer.json as the `tokenizers` library does, those of other vocabularies too (tokenizer.md), and
 * gives the same ids for the same text.
 *
 * A tokenizer is immutable after loading: any number of encoders may share it.
 * Source: Sennrich et al. 2016, arXiv:1508.07909; Radford et al. 2019 (bytes).
 */
#ifndef VOCABULARY_TOKENIZER_H
#define VOCABULARY_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer;

/* On failure returns NULL and fills err (cap bytes) with a message naming file, offset and reason. */
struct tokenizer *tokenizer_load(const char *path, char *err, size_t cap);
struct tokenizer *tokenizer_parse(const char *json, size_t len, const char *name, char *err, size_t cap);
void tokenizer_free(struct tokenizer *t); /* NULL is fine */
/* Returns the JSON text, malloc'd; deterministic. NULL: the tokenizer cuts or normalises its text in ways
 * that only files of other makers ask for, and those are not written. */
char *tokenizer_to_json(const struct tokenizer *t, size_t *len);

uint32_t tokenizer_vocab_size(const struct tokenizer *t); /* ids are below this */
uint64_t tokenizer_hash(const struct tokenizer *t); /* XXH3-64 over vocabulary, merges and special tokens;
                                                       independent of the spacing in the file */
/* Returns the id of a special token by its content ("<|eos|>"), UINT32_MAX when there is none. */
uint32_t tokenizer_special(const struct tokenizer *t, const char *content);
/* The ids that end and begin a text. They come from tokenizer_set_eos, or else from the files beside a
 * tokenizer.json, or else from well-known names. UINT32_MAX: none. */
uint32_t tokenizer_eos(const struct tokenizer *t);
uint32_t tokenizer_bos(const struct tokenizer *t);
void tokenizer_set_eos(struct tokenizer *t, uint32_t id); /* below the vocabulary size, or UINT32_MAX */
/* Whether a model that writes this id has ended its text: tokenizer_eos, and the other ids that the files
 * beside a tokenizer.json name. */
bool tokenizer_ends(const struct tokenizer *t, uint32_t id);
/* Those that the files name, each once. */
const uint32_t *tokenizer_listed_ends(const struct tokenizer *t, size_t *n);
/* Takes these ids from tokenizer_config.json, generation_config.json and config.json in the directory of
 * path, when path is a file called tokenizer.json and they exist; tokenizer_load calls it. Warns of a file
 * that cannot be read. */
void tokenizer_read_config(struct tokenizer *t, const char *path);
/* Returns the path of a file in that directory, malloc'd; NULL: there is none. */
char *tokenizer_beside(const char *path, const char *name);
/* Returns a token by its content, or else by its number; UINT32_MAX: there is none. */
uint32_t tokenizer_named(const struct tokenizer *t, const char *word);
bool tokenizer_is_special(const struct tokenizer *t, uint32_t id);
/* Decoding removes this many spaces at the start of a text, if it has them, since encoding put them there. */
size_t tokenizer_drop_spaces(const struct tokenizer *t);
/* Returns the bytes of one token (for special tokens their content). NULL: id is out of range or unused. */
const char *tokenizer_bytes(const struct tokenizer *t, uint32_t id, size_t *len);

/* An encoder holds the scratch memory and cache of one thread. shared (pieces.h): the pieces that the
 * encoders of t share; NULL: none, as for a single thread. */
struct encoder;
struct pieces;
struct encoder *encoder_new(const struct tokenizer *t, struct pieces *shared);
void encoder_free(struct encoder *e);
/* Returns the ids of text, valid until the next call on e. parse_special: the contents of special tokens in
 * the text become their ids (for prompts); otherwise they are ordinary text (for training documents). Dies
 * only when out of memory. */
const uint32_t *encode(struct encoder *e, const char *text, size_t len, bool parse_special, size_t *n);

/* Returns the position of the first byte that is not UTF-8 and that this tokenizer has no token for; len:
 * there is none. encode dies of such a byte. */
size_t tokenizer_check(const struct tokenizer *t, const char *text, size_t len);
/* Whether all bytes that are not UTF-8 are refused. */
bool tokenizer_wants_utf8(const struct tokenizer *t);
/* Whether a long text may be cut at the places that pretokenizer_cut returns, with equal ids. */
bool tokenizer_may_cut(const struct tokenizer *t);

/* Finds the ids that the file's post-processor puts around a text. Returns NULL, or the reason why that is
 * not supported. */
const char *tokenizer_around(const struct tokenizer *t, const uint32_t **before, size_t *n_before,
                             const uint32_t **after, size_t *n_after);

/* Returns the bytes of ids in a malloc'd buffer; special tokens are left out when skip_special. Unused ids
 * add nothing. */
char *decode(const struct tokenizer *t, const uint32_t *ids, size_t n, bool skip_special, size_t *len);

#endif
