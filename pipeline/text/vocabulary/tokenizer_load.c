/*
 * tokenizer_load.c - reads tokenizer.json, and refuses files that it could not encode with as the tokenizers
 * library does
 *
 * load_json.c checks JSON, UTF-8, depth and duplicate keys. The code here checks every type and every id,
 * that each merge is of known tokens and makes a known one, and that no part asks for something that tritter
 * does not support (dropout, another model, ...).
 */
#include "pipeline/text/vocabulary/loader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "formats/reason.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/pretokenize/bytelevel.h"

enum {
    MAX_FILE = 32 << 20, /* bytes: several times the largest file in use */
    AHEAD = 16,          /* merges: their tokens are fetched so long before they are looked up, a guess */
};

int loader_bad(struct loader *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    reason_about(l->err, l->cap, l->name, fmt, ap);
    va_end(ap);
    return -1;
}

bool is_absent(const json_t *v)
{
    return !v || json_is_null(v);
}

bool is_string(const json_t *v, const char *s)
{
    return json_is_string(v) && strcmp(json_string_value(v), s) == 0;
}

bool is_type(const json_t *v, const char *type)
{
    return is_string(json_object_get(v, "type"), type);
}

int read_bool(struct loader *l, const json_t *v, const char *where, const char *key, bool unset, bool *set)
{
    const json_t *flag = json_object_get(v, key);
    *set = is_absent(flag) ? unset : json_is_true(flag);
    return is_absent(flag) || json_is_boolean(flag) ? 0
                                                    : loader_bad(l, "%s.%s is not true or false", where, key);
}

/* ---- the parts ---- */

static int check_version(struct loader *l)
{
    const json_t *model = json_object_get(l->root, "model"), *type = json_object_get(model, "type");
    if (is_string(type, "BPE"))
        return 0;
    return loader_bad(l, "model.type: %.40s is not supported: only BPE",
                      json_is_string(type) ? json_string_value(type) : "none");
}

/* Reads how the model treats characters that are no token, and characters within a word and at its end. */
static int read_characters(struct loader *l, const json_t *model, struct characters *c)
{
    const json_t *unknown = json_object_get(model, "unk_token"),
                 *prefix = json_object_get(model, "continuing_subword_prefix"),
                 *suffix = json_object_get(model, "end_of_word_suffix");
    c->unknown = UINT32_MAX;
    if (read_bool(l, model, "model", "fuse_unk", false, &c->fuse_unknown) < 0 ||
        read_bool(l, model, "model", "byte_fallback", false, &c->byte_fallback) < 0)
        return -1;
    if ((!is_absent(unknown) && !json_is_string(unknown)) ||
        (!is_absent(prefix) && !json_is_string(prefix)) || (!is_absent(suffix) && !json_is_string(suffix)))
        return loader_bad(l,
                          "model.unk_token, continuing_subword_prefix or end_of_word_suffix is not a string");
    const struct name *name =
        is_absent(unknown) ? NULL
                           : names_find(&l->vocab, json_string_value(unknown), json_string_length(unknown));
    if (name)
        c->unknown = name->id;
    if (!is_absent(unknown) && c->unknown == UINT32_MAX && !l->byte_level)
        return loader_bad(l, "model.unk_token: \"%.100s\" is not in the vocabulary",
                          json_string_value(unknown));
    c->prefix = xstrdup(is_absent(prefix) ? "" : json_string_value(prefix));
    c->suffix = xstrdup(is_absent(suffix) ? "" : json_string_value(suffix));
    return 0;
}

static int check_model(struct loader *l)
{
    const json_t *model = json_object_get(l->root, "model"), *dropout = json_object_get(model, "dropout");
    if (!is_absent(dropout) && !(json_is_number(dropout) && json_number_value(dropout) == 0))
        return loader_bad(l, "model.dropout: not supported, for it draws lots");
    if (l->vocab.n == 0)
        return loader_bad(l, "model.vocab: missing, or not an object of ids");
    if (!json_is_array(json_object_get(model, "merges")))
        return loader_bad(l, "model.merges: missing, or not an array");
    const json_t *added = json_object_get(l->root, "added_tokens");
    return is_absent(added) || json_is_array(added) ? 0 : loader_bad(l, "added_tokens: not an array");
}

/* ---- tokens ---- */

int read_id(struct loader *l, const json_t *v, const char *what, const char *name, uint32_t *id)
{
    if (!json_is_integer(v))
        return loader_bad(l, "%s: id of \"%.100s\" is not a whole number", what, name);
    json_int_t n = json_integer_value(v);
    if (n < 0 || n >= VOCABULARY_MAX)
        return loader_bad(l, "%s: id %lld of \"%.100s\" is out of range", what, (long long)n, name);
    *id = (uint32_t)n;
    return 0;
}

int use_for_size(struct loader *l, uint32_t id, const char *name, size_t len)
{
    if (len > VOCABULARY_MAX_TOKEN)
        return loader_bad(l, "id %u: token of %zu bytes", id, len);
    l->vocab_size = id >= l->vocab_size ? id + 1 : l->vocab_size;
    (void)name;
    return 0;
}

static int each_in_vocabulary(struct loader *l,
                              int (*use)(struct loader *, uint32_t id, const char *name, size_t len))
{
    for (uint32_t i = 0; i < l->vocab.n; i++)
        if (use(l, l->vocab.v[i].id, l->vocab.v[i].s, l->vocab.v[i].len) < 0)
            return -1;
    return 0;
}

/* Adds a token. A byte-level token that is not spelled in that alphabet cannot result from merges. */
static int use_token(struct loader *l, uint32_t id, const char *name, size_t len)
{
    if (l->t->tokens[id].kind != TOKEN_UNUSED)
        return loader_bad(l, "model.vocab: id %u is used twice, again by \"%.100s\"", id, name);
    strbuf_reset(&l->bytes);
    if (l->t->characters)
        vocabulary_set(l->t, id, name, len, TOKEN_TEXT);
    else if (bytelevel_bytes(&l->bytes, name, len) == 0)
        vocabulary_set(l->t, id, l->bytes.s, l->bytes.len, TOKEN_TEXT);
    else
        vocabulary_set(l->t, id, name, len, TOKEN_CODE);
    return 0;
}

/* ---- merges ---- */

/* Gives the id of a token that merges can take or make. */
static int text_id(const struct loader *l, const struct name *name, uint32_t *id)
{
    if (!name || l->t->tokens[name->id].kind != TOKEN_TEXT)
        return -1;
    *id = name->id;
    return 0;
}

/* Finds the token l->bytes, which a merge makes: mostly the one after the token that the last merge made. */
static const struct name *find_made(struct loader *l)
{
    const struct name *name = &l->vocab.v[l->next_made % l->vocab.n];
    if (name->len != l->bytes.len || memcmp(name->s, l->bytes.s, name->len) != 0)
        name = names_find(&l->vocab, l->bytes.s, l->bytes.len);
    l->next_made = name ? (uint32_t)(name - l->vocab.v) + 1 : 0;
    return name;
}

static int use_merge(struct loader *l, size_t i)
{
    const struct spelled *m = &l->merges[i];
    const char *right = m->left + m->left_len + 1;
    uint32_t a, b, id;
    size_t prefix = l->t->characters ? strlen(l->t->characters->prefix) : 0;
    if (m->right_len < prefix)
        return loader_bad(l, "model.merges[%zu]: \"%.100s\" is shorter than continuing_subword_prefix", i,
                          right);
    if (text_id(l, names_find_hash(&l->vocab, m->left_hash, m->left, m->left_len), &a) < 0)
        return loader_bad(l, "model.merges[%zu]: \"%.*s\" is not in the vocabulary", i,
                          (int)(m->left_len < 100 ? m->left_len : 100), m->left);
    if (text_id(l, names_find_hash(&l->vocab, m->right_hash, right, m->right_len), &b) < 0)
        return loader_bad(l, "model.merges[%zu]: \"%.100s\" is not in the vocabulary", i, right);
    strbuf_reset(&l->bytes);
    strbuf_add(&l->bytes, m->left, m->left_len);
    strbuf_add(&l->bytes, right + prefix, m->right_len - prefix);
    if (text_id(l, find_made(l), &id) < 0)
        return loader_bad(l, "model.merges[%zu]: it makes \"%.100s\", which is not in the vocabulary", i,
                          l->bytes.s);
    vocabulary_merge(l->t, a, b, id);
    return 0;
}

/* ---- the whole ---- */

/* The hand-written patterns and NFC are fast: they are used when rules and steps amount to no more than
 * these. */
static void choose_way(struct loader *l, struct tokenizer *t)
{
    const struct text_steps *s = l->steps;
    const struct step *first = s->n_steps > 0 ? &s->steps[0] : NULL,
                      *second = s->n_steps > 1 ? &s->steps[1] : NULL;
    bool nfc = s->n_rules == 1 && s->rules[0].kind == RULE_FORM && s->rules[0].form == FORM_NFC;
    bool by_hand = first && first->kind == STEP_SPLIT && first->match == MATCH_PATTERN;
    bool whole =
        by_hand &&
        (first->behaviour == BEHAVIOUR_ISOLATED ||
         (first->behaviour == BEHAVIOUR_REMOVED && first->invert && first->pattern != PATTERN_REGEX));
    bool digits = s->n_steps == 2 && first->kind == STEP_SPLIT && first->match == MATCH_NUMBER &&
                  !first->invert && first->behaviour == BEHAVIOUR_ISOLATED && second->kind == STEP_SPLIT &&
                  second->match == MATCH_PATTERN && second->pattern == PATTERN_GPT2 &&
                  second->behaviour == BEHAVIOUR_ISOLATED;
    t->nfc = nfc;
    t->pattern = PATTERN_NONE;
    if (!t->characters && (nfc || s->n_rules == 0) &&
        (s->n_steps == 0 || (s->n_steps == 1 && whole) || digits) &&
        !(whole && first->pattern == PATTERN_REGEX && pattern_matches_nothing(first->text))) {
        t->pattern = digits ? PATTERN_GPT2_DIGITS : first ? first->pattern : PATTERN_NONE;
        t->regex = t->pattern == PATTERN_REGEX ? xstrdup(first->text) : NULL;
        return;
    }
    t->nfc = false;
    t->steps = l->steps;
    l->steps = NULL;
}

/* Byte-level vocabularies begin with bytes. A suffix that marks the end of a word (CLIP) rules that out: the
 * characters of the byte alphabet are then treated as any others. */
static bool is_of_bytes(const struct loader *l, const struct characters *c)
{
    return l->byte_level && !*c->prefix && !*c->suffix;
}

static void spell_at_end(struct text_steps *s)
{
    s->steps = xrealloc(s->steps, (s->n_steps + 1) * sizeof *s->steps);
    s->steps[s->n_steps++] = (struct step){.kind = STEP_SPELL};
}

static int make_tokenizer(struct loader *l)
{
    const json_t *model = json_object_get(l->root, "model");
    struct tokenizer *t = l->t = vocabulary_new(l->vocab_size);
    struct characters *c = t->characters = xcalloc(1, sizeof *c);
    if (read_bool(l, model, "model", "ignore_merges", false, &t->ignore_merges) < 0 ||
        read_characters(l, model, c) < 0)
        return -1;
    if (is_of_bytes(l, c)) {
        free(c->prefix);
        free(c->suffix);
        free(c);
        t->characters = NULL;
        t->spelled = l->spelled;
    } else if ((c->spelled = l->byte_level) && !l->spelled) {
        spell_at_end(l->steps);
    }
    return load_decoder(l);
}

static int load_tokens(struct loader *l)
{
    if (each_in_vocabulary(l, use_token) < 0 || load_added(l) < 0)
        return -1;
    for (size_t i = 0; i < l->n_merges; i++) {
        const struct spelled *later = &l->merges[i + AHEAD < l->n_merges ? i + AHEAD : i];
        names_prefetch(&l->vocab, later->left_hash);
        names_prefetch(&l->vocab, later->right_hash);
        if (use_merge(l, i) < 0)
            return -1;
    }
    return 0;
}

static int load(struct loader *l, const char *json, size_t len)
{
    char why[200];
    l->steps = xcalloc(1, sizeof *l->steps);
    if (load_json(l, json, len) < 0 || check_version(l) < 0 || load_normaliser(l) < 0 ||
        load_pre_tokenizer(l) < 0 || check_model(l) < 0)
        return -1;
    if (each_in_vocabulary(l, use_for_size) < 0 || number_added(l) < 0 || make_tokenizer(l) < 0 ||
        load_tokens(l) < 0)
        return -1;
    load_post_processor(l);
    l->t->whole_documents =
        !is_absent(json_object_get(l->root, "truncation")) || !is_absent(json_object_get(l->root, "padding"));
    choose_way(l, l->t);
    return vocabulary_finish(l->t, why, sizeof why) < 0 ? loader_bad(l, "%s", why) : 0;
}

struct tokenizer *tokenizer_parse(const char *json, size_t len, const char *name, char *err, size_t cap)
{
    struct loader l = {.name = name, .err = err, .cap = cap};
    int rc = load(&l, json, len);
    json_decref(l.root);
    normaliser_free(l.normaliser);
    text_steps_free(l.steps);
    names_free(&l.vocab);
    free(l.merges);
    free(l.added);
    free_huge(l.strings, l.len + JSON_OVERSHOOT, 1);
    strbuf_free(&l.bytes);
    if (rc == 0)
        return l.t;
    tokenizer_free(l.t);
    return NULL;
}

struct text {
    char *s; /* owned */
    size_t len;
    bool mapped;
};

static void free_text(struct text *t)
{
    if (t->mapped)
        munmap(t->s, t->len);
    else
        free_huge(t->s, MAX_FILE + 1, 1);
}

/* Maps a file, which is faster than reading it. Returns false for what is no file, and for no size of ours.
 */
static bool map_text(FILE *f, const struct stat *st, struct text *t)
{
    if (!S_ISREG(st->st_mode) || st->st_size == 0 || st->st_size > MAX_FILE)
        return false;
    void *p = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fileno(f), 0);
    *t = (struct text){p, (size_t)st->st_size, p != MAP_FAILED};
    return t->mapped;
}

static bool read_text(FILE *f, const char *path, struct text *t, char *err, size_t cap)
{
    t->s = xcalloc_huge(MAX_FILE + 1, 1); /* what is not read takes no memory */
    t->len = fread(t->s, 1, MAX_FILE + 1, f);
    if (ferror(f))
        snprintf(err, cap, "%s: offset %zu: cannot read", path, t->len);
    else if (t->len > MAX_FILE)
        snprintf(err, cap, "%s: larger than %d MiB: not a tokenizer.json", path, (int)MAX_FILE >> 20);
    else if (t->len == 0)
        snprintf(err, cap, "%s: empty", path);
    else
        return true;
    return false;
}

/* Returns false with err filled. t must be freed in either case. */
static bool open_text(const char *path, struct text *t, char *err, size_t cap)
{
    FILE *f = fopen(path, "re");
    struct stat st;
    bool ok = f && fstat(fileno(f), &st) == 0 && !S_ISDIR(st.st_mode);
    if (!ok)
        snprintf(err, cap, "%s: %s", path, f ? strerror(EISDIR) : strerror(errno));
    else
        ok = map_text(f, &st, t) || read_text(f, path, t, err, cap);
    if (f)
        fclose(f);
    return ok;
}

struct tokenizer *tokenizer_load(const char *path, char *err, size_t cap)
{
    struct text text = {0};
    struct tokenizer *t =
        open_text(path, &text, err, cap) ? tokenizer_parse(text.s, text.len, path, err, cap) : NULL;
    free_text(&text);
    if (t)
        tokenizer_read_config(t, path);
    if (t && t->renumbered)
        warn("%s: %u added tokens have other ids than the file says: they are numbered in the order of the "
             "list, as the "
             "tokenizers library does",
             path, t->renumbered);
    if (t && t->whole_documents)
        warn("%s: its truncation or padding is left out: documents stay as long as they are", path);
    return t;
}
