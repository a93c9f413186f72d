#include "formats/json_lenient.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIGITS = 18 }; /* any number of so many digits fits into 64 bits */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(const char *s, size_t at, size_t len)
{
    size_t from = at;
    while (at < len && is_digit(s[at]))
        at++;
    return at - from;
}

/* Returns the length of the JSON number at s, 0 if there is none. *whole: it has neither a fraction nor an
 * exponent. */
static size_t number_at(const char *s, size_t len, bool *whole)
{
    size_t at = len > 0 && s[0] == '-', n = digits(s, at, len);
    if (n == 0 || (n > 1 && s[at] == '0'))
        return 0;
    at += n;
    *whole = true;
    if (at < len && s[at] == '.') {
        n = digits(s, at + 1, len);
        if (n == 0)
            return 0;
        *whole = false;
        at += 1 + n;
    }
    if (at < len && (s[at] | 32) == 'e') {
        size_t sign = at + 1 < len && (s[at + 1] == '+' || s[at + 1] == '-');
        n = digits(s, at + 1 + sign, len);
        if (n == 0)
            return 0;
        *whole = false;
        at += 1 + sign + n;
    }
    return at;
}

/* Whether the number overflows a double or, when whole, 64 bits. s[len] is not part of the number. */
static bool is_huge(const char *s, size_t len, bool whole)
{
    if (whole)
        return len > MAX_DIGITS;
    if (len < 5) /* 1e309 is the shortest number that overflows */
        return false;
    char *copy = strndup(s, len);
    bool huge = copy && isinf(strtod(copy, NULL));
    free(copy);
    return huge;
}

/* Returns the length of NaN or an infinity at s, 0 if there is none. */
static size_t nan_at(const char *s, size_t len)
{
    static const char *const names[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (n <= len && memcmp(s, names[i], n) == 0)
            return n;
    }
    return 0;
}

static void put_zero(char *s, size_t len)
{
    memset(s, '0', len);
    s[1] = '.';
}

/* Returns the value of \uXXXX at s; -1: there is none. */
static int code_at(const char *s, size_t len)
{
    int value = 0;
    if (len < 6 || s[0] != '\\' || s[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        char c = (char)(s[i] | 32);
        if (!is_digit(s[i]) && (c < 'a' || c > 'f'))
            return -1;
        value = value << 4 | (is_digit(s[i]) ? s[i] - '0' : c - 'a' + 10);
    }
    return value;
}

/* Handles the escape at s, which is one character or half of one. Returns its length; *changed: it was half
 * of a surrogate pair. */
static size_t repair_escape(char *s, size_t len, bool *changed)
{
    int code = code_at(s, len);
    if (code < 0xd800 || code > 0xdfff)
        return 2;
    int next = code < 0xdc00 ? code_at(s + 6, len - 6) : -1;
    if (next >= 0xdc00 && next <= 0xdfff)
        return 12;
    memcpy(s + 2, "fffd", 4);
    *changed = true;
    return 6;
}

/* Repairs a string from after its opening quote to after its closing one. Returns its length. */
static size_t repair_string(char *s, size_t len, bool surrogates, bool *changed)
{
    size_t at = 0;
    while (at < len && s[at] != '"')
        at += s[at] != '\\' ? 1 : surrogates ? repair_escape(s + at, len - at, changed) : 2;
    return at < len ? at + 1 : len;
}

/* Returns the length of what stands at s: a string, a number, or one character of something else. *refused:
 * it is a number that parsers refuse, one of those that repairs are for. */
static size_t step(char *s, size_t len, unsigned repairs, bool *refused, bool *changed)
{
    bool whole;
    size_t n;
    *refused = false;
    if (s[0] == '"')
        return 1 + repair_string(s + 1, len - 1, repairs & JSON_REPAIR_SURROGATES, changed);
    if ((repairs & JSON_REPAIR_NAN) && (n = nan_at(s, len)) > 0) {
        *refused = true;
        return n;
    }
    n = number_at(s, len, &whole);
    *refused = n > 0 && (repairs & JSON_REPAIR_HUGE) && is_huge(s, n, whole);
    return n > 0 ? n : 1;
}

bool json_repair(char *s, size_t len, unsigned repairs)
{
    bool changed = false, refused;
    for (size_t at = 0, n; at < len; at += n) {
        n = step(s + at, len - at, repairs, &refused, &changed);
        if (refused)
            put_zero(s + at, n);
        changed |= refused;
    }
    return changed;
}

/* Puts quotes around the numbers that json_repair would make 0.0. Returns a copy, malloced. */
static char *quote_numbers(char *s, size_t len, unsigned repairs, size_t *out_len)
{
    char *out = malloc(2 * len + 1), *to = out; /* such a number has 3 characters at least */
    bool changed, refused;
    for (size_t at = 0, n; out && at < len; at += n) {
        n = step(s + at, len - at, repairs, &refused, &changed);
        if (refused)
            *to++ = '"';
        memcpy(to, s + at, n);
        to += n;
        if (refused)
            *to++ = '"';
    }
    *out_len = out ? (size_t)(to - out) : 0;
    return out;
}

/* Reads the text with the numbers that were refused as strings; copy: its repaired copy, which is
 * overwritten.
 */
static json_t *load_as_text(const char *text, char *copy, size_t len, size_t flags, unsigned repairs,
                            json_error_t *e)
{
    size_t quoted_len;
    memcpy(copy, text, len);
    json_repair(copy, len, repairs & JSON_REPAIR_SURROGATES);
    char *quoted = quote_numbers(copy, len, JSON_REPAIR_HUGE | repairs, &quoted_len);
    json_t *root = quoted ? json_loadb(quoted, quoted_len, flags, e) : NULL;
    free(quoted);
    return root;
}

json_t *json_load_lenient(const char *text, size_t len, size_t flags, unsigned repairs, json_error_t *e,
                          bool *repaired)
{
    json_t *root = json_loadb(text, len, flags, e);
    bool huge = !root && json_error_code(e) == json_error_numeric_overflow,
         as_text = repairs & JSON_REPAIR_AS_TEXT;
    repairs &= ~(unsigned)JSON_REPAIR_AS_TEXT;
    if (repaired)
        *repaired = false;
    char *copy = root || (!huge && !repairs) ? NULL : malloc(len + 1);
    if (!copy)
        return root;
    memcpy(copy, text, len);
    bool changed = json_repair(copy, len, JSON_REPAIR_HUGE | repairs);
    if (changed)
        root = json_loadb(copy, len, flags, e);
    if (root && as_text) {
        json_decref(root);
        root = load_as_text(text, copy, len, flags, repairs, e);
    }
    if (repaired)
        *repaired = root && repairs;
    free(copy);
    return root;
}
