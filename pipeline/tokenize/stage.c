/*
 * stage.c - functions that the verbs of tokenize share
 */
#include "pipeline/tokenize/stage.h"

#include <string.h>

#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/ordered.h"

enum { MAX_THREADS = 16 }; /* each holds 40 MB when a piece of 1 MiB comes: all stay below 1 GiB */

struct tokenizer *stage_tokenizer(const char *path)
{
    char err[800];
    if (!path)
        usage_error("which tokenizer? -t tokenizer.json");
    apart_input(path);
    struct tokenizer *t = tokenizer_load(path, err, sizeof err);
    if (!t)
        die("%s", err);
    return t;
}

void text_output_open(struct text_output *out, const char *endpoint)
{
    *out = (struct text_output){.name = endpoint};
    if (strncmp(endpoint, "ring:", 5) == 0)
        usage_error("%s: text does not go to a ring; use a file or -", endpoint);
    if (strcmp(endpoint, "-") == 0) {
        apart_output(endpoint);
        out->f = stdout;
        out->name = "standard output";
    } else if (is_device(endpoint)) {
        if (!(out->f = fopen(endpoint, "we")))
            die_errno("%s", endpoint);
    } else {
        out->f = commit_open(&out->commit, endpoint);
    }
}

void text_output_write(struct text_output *out, const void *bytes, size_t n)
{
    if (fwrite(bytes, 1, n, out->f) != n)
        die_errno("%s: cannot write", out->name);
}

void text_output_close(struct text_output *out, bool whole)
{
    if (out->f == stdout)
        close_stdout();
    else if (!out->commit.f && fclose(out->f) != 0)
        die_errno("%s: cannot write", out->name);
    else if (out->commit.f && whole)
        commit_finish(&out->commit);
    else if (out->commit.f)
        commit_abort(&out->commit);
}

size_t stage_threads(int64_t wanted)
{
    if (wanted < 0 || wanted > 1024)
        usage_error("-j %lld: from 1 to 1024 threads, or 0 for one a processor", (long long)wanted);
    size_t n = wanted ? (size_t)wanted : processors();
    return n < MAX_THREADS ? n : MAX_THREADS;
}
