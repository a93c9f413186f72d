/*
 * models of languages: a file that the check passes is opened and asked by the library, which believes all
 * that it reads
 */
#include "pipeline/filter/fasttext.h"
#include "pipeline/filter/fasttext_check.h"

#include "tests/fuzz/fuzz.h"

static void look(void *arg, const char *label, double probability)
{
    size_t *n = arg;
    *n += strlen(label) + (probability > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const lines[] = {"to be or not\n", "\n", "a", "\xff\xc3(\xe2\x82\n"};
    char err[200];
    uint64_t offset;
    size_t seen = 0;
    const char *why = fasttext_check(bytes, len, &offset);
    MUST(offset <= len);
    if (why)
        return 0;
    struct fasttext_model *m = fasttext_load(bytes, len, err, sizeof err);
    if (!m) {
        MUST(err[0]);
        return 0;
    }
    fasttext_has(m, "__label__en");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (fasttext_predict(m, lines[i], strlen(lines[i]), look, &seen, err, sizeof err) != 0)
            MUST(err[0]);
    fasttext_free(m);
    return 0;
}
