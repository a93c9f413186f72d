/*
 * splitter.h - the pieces of a text by a list of steps, as tokenizer.json has them
 *
 * The steps run one after the other on each piece by itself, so that a pattern sees no more than its piece.
 * Pieces may be less than the text (what a step removes) or more (a space that one puts in front). The common
 * pre-tokenizers do not need this: pretokenizer.h cuts them out of the text by hand.
 *
 * Texts are valid UTF-8. The steps are borrowed.
 */
#ifndef PRETOKENIZE_SPLITTER_H
#define PRETOKENIZE_SPLITTER_H

#include <stdbool.h>
#include <stddef.h>

#include "pipeline/text/pretokenize/pretokenizer.h"

enum step_kind {
    STEP_SPLIT,   /* at the matches of `match` */
    STEP_PREFIX,  /* a space goes before each piece that does not begin with one */
    STEP_REPLACE, /* spaces become `text`, and one goes before a piece as `prepend` says */
    STEP_SPELL,   /* bytes become the characters of bytelevel.h */
};

enum split_match { MATCH_PATTERN, MATCH_STRING, MATCH_NUMBER, MATCH_PUNCTUATION, MATCH_WHITE, MATCH_WORD };

/* What becomes of the matches: as SplitDelimiterBehavior of the library. */
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
    bool invert;          /* what does not match counts as the matches */
    enum pattern pattern; /* MATCH_PATTERN; with PATTERN_REGEX `text` is the regular expression */
    enum prepend prepend;
    char *text; /* owned by whoever made the step; NUL-terminated UTF-8 */
};

struct slice {
    size_t at, len;
    bool first; /* it begins where the text does */
};

struct splitter; /* one thread's */
/* NULL: PCRE2 refuses a pattern, with the reason. */
struct splitter *splitter_new(const struct step *steps, size_t n, char *why, size_t cap);
void splitter_free(struct splitter *s); /* NULL is fine */
/* The pieces, none of them empty, as slices of *text, which may be another text by now; both are valid until
 * the next call. first: nothing comes before this text. Returns how many. */
size_t splitter_run(struct splitter *s, const char **text, size_t len, bool first,
                    const struct slice **pieces);

#endif
