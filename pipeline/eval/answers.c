#include "pipeline/eval/answers.h"
#include "formats/json_text.h"
#include "pipeline/eval/prompt.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <utf8proc.h>

enum { MAX_IGNORED = 16 };

struct answers {
    struct extraction {
        const char *name; /* borrowed */
        pcre2_code *pattern;
        bool last;
    } extract[MAX_EXTRACTS];
    pcre2_code *ignore[MAX_IGNORED];
    int n_extracts, n_ignored;
    bool ignore_case;
    bool warned; /* that an expression has given up */
};

static pcre2_code *compile(const char *pattern, char why[ANSWERS_WHY])
{
    int error;
    PCRE2_SIZE at;
    char message[120];
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                     PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &at, NULL);
    if (code)
        return code;
    pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof message);
    snprintf(why, ANSWERS_WHY, "'%.60s': byte %zu: %s", pattern, (size_t)at, message);
    return NULL;
}

static bool add_extraction(struct answers *a, const json_t *one, char why[ANSWERS_WHY])
{
    const char *name = json_string_value(json_object_get(one, "name")),
               *pattern = json_string_value(json_object_get(one, "pattern"));
    const json_t *take = json_object_get(one, "take");
    const char *which = take ? json_string_value(take) : "first";
    bool last = which && strcmp(which, "last") == 0;
    if (!name || !pattern || !which || (!last && strcmp(which, "first") != 0)) {
        snprintf(why, ANSWERS_WHY, "extract is a list of objects with name, pattern and take (first, last)");
        return false;
    }
    if (a->n_extracts == MAX_EXTRACTS) {
        snprintf(why, ANSWERS_WHY, "extract: more than %d", MAX_EXTRACTS);
        return false;
    }
    for (int i = 0; i < a->n_extracts; i++)
        if (strcmp(a->extract[i].name, name) == 0) {
            snprintf(why, ANSWERS_WHY, "extract: two are called '%.60s'", name);
            return false;
        }
    pcre2_code *code = compile(pattern, why);
    if (code)
        a->extract[a->n_extracts++] = (struct extraction){name, code, last};
    return code;
}

static bool add_ignored(struct answers *a, const json_t *one, char why[ANSWERS_WHY])
{
    pcre2_code *code = NULL;
    if (!json_is_string(one) || a->n_ignored == MAX_IGNORED)
        snprintf(why, ANSWERS_WHY, "ignore is a list of at most %d regular expressions", MAX_IGNORED);
    else if ((code = compile(json_string_value(one), why)))
        a->ignore[a->n_ignored++] = code;
    return code;
}

struct answers *answers_parse(const json_t *object, char why[ANSWERS_WHY])
{
    struct answers *a = xcalloc(1, sizeof *a);
    const json_t *ignore = json_object_get(object, "ignore"), *extract = json_object_get(object, "extract");
    size_t i;
    bool good = json_array_size(extract) > 0 && (!ignore || json_is_array(ignore));
    a->ignore_case = json_is_true(json_object_get(object, "ignore_case"));
    if (!good)
        snprintf(why, ANSWERS_WHY, "extract and ignore are lists, and the former is not empty");
    for (i = 0; good && i < json_array_size(extract); i++)
        good = add_extraction(a, json_array_get(extract, i), why);
    for (i = 0; good && i < json_array_size(ignore); i++)
        good = add_ignored(a, json_array_get(ignore, i), why);
    if (good)
        return a;
    answers_free(a);
    return NULL;
}

void answers_free(struct answers *a)
{
    for (int i = 0; a && i < a->n_extracts; i++)
        pcre2_code_free(a->extract[i].pattern);
    for (int i = 0; a && i < a->n_ignored; i++)
        pcre2_code_free(a->ignore[i]);
    free(a);
}

int answers_count(const struct answers *a)
{
    return a->n_extracts;
}

const char *answers_name(const struct answers *a, int i)
{
    return a->extract[i].name;
}

/* The answer of a match: its first group that is not empty, or all of it. Malloced; NULL: no group matched
 * anything. */
static char *answer_of(const char *text, const PCRE2_SIZE *at, uint32_t groups, uint32_t n)
{
    uint32_t k = groups == 0 ? 0 : 1;
    while (groups > 1 && k < n && (at[2 * k] == PCRE2_UNSET || at[2 * k] == at[2 * k + 1]))
        k++;
    if (k >= n || at[2 * k] == PCRE2_UNSET)
        return groups == 1 ? xstrdup("") : NULL;
    char *s = strndup(text + at[2 * k], at[2 * k + 1] - at[2 * k]);
    if (!s)
        die("out of memory");
    return s;
}

/* An expression may take exponentially many steps on some text, and is given up after a number of them. */
static void warn_of(struct answers *a, int error)
{
    char message[120];
    if (a->warned)
        return;
    a->warned = true;
    pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof message);
    warn("a regular expression of the task is given up on some texts, in which it finds nothing: %s",
         message);
}

/* Returns the answer in a text of valid UTF-8, malloced. */
static char *extract(struct answers *a, const struct extraction *x, const char *text, size_t len)
{
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(x->pattern, NULL);
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(match);
    char *found = NULL;
    uint32_t groups, options = 0;
    int n = 1;
    bool any = false;
    pcre2_pattern_info(x->pattern, PCRE2_INFO_CAPTURECOUNT, &groups);
    for (size_t from = 0; from <= len && (x->last || !any);) {
        n = pcre2_match(x->pattern, (PCRE2_SPTR)text, len, from, options, match, NULL);
        if (n > 0) {
            free(found);
            found = answer_of(text, at, groups, (uint32_t)n);
            any = true;
            from = at[1];
            options = at[0] == at[1] ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0;
        } else if (n == PCRE2_ERROR_NOMATCH && options != 0) { /* where an empty match was is no other one */
            from += from < len ? utf8_char(text + from, len - from) : 1;
            options = 0;
        } else {
            break;
        }
    }
    pcre2_match_data_free(match);
    if (n <= 0 && n != PCRE2_ERROR_NOMATCH) {
        warn_of(a, n);
        free(found);
        found = NULL;
    }
    if (!found)
        return xstrdup("[invalid]");
    prompt_strip(found);
    return found;
}

/* Removes what the pattern matches. Takes s, and returns what is left, malloced. */
static char *removed(struct answers *a, pcre2_code *pattern, char *s)
{
    PCRE2_SIZE room = strlen(s) + 1;
    char *rest = xcalloc(room, 1);
    int n = pcre2_substitute(pattern, (PCRE2_SPTR)s, room - 1, 0, PCRE2_SUBSTITUTE_GLOBAL, NULL, NULL,
                             (PCRE2_SPTR) "", 0, (PCRE2_UCHAR *)rest, &room);
    if (n < 0)
        warn_of(a, n);
    free(n < 0 ? rest : s);
    return n < 0 ? s : rest;
}

/* Removes from an answer what is not compared; takes s. Malloced. */
static char *compared(struct answers *a, char *s)
{
    for (int i = 0; i < a->n_ignored; i++)
        s = removed(a, a->ignore[i], s);
    if (!a->ignore_case)
        return s;
    char *lower = prompt_lower(s);
    free(s);
    return lower;
}

/* A text with U+FFFD where it is not UTF-8, and for NUL, which would end it. */
static struct strbuf readable(const char *text, size_t len)
{
    static const char replacement[] = "\xef\xbf\xbd";
    struct strbuf b = {0};
    json_t *valid = json_text(text, len);
    if (!valid)
        die("out of memory");
    const char *s = json_string_value(valid), *end = s + json_string_length(valid), *nul;
    for (; (nul = memchr(s, 0, (size_t)(end - s))); s = nul + 1) {
        strbuf_add(&b, s, (size_t)(nul - s));
        strbuf_add(&b, replacement, strlen(replacement));
    }
    strbuf_add(&b, s, (size_t)(end - s));
    json_decref(valid);
    return b;
}

bool answers_right(struct answers *a, int i, const char *text, size_t len, const char *reference)
{
    struct strbuf valid = readable(text, len);
    char *found = compared(a, extract(a, &a->extract[i], valid.s, valid.len));
    char *wanted = compared(a, xstrdup(reference));
    bool right = strcmp(found, wanted) == 0;
    free(found);
    free(wanted);
    strbuf_free(&valid);
    return right;
}
