/*
 * cli_help.h - what a program's option table says, for people and for other programs (used by cli.c alone)
 */
#ifndef LIB_CLI_HELP_H
#define LIB_CLI_HELP_H

#include "pipeline/lib/cli.h"

bool cli_is_heading(const struct opt *o);
bool cli_at_end(const struct opt *o);

/* --help, or --help-all when all is set. common: the options that every program has. */
void cli_print_help(const struct cli *cli, const struct opt *common, bool all);
/* --help-json: one object on a line, from which tools/pages makes manual pages and completions. Members:
 * name, verb (null or "train" of "tokenize train"), summary, usage (array), notes (string or null), and
 * options, an array of {letter, name, value, words, help, heading, expert}; value is null for flags, words
 * null unless the value is one of them. */
void cli_print_json(const struct cli *cli, const struct opt *common);

#endif
