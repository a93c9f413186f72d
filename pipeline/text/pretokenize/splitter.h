/*
 * splitter.h - cuts a text into pieces by a list of steps, as in tokenizer.json
 *
 * The steps run one after the other on each piece by itself, so that a pattern sees no more than its piece.
 * The pieces together may be shorter than the text (a step may remove text) or longer (a step may put a space
 * in front). The common pre-tokenizers do not need this: pretokenizer.h has hand-written code for them.
 *
 * Texts are valid UTF-8. The steps are borrowed.
 */
#ifndef PRETOKENIZE_SPLITTER_H
#define PRETOKENIZE_SPLITTER_H

#include <stdbool.h>
#include <stddef.h>

#include "pipeline/text/pretokenize/pretokenizer.h"

enum step_kind {
    STEP_SPLIT,   /* cuts at the matches of `match` */
    STEP_PREFIX,  /* puts a space before each piece that does not begin with one */
    STEP_REPLACE, /* replaces spaces by `text`, and puts one before a piece as `prepend` says */
    STEP_SPELL,   /* replaces bytes by the characters of bytelevel.h */
};

enum split_match { MATCH_PATTERN, MATCH_STRING, MATCH_NUMBER, MATCH_PUNCTUATION, MATCH_WHITE, MATCH_WORD };

/* How matches become pieces: the library's SplitDelimiterBehavior. */
enum split_behaviour {
    BEHAVIOUR_REMOVED,
    BEHAVIOUR_ISOLATED,
    BEHAVIOUR_MERGED_WITH_PREVIOUS,
    BEHAVIOUR_MERGED_WITH_NEXT,
    BEHAVIOUR_CONTIGUOUS,
};

enum prepend { PREPEND_NEVER, PREPEND_ALWAYS, PREPEND_FIRST };

struct step {
    enum step_kind kind;
    enum split_match match;
    enum split_behaviour behaviour;
    bool invert;          /* exchanges the matches and the text between them */
    enum pattern pattern; /* for MATCH_PATTERN; with PATTERN_REGEX `text` is the regular expression */
    enum prepend prepend;
    char *text; /* owned by the maker of the step; NUL-terminated UTF-8 */
};

struct slice {
    size_t at, len;
    bool first; /* the piece begins where the text does */
};

struct splitter; /* may be used by one thread at a time */
/* Returns NULL with the reason when PCRE2 refuses a pattern. */
struct splitter *splitter_new(const struct step *steps, size_t n, char *why, size_t cap);
void splitter_free(struct splitter *s); /* NULL is fine */
/* Returns the number of pieces, none of them empty, as slices of *text, which may have become another text;
 * both are valid until the next call. first: the text is at the beginning of the document. */
size_t splitter_run(struct splitter *s, const char **text, size_t len, bool first,
                    const struct slice **pieces);

#endif
