/*
 * data.h - the texts of data/, which the build embeds in the program
 *
 * Each says at its top how it is written. A wrong line is a bug of ours: data_wrong, as an assert, ends the
 * program.
 */
#ifndef DEMO_DATA_H
#define DEMO_DATA_H

extern const char data_ml_terms[], data_plots[]; /* the whole files, and a NUL */

/* The next line of text that is not a comment, cut off in place; NULL at the end. */
char *data_line(char **text);
/* What follows "WORD " in line, or NULL: the line begins with another word. */
char *data_after(char *line, const char *word);
_Noreturn void data_wrong(const char *file, const char *line);

#endif
