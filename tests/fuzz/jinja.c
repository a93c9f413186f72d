/*
 * chat templates, which come with a model from anywhere: any bytes are refused with a reason, or rendered, or
 * refuse the conversation with a reason
 */
#include "pipeline/sample/jinja/jinja.h"

#include "tests/fuzz/fuzz.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char why[256] = "";
    size_t n;
    struct jinja *j = jinja_parse((const char *)bytes, len, why, sizeof why);
    if (!j) {
        MUST(why[0]);
        return 0;
    }
    json_t *variables =
        json_pack("{s:[{s:s, s:s}, {s:s, s:s}], s:n, s:b, s:s, s:s}", "messages", "role", "user", "content",
                  " Hi, \xc3\xa9 ", "role", "assistant", "content", "<think>a</think>b", "tools",
                  "add_generation_prompt", 1, "bos_token", "<s>", "eos_token", "</s>");
    char *text = jinja_render(j, variables, &n, why, sizeof why);
    MUST(text ? n == 0 || text[n] == 0 : why[0] != 0);
    free(text);
    json_decref(variables);
    jinja_free(j);
    return 0;
}
