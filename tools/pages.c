/*
 * pages - manual pages and shell completions, from what programs say of their options
 *
 * in:  what PROGRAM --help-json prints, of one program or several (lib/cli_help.h)
 * out: a manual page, or a file of completions, on standard output
 */
#include "pipeline/lib/cli.h"
#include "formats/json_get.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct opt opts[] = {{0}};

static const struct cli cli = {
    "pages",
    "manual pages and shell completions from option tables",
    "PROGRAM --help-json | pages man >tritter-PROGRAM.1\n"
    "for p in PROGRAM...; do $p --help-json; done | pages bash|zsh|fish >FILE",
    opts,
    "make install uses it.",
};

/* Prints a string, with each byte of `quoted` replaced as `as` says. */
static void put(const char *s, const char *quoted, const char *const *as)
{
    for (; *s; s++) {
        const char *hit = strchr(quoted, *s);
        if (hit)
            fputs(as[hit - quoted], stdout);
        else
            putchar(*s);
    }
}

/* roff: a line must not begin with . or ', and - and \ have names. */
static void put_roff(const char *s)
{
    bool start = true;
    for (; *s; s++) {
        if (start && (*s == '.' || *s == '\''))
            fputs("\\&", stdout);
        start = *s == '\n';
        if (*s == '\\')
            fputs("\\e", stdout);
        else if (*s == '-')
            fputs("\\-", stdout);
        else
            putchar(*s);
    }
}

static void man_option(const json_t *o)
{
    const char *letter = json_get_text(o, "letter"), *name = json_get_text(o, "name"),
               *value = json_get_text(o, "value");
    fputs(".TP\n.B ", stdout);
    if (*letter)
        printf("\\-%s%s", letter, *name ? ", " : "");
    if (*name) {
        fputs("\\-\\-", stdout);
        put_roff(name);
    }
    if (*value) {
        fputs(" \\fI", stdout);
        put_roff(value);
    }
    fputs("\\fR\n", stdout);
    put_roff(json_get_text(o, "help"));
    putchar('\n');
}

/* The name under which the page is found: tritter-tokenize-train. */
static void put_page_name(const json_t *page)
{
    printf("tritter\\-%s", json_get_text(page, "name"));
    if (*json_get_text(page, "verb"))
        printf("\\-%s", json_get_text(page, "verb"));
}

static void print_man(const json_t *page)
{
    size_t i;
    json_t *v;
    const char *heading = "";
    fputs(".TH ", stdout);
    put_page_name(page);
    printf(" 1 \"\" \"tritter %s\" \"Tritter\"\n.SH NAME\n", tritter_version);
    put_page_name(page);
    fputs(" \\- ", stdout);
    put_roff(json_get_text(page, "summary"));
    fputs("\n.SH SYNOPSIS\n.nf\n", stdout);
    json_array_foreach(json_object_get(page, "usage"), i, v)
    {
        put_roff(json_string_value(v));
        putchar('\n');
    }
    fputs(".fi\n.SH OPTIONS\n", stdout);
    json_array_foreach(json_object_get(page, "options"), i, v)
    {
        if (strcmp(heading, json_get_text(v, "heading")) != 0) {
            heading = json_get_text(v, "heading");
            fputs(".SS ", stdout);
            put_roff(heading);
            putchar('\n');
        }
        man_option(v);
    }
    if (*json_get_text(page, "notes")) {
        fputs(".SH NOTES\n.nf\n", stdout);
        put_roff(json_get_text(page, "notes"));
        fputs("\n.fi\n", stdout);
    }
}

static void bash_words(const json_t *page)
{
    size_t i;
    json_t *o;
    printf("    '%s %s') options='", json_get_text(page, "name"), json_get_text(page, "verb"));
    json_array_foreach(json_object_get(page, "options"), i, o)
    {
        if (*json_get_text(o, "letter"))
            printf("-%s ", json_get_text(o, "letter"));
        if (*json_get_text(o, "name"))
            printf("--%s ", json_get_text(o, "name"));
    }
    fputs("' ;;\n", stdout);
}

/* The words that an option's value is one of. */
static void bash_values(const json_t *page)
{
    size_t i, k;
    json_t *o, *w;
    json_array_foreach(json_object_get(page, "options"), i, o)
    {
        const json_t *words = json_object_get(o, "words");
        if (!json_is_array(words))
            continue;
        printf("    '%s %s --%s') values='", json_get_text(page, "name"), json_get_text(page, "verb"),
               json_get_text(o, "name"));
        json_array_foreach(words, k, w) printf("%s ", json_string_value(w));
        fputs("' ;;\n", stdout);
    }
}

/* The program's words after its name, without those of others. */
static void verbs_of(const json_t *pages, const char *program, const char *before, const char *after)
{
    size_t i;
    json_t *p;
    json_array_foreach(pages, i,
                       p) if (strcmp(json_get_text(p, "name"), program) == 0 && *json_get_text(p, "verb"))
        printf("%s%s%s", before, json_get_text(p, "verb"), after);
}

/* Lists each program once, although there is an object for each of its verbs. */
static bool is_repeated(const json_t *pages, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(json_get_text(json_array_get(pages, k), "name"),
                   json_get_text(json_array_get(pages, i), "name")) == 0)
            return true;
    return false;
}

static void print_bash(const json_t *pages)
{
    size_t i;
    json_t *p;
    puts("# bash completion of Tritter's programs, made by tools/pages\n"
         "_tritter() {\n"
         "    local program=${COMP_WORDS[0]##*/} word=${COMP_WORDS[COMP_CWORD]} "
         "before=${COMP_WORDS[COMP_CWORD - 1]}\n"
         "    local verb='' verbs='' options='' values=''\n"
         "    case $program in");
    json_array_foreach(pages, i, p)
    {
        if (is_repeated(pages, i))
            continue;
        printf("    %s) verbs='", json_get_text(p, "name"));
        verbs_of(pages, json_get_text(p, "name"), "", " ");
        puts("' ;;");
    }
    puts("    esac\n"
         "    [ \"$COMP_CWORD\" -gt 1 ] && [[ \" $verbs \" == *\" ${COMP_WORDS[1]} \"* ]] && "
         "verb=${COMP_WORDS[1]}\n"
         "    case \"$program $verb $before\" in");
    json_array_foreach(pages, i, p) bash_values(p);
    puts("    esac\n"
         "    case \"$program $verb\" in");
    json_array_foreach(pages, i, p) bash_words(p);
    puts("    esac\n"
         "    if [ -n \"$values\" ]; then\n"
         "        mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$word\")\n"
         "    elif [[ $word == -* ]]; then\n"
         "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
         "    else\n"
         "        mapfile -t COMPREPLY < <([ \"$COMP_CWORD\" = 1 ] && compgen -W \"$verbs\" -- \"$word\"; "
         "compgen -f -- \"$word\")\n"
         "    fi\n"
         "}");
    json_array_foreach(pages, i,
                       p) if (!is_repeated(pages, i) && strcmp(json_get_text(p, "name"), "eval") != 0)
        printf("complete -o filenames -F _tritter %s\n", json_get_text(p, "name"));
    puts("complete -o filenames -F _tritter bin/eval # eval itself is a word of the shell");
}

static void zsh_option(const json_t *o)
{
    const json_t *words = json_object_get(o, "words");
    const char *value = json_get_text(o, "value"), *name = json_get_text(o, "name");
    size_t k;
    json_t *w;
    printf("            '%s%s[", *name ? "--" : "-", *name ? name : json_get_text(o, "letter"));
    put(json_get_text(o, "help"), "'[]:\\\n",
        (const char *const[]){"'\\''", "\\[", "\\]", "\\:", "\\\\", " "});
    putchar(']');
    if (json_is_array(words)) {
        printf(":value:(");
        json_array_foreach(words, k, w) printf("%s%s", k ? " " : "", json_string_value(w));
        putchar(')');
    } else if (*value) {
        putchar(':');
        put(value, "'[]:\\\n", (const char *const[]){"'\\''", "\\[", "\\]", "\\:", "\\\\", " "});
        printf(":_files");
    }
    puts("' \\");
}

static void print_zsh(const json_t *pages)
{
    size_t i, k;
    json_t *p, *o;
    fputs("#compdef", stdout);
    json_array_foreach(pages, i,
                       p) if (!is_repeated(pages, i) && strcmp(json_get_text(p, "name"), "eval") != 0)
        printf(" %s", json_get_text(p, "name"));
    puts("\n# zsh completion of Tritter's programs, made by tools/pages\n"
         "_tritter() {\n"
         "    local program=${words[1]:t} verb=''\n"
         "    case \"$program ${words[2]}\" in");
    json_array_foreach(pages, i, p) if (*json_get_text(p, "verb"))
        printf("    '%s %s') verb=%s ;;\n", json_get_text(p, "name"), json_get_text(p, "verb"),
               json_get_text(p, "verb"));
    puts("    esac\n"
         "    case \"$program $verb\" in");
    json_array_foreach(pages, i, p)
    {
        printf("    '%s %s')\n        _arguments -s \\\n", json_get_text(p, "name"),
               json_get_text(p, "verb"));
        json_array_foreach(json_object_get(p, "options"), k, o) zsh_option(o);
        puts("            '*:file:_files' ;;");
    }
    puts("    esac\n"
         "}\n"
         "_tritter \"$@\"");
}

static void fish_option(const json_t *page, const json_t *o)
{
    const json_t *words = json_object_get(o, "words");
    static const char *const as[] = {"\\'", "\\\\", " "};
    size_t k;
    json_t *w;
    printf("complete -c %s", json_get_text(page, "name"));
    if (*json_get_text(page, "verb"))
        printf(" -n '__fish_seen_subcommand_from %s'", json_get_text(page, "verb"));
    if (*json_get_text(o, "letter"))
        printf(" -s %s", json_get_text(o, "letter"));
    if (*json_get_text(o, "name"))
        printf(" -l %s", json_get_text(o, "name"));
    if (json_is_array(words)) {
        fputs(" -x -a '", stdout);
        json_array_foreach(words, k, w) printf("%s%s", k ? " " : "", json_string_value(w));
        putchar('\'');
    } else if (*json_get_text(o, "value")) {
        fputs(" -r", stdout);
    }
    fputs(" -d '", stdout);
    put(json_get_text(o, "help"), "'\\\n", as);
    puts("'");
}

static void print_fish(const json_t *pages)
{
    size_t i, k;
    json_t *p, *o;
    puts("# fish completion of Tritter's programs, made by tools/pages");
    json_array_foreach(pages, i, p)
    {
        if (*json_get_text(p, "verb"))
            printf("complete -c %s -n __fish_is_first_arg -a %s -d '%s'\n", json_get_text(p, "name"),
                   json_get_text(p, "verb"), json_get_text(p, "summary"));
        json_array_foreach(json_object_get(p, "options"), k, o) fish_option(p, o);
    }
}

static json_t *read_pages(void)
{
    json_t *pages = json_array(), *page;
    json_error_t e;
    for (int c; (c = getchar()) != EOF;) {
        if (isspace(c))
            continue;
        ungetc(c, stdin);
        page = json_loadf(stdin, JSON_DISABLE_EOF_CHECK, &e);
        if (!page)
            die("standard input: page %zu: byte %d: %s", json_array_size(pages) + 1, e.position, e.text);
        if (!*json_get_text(page, "name") || !json_is_array(json_object_get(page, "options")))
            die("standard input: page %zu is not what --help-json prints", json_array_size(pages) + 1);
        json_array_append_new(pages, page);
    }
    if (json_array_size(pages) == 0)
        die("standard input: no pages");
    return pages;
}

int main(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    unsigned kind;
    if (n != 1 || parse_word("man|bash|zsh|fish", argv[0], &kind) != 0)
        usage_error("one of man, bash, zsh and fish is needed");
    json_t *pages = read_pages();
    if (kind == 0 && json_array_size(pages) != 1)
        die("standard input: a manual page is of one program, not %zu", json_array_size(pages));
    if (kind == 0)
        print_man(json_array_get(pages, 0));
    else
        (kind == 1 ? print_bash : kind == 2 ? print_zsh : print_fish)(pages);
    json_decref(pages);
    close_stdout();
    return 0;
}
