#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct place {
    char *path;
    dev_t dev;
    ino_t ino;
    bool is_dir;
    bool whole; /* an input: every file in it is read; an output: everything in it is replaced */
};

struct places {
    struct place *v;
    size_t n;
};

static struct places inputs, outputs;

static bool same(const struct place *p, const struct stat *st)
{
    return p->dev == st->st_dev && p->ino == st->st_ino;
}

/* Returns false when path is no existing file or directory. */
static bool look(const char *path, int standard, struct stat *st)
{
    bool found = strcmp(path, "-") == 0 ? fstat(standard, st) == 0 : stat(path, st) == 0;
    return found && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode));
}

static void add(struct places *list, const char *path, const struct stat *st, bool whole)
{
    list->v = xrealloc(list->v, (list->n + 1) * sizeof *list->v);
    list->v[list->n++] = (struct place){.path = xstrdup(path),
                                        .dev = st->st_dev,
                                        .ino = st->st_ino,
                                        .is_dir = S_ISDIR(st->st_mode),
                                        .whole = whole};
}

static _Noreturn void refuse(const char *output, const char *input)
{
    if (strcmp(output, "-") == 0 || strcmp(input, "-") == 0)
        usage_error("%s: is read and written at once; write somewhere else",
                    strcmp(output, "-") == 0 ? input : output);
    usage_error("%s: is read (%s) and would be written over; write somewhere else", output, input);
}

/* Whether path is the directory or lies in it, at any depth. */
static bool lies_in(const char *path, const struct place *dir)
{
    struct stat st;
    char *real = realpath(path, NULL);
    bool yes = false;
    for (char *slash = real; real && slash && !yes;) {
        yes = stat(*real ? real : "/", &st) == 0 && same(dir, &st);
        slash = strrchr(real, '/');
        if (slash)
            *slash = 0;
    }
    free(real);
    return yes;
}

static void check_dirs(const struct place *output, const struct place *input)
{
    if (input->is_dir && lies_in(output->path, input))
        usage_error("%s: lies in %s, which is read; write somewhere else", output->path, input->path);
    if (output->whole && lies_in(input->path, output))
        usage_error("%s: lies in %s, which would be replaced; write somewhere else", input->path,
                    output->path);
}

static void add_input(const char *path, bool whole)
{
    struct stat st;
    if (!look(path, STDIN_FILENO, &st))
        return;
    add(&inputs, path, &st, whole);
    for (size_t i = 0; i < outputs.n; i++) {
        if (outputs.v[i].is_dir)
            check_dirs(&outputs.v[i], &inputs.v[inputs.n - 1]);
        else if (same(&outputs.v[i], &st) || (whole && lies_in(outputs.v[i].path, &inputs.v[inputs.n - 1])))
            refuse(outputs.v[i].path, path);
    }
}

void apart_input(const char *path)
{
    add_input(path, false);
}

void apart_input_dir(const char *dir)
{
    add_input(dir, true);
}

void apart_output(const char *path)
{
    struct stat st;
    if (!look(path, STDOUT_FILENO, &st) || S_ISDIR(st.st_mode))
        return;
    add(&outputs, path, &st, false);
    for (size_t i = 0; i < inputs.n; i++)
        if (same(&inputs.v[i], &st) || (inputs.v[i].whole && lies_in(path, &inputs.v[i])))
            refuse(path, inputs.v[i].path);
}

void apart_output_dir(const char *path, bool replaced)
{
    struct stat st;
    if (!look(path, STDOUT_FILENO, &st))
        return;
    add(&outputs, path, &st, replaced);
    for (size_t i = 0; i < inputs.n; i++)
        check_dirs(&outputs.v[outputs.n - 1], &inputs.v[i]);
}

bool apart_is_output(const struct stat *st)
{
    for (size_t i = 0; i < outputs.n; i++)
        if (!outputs.v[i].is_dir && same(&outputs.v[i], st))
            return true;
    return false;
}
