/*
 * cli.h - one option table parses the flags and prints the help
 *
 *   static const struct opt opts[] = {
 *       {'o', "output", OPT_STR, &output, "DIR", "write shards here"},
 *       {0},
 *   };
 *   static const struct cli cli = {"shard", "cut a token stream into shards", "shard -o DIR <tokens", opts,
 * notes}; int n = cli_parse(&cli, argc, argv);      // operands are argv[0..n)
 *
 * Every program also takes --help --help-all --help-json --version --quiet --verbose, added here; --help
 * leaves out what stands under an OPT_EXPERT heading. A wrong option or a missing or malformed value is
 * reported on stderr, with exit 2. Numbers must be whole words: "12x" is an error, not 12.
 */
#ifndef LIB_CLI_H
#define LIB_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

enum opt_type {
    OPT_FLAG,    /* bool *: present sets true; --no-NAME sets false */
    OPT_STR,     /* const char ** */
    OPT_INT,     /* int64_t * */
    OPT_U64,     /* uint64_t *: plain, or with k, M, G (powers of 1000) */
    OPT_BYTES,   /* uint64_t *: plain, or 10KB, 1MB, 2GB, 64KiB, 1MiB, 1GiB */
    OPT_NUM,     /* double * */
    OPT_SHARE,   /* double *: 0.5% or 0.005; within 0..1 */
    OPT_LIST,    /* struct str_list *: repeatable string */
    OPT_WORD,    /* unsigned * (an enum): the index of the value among the words of `arg`, "adamw|muon" */
    OPT_SANDBOX, /* const char **[], ended by NULL: the variables that name outputs; see SANDBOX_OPTION */
    OPT_HEADING, /* prints `help` as a heading; takes no option */
    OPT_EXPERT   /* also a heading: it and the options below it are shown by --help-all alone */
};

struct str_list {
    const char **v; /* grows by realloc; owned by the list */
    size_t n;
};

struct opt {
    char letter;      /* 0: no short form */
    const char *name; /* NULL with letter 0 and type OPT_FLAG: end of the table */
    enum opt_type type;
    void *value;
    const char *arg;  /* name of the value in --help */
    const char *help; /* a description of the option, with its default; "" is shown as well */
};

/* Row of the option table, for programs that read foreign files and need neither network nor other programs:
 * with it cli_parse ends by sandbox_enter (lib/sandbox.h). The arguments are the variables of the options
 * that name what the program writes. */
#define SANDBOX_OPTION(...)                                                                                  \
    {                                                                                                        \
        0, "sandbox", OPT_SANDBOX, (const char **[]){__VA_ARGS__ __VA_OPT__(, ) NULL}, NULL,                 \
            "let the kernel refuse network, other programs, and files but the outputs"                       \
    }

struct cli {
    const char *name;
    const char *summary; /* one line; "train: ..." when the program is called with that word in front */
    const char *usage;   /* one or more lines, each shown after "usage:" */
    const struct opt *opts;
    const char *notes; /* examples, formats, exit codes: shown last; may be NULL */
};

extern const char tritter_version[];

/* Moves the operands to argv[0..return) and NULL-terminates them. Exits with 0 after --help and --version,
 * with 2 on misuse. */
int cli_parse(const struct cli *cli, int argc, char **argv);

/* Parsers by themselves: each returns 0, or -1 when the whole string is not such a value. */
int parse_u64(const char *s, uint64_t *out);
int parse_bytes(const char *s, uint64_t *out);
int parse_num(const char *s, double *out);
int parse_share(const char *s, double *out);
/* words: "a|b|c". parse_word gives the index of s among them; word_at returns the word at an index, which the
 * caller frees, or NULL past the last. */
int parse_word(const char *words, const char *s, unsigned *out);
char *word_at(const char *words, unsigned place);

/* Reports a usage error: "NAME: message" and a hint at --help; exits with 2. */
_Noreturn void usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
