/*
 * grid.h - a screen of characters in memory, which becomes text on a pipe or cells of a terminal
 *
 * Whatever is put into it comes out printable: control characters, broken UTF-8 and characters that are not
 * one column wide become '?', so that nothing from a file reaches the terminal as it is. With ascii, only
 * ASCII comes out.
 */
#ifndef MONITOR_GRID_H
#define MONITOR_GRID_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum colour { /* the meaning of a colour; the terminal decides how it looks */
              COLOUR_PLAIN,
              COLOUR_DIM,
              COLOUR_TITLE,
              COLOUR_GOOD,
              COLOUR_WARN,
              COLOUR_BAD,
              COLOUR_SERIES, /* and the next SERIES_COLOURS - 1 */
              SERIES_COLOURS = 6,
              N_COLOURS = COLOUR_SERIES + SERIES_COLOURS,
};

struct cell {
    uint32_t character; /* Unicode */
    uint8_t colour;
};

struct grid {
    int width, height;
    bool ascii;
    struct cell *cells; /* owned: width * height, row by row */
};

struct rect {
    int x, y, width, height;
};

void grid_resize(struct grid *g, int width, int height); /* also empties it */
void grid_free(struct grid *g);
void grid_put(struct grid *g, int x, int y, uint32_t character,
              enum colour colour); /* outside of the grid nothing happens */
/* Writes at most width columns of text; returns the column after the last. */
int grid_text(struct grid *g, int x, int y, int width, enum colour colour, const char *text);
int grid_printf(struct grid *g, int x, int y, int width, enum colour colour, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* Draws a frame with a title; returns the rectangle inside. */
struct rect grid_frame(struct grid *g, struct rect r, const char *title);
/* Draws a bar of r.width columns on one row, of which share (0..1) is full. */
void grid_bar(struct grid *g, int x, int y, int width, double share, enum colour colour);
/* Prints the rows without trailing blanks. */
void grid_print(const struct grid *g, FILE *f);
/* Writes the UTF-8 of one character into out (4 bytes at most); returns its length. */
int grid_utf8(uint32_t character, char *out);

#endif
