#include "pipeline/demo/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"

/* The symbols that the linker makes for the embedded files. */
extern const char _binary_pipeline_demo_data_ml_terms_txt_start[],
    _binary_pipeline_demo_data_ml_terms_txt_end[];
extern const char _binary_pipeline_demo_data_plots_txt_start[], _binary_pipeline_demo_data_plots_txt_end[];

static char *copy(const char *begin, const char *end)
{
    struct strbuf s = {0};
    strbuf_add(&s, begin, (size_t)(end - begin));
    return s.s;
}

char *data_ml_terms(void)
{
    return copy(_binary_pipeline_demo_data_ml_terms_txt_start, _binary_pipeline_demo_data_ml_terms_txt_end);
}

char *data_plots(void)
{
    return copy(_binary_pipeline_demo_data_plots_txt_start, _binary_pipeline_demo_data_plots_txt_end);
}

char *data_line(char **text)
{
    while (**text) {
        char *line = *text;
        *text += strcspn(line, "\n");
        if (**text)
            *(*text)++ = 0;
        if (*line != '#')
            return line;
    }
    return NULL;
}

char *data_after(char *line, const char *word)
{
    size_t n = strlen(word);
    return strncmp(line, word, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

void data_wrong(const char *file, const char *line)
{
    fprintf(stderr, "pipeline/demo/data/%s: '%s' is not understood\n", file, line ? line : "");
    abort();
}
