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
/* The JSON text, malloc'd; deterministic. */
char *tokenizer_to_json(const struct tokenizer *t, size_t *len);

uint32_t tokenizer_vocab_size(const struct tokenizer *t); /* ids are below this */
uint64_t tokenizer_hash(const struct tokenizer *t); /* XXH3-64 over vocabulary, merges and special tokens; not
                                                       of the file's spacing */
/* id of a special token by content ("<|eos|>"), UINT32_MAX when there is none. */
uint32_t tokenizer_special(const struct tokenizer *t, const char *content);
/* The ids that end a text and begin one: those of tokenizer_set_eos, or of the files beside a tokenizer.json,
 * else of names in use. UINT32_MAX: none. */
uint32_t tokenizer_eos(const struct tokenizer *t);
uint32_t tokenizer_bos(const struct tokenizer *t);
void tokenizer_set_eos(struct tokenizer *t, uint32_t id); /* below the vocabulary size, or UINT32_MAX */
/* Takes them from tokenizer_config.json and generation_config.json in the directory of path, when path is a
 * file called tokenizer.json and they are there; tokenizer_load does so. What cannot be read is warned of. */
void tokenizer_read_config(struct tokenizer *t, const char *path);
/* A token by its content, or else by its number; UINT32_MAX: there is none such. */
uint32_t tokenizer_named(const struct tokenizer *t, const char *word);
bool tokenizer_is_special(const struct tokenizer *t, uint32_t id);
/* Decoding leaves out so many spaces at the start of a text, if it has them: those that encoding put there.
 */
size_t tokenizer_drop_spaces(const struct tokenizer *t);
/* Bytes of one token (special tokens: their content). NULL: id is out of range or unused. */
const char *tokenizer_bytes(const struct tokenizer *t, uint32_t id, size_t *len);

/* An encoder holds the scratch memory and cache of one thread. shared (pieces.h): what the encoders of t find
 * for each other; NULL: nothing, as for one thread. */
struct encoder;
struct pieces;
struct encoder *encoder_new(const struct tokenizer *t, struct pieces *shared);
void encoder_free(struct encoder *e);
/* Ids of text, valid until the next call on e. parse_special: contents of special tokens in the text become
 * their ids (prompts); otherwise they are ordinary text (training documents). Dies only on out of memory. */
const uint32_t *encode(struct encoder *e, const char *text, size_t len, bool parse_special, size_t *n);

/* Where the first byte is that this tokenizer has nothing for, as it is not UTF-8; len: there is none. encode
 * dies of such a byte. */
size_t tokenizer_check(const struct tokenizer *t, const char *text, size_t len);
/* Whether bytes that are not UTF-8 are refused, all of them. */
bool tokenizer_wants_utf8(const struct tokenizer *t);
/* Whether a long text may be cut where pretokenizer_cut says, with the same ids. */
bool tokenizer_may_cut(const struct tokenizer *t);

/* The ids that the file's post-processor puts around a text. NULL, or why that cannot be done. */
const char *tokenizer_around(const struct tokenizer *t, const uint32_t **before, size_t *n_before,
                             const uint32_t **after, size_t *n_after);

/* Bytes of ids, appended to a malloc'd buffer; special tokens left out when skip_special. Unused ids become
 * nothing. */
char *decode(const struct tokenizer *t, const uint32_t *ids, size_t n, bool skip_special, size_t *len);

#endif
