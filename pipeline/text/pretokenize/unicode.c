/*
 * unicode.c - the table of classes, one byte a code point
 *
 * The table is flat and not in two stages: a character takes one load, and a text touches only the pages of
 * its scripts.
 */
#include "pipeline/text/pretokenize/unicode.h"

#include <pthread.h>
#include <string.h>

/* White_Space, which has been unchanged in Unicode since 2013. */
static const struct unicode_range blanks[] = {
    {0x09, 0x0d},     {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
    {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
};

static uint8_t classes[0x110000];

static void fill_all(void)
{
    for (unsigned i = 0; i < n_unicode_categories; i++) {
        const struct unicode_category *r = &unicode_categories[i];
        if (r->name[0] == 'L' || r->name[0] == 'N')
            memset(classes + r->first, r->name[0] == 'L' ? CLASS_LETTER : CLASS_NUMBER,
                   r->last - r->first + 1);
    }
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++)
        memset(classes + blanks[i].first, CLASS_BLANK, blanks[i].last - blanks[i].first + 1);
    classes[' '] = CLASS_SPACE;
    classes['\n'] = classes['\r'] = CLASS_NEWLINE;
}

const uint8_t *unicode_classes(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_all);
    return classes;
}

bool unicode_in(const struct unicode_range *ranges, unsigned n, uint32_t c)
{
    unsigned low = 0, high = n;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (ranges[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && ranges[low].first <= c;
}
