#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char **input_operands(const struct input_opts *opts, char **operands, int *n)
{
    if (!opts->files_from)
        return operands;
    bool standard = strcmp(opts->files_from, "-") == 0;
    FILE *f = standard ? stdin : fopen(opts->files_from, "re");
    char **all = xcalloc((size_t)*n + 1, sizeof *all), *line = NULL;
    size_t room = 0, used = 0;
    if (!f)
        die_errno("%s", opts->files_from);
    for (; used < (size_t)*n; used++)
        all[used] = operands[used];
    for (ssize_t len; (len = getline(&line, &room, f)) > 0;) {
        len -= line[len - 1] == '\n';
        if (len == 0)
            continue;
        if (memchr(line, 0, (size_t)len) || (standard && strncmp(line, "-\n", (size_t)len + 1) == 0))
            die("--files-from %s: line %zu: no name of a file", opts->files_from, used - (size_t)*n + 1);
        all = xrealloc(all, (used + 2) * sizeof *all);
        all[used++] = xasprintf("%.*s", (int)len, line);
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
