/*
 * YAML, as a bundle of tasks brings it: any bytes are refused with a reason, or they become JSON of nothing
 * but texts, lists and objects
 */
#include "formats/yaml.h"

#include <stdbool.h>

#include "tests/fuzz/fuzz.h"

static bool is_of_texts(const json_t *v)
{
    bool of_texts = json_is_string(v) || json_is_array(v) || json_is_object(v);
    for (size_t i = 0; i < json_array_size(v); i++)
        of_texts &= is_of_texts(json_array_get(v, i));
    for (void *i = json_object_iter((json_t *)v); i; i = json_object_iter_next((json_t *)v, i))
        of_texts &= is_of_texts(json_object_iter_value(i));
    return of_texts;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char why[256] = "";
    json_t *j = yaml_json((const char *)bytes, len, why, sizeof why);
    MUST(j ? is_of_texts(j)
           : strcmp(why, "empty") == 0 || strcmp(why, "too large or too deep") == 0 ||
                 strncmp(why, "line ", 5) == 0);
    json_decref(j);
    return 0;
}
