/*
 * merge_match.c - encodes a piece by matching tokens, in linear time
 *
 * Call two neighbouring tokens compatible if the merges, applied to the bytes of both, give just these two
 * tokens (merge_valid.c: merges_keep_apart). A sequence of tokens in which all neighbours are compatible is
 * what the merges make of its bytes. So the encoding of a piece is the only compatible sequence that covers
 * it, and backtracking finds it from left to right. At each position the longest token that is compatible
 * with the token before is tried first, then shorter ones. When no token is left to try, no token of the
 * encoding ends at this position: the position is marked dead, and the token before it is taken back and
 * replaced by a shorter one. A position becomes dead at most once, so the number of tries is at most the
 * number of positions times the number of tokens that can begin at one. Source: the bpe crate of GitHub's
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
            assert(n > 0); /* position 0 cannot be dead: the encoding has a first token */
            token = ids[--n];
            pos -= t->extents[token].len;
        } else {
            token = t->extents[token].shorter;
        }
        token_len = t->extents[token].len;
    }
}
