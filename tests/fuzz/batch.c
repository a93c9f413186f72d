/*
 * batch streams: a header that passes the checks has a record size that can be trusted; the hash of a record
 * stays within it. The header's checksum is put right first.
 */
#include "formats/batch.h"

#include <xxhash.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct batch_header h;
    if (len < sizeof h)
        return 0;
    memcpy(&h, bytes, sizeof h);
    if (h.reserved[0] & 1)
        h.header_hash = XXH3_64bits(&h, offsetof(struct batch_header, header_hash));
    int rc = batch_header_check(&h);
    MUST(*batch_strerror(rc));
    if (rc != BATCH_OK)
        return 0;
    size_t n = batch_record_bytes(&h);
    MUST(n % 8 == 0 && n <= BATCH_MAX_RECORD &&
         n >= sizeof(struct batch_record) + h.B * (16 + ((size_t)h.T + 1) * h.token_width));
    if (n > 1 << 20)
        return 0;
    char *record =
        calloc(1, n); /* exactly as large as the record, so that a sanitizer sees reads past its end */
    MUST(record);
    memcpy(record, bytes + sizeof h, len - sizeof h < n ? len - sizeof h : n);
    char *end = (char *)batch_tokens(&h, record) + (size_t)h.B * (h.T + 1) * h.token_width;
    MUST(end <= record + n && (char *)batch_rows(record) == record + sizeof(struct batch_record));
    (void)batch_payload_hash(&h, record);
    free(record);
    return 0;
}
