/*
 * stage.c - functions that the verbs of tokenize share
 */
#include "pipeline/tokenize/stage.h"

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

size_t stage_threads(int64_t wanted)
{
    if (wanted < 0 || wanted > 1024)
        usage_error("-j %lld: from 1 to 1024 threads, or 0 for one a processor", (long long)wanted);
    size_t n = wanted ? (size_t)wanted : processors();
    return n < MAX_THREADS ? n : MAX_THREADS;
}
