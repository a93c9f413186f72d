#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "\xef\xbb\xbf" /* the byte order mark */

/* Returns the name in a line of len bytes, without the line's end; empty: there is none. */
static char *name_of(const struct input_opts *opts, bool standard, size_t number, const char *line,
                     size_t len)
{
    bool marked = number == 1 && len >= 3 && memcmp(line, MARK, 3) == 0;
    line += marked ? 3 : 0;
    len -= marked ? 3 : 0;
    len -= len > 0 && line[len - 1] == '\n';
    len -= len > 0 && line[len - 1] == '\r';
    if (memchr(line, 0, len))
        die("--files-from %s: line %zu: a NUL byte: names are one a line", opts->files_from, number);
    if (standard && len == 1 && *line == '-')
        die("--files-from %s: line %zu: -, but standard input is this list", opts->files_from, number);
    return xasprintf("%.*s", (int)len, line);
}

char **input_operands(const struct input_opts *opts, char **operands, int *n)
{
    if (!opts->files_from)
        return operands;
    bool standard = strcmp(opts->files_from, "-") == 0;
    FILE *f = standard ? stdin : fopen(opts->files_from, "re");
    char **all = xcalloc((size_t)*n + 1, sizeof *all), *line = NULL;
    size_t room = 0, used = 0, number = 0;
    if (!f)
        die_errno("%s", opts->files_from);
    for (; used < (size_t)*n; used++)
        all[used] = operands[used];
    for (ssize_t len; (len = getline(&line, &room, f)) > 0;) {
        char *name = name_of(opts, standard, ++number, line, (size_t)len);
        if (!*name) {
            free(name);
            continue;
        }
        all = xrealloc(all, (used + 2) * sizeof *all);
        all[used++] = name;
    }
    if (ferror(f))
        die_errno("%s: cannot read", opts->files_from);
    if (used == (size_t)*n)
        die("--files-from %s: it names no files", opts->files_from);
    free(line);
    if (!standard)
        fclose(f);
    all[used] = NULL;
    *n = (int)used;
    return all;
}
