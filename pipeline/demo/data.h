/*
 * data.h - the texts of data/, which the build embeds in the program
 *
 * Each says at its top how it is written. A wrong line is a bug of ours: data_wrong, as an assert, ends the
 * program.
 */
#ifndef DEMO_DATA_H
#define DEMO_DATA_H

/* A copy of the whole file, which is kept for good: what is read from it points into it. */
char *data_ml_terms(void);
char *data_plots(void);

/* The next line of text that is not a comment, cut off in place; NULL at the end. */
char *data_line(char **text);
/* Returns the text after "WORD " in line, or NULL: the line begins with another word. */
char *data_after(char *line, const char *word);
_Noreturn void data_wrong(const char *file, const char *line);

#endif
