#include "pipeline/lib/cli_help.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cli_is_heading(const struct opt *o)
{
    return o->type == OPT_HEADING || o->type == OPT_EXPERT;
}

bool cli_at_end(const struct opt *o)
{
    return o->letter == 0 && o->name == NULL && !cli_is_heading(o);
}

static void print_options(const struct opt *table, bool all)
{
    bool hidden = false;
    for (const struct opt *o = table; !cli_at_end(o); o++) {
        if (cli_is_heading(o))
            hidden = o->type == OPT_EXPERT && !all;
        if (hidden)
            continue;
        if (cli_is_heading(o)) {
            printf("\n%s:\n", o->help);
            continue;
        }
        char left[80];
        snprintf(left, sizeof left, "%s%c%s%s%s%s%s", o->letter ? "-" : " ", o->letter ? o->letter : ' ',
                 o->letter && o->name ? ", " : "  ", o->name ? "--" : "", o->name ? o->name : "",
                 o->arg ? " " : "", o->arg ? o->arg : "");
        printf("  %-28s ", left);
        if (strlen(left) > 28)
            printf("\n  %28s ", "");
        for (const char *p = o->help; *p; p++) {
            putchar(*p);
            if (*p == '\n')
                printf("  %28s ", "");
        }
        putchar('\n');
    }
}

void cli_print_help(const struct cli *cli, const struct opt *common, bool all)
{
    printf("%s - %s\n\n", cli->name, cli->summary);
    const char *head = "usage: ";
    for (const char *p = cli->usage; *p; head = "       ") {
        int n = (int)strcspn(p, "\n");
        printf("%s%.*s\n", head, n, p);
        p += n + (p[n] == '\n');
    }
    print_options(cli->opts, all);
    print_options(common, all);
    if (cli->notes)
        printf("\n%s\n", cli->notes);
}

/* An option whose value is one of several words lists them as "a|b|c". */
static json_t *words_of(const struct opt *o)
{
    if (!o->arg || !strchr(o->arg, '|'))
        return json_null();
    json_t *words = json_array();
    char *word;
    for (unsigned i = 0; (word = word_at(o->arg, i)) != NULL; i++) {
        json_array_append_new(words, json_string(word));
        free(word);
    }
    return words;
}

static void add_options(json_t *to, const struct opt *table)
{
    const char *heading = NULL;
    bool expert = false;
    for (const struct opt *o = table; !cli_at_end(o); o++) {
        if (cli_is_heading(o)) {
            heading = o->help;
            expert = o->type == OPT_EXPERT;
            continue;
        }
        char letter[2] = {o->letter, 0};
        json_array_append_new(to,
                              json_pack("{s:s?, s:s?, s:s?, s:o, s:s, s:s?, s:b}", "letter",
                                        o->letter ? letter : NULL, "name", o->name, "value", o->arg, "words",
                                        words_of(o), "help", o->help, "heading", heading, "expert", expert));
    }
}

static json_t *lines(const char *s)
{
    json_t *all = json_array();
    while (*s) {
        size_t n = strcspn(s, "\n");
        json_array_append_new(all, json_stringn(s, n));
        s += n + (s[n] == '\n');
    }
    return all;
}

/* The length of the verb at the front of a summary like "train: learn a tokenizer"; 0: there is none. */
static size_t verb_length(const char *summary)
{
    size_t n = 0;
    while (islower((unsigned char)summary[n]))
        n++;
    return summary[n] == ':' ? n : 0;
}

void cli_print_json(const struct cli *cli, const struct opt *common)
{
    size_t n = verb_length(cli->summary);
    json_t *options = json_array();
    add_options(options, cli->opts);
    add_options(options, common);
    json_t *j =
        json_pack("{s:s, s:o, s:s, s:o, s:o, s:s?}", "name", cli->name, "verb",
                  n ? json_stringn(cli->summary, n) : json_null(), "summary", cli->summary + (n ? n + 2 : 0),
                  "usage", lines(cli->usage), "options", options, "notes", cli->notes);
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    if (!text)
        die("the option table of %s is not UTF-8", cli->name);
    puts(text);
    free(text);
    json_decref(j);
}
