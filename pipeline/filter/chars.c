#include "pipeline/filter/chars.h"

#include "formats/json_text.h"
#include "pipeline/lib/fs.h"

#include <string.h>
#include <utf8proc.h>

enum { N_CODE_POINTS = 0x110000, REPLACEMENT = 0xfffd };

uint16_t chars_ascii[128];
static uint16_t *table; /* of every code point; lives as long as the program */

struct range {
    uint32_t first, last;
};

/* Sentence_Terminal of Unicode 15.1, and three signs of Khmer and Arabic that datatrove has in addition. */
static const struct range stops[] = {
    {0x21, 0x21},       {0x2e, 0x2e},       {0x3f, 0x3f},       {0x589, 0x589},     {0x61d, 0x61f},
    {0x6d4, 0x6d4},     {0x700, 0x702},     {0x7f9, 0x7f9},     {0x837, 0x837},     {0x839, 0x839},
    {0x83d, 0x83e},     {0x964, 0x965},     {0x104a, 0x104b},   {0x1362, 0x1362},   {0x1367, 0x1368},
    {0x166e, 0x166e},   {0x1735, 0x1736},   {0x17d4, 0x17d6},   {0x17d9, 0x17da},   {0x1803, 0x1803},
    {0x1809, 0x1809},   {0x1944, 0x1945},   {0x1aa8, 0x1aab},   {0x1b5a, 0x1b5b},   {0x1b5e, 0x1b5f},
    {0x1b7d, 0x1b7e},   {0x1c3b, 0x1c3c},   {0x1c7e, 0x1c7f},   {0x203c, 0x203d},   {0x2047, 0x2049},
    {0x2e2e, 0x2e2e},   {0x2e3c, 0x2e3c},   {0x2e53, 0x2e54},   {0x3002, 0x3002},   {0xa4ff, 0xa4ff},
    {0xa60e, 0xa60f},   {0xa6f3, 0xa6f3},   {0xa6f7, 0xa6f7},   {0xa876, 0xa877},   {0xa8ce, 0xa8cf},
    {0xa92f, 0xa92f},   {0xa9c8, 0xa9c9},   {0xaa5d, 0xaa5f},   {0xaaf0, 0xaaf1},   {0xabeb, 0xabeb},
    {0xfe52, 0xfe52},   {0xfe56, 0xfe57},   {0xff01, 0xff01},   {0xff0e, 0xff0e},   {0xff1f, 0xff1f},
    {0xff61, 0xff61},   {0x10a56, 0x10a57}, {0x10f55, 0x10f59}, {0x10f86, 0x10f89}, {0x11047, 0x11048},
    {0x110be, 0x110c1}, {0x11141, 0x11143}, {0x111c5, 0x111c6}, {0x111cd, 0x111cd}, {0x111de, 0x111df},
    {0x11238, 0x11239}, {0x1123b, 0x1123c}, {0x112a9, 0x112a9}, {0x1144b, 0x1144c}, {0x115c2, 0x115c3},
    {0x115c9, 0x115d7}, {0x11641, 0x11642}, {0x1173c, 0x1173e}, {0x11944, 0x11944}, {0x11946, 0x11946},
    {0x11a42, 0x11a43}, {0x11a9b, 0x11a9c}, {0x11c41, 0x11c42}, {0x11ef7, 0x11ef8}, {0x11f43, 0x11f44},
    {0x16a6e, 0x16a6f}, {0x16af5, 0x16af5}, {0x16b37, 0x16b38}, {0x16b44, 0x16b44}, {0x16e98, 0x16e98},
    {0x1bc9f, 0x1bc9f}, {0x1da88, 0x1da88}};

static const struct range signs[] = {
    {0, 8},           {11, 31},         {'!', '/'},       {':', '@'},       {'[', '`'},
    {'{', '~'},       {0x7f, 0x9f},     {0xab, 0xab},     {0xb4, 0xb4},     {0xbb, 0xbb},
    {0x2013, 0x2014}, {0x2019, 0x2019}, {0x201c, 0x201e}, {0x2026, 0x2026}, {0x2236, 0x2236},
    {0x2501, 0x2501}, {0x25ba, 0x25ba}, {0x3001, 0x3002}, {0x3008, 0x300d}, {0x3010, 0x3011},
    {0xff01, 0xff01}, {0xff05, 0xff05}, {0xff08, 0xff09}, {0xff0c, 0xff0c}, {0xff0e, 0xff0e},
    {0xff11, 0xff11}, {0xff1a, 0xff1b}, {0xff1f, 0xff1f}, {0xff5e, 0xff5e}};

/* Signs that stand apart from the words around them, as spaCy's tokenizer has them. */
static const char apart[] = ",:;!?()[]{}<>_#*&…¿؟¡。？！，、；：～·।،۔؛٪—–";
static const char quotes[] = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉⟦⟧";
static const char before[] = "§%=";
static const char currencies[] =
    "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾"
    "₿";

static void add_ranges(const struct range *r, size_t n, unsigned class)
{
    for (size_t i = 0; i < n; i++)
        for (uint32_t c = r[i].first; c <= r[i].last; c++)
            table[c] = (uint16_t)(table[c] | class);
}

static void add_all(const char *s, unsigned class)
{
    const char *end = s + strlen(s);
    uint32_t c;
    for (; s < end; table[c] = (uint16_t)(table[c] | class))
        s += char_decode(s, end, &c);
}

static unsigned category_class(uint32_t c)
{
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
        return CHAR_LETTER | CHAR_UPPER;
    case UTF8PROC_CATEGORY_LL:
        return CHAR_LETTER | CHAR_LOWER;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return CHAR_LETTER | CHAR_LOWER | CHAR_UPPER;
    case UTF8PROC_CATEGORY_ND:
        return CHAR_NUMBER;
    case UTF8PROC_CATEGORY_MN:
        return CHAR_MARK;
    case UTF8PROC_CATEGORY_SO:
        return CHAR_BEFORE | CHAR_AFTER | CHAR_WITHIN;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
        return CHAR_PUNCT;
    default:
        return 0;
    }
}

void chars_begin(void)
{
    static const struct range spaces[] = {
        {9, 13},          {28, 32},         {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680},
        {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};
    static const struct range line_ends[] = {{10, 13}, {28, 30}, {0x85, 0x85}, {0x2028, 0x2029}};
    static const struct range digits[] = {{'0', '9'}};
    if (table)
        return;
    table = xcalloc(N_CODE_POINTS, sizeof *table);
    for (uint32_t c = 0; c < N_CODE_POINTS; c++)
        table[c] = (uint16_t)category_class(c);
    add_ranges(spaces, sizeof spaces / sizeof *spaces, CHAR_SPACE);
    add_ranges(line_ends, sizeof line_ends / sizeof *line_ends, CHAR_LINE_END);
    add_ranges(digits, 1, CHAR_DIGIT);
    add_ranges(stops, sizeof stops / sizeof *stops, CHAR_STOP | CHAR_SIGN);
    add_ranges(signs, sizeof signs / sizeof *signs, CHAR_SIGN);
    add_all(apart, CHAR_BEFORE | CHAR_AFTER);
    add_all(quotes, CHAR_BEFORE | CHAR_AFTER | CHAR_QUOTE);
    add_all(before, CHAR_BEFORE);
    add_all(currencies, CHAR_BEFORE | CHAR_CURRENCY);
    add_all("…", CHAR_WITHIN);
    memcpy(chars_ascii, table, sizeof chars_ascii);
}

uint16_t chars_beyond_ascii(uint32_t c)
{
    return table[c];
}

size_t char_decode(const char *s, const char *end, uint32_t *c)
{
    size_t width = utf8_char(s, (size_t)(end - s));
    *c = width ? utf8_value(s, width) : REPLACEMENT;
    return width ? width : 1;
}

size_t char_decode_before(const char *begin, const char *s, uint32_t *c)
{
    for (size_t width = 1; width <= 4 && width <= (size_t)(s - begin); width++)
        if (utf8_char(s - width, width) == width) {
            *c = utf8_value(s - width, width);
            return width;
        }
    *c = REPLACEMENT;
    return 1;
}

size_t chars_count(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) /* counts every byte but those that continue a character */
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

struct span span_strip_left(struct span t)
{
    const char *end = t.s + t.len;
    uint32_t c;
    while (t.len > 0) {
        size_t width = char_next(t.s, end, &c);
        if (!(char_class(c) & CHAR_SPACE))
            break;
        t.s += width;
        t.len -= width;
    }
    return t;
}

struct span span_strip_right(struct span t)
{
    uint32_t c;
    while (t.len > 0) {
        size_t width = char_before(t.s, t.s + t.len, &c);
        if (!(char_class(c) & CHAR_SPACE))
            break;
        t.len -= width;
    }
    return t;
}

struct span span_strip(struct span t)
{
    return span_strip_right(span_strip_left(t));
}

bool span_starts(struct span t, const char *with)
{
    size_t n = strlen(with);
    return t.len >= n && memcmp(t.s, with, n) == 0;
}

bool span_ends(struct span t, const char *with)
{
    size_t n = strlen(with);
    return t.len >= n && memcmp(t.s + t.len - n, with, n) == 0;
}

size_t span_count(struct span t, const char *word)
{
    size_t n = 0, len = strlen(word);
    const char *at, *s = t.s, *end = t.s + t.len;
    for (; s < end && (at = memmem(s, (size_t)(end - s), word, len)); s = at + len)
        n++;
    return n;
}

bool span_line(struct span *rest, struct span *line)
{
    const char *s = rest->s, *end = rest->s + rest->len;
    uint32_t c;
    if (rest->len == 0)
        return false;
    while (s < end) {
        size_t width = char_next(s, end, &c);
        if (char_class(c) & CHAR_LINE_END) {
            *line = (struct span){rest->s, (size_t)(s - rest->s)};
            s += width;
            s += c == '\r' && s < end && *s == '\n';
            *rest = (struct span){s, (size_t)(end - s)};
            return true;
        }
        s += width;
    }
    *line = *rest;
    *rest = (struct span){end, 0};
    return true;
}
