/*
 * source_files.c - files, directories and standard input
 */
#include "pipeline/fetch/source.h"

#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/walk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

static void file_open(struct source *s)
{
    s->own = input_open(&s->input, &s->word, 1);
}

static bool file_next(struct source *s, struct doc *d)
{
    return input_next(s->own, d);
}

static void file_close(struct source *s)
{
    input_close(s->own);
}

static void hash_file(XXH3_state_t *state, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        die_errno("%s", path);
    int64_t facts[3] = {(int64_t)st.st_size, (int64_t)st.st_mtim.tv_sec, (int64_t)st.st_mtim.tv_nsec};
    XXH3_64bits_update(state, path, strlen(path) + 1);
    XXH3_64bits_update(state, facts, sizeof facts);
}

static void file_recipe(struct source *s, struct strbuf *b)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        die("out of memory");
    XXH3_64bits_reset(state);
    if (is_dir(s->word)) {
        struct walk *w = walk_open(s->word, &s->input.globs);
        for (const char *path; (path = walk_next(w)) != NULL;)
            hash_file(state, path);
        walk_close(w);
    } else {
        hash_file(state, s->word);
    }
    strbuf_addf(b, "files %016llx\n", (unsigned long long)XXH3_64bits_digest(state));
    XXH3_freeState(state);
}

static char *file_name(const char *word)
{
    if (strcmp(word, "-") == 0)
        usage_error("-o needs sources with names; use --cat for standard input");
    char *real = realpath(word, NULL);
    if (!real)
        die_errno("%s", word);
    return real;
}

static void file_progress(struct source *s, struct source_progress *p)
{
    struct input_stats stats;
    input_stats(s->own, &stats);
    p->done = stats.read_bytes;
    p->total = stats.total_bytes;
}

const struct scheme file_scheme = {
    .prefix = "",
    .open = file_open,
    .next = file_next,
    .close = file_close,
    .recipe = file_recipe,
    .name = file_name,
    .progress = file_progress,
};
