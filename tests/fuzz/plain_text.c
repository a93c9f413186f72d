/*
 * HTML and Markdown: whatever the bytes, text comes out, in bounded space, without markup that was read as
 * such
 */
#include "pipeline/stream/plain_text.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    size_t n = 0;
    bool late;
    enum markup kind = fuzz_choice(&bytes, &len) & 1 ? MARKUP_HTML : MARKUP_MARKDOWN;
    char *text = plain_text(kind, (const char *)bytes, len, &n, &late);
    MUST(!text || strlen(text) == n || memchr(text, '\0', n));
    MUST(kind == MARKUP_MARKDOWN || n <= 4 * len + 16); /* an entity of 4 bytes is a character of 4 at most */
    free(text);
    return 0;
}
