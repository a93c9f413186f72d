/*
 * token streams: a header and records that pass the checks have lengths that can be trusted. The header's
 * checksum is put right first, so that what is behind it is reached.
 */
#include "formats/tokens.h"

#include <xxhash.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct tokens_header h;
    struct tokens_record r;
    if (len < sizeof h)
        return 0;
    memcpy(&h, bytes, sizeof h);
    if (h.reserved0 & 1)
        h.header_hash = XXH3_64bits(&h, offsetof(struct tokens_header, header_hash));
    int rc = tokens_header_check(&h);
    MUST(*tokens_strerror(rc));
    if (rc != TOKENS_OK)
        return 0;
    MUST(h.vocab_size > 0 && h.token_width == (h.vocab_size > 65536 ? 4 : 2));
    for (size_t at = sizeof h; len - at >= sizeof r;) {
        memcpy(&r, bytes + at, sizeof r);
        at += sizeof r;
        if (tokens_record_check(&r) != TOKENS_OK || r.domain == TOKENS_END)
            return 0;
        size_t payload = tokens_payload_bytes(&h, r.n_tokens);
        MUST(payload >= (size_t)r.n_tokens * h.token_width && payload % 4 == 0 &&
             payload <= TOKENS_MAX_RECORD * 4);
        MUST(r.domain < N_DOMAINS && r.text_bytes <= (uint64_t)TOKENS_MAX_RECORD * TOKENS_MAX_TOKEN_BYTES);
        if (payload > len - at)
            return 0;
        at += payload;
    }
    return 0;
}
