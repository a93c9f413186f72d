#include "pipeline/demo/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The assembler takes the file as it is; make runs where its path begins. */
#define EMBED(name, file)                                                                                    \
    __asm__(".pushsection .rodata\n.globl " #name "\n" #name ":\n.incbin \"" file "\"\n.byte 0\n"            \
            ".popsection\n")

EMBED(data_ml_terms, "pipeline/demo/data/ml_terms.txt");
EMBED(data_plots, "pipeline/demo/data/plots.txt");

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
