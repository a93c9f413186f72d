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

bool json_repair(char *s, size_t len, unsigned repairs)
{
    bool changed = false, whole;
    for (size_t at = 0, n; at < len; at += n) {
        n = 1;
        if (s[at] == '"') {
            n = 1 + repair_string(s + at + 1, len - at - 1, repairs & JSON_REPAIR_SURROGATES, &changed);
        } else if ((repairs & JSON_REPAIR_NAN) && (n = nan_at(s + at, len - at)) > 0) {
            put_zero(s + at, n);
            changed = true;
        } else if ((n = number_at(s + at, len - at, &whole)) > 0) {
            if ((repairs & JSON_REPAIR_HUGE) && is_huge(s + at, n, whole)) {
                put_zero(s + at, n);
                changed = true;
            }
        } else {
            n = 1;
        }
    }
    return changed;
}

json_t *json_load_lenient(const char *text, size_t len, size_t flags, unsigned repairs, json_error_t *e,
                          bool *repaired)
{
    json_t *root = json_loadb(text, len, flags, e);
    bool huge = !root && json_error_code(e) == json_error_numeric_overflow;
    if (repaired)
        *repaired = false;
    char *copy = root || (!huge && !repairs) ? NULL : malloc(len + 1);
    if (!copy)
        return root;
    memcpy(copy, text, len);
    bool changed = json_repair(copy, len, JSON_REPAIR_HUGE | repairs);
    if (changed)
        root = json_loadb(copy, len, flags, e);
    if (repaired)
        *repaired = root && repairs;
    free(copy);
    return root;
}
