/*
 * merge_match.c - the tokens of a piece by matching, in linear time
 *
 * Tokens of which each two neighbours are what the merges make of their bytes are, all together, what
 * the merges make of theirs (merge_valid.c). So there is one such row of tokens up to any place between two
 * tokens of the answer, and it is found from left to right: at each place the longest token that keeps apart
 * from the one before it, then shorter ones; when there is none, the place is no end of a token of the
 * answer, which is noted, and the token before is taken back. A place is left for good at most once, so the
 * tries are at most the places times the tokens that begin at one. Source: the bpe crate of GitHub's
 * rust-gems ("backtracking").
 */
#include "pipeline/text/encode/merge.h"

#include <assert.h>

static bool is_dead(const uint64_t *dead, size_t at)
{
    return dead[at / 64] >> at % 64 & 1;
}

size_t merge_match(const struct tokenizer *t, const unsigned char *s, size_t len, uint64_t *dead,
                   uint32_t *ids)
{
    size_t n = 0, pos = 0, token_len;
    for (size_t i = 0; i <= len / 64; i++)
        dead[i] = 0;
    uint32_t token = trie_longest(&t->trie, s, len, &token_len) - 1;
    for (;;) {
        if (!is_dead(dead, pos + token_len) &&
            (n == 0 || merges_keep_apart(t, ids[n - 1], token, UINT32_MAX))) {
            ids[n++] = token;
            pos += token_len;
            if (pos == len)
                return n;
            token = trie_longest(&t->trie, s + pos, len - pos, &token_len) - 1;
            continue;
        }
        if (token_len == 1) {
            dead[pos / 64] |= (uint64_t)1 << pos % 64;
            assert(n > 0); /* the answer has a first token */
            token = ids[--n];
            pos -= t->extents[token].len;
        } else {
            token = t->extents[token].shorter;
        }
        token_len = t->extents[token].len;
    }
}
