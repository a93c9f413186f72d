#include "pipeline/filter/words.h"

#include "pipeline/filter/chars.h"
#include "pipeline/lib/fs.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_JOINED = 5 }; /* words that are put together again */

static void add_hashed(struct words *w, struct span t, uint64_t hash)
{
    uint32_t class = WORD_SIGNS | WORD_PUNCT, chars = 0, c, all = 0;
    const char *end = t.s + t.len;
    for (const char *s = t.s; s < end; chars++) {
        s += char_next(s, end, &c);
        unsigned is = char_class(c);
        all |= is;
        if (!(is & CHAR_SIGN))
            class &= ~(uint32_t)WORD_SIGNS;
        if (!(is & CHAR_PUNCT))
            class &= ~(uint32_t)WORD_PUNCT;
    }
    if (all & CHAR_LETTER)
        class |= WORD_LETTER;
    if (chars == 1 && all & CHAR_STOP)
        class |= WORD_STOP;
    if (w->n == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 1024;
        w->v = xrealloc(w->v, w->cap * sizeof *w->v);
    }
    w->v[w->n++] =
        (struct word){.s = t.s, .len = (uint32_t)t.len, .chars = chars, .class = class, .hash = hash};
}

static void add(struct words *w, struct span t)
{
    add_hashed(w, t, word_hash(t.s, t.len));
}

static bool has_parts(struct span t)
{
    uint8_t parts[WORD_PARTS];
    return t.len > 0 && t.len <= WORD_MAX_SPECIAL && word_parts(t.s, t.len, word_hash(t.s, t.len), parts) > 0;
}

/* The length of the sign, or of the ellipsis, that is taken off the start; 0: there is none. */
static size_t prefix_length(struct span t)
{
    const char *end = t.s + t.len;
    uint32_t c, next = 0;
    size_t width = char_next(t.s, end, &c), dots = 0;
    if (char_class(c) & CHAR_BEFORE)
        return width;
    while (dots < t.len && t.s[dots] == '.')
        dots++;
    if (dots > 1)
        return dots;
    if (t.len > width)
        char_next(t.s + width, end, &next);
    if (c == '+')
        return next >= '0' && next <= '9' ? 0 : 1;
    if (span_starts(t, "US$"))
        return 3;
    return span_starts(t, "C$") || span_starts(t, "A$") ? 2 : 0;
}

/* The length of a unit, with the number that must stand before it. */
static size_t unit_length(struct span t)
{
    static const char *const units[] = {
        "km",  "km²", "km³", "m",    "m²",  "m³",  "dm",  "dm²", "dm³",  "cm",  "cm²", "cm³", "mm",
        "mm²", "mm³", "ha",  "µm",   "nm",  "yd",  "in",  "ft",  "kg",   "g",   "mg",  "µg",  "t",
        "lb",  "oz",  "m/s", "km/h", "kmh", "mph", "hPa", "Pa",  "mbar", "mb",  "MB",  "kb",  "KB",
        "gb",  "GB",  "tb",  "TB",   "T",   "G",   "M",   "K",   "%",    "US$", "C$",  "A$"};
    size_t n = 0;
    uint32_t c;
    while (n < t.len && n < 5 && (t.s[t.len - 1 - n] < '0' || t.s[t.len - 1 - n] > '9'))
        n++;
    if (n == 0 || n == t.len || t.s[t.len - 1 - n] < '0' || t.s[t.len - 1 - n] > '9')
        return 0;
    const char *unit = t.s + t.len - n;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i]) == n && memcmp(units[i], unit, n) == 0)
            return n;
    return (*unit == '+' && n == 1) || (char_next(unit, unit + n, &c) == n && char_class(c) & CHAR_CURRENCY)
               ? n
               : 0;
}

/* Whether a dot after this is the end of a sentence, rather than part of an abbreviation. */
static bool takes_dot(struct span t)
{
    uint32_t c, before;
    if (t.len == 0)
        return false;
    size_t width = char_before(t.s, t.s + t.len, &c);
    unsigned is = char_class(c);
    if (is & (CHAR_DIGIT | CHAR_LOWER | CHAR_QUOTE) ||
        (is & CHAR_BEFORE && is & CHAR_AFTER && !(is & CHAR_WITHIN)) || c == '%' || c == '+' || c == '-' ||
        c == 0xb2)
        return c != 0x2014 && c != 0x2013;
    if (t.len == width)
        return false;
    char_before(t.s, t.s + t.len - width, &before);
    return (is & CHAR_UPPER && char_class(before) & CHAR_UPPER) ||
           (before == 0xb0 && c && c < 128 && strchr("FfCcKk", (int)c));
}

/* The length of what is taken off the end; 0: nothing. */
static size_t suffix_length(struct span t)
{
    static const char *const genitives[] = {"'s", "'S", "’s", "’S"};
    uint32_t c;
    size_t dots = 0;
    if (t.len == 0)
        return 0;
    while (dots < t.len && t.s[t.len - 1 - dots] == '.')
        dots++;
    if (dots > 1)
        return dots;
    if (dots == 1)
        return takes_dot((struct span){t.s, t.len - 1}) ? 1 : 0;
    for (size_t i = 0; i < sizeof genitives / sizeof *genitives; i++)
        if (span_ends(t, genitives[i]))
            return strlen(genitives[i]);
    size_t unit = unit_length(t);
    if (unit)
        return unit;
    size_t width = char_before(t.s, t.s + t.len, &c);
    return char_class(c) & CHAR_AFTER ? width : 0;
}

/* The length of the sign at s that parts two words; 0: none does. */
static size_t infix_length(const char *begin, const char *s, const char *end)
{
    static const char *const hyphens[] = {"-", "–", "—", "--", "---", "——", "~"};
    struct span rest = {s, (size_t)(end - s)};
    uint32_t c, before = 0, after = 0;
    size_t width = char_next(s, end, &c), dots = 0;
    if (char_class(c) & CHAR_WITHIN)
        return width;
    while (dots < rest.len && s[dots] == '.')
        dots++;
    if (dots > 1)
        return dots;
    if (s == begin || rest.len == width)
        return 0;
    char_before(begin, s, &before);
    char_next(s + width, end, &after);
    unsigned left = char_class(before), right = char_class(after);
    bool joined = left & (CHAR_LOWER | CHAR_UPPER), number = left & CHAR_DIGIT;
    if (number && (c == '+' || c == '-' || c == '*' || c == '^') && (right & CHAR_DIGIT || after == '-'))
        return 1;
    if (c == '.')
        return left & (CHAR_LOWER | CHAR_QUOTE) && right & (CHAR_UPPER | CHAR_QUOTE) ? 1 : 0;
    if (c == ',')
        return joined && right & CHAR_LETTER ? 1 : 0;
    if (!joined && !number)
        return 0;
    if (c && c < 128 && strchr(":<>=/", (int)c))
        return right & CHAR_LETTER ? 1 : 0;
    for (size_t i = 0; i < sizeof hyphens / sizeof *hyphens; i++) {
        size_t n = strlen(hyphens[i]);
        if (span_starts(rest, hyphens[i]) && n < rest.len &&
            (char_next(s + n, end, &after), char_class(after) & CHAR_LETTER))
            return n;
    }
    return 0;
}

static void add_between_infixes(struct words *w, struct span t)
{
    const char *end = t.s + t.len, *from = t.s, *s = t.s;
    uint32_t c;
    while (s < end) {
        size_t n = infix_length(t.s, s, end);
        if (n == 0) {
            s += char_next(s, end, &c);
            continue;
        }
        if (s > t.s) {
            if (s > from)
                add(w, (struct span){from, (size_t)(s - from)});
            add(w, (struct span){s, n});
            from = s + n;
        }
        s += n;
    }
    if (from < end)
        add(w, (struct span){from, (size_t)(end - from)});
}

static void push_suffix(struct words *w, size_t len)
{
    if (w->n_suffixes == w->cap_suffixes) {
        w->cap_suffixes = w->cap_suffixes ? 2 * w->cap_suffixes : 64;
        w->suffixes = xrealloc(w->suffixes, w->cap_suffixes * sizeof *w->suffixes);
    }
    w->suffixes[w->n_suffixes++] = (uint32_t)len;
}

/* Takes signs off both ends of t, and returns what is left. */
static struct span strip_signs(struct words *w, struct span t)
{
    while (t.len > 0 && w->n < WORDS_MAX && !has_parts(t)) {
        size_t prefix = prefix_length(t);
        struct span behind = {t.s + prefix, t.len - prefix};
        if (prefix && has_parts(behind)) {
            add(w, (struct span){t.s, prefix});
            return behind;
        }
        size_t suffix = suffix_length(behind);
        struct span before = {t.s, t.len - suffix};
        if (suffix && has_parts(before)) {
            push_suffix(w, suffix);
            return before;
        }
        if (prefix)
            add(w, (struct span){t.s, prefix});
        if (suffix)
            push_suffix(w, suffix);
        if (prefix + suffix == 0)
            break;
        t = (struct span){t.s + prefix, t.len - prefix - suffix};
    }
    return t;
}

static void add_parts(struct words *w, struct span t, const uint8_t *parts, size_t n)
{
    const char *s = t.s;
    for (size_t i = 0; i < n; s += parts[i++])
        add(w, (struct span){s, parts[i]});
}

/* How many words from the one at `at` on make a word that has a rule of its own; 0: none do. */
static size_t joined(const struct words *w, size_t at)
{
    uint8_t parts[WORD_PARTS];
    for (size_t n = w->n - at < MOST_JOINED ? w->n - at : MOST_JOINED; n > 1; n--) {
        struct span t = {w->v[at].s, (size_t)(w->v[at + n - 1].s + w->v[at + n - 1].len - w->v[at].s)};
        if (t.len > WORD_MAX_SPECIAL)
            continue;
        size_t n_parts = word_parts(t.s, t.len, word_hash(t.s, t.len), parts);
        if (n_parts > 0 && n_parts <= n)
            return n;
    }
    return 0;
}

/* Looks through the words from `from` on, which follow each other without a space: signs that make a face, or
 * a contraction that was cut, are put together again. */
static void join(struct words *w, size_t from)
{
    uint8_t parts[WORD_PARTS];
    size_t to = from, n, end = w->n;
    for (size_t i = from; i < end; i += n ? n : 1) {
        n = joined(w, i);
        if (n == 0) {
            w->v[to++] = w->v[i];
            continue;
        }
        const struct word *last = &w->v[i + n - 1];
        struct span t = {w->v[i].s, (size_t)(last->s + last->len - w->v[i].s)};
        size_t n_parts = word_parts(t.s, t.len, word_hash(t.s, t.len), parts);
        w->n = to; /* there are at least as many words as parts */
        add_parts(w, t, parts, n_parts);
        to = w->n;
        w->n = end;
    }
    w->n = to;
}

/* Cuts a part of the text between white space. */
static void add_chunk(struct words *w, struct span t)
{
    uint8_t parts[WORD_PARTS];
    size_t first = w->n;
    w->n_suffixes = 0;
    t = strip_signs(w, t);
    if (t.len > 0) {
        uint64_t hash = word_hash(t.s, t.len);
        size_t n = word_parts(t.s, t.len, hash, parts);
        if (n > 0)
            add_parts(w, t, parts, n);
        else if (word_is_address(t.s, t.len))
            add_hashed(w, t, hash);
        else
            add_between_infixes(w, t);
    }
    const char *s = t.s + t.len;
    while (w->n_suffixes > 0) {
        size_t len = w->suffixes[--w->n_suffixes];
        add(w, (struct span){s, len});
        s += len;
    }
    if (w->n > first + 1)
        join(w, first);
}

void words_split(struct words *w, const char *text, size_t len)
{
    const char *s = text, *end = text + len, *from = text;
    uint32_t c;
    bool letters = true;
    w->n = 0;
    while (w->n < WORDS_MAX) {
        size_t width = s < end ? char_next(s, end, &c) : 0;
        if (width && !(char_class(c) & CHAR_SPACE)) {
            letters &= c < 128 && char_class(c) & CHAR_LETTER;
            s += width;
            continue;
        }
        struct span t = {from, (size_t)(s - from)};
        uint8_t parts[WORD_PARTS];
        uint64_t hash = letters ? word_hash(t.s, t.len) : 0;
        if (t.len > 0 && letters && word_parts(t.s, t.len, hash, parts) == 0)
            add_hashed(w, t, hash);
        else if (t.len > 0)
            add_chunk(w, t);
        if (!width)
            break;
        s += width;
        from = s;
        letters = true;
    }
}

void words_free(struct words *w)
{
    free(w->v);
    free(w->suffixes);
}

/* Whether more than one space is before a word: spaCy has a word of white space there, which begins a
 * sentence. */
static bool has_gap(const struct words *w, size_t i)
{
    const char *end = i > 0 ? w->v[i - 1].s + w->v[i - 1].len : w->v[i].s;
    return w->v[i].s - end > 1 || (w->v[i].s > end && *end != ' ');
}

size_t words_sentences(const struct words *w)
{
    size_t n = w->n > 0;
    bool ended = false;
    for (size_t i = 0; i < w->n; i++) {
        unsigned class = w->v[i].class;
        if (ended && (has_gap(w, i) || !(class & (WORD_PUNCT | WORD_STOP)))) {
            n++;
            ended = false;
        }
        ended |= (class & WORD_STOP) != 0;
    }
    return n;
}
