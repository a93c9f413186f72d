/*
 * tokenizer.json: whatever the bytes, they are refused with a reason, or are a tokenizer that is written and
 * read back; nothing is accepted that is no JSON
 */
#include <jansson.h>

#include "pipeline/text/vocabulary/tokenizer.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char err[800] = "";
    size_t n;
    struct tokenizer *t = tokenizer_parse((const char *)bytes, len, "input", err, sizeof err);
    MUST(t || strncmp(err, "input: ", 7) == 0);
    json_t *root = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    const char *colon = strrchr(err, ':');
    MUST(t ? root != NULL : strcmp(colon, ": not understood") != 0); /* load_json.c: malformed */
    json_decref(root);
    if (!t)
        return 0;
    char *json = tokenizer_to_json(t, &n);
    struct tokenizer *again = json ? tokenizer_parse(json, n, "again", err, sizeof err) : NULL;
    MUST(!json || (again && tokenizer_hash(again) == tokenizer_hash(t)));
    tokenizer_free(again);
    tokenizer_free(t);
    free(json);
    return 0;
}
