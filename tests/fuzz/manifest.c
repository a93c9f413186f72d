/*
 * manifest.json of shard directories: whatever the bytes, they are refused with a reason, or are written and
 * read back the same
 */
#include "formats/manifest.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char err[800] = "";
    struct manifest m, again;
    int r = manifest_parse(&m, (const char *)bytes, len, "input", err, sizeof err);
    MUST(r == 0 || strncmp(err, "input: ", 7) == 0);
    if (r != 0)
        return 0;
    char *json = manifest_to_json(&m);
    MUST(manifest_parse(&again, json, strlen(json), "again", err, sizeof err) == 0);
    MUST(again.n_shards == m.n_shards && again.tokens == m.tokens && again.source_hash == m.source_hash);
    manifest_free(&again);
    manifest_free(&m);
    free(json);
    return 0;
}
