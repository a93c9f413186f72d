#define NCURSES_WIDECHAR 1
#include "pipeline/monitor/terminal.h"

#include "pipeline/lib/log.h"

#include <math.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { REFRESH_MS = 500 };
static const double REPLAY_LEAST = 1 / 64.0, REPLAY_MOST = 64;

/* Colour pairs are numbered by enum colour. Only 8 colours are used, so that it looks the same everywhere. */
static void begin_colours(void)
{
    static const short series[SERIES_COLOURS] = {COLOR_CYAN,    COLOR_YELLOW, COLOR_GREEN,
                                                 COLOR_MAGENTA, COLOR_BLUE,   COLOR_RED};
    if (getenv("NO_COLOR") || !has_colors())
        return;
    start_color();
    use_default_colors();
    init_pair(COLOUR_GOOD, COLOR_GREEN, -1);
    init_pair(COLOUR_WARN, COLOR_YELLOW, -1);
    init_pair(COLOUR_BAD, COLOR_RED, -1);
    for (short i = 0; i < SERIES_COLOURS; i++)
        init_pair((short)(COLOUR_SERIES + i), series[i], -1);
}

static attr_t attribute(uint8_t colour)
{
    return colour == COLOUR_DIM ? A_DIM : colour == COLOUR_TITLE || colour == COLOUR_BAD ? A_BOLD : A_NORMAL;
}

static void put_cells(const struct grid *g)
{
    for (int y = 0; y < g->height; y++)
        for (int x = 0; x < g->width; x++) {
            const struct cell *c = &g->cells[y * g->width + x];
            wchar_t text[2] = {(wchar_t)c->character, 0};
            cchar_t cell;
            short pair = c->colour >= COLOUR_GOOD && has_colors() ? (short)c->colour : 0;
            setcchar(&cell, text, attribute(c->colour), pair, NULL);
            mvadd_wch(y, x, &cell);
        }
}

static void redraw(const struct view *v, struct grid *g)
{
    int height, width;
    getmaxyx(stdscr, height, width);
    grid_resize(g, width, height);
    view_draw(v, g);
    put_cells(g);
    refresh();
}

/* Moves the window of time by `by` of its length, within the run. */
static void move_window(struct view *v, double by)
{
    double length = v->to - v->from, from = fmin(fmax(v->from + by * length, 0), 1 - length);
    v->from = from;
    v->to = from + length;
}

/* Makes the window smaller or larger by `factor`; its end stays fixed while it shows the end of the run. */
static void zoom(struct view *v, double factor)
{
    double length = fmin(fmax((v->to - v->from) * factor, 0.001), 1), end = v->to > 0.999 ? 1 : v->to;
    v->from = fmax(end - length, 0);
    v->to = fmin(v->from + length, 1);
}

static void ask_search(struct view *v)
{
    int height = getmaxy(stdscr);
    timeout(-1);
    echo();
    mvprintw(height - 1, 0, "search: ");
    clrtoeol();
    getnstr(v->search, (int)sizeof v->search - 1);
    noecho();
    timeout(REFRESH_MS);
    v->scroll = 0;
    v->pane = PANE_EVENTS;
}

static void acknowledge(struct view *v)
{
    if (v->n_runs > 0 && alertlog_acknowledge(&v->runs[v->chosen]->alerts) < 0)
        v->trouble = "alerts.jsonl cannot be written: the alerts stay as they are";
}

/* A click on the name of a pane, or the wheel. */
static void obey_mouse(struct view *v)
{
    MEVENT e;
    int height, width;
    if (getmouse(&e) != OK)
        return;
    getmaxyx(stdscr, height, width);
    enum pane p = view_pane_at(v, width, height, e.x, e.y);
    if ((e.bstate & BUTTON1_PRESSED) && p != N_PANES)
        v->pane = p;
    if (e.bstate & BUTTON4_PRESSED)
        v->scroll -= v->scroll > 0;
    if (e.bstate & BUTTON5_PRESSED)
        v->scroll++;
}

/* Returns false to leave. */
static bool obey(struct view *v, int key)
{
    v->trouble = NULL;
    if (key >= '1' && key < '1' + N_PANES)
        v->pane = (enum pane)(key - '1');
    switch (key) {
    case 'q':
        return false;
    case '\t':
        v->pane = (v->pane + 1) % N_PANES;
        break;
    case 'n':
        v->chosen = v->n_runs ? (v->chosen + 1) % v->n_runs : 0;
        break;
    case 'l':
        v->log = !v->log;
        break;
    case ' ':
        v->paused = !v->paused;
        break;
    case '?':
        v->help = !v->help;
        break;
    case 'a':
        acknowledge(v);
        break;
    case '<':
    case '>':
        v->replay_rate = fmin(fmax(v->replay_rate * (key == '<' ? 0.5 : 2), REPLAY_LEAST), REPLAY_MOST);
        break;
    case KEY_MOUSE:
        obey_mouse(v);
        break;
    case '/':
        ask_search(v);
        break;
    case '+':
        zoom(v, 0.5);
        break;
    case '-':
        zoom(v, 2);
        break;
    case '0':
        v->from = 0;
        v->to = 1;
        break;
    case KEY_LEFT:
        move_window(v, -0.25);
        break;
    case KEY_RIGHT:
        move_window(v, 0.25);
        break;
    case KEY_UP:
        v->scroll += v->scroll > 0 ? -1 : 0;
        break;
    case KEY_DOWN:
        v->scroll++;
        break;
    }
    return true;
}

static void end_screen(void *arg)
{
    (void)arg;
    endwin();
}

void terminal_show(struct view *v, bool ascii, void (*poll)(void))
{
    struct grid g = {.ascii = ascii};
    double polled = 0;
    if (!initscr())
        die("the terminal cannot be used; --once prints one screen as text");
    at_failure(end_screen, &g);
    begin_colours();
    noecho();
    cbreak();
    curs_set(0);
    keypad(stdscr, true);
    mouseinterval(0);
    mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
    timeout(REFRESH_MS);
    while (!stop_signal) {
        double now = now_seconds();
        if (!v->paused && now - polled >= REFRESH_MS / 1000.0) {
            poll();
            polled = now;
        }
        redraw(v, &g);
        int key = getch();
        if (key != ERR && !obey(v, key))
            break;
    }
    at_failure_cancel(&g);
    endwin();
    grid_free(&g);
}
