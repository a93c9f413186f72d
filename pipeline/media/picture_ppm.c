/*
 * picture_ppm.c - reads binary PGM (P5) and PPM (P6), with 8 or 16 bits
 */
#include <string.h>

#include "pipeline/media/picture.h"

struct header {
    const uint8_t *b;
    size_t len, at;
};

/* Returns the next number after spaces and comments; -1: there is none, or it is above a million. */
static int number(struct header *h)
{
    int value = 0, digits = 0;
    while (h->at < h->len && (h->b[h->at] == '#' || strchr(" \t\r\n\v\f", h->b[h->at]) != NULL) &&
           h->b[h->at]) {
        if (h->b[h->at] == '#')
            while (h->at < h->len && h->b[h->at] != '\n')
                h->at++;
        else
            h->at++;
    }
    for (; h->at < h->len && h->b[h->at] >= '0' && h->b[h->at] <= '9' && digits < 7; digits++)
        value = value * 10 + h->b[h->at++] - '0';
    return digits > 0 && value <= 1000000 ? value : -1;
}

int picture_ppm(struct picture *p, const void *bytes, size_t len, char *err, size_t cap)
{
    struct header h = {.b = bytes, .len = len, .at = 2};
    size_t colours = h.b[1] == '6' ? 3 : 1;
    if (h.b[1] != '5' && h.b[1] != '6')
        return media_fail(err, cap, "PPM: P%c is not read, only P5 and P6", h.b[1]);
    int width = number(&h), height = number(&h), max = number(&h);
    if (width < 0 || height < 0 || max <= 0 || max > 65535 || h.at >= len)
        return media_fail(err, cap, "PPM: offset %zu: width, height and a maximum of 1 to 65535 expected",
                          h.at);
    h.at++; /* skips one white space */
    size_t depth = max > 255 ? 2 : 1;
    uint64_t need = (uint64_t)width * (uint64_t)height * colours * depth;
    if (width > 0 && height > 0 && len - h.at < need)
        return media_fail(err, cap, "PPM: truncated: %d x %d pixels are %llu bytes, there are %zu", width,
                          height, (unsigned long long)need, len - h.at);
    if (picture_alloc(p, (uint64_t)width, (uint64_t)height, err, cap) != 0)
        return -1;
    const uint8_t *in = h.b + h.at;
    for (size_t i = 0; i < (size_t)width * (size_t)height * 3; i++) {
        size_t at = (colours == 3 ? i : i / 3) * depth;
        unsigned v = depth == 2 ? (unsigned)in[at] << 8 | in[at + 1] : in[at];
        if (v > (unsigned)max)
            return media_fail(err, cap, "PPM: offset %zu: %u is above the maximum %d", h.at + at, v, max);
        p->rgb[i] = (uint8_t)((v * 255 + (unsigned)max / 2) / (unsigned)max);
    }
    return 0;
}
