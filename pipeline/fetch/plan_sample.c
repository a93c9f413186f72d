#include "pipeline/fetch/plan_sample.h"

#include "formats/parquet/parquet.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/parquet_docs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOOK = 16 << 10, /* bytes of a document that its domain is guessed from */
    WHY_BYTES = 400,
    LETTERS_A_TOKEN = 14, /* a longer word is several tokens: measured, see plan_count_tokens */
    SIGNS_A_TOKEN = 3,
    BYTES_A_FOREIGN_TOKEN = 3,
};

/* --- tokens --------------------------------------------------------------- */

static bool is_letter(unsigned char c)
{
    return isalpha(c) || c == '\'';
}

/* One token for each word with the space before it, each digit, some signs in a row, and each run of white
 * space: how pre-tokenizers cut, and a vocabulary of 65,536 has most of these pieces whole. */
uint64_t plan_count_tokens(const char *text, size_t len)
{
    uint64_t n = 0;
    for (size_t i = 0, from; i < len;) {
        unsigned char c = (unsigned char)text[i];
        from = i;
        if (isdigit(c)) {
            i++;
            n++;
        } else if (is_letter(c)) {
            while (i < len && is_letter((unsigned char)text[i]))
                i++;
            n += 1 + (i - from) / LETTERS_A_TOKEN;
        } else if (c >= 0x80) {
            while (i < len && (unsigned char)text[i] >= 0x80)
                i++;
            n += 1 + (i - from) / BYTES_A_FOREIGN_TOKEN;
        } else if (c == ' ' && i + 1 < len && text[i + 1] != ' ') {
            i++; /* part of what follows */
        } else if (isspace(c)) {
            while (i < len && isspace((unsigned char)text[i]))
                i++;
            n++;
        } else {
            while (i < len && ispunct((unsigned char)text[i]) && text[i] != '\'')
                i++;
            n += 1 + (i - from) / SIGNS_A_TOKEN;
            i += i == from;
        }
    }
    return n;
}

/* --- the domain ----------------------------------------------------------- */

static const struct {
    int domain;
    const char *word;
} signs[] = {
    {DOMAIN_CODE, "#include"},
    {DOMAIN_CODE, "\nimport "},
    {DOMAIN_CODE, "    return "},
    {DOMAIN_CODE, ");\n"},
    {DOMAIN_CODE, "():"},
    {DOMAIN_CODE, " {\n"},
    {DOMAIN_CODE, " == "},
    {DOMAIN_CODE, "self."},
    {DOMAIN_MATH, "\\frac"},
    {DOMAIN_MATH, "$"},
    {DOMAIN_MATH, " = "},
    {DOMAIN_MATH, "how many"},
    {DOMAIN_MATH, "####"},
    {DOMAIN_MATH, "equation"},
    {DOMAIN_MATH, "theorem"},
    {DOMAIN_MATH, "How many"},
    {DOMAIN_MATH, "How much"},
    {DOMAIN_MATH, "\\("},
    {DOMAIN_ML, "neural"},
    {DOMAIN_ML, "gradient"},
    {DOMAIN_ML, "dataset"},
    {DOMAIN_ML, "machine learning"},
    {DOMAIN_ML, "deep learning"},
    {DOMAIN_ML, "training"},
    {DOMAIN_ML, "classif"},
    {DOMAIN_ML, "state-of-the-art"},
    {DOMAIN_ML, "learning algorithm"},
    {DOMAIN_LOGIC, "remise"},
    {DOMAIN_LOGIC, "onclusion"},
    {DOMAIN_LOGIC, "herefore"},
    {DOMAIN_LOGIC, "True"},
    {DOMAIN_LOGIC, "Uncertain"},
    {DOMAIN_LOGIC, "If someone is"},
    {DOMAIN_LOGIC, "∀"},
    {DOMAIN_LOGIC, "If something is"},
};
enum { SIGNS_NEEDED = 2 }; /* different ones: one alone happens anywhere */

int plan_guess_domain(const char *text, size_t len)
{
    unsigned found[N_DOMAINS] = {0};
    int best = DOMAIN_LANGUAGE;
    if (len > LOOK)
        len = LOOK;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        found[signs[i].domain] += memmem(text, len, signs[i].word, strlen(signs[i].word)) != NULL;
    found[DOMAIN_LANGUAGE] = SIGNS_NEEDED - 1;
    for (int d = 0; d < N_DOMAINS; d++)
        if (found[d] > found[best])
            best = d;
    return best;
}

/* --- a file --------------------------------------------------------------- */

static void add_document(struct plan_sample *s, const struct doc *d)
{
    s->documents++;
    s->text_bytes += d->len;
    s->tokens += plan_count_tokens(d->text, d->len) + 1; /* and the end of text */
    if (d->domain != DOMAIN_OTHER)
        s->said[d->domain]++;
    else
        s->guessed[plan_guess_domain(d->text, d->len)]++;
}

static uint64_t scaled(uint64_t n, uint64_t whole, uint64_t part)
{
    return part > 0 && whole > part ? (uint64_t)((double)n * ((double)whole / (double)part)) : n;
}

/* Scales the counts of the part that was read up to the whole file. */
static void scale(struct plan_sample *s, uint64_t whole, uint64_t part)
{
    s->documents = scaled(s->documents, whole, part);
    s->text_bytes = scaled(s->text_bytes, whole, part);
    s->tokens = scaled(s->tokens, whole, part);
}

static uint64_t parquet_rows(const char *path, uint64_t size)
{
    char err[400];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct parquet *p;
    struct parquet_info info;
    struct parquet_io io = {.read_at = parquet_read_fd, .ctx = &fd, .size = size};
    if (fd < 0)
        die_errno("%s", path);
    if (parquet_open(&p, &io, err, sizeof err) < 0)
        die("%s: %s", path, err);
    parquet_info(p, &info);
    parquet_close(p);
    close(fd);
    return info.rows;
}

static void read_sample(const char *path, uint64_t size, const struct input_opts *opts, struct plan_sample *s)
{
    struct doc d;
    struct input_stats stats;
    uint64_t rows = input_is_parquet(path) ? parquet_rows(path, size) : 0;
    struct input *in = input_open(opts, &path, 1);
    bool more = true;
    while ((size <= PLAN_WHOLE_BYTES || s->text_bytes < PLAN_SAMPLE_BYTES) && (more = input_next(in, &d)))
        add_document(s, &d);
    input_stats(in, &stats);
    if (more && rows > 0)
        scale(s, rows, s->documents);
    else if (more)
        scale(s, size, stats.read_bytes);
}

/* The reader ends its process where a file is damaged, with the reason: so it has one of its own. */
static _Noreturn void child(const char *path, uint64_t size, const struct input_opts *opts, int result,
                            int messages)
{
    struct plan_sample s = {0};
    dup2(messages, STDERR_FILENO);
    read_sample(path, size, opts, &s);
    write_all(result, &s, sizeof s, "the sample");
    _exit(0);
}

/* The last line of what was said, without the program's name. */
static void take_reason(int fd, char why[WHY_BYTES])
{
    char text[4096];
    size_t n = 0;
    ssize_t got;
    while ((got = read(fd, text + n, sizeof text - 1 - n)) > 0 || (got < 0 && errno == EINTR))
        n += got > 0 ? (size_t)got : 0;
    while (n > 0 && text[n - 1] == '\n')
        n--;
    text[n] = '\0';
    const char *last = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
    if (strncmp(last, "fetch: ", 7) == 0)
        last += 7;
    snprintf(why, WHY_BYTES, "%.399s", *last ? last : "it cannot be read");
}

bool plan_sample_file(const char *path, uint64_t size, const struct input_opts *opts, struct plan_sample *s,
                      char why[WHY_BYTES])
{
    int result[2], messages[2], status = 1;
    *s = (struct plan_sample){0};
    fflush(stdout);
    if (pipe2(result, O_CLOEXEC) != 0 || pipe2(messages, O_CLOEXEC) != 0)
        die_errno("pipe");
    pid_t pid = fork();
    if (pid < 0)
        die_errno("fork");
    if (pid == 0)
        child(path, size, opts, result[1], messages[1]);
    close(result[1]);
    close(messages[1]);
    take_reason(messages[0], why);
    bool whole = read(result[0], s, sizeof *s) == (ssize_t)sizeof *s;
    close(result[0]);
    close(messages[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    s->binary = !whole && strstr(why, "which is not read as text") != NULL;
    return s->binary || (whole && status == 0);
}
