/*
 * unicode.c - the table of classes, one byte a code point
 *
 * Flat rather than in two stages: one load a character, and a text touches
 * only the pages of its scripts.
 */
#include "pipeline/text/pretokenize/unicode.h"

#include <pthread.h>
#include <string.h>

/* White_Space, which Unicode has kept as it is since 2013. */
static const struct unicode_range blanks[] = {
    {0x09, 0x0d},     {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
    {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
};

static uint8_t classes[0x110000];

static void fill(const struct unicode_range *ranges, unsigned n, enum unicode_class class)
{
    for (unsigned i = 0; i < n; i++)
        memset(classes + ranges[i].first, class, ranges[i].last - ranges[i].first + 1);
}

static void fill_all(void)
{
    fill(unicode_letters, n_unicode_letters, CLASS_LETTER);
    fill(unicode_numbers, n_unicode_numbers, CLASS_NUMBER);
    fill(blanks, sizeof blanks / sizeof *blanks, CLASS_BLANK);
    classes[' '] = CLASS_SPACE;
    classes['\n'] = classes['\r'] = CLASS_NEWLINE;
}

const uint8_t *unicode_classes(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_all);
    return classes;
}
