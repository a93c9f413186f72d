#include "pipeline/monitor/grid.h"

#include "pipeline/lib/fs.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

void grid_resize(struct grid *g, int width, int height)
{
    size_t n = (size_t)width * (size_t)height;
    g->width = width;
    g->height = height;
    g->cells = xrealloc(g->cells, (n ? n : 1) * sizeof *g->cells);
    for (size_t i = 0; i < n; i++)
        g->cells[i] = (struct cell){' ', COLOUR_PLAIN};
}

void grid_free(struct grid *g)
{
    free(g->cells);
    *g = (struct grid){0};
}

/* Returns an ASCII character that looks similar, for frames, bars and dots. */
static uint32_t plain(uint32_t c)
{
    if (c >= 0x2800 && c <= 0x28ff) /* braille: chosen by the number of dots */
        return " .:+*#%@@"[__builtin_popcount(c & 0xff)];
    switch (c) {
    case 0x2500: /* frames */
        return '-';
    case 0x2502:
        return '|';
    case 0x250c:
    case 0x2510:
    case 0x2514:
    case 0x2518:
        return '+';
    case 0x2588: /* bars */
        return '#';
    case 0x2591:
        return '.';
    case 0x25b6:
        return '>';
    case 0x2022:
        return 'o';
    default:
        return '?';
    }
}

void grid_put(struct grid *g, int x, int y, uint32_t c, enum colour colour)
{
    if (x < 0 || y < 0 || x >= g->width || y >= g->height)
        return;
    bool printable = (c >= ' ' && c < 0x7f) || (c >= 0xa0 && wcwidth((wchar_t)c) == 1) ||
                     (c >= 0x2500 && c <= 0x28ff) || c == 0x2022; /* our own glyphs, in any locale */
    if (!printable)
        c = '?';
    else if (g->ascii && c >= 0x7f)
        c = plain(c);
    g->cells[y * g->width + x] = (struct cell){c, (uint8_t)colour};
}

/* Decodes one UTF-8 character; returns its bytes, at least 1. Invalid bytes become U+FFFD. */
static size_t decode(const unsigned char *s, uint32_t *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = *s < 0x80 ? 1 : *s >= 0xf0 && *s < 0xf5 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc2 ? 2 : 0;
    *c = n == 1 ? *s : *s & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            n = 0;
        else
            *c = *c << 6 | (s[i] & 0x3f);
    }
    if (n > 0 && *s < 0xf5 && (n == 1 || *c >= least[n]) && !(*c >= 0xd800 && *c < 0xe000) && *c <= 0x10ffff)
        return n;
    *c = 0xfffd;
    return 1;
}

int grid_text(struct grid *g, int x, int y, int width, enum colour colour, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    int end = x + width;
    while (*s && x < end) {
        uint32_t c;
        s += decode(s, &c);
        grid_put(g, x++, y, c, colour);
    }
    return x;
}

int grid_printf(struct grid *g, int x, int y, int width, enum colour colour, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return grid_text(g, x, y, width, colour, text);
}

struct rect grid_frame(struct grid *g, struct rect r, const char *title)
{
    int right = r.x + r.width - 1, bottom = r.y + r.height - 1;
    for (int x = r.x + 1; x < right; x++) {
        grid_put(g, x, r.y, 0x2500, COLOUR_DIM);
        grid_put(g, x, bottom, 0x2500, COLOUR_DIM);
    }
    for (int y = r.y + 1; y < bottom; y++) {
        grid_put(g, r.x, y, 0x2502, COLOUR_DIM);
        grid_put(g, right, y, 0x2502, COLOUR_DIM);
    }
    grid_put(g, r.x, r.y, 0x250c, COLOUR_DIM);
    grid_put(g, right, r.y, 0x2510, COLOUR_DIM);
    grid_put(g, r.x, bottom, 0x2514, COLOUR_DIM);
    grid_put(g, right, bottom, 0x2518, COLOUR_DIM);
    grid_printf(g, r.x + 2, r.y, r.width - 4, COLOUR_TITLE, " %s ", title);
    return (struct rect){r.x + 1, r.y + 1, r.width - 2, r.height - 2};
}

void grid_bar(struct grid *g, int x, int y, int width, double share, enum colour colour)
{
    int full = share > 0 ? (int)(fmin(share, 1) * width + 0.5) : 0;
    for (int i = 0; i < width; i++)
        grid_put(g, x + i, y, i < full ? 0x2588 : 0x2591, i < full ? colour : COLOUR_DIM);
}

int grid_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

void grid_print(const struct grid *g, FILE *f)
{
    for (int y = 0; y < g->height; y++) {
        const struct cell *row = &g->cells[y * g->width];
        int end = g->width;
        while (end > 0 && row[end - 1].character == ' ')
            end--;
        for (int x = 0; x < end; x++) {
            char utf8[4];
            fwrite(utf8, 1, (size_t)grid_utf8(row[x].character, utf8), f);
        }
        fputc('\n', f);
    }
}
