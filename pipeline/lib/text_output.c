#include "pipeline/lib/text_output.h"

#include <string.h>

#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"

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
