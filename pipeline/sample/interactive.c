#include "pipeline/sample/interactive.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#if !__has_include(<editline/readline.h>)
#error "libedit is missing (Debian: libedit-dev): tools/setup installs what the build needs"
#endif
#include <editline/readline.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct session {
    const struct loaded *m;
    struct continuation c;
    struct sampler *sampler;
    struct sampling *sampling;
    struct text_options *text;
    uint64_t seed, tokens;
    bool document;
    struct strbuf prompt; /* what the last text began with */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
    interrupted = sig;
}

static const char help[] =
    "Type a text: the model goes on with it. A line that ends with \\ goes on in the next one.\n"
    "Ctrl-C ends a text that is being made; Ctrl-D ends the program.\n"
    "  /again              another text from the same prompt, with the next seed\n"
    "  /set                show the settings\n"
    "  /set NAME VALUE     temperature, top-p, top-k, min-p, repetition-penalty, tokens, seed, or\n"
    "                      format (text or tokens)\n"
    "  /help  /quit\n"
    "A text that begins with / is typed with a space before it.\n";

static const struct setting {
    const char *name;
    size_t at;
    double least, most;
    bool whole; /* a uint64_t in the session; otherwise a double in struct sampling */
} settings[] = {
    {"temperature", offsetof(struct sampling, temperature), 0, 100, false},
    {"top-p", offsetof(struct sampling, top_p), 0, 1, false},
    {"min-p", offsetof(struct sampling, min_p), 0, 1, false},
    {"repetition-penalty", offsetof(struct sampling, repetition_penalty), 0.01, 100, false},
    {"tokens", offsetof(struct session, tokens), 0, 1e9, true},
    {"seed", offsetof(struct session, seed), 0, 1.8e19, true},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static void *place(struct session *s, const struct setting *n)
{
    return n->whole ? (char *)s + n->at : (char *)s->sampling + n->at;
}

static void show_settings(struct session *s)
{
    for (int i = 0; i < SETTINGS; i++) {
        const void *at = place(s, &settings[i]);
        printf("  %-20s ", settings[i].name);
        if (settings[i].whole)
            printf("%llu\n", (unsigned long long)*(const uint64_t *)at);
        else
            printf("%g\n", *(const double *)at);
    }
    printf("  %-20s %d\n  %-20s %s\n", "top-k", s->sampling->top_k, "format",
           s->text->format == TEXT_TOKENS ? "tokens" : "text");
}

static bool set_number(struct session *s, const struct setting *n, const char *value)
{
    double x;
    uint64_t whole;
    if (n->whole) {
        if (parse_u64(value, &whole) != 0 || (double)whole > n->most)
            return false;
        *(uint64_t *)place(s, n) = whole;
        return true;
    }
    if (parse_num(value, &x) != 0 || !(x >= n->least && x <= n->most))
        return false;
    *(double *)place(s, n) = x;
    return true;
}

static bool set_top_k(struct session *s, const char *value)
{
    uint64_t k;
    if (parse_u64(value, &k) != 0 || k > INT32_MAX)
        return false;
    s->sampling->top_k = (int)k;
    return true;
}

static bool set_format(struct session *s, const char *value)
{
    unsigned format;
    if (parse_word("text|tokens", value, &format) != 0)
        return false;
    s->text->format = format ? TEXT_TOKENS : TEXT_PLAIN;
    return true;
}

static void set(struct session *s, const char *name, const char *value)
{
    bool known = false, done = false;
    for (int i = 0; i < SETTINGS && !known; i++)
        if ((known = strcmp(name, settings[i].name) == 0))
            done = set_number(s, &settings[i], value);
    if (!known && (known = strcmp(name, "top-k") == 0))
        done = set_top_k(s, value);
    if (!known && (known = strcmp(name, "format") == 0))
        done = set_format(s, value);
    if (!known)
        printf("there is no setting '%s'; /set shows all\n", name);
    else if (!done)
        printf("%s: '%s' is not a value for it\n", name, value);
}

static void write_text(struct session *s)
{
    interrupted = 0;
    s->text->max_tokens = s->tokens;
    sampler_set(s->sampler, s->sampling);
    text_write(&s->c, s->sampler, s->text, s->prompt.s, s->prompt.len, s->seed);
}

static void new_prompt(struct session *s)
{
    if (s->prompt.len == 0 && tokenizer_eos(s->m->tok) == UINT32_MAX)
        printf("there is no end-of-text token to begin a document with: type a text\n");
    else if (continuation_prompt(&s->c, s->prompt.s, s->prompt.len, s->document))
        write_text(s);
}

/* Returns false after /quit. */
static bool command(struct session *s, char *line)
{
    char *rest, *word = strtok_r(line, " ", &rest), *name, *value;
    if (strcmp(word, "/quit") == 0)
        return false;
    if (strcmp(word, "/help") == 0) {
        fputs(help, stdout);
    } else if (strcmp(word, "/again") == 0 && s->c.n_prompt) {
        s->seed++;
        write_text(s);
    } else if (strcmp(word, "/set") == 0) {
        name = strtok_r(NULL, " ", &rest);
        value = strtok_r(NULL, " ", &rest);
        if (name && value)
            set(s, name, value);
        else
            show_settings(s);
    } else {
        printf("%s: %s\n", word,
               strcmp(word, "/again") == 0 ? "there is no prompt yet" : "/help shows what there is");
    }
    return true;
}

/* Adds a line to b. Returns whether another one belongs to it: it ends with a backslash. */
static bool add_line(struct strbuf *b, const char *line)
{
    size_t n = strlen(line);
    bool more = n > 0 && line[n - 1] == '\\';
    strbuf_add(b, line, more ? n - 1 : n);
    if (more)
        strbuf_add(b, "\n", 1);
    return more;
}

/* Reads a line, and those that belong to it. Ctrl-C begins anew. Returns false at the end of the input. */
static bool read_lines(struct strbuf *b)
{
    bool more = false;
    strbuf_reset(b);
    do {
        interrupted = 0;
        char *line = readline(more ? ". " : "> ");
        if (!line && !interrupted)
            return false;
        if (!line) {
            printf("\n");
            strbuf_reset(b);
        }
        more = line ? add_line(b, line) : false;
        free(line);
    } while (more || interrupted);
    return true;
}

void interactive_run(const struct loaded *m, struct sampling *sampling, struct text_options *text,
                     uint64_t seed, bool document, bool special)
{
    struct session s = {.m = m,
                        .sampling = sampling,
                        .text = text,
                        .seed = seed,
                        .tokens = text->max_tokens,
                        .document = document};
    struct strbuf lines = {0};
    struct sigaction on = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &on, NULL);
    text->stop = &interrupted;
    strbuf_reset(&s.prompt);
    continuation_open(&s.c, &m->w, m->tok, 0);
    s.c.special = special;
    s.sampler = sampler_new(m->w.c.V, sampling, seed);
    if (!s.sampler)
        die("out of memory");
    if (isatty(0))
        printf("/help shows what there is\n");
    using_history();
    for (bool on_going = true; on_going && read_lines(&lines);) {
        if (lines.len)
            add_history(lines.s);
        if (lines.s[0] == '/') {
            on_going = command(&s, lines.s);
            continue;
        }
        strbuf_reset(&s.prompt);
        strbuf_add(&s.prompt, lines.s, lines.len);
        new_prompt(&s);
    }
    strbuf_free(&lines);
    strbuf_free(&s.prompt);
    sampler_free(s.sampler);
    continuation_close(&s.c);
}
