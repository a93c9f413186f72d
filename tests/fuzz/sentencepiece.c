/*
 * SentencePiece .model files: whatever the bytes, they are refused with a reason, or become valid JSON. A
 * choice puts the settings of a model that can be converted behind them.
 */
#include "pipeline/text/convert/sentencepiece.h"

#include <jansson.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/vocabulary/tokenizer.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct sentencepiece *m)
{
    char err[800] = "";
    size_t n;
    json_error_t where;
    char *json = sentencepiece_to_json(m, "input", &n, err, sizeof err);
    MUST(json || strncmp(err, "input: ", 7) == 0);
    if (!json)
        return;
    json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, &where);
    MUST(root || json_error_code(&where) == json_error_null_character || /* which a piece may hold */
         json_error_code(&where) == json_error_null_byte_in_key);
    json_decref(root);
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char err[800] = "";
    struct sentencepiece m;
    struct strbuf file = {0};
    uint8_t choice = fuzz_choice(&bytes, &len);
    strbuf_add(&file, bytes, len);
    if (choice & 1)
        strbuf_add(&file, "\x0a\x07\x0a\x03<?>\x18\x02\x12\x02\x18\x02", 13);
    int r = sentencepiece_parse(&m, file.s, file.len, "input", err, sizeof err);
    MUST(r == 0 || strncmp(err, "input: offset ", 14) == 0);
    if (r == 0) {
        check(&m);
        sentencepiece_free(&m);
    }
    strbuf_free(&file);
    return 0;
}
