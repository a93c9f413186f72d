#include "pipeline/lib/cli.h"
#include "pipeline/lib/cli_help.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/counters.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/sandbox.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char tritter_version[] = "0.1.0";

static bool quiet, verbose, help, help_all, help_json, version;
static const char **const *sandbox_outputs; /* NULL without --sandbox */

static const struct opt common[] = {
    {0, NULL, OPT_HEADING, NULL, NULL, "Common"},
    {'q', "quiet", OPT_FLAG, &quiet, NULL, "warnings and errors only"},
    {'v', "verbose", OPT_FLAG, &verbose, NULL, "say more"},
    {'h', "help", OPT_FLAG, &help, NULL, "show this"},
    {0, "help-all", OPT_FLAG, &help_all, NULL, "show this and what few need"},
    {0, "version", OPT_FLAG, &version, NULL, "show the version"},
    {0, NULL, OPT_EXPERT, NULL, NULL, "For other programs"},
    {0, "help-json", OPT_FLAG, &help_json, NULL,
     "print all of this as JSON, for manual pages and completion"},
    {0},
};

void usage_error(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s: ", program_name);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\nTry '%s --help'.\n", program_name);
    va_end(ap);
    exit(2);
}

/* Parses a number that is followed by one of the suffixes; suffix NULL allows none. */
static int parse_scaled(const char *s, const char *const *suffix, const double *scale, uint64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)*s))
        return -1;
    errno = 0;
    uint64_t whole = strtoull(s, &end, 10);
    if (errno == 0 && *end == 0) {
        *out = whole;
        return 0;
    }
    double x = strtod(s, &end);
    for (int i = 0; suffix[i]; i++) {
        if (strcasecmp(end, suffix[i]) != 0)
            continue;
        x *= scale[i];
        if (!(x >= 0 && x < 18e18))
            return -1;
        *out = (uint64_t)llround(x);
        return 0;
    }
    return -1;
}

int parse_u64(const char *s, uint64_t *out)
{
    static const char *const suffix[] = {"k", "M", "G", "B", "T", NULL};
    static const double scale[] = {1e3, 1e6, 1e9, 1e9, 1e12};
    return parse_scaled(s, suffix, scale, out);
}

int parse_bytes(const char *s, uint64_t *out)
{
    static const char *const suffix[] = {"B",  "k",  "KB",  "M",   "MB",  "G",
                                         "GB", "TB", "KiB", "MiB", "GiB", NULL};
    static const double scale[] = {1, 1e3, 1e3, 1e6, 1e6, 1e9, 1e9, 1e12, 1024, 1048576, 1073741824.0};
    return parse_scaled(s, suffix, scale, out);
}

int parse_num(const char *s, double *out)
{
    char *end;
    errno = 0;
    double x = strtod(s, &end);
    if (end == s || *end || isspace((unsigned char)*s) || !isfinite(x))
        return -1;
    *out = x;
    return 0;
}

int parse_share(const char *s, double *out)
{
    size_t n = strlen(s);
    char buf[64];
    double x, unit = 1;
    if (n == 0 || n >= sizeof buf)
        return -1;
    memcpy(buf, s, n + 1);
    if (buf[n - 1] == '%') {
        buf[n - 1] = 0;
        unit = 0.01;
    }
    if (parse_num(buf, &x) != 0 || x * unit < 0 || x * unit > 1)
        return -1;
    *out = x * unit;
    return 0;
}

int parse_word(const char *words, const char *s, unsigned *out)
{
    size_t n = strlen(s);
    unsigned place = 0;
    for (const char *p = words;; p++, place++) {
        size_t length = strcspn(p, "|");
        if (length == n && memcmp(p, s, n) == 0) {
            *out = place;
            return 0;
        }
        p += length;
        if (!*p)
            return -1;
    }
}

char *word_at(const char *words, unsigned place)
{
    for (; place; place--) {
        words = strchr(words, '|');
        if (!words)
            return NULL;
        words++;
    }
    char *word = xstrdup(words);
    word[strcspn(word, "|")] = 0;
    return word;
}

static int parse_int(const char *s, int64_t *out)
{
    char *end;
    errno = 0;
    long long x = strtoll(s, &end, 10);
    if (end == s || *end || errno || isspace((unsigned char)*s))
        return -1;
    *out = x;
    return 0;
}

static int assign(const struct opt *o, const char *v)
{
    struct str_list *list;
    switch (o->type) {
    case OPT_STR:
        *(const char **)o->value = v;
        return 0;
    case OPT_INT:
        return parse_int(v, o->value);
    case OPT_U64:
        return parse_u64(v, o->value);
    case OPT_BYTES:
        return parse_bytes(v, o->value);
    case OPT_NUM:
        return parse_num(v, o->value);
    case OPT_SHARE:
        return parse_share(v, o->value);
    case OPT_LIST:
        list = o->value;
        list->v = xrealloc(list->v, (list->n + 1) * sizeof *list->v);
        list->v[list->n++] = v;
        return 0;
    case OPT_WORD:
        return parse_word(o->arg, v, o->value);
    case OPT_FLAG:
    case OPT_SANDBOX:
    case OPT_HEADING:
    case OPT_EXPERT:
        break;
    }
    return -1;
}

static void set(const struct opt *o, const char *shown, const char *v)
{
    if (assign(o, v) == 0)
        return;
    if (o->type == OPT_WORD) {
        char *words = xstrdup(o->arg);
        for (char *p = words; *p; p++)
            *p = *p == '|' ? ' ' : *p;
        usage_error("%s: '%s' is none of: %s", shown, v, words);
    }
    usage_error("%s: '%s' is not a valid %s", shown, v, o->arg ? o->arg : "value");
}

static const struct opt *find(const struct opt *table, const char *name, size_t len, char letter)
{
    for (const struct opt *o = table; !cli_at_end(o); o++) {
        if (cli_is_heading(o))
            continue;
        if (letter ? o->letter == letter
                   : o->name && strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    }
    return table == common ? NULL : find(common, name, len, letter);
}

/* Handles --name, --name=value, --name value, --no-name; returns how many words the option took. */
static int long_option(const struct cli *cli, char **argv)
{
    const char *word = argv[0] + 2, *eq = strchr(word, '=');
    size_t len = eq ? (size_t)(eq - word) : strlen(word);
    const struct opt *o = find(cli->opts, word, len, 0);
    if (!o && len > 3 && strncmp(word, "no-", 3) == 0) {
        o = find(cli->opts, word + 3, len - 3, 0);
        if (o && o->type == OPT_FLAG && !eq) {
            *(bool *)o->value = false;
            return 1;
        }
        o = NULL;
    }
    if (!o)
        usage_error("unknown option '--%.*s'", (int)len, word);
    if (o->type == OPT_FLAG || o->type == OPT_SANDBOX) {
        if (eq)
            usage_error("option '--%s' takes no value", o->name);
        if (o->type == OPT_SANDBOX)
            sandbox_outputs = o->value;
        else
            *(bool *)o->value = true;
        return 1;
    }
    if (!eq && !argv[1])
        usage_error("option '--%s' needs a value (%s)", o->name, o->arg);
    set(o, argv[0], eq ? eq + 1 : argv[1]);
    return eq ? 1 : 2;
}

/* Handles -a, -abc for flags, -oVALUE, -o VALUE. */
static int short_options(const struct cli *cli, char **argv)
{
    for (const char *p = argv[0] + 1; *p; p++) {
        const struct opt *o = find(cli->opts, NULL, 0, *p);
        if (!o)
            usage_error("unknown option '-%c'", *p);
        if (o->type == OPT_FLAG) {
            *(bool *)o->value = true;
            continue;
        }
        char shown[3] = {'-', *p, 0};
        if (!p[1] && !argv[1])
            usage_error("option '-%c' needs a value (%s)", *p, o->arg);
        set(o, shown, p[1] ? p + 1 : argv[1]);
        return p[1] ? 1 : 2;
    }
    return 1;
}

static void print_help(const struct cli *cli)
{
    if (help_json)
        cli_print_json(cli, common);
    else
        cli_print_help(cli, common, help_all);
    close_stdout();
    exit(0);
}

static void enter_sandbox(void)
{
    const char *paths[4];
    size_t n = 0;
    for (; sandbox_outputs[n]; n++) {
        assert(n < sizeof paths / sizeof *paths);
        paths[n] = *sandbox_outputs[n];
    }
    sandbox_enter(paths, n);
}

int cli_parse(const struct cli *cli, int argc, char **argv)
{
    int n = 0;
    bool options = true;
    program_name = cli->name;
    signals_begin();
    json_set_alloc_funcs(xmalloc,
                         free); /* jansson itself crashes without memory, or leaves out what it lacks */
    counters_label(argc, argv);
    for (int i = 1; i < argc;) {
        if (!options || argv[i][0] != '-' || argv[i][1] == 0) {
            argv[n++] = argv[i++];
        } else if (strcmp(argv[i], "--") == 0) {
            options = false;
            i++;
        } else {
            i += argv[i][1] == '-' ? long_option(cli, argv + i) : short_options(cli, argv + i);
        }
        if (help || help_all || help_json)
            print_help(cli);
    }
    argv[n] = NULL;
    if (version) {
        printf("%s (tritter) %s\n", cli->name, tritter_version);
        close_stdout();
        exit(0);
    }
    log_level = quiet ? 0 : verbose ? 2 : 1;
    if (sandbox_outputs)
        enter_sandbox();
    return n;
}
