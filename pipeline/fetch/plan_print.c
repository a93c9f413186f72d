/*
 * plan_print.c - a plan as tables, or as JSON
 */
#include "pipeline/fetch/plan.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char default_dir[] = "text";

/* 1340000000 as "1.3 G"; the caller adds the unit. */
static const char *amount(char text[16], uint64_t n)
{
    static const struct {
        double from;
        const char *prefix;
    } units[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    double v = (double)n;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (v >= units[i].from) {
            v /= units[i].from;
            snprintf(text, 16, v < 9.95 ? "%.1f %s" : "%.0f %s", v, units[i].prefix);
            return text;
        }
    snprintf(text, 16, "%llu ", (unsigned long long)n);
    return text;
}

static uint64_t total_download(const struct plan *p)
{
    uint64_t sum = 0;
    for (int d = 0; d < N_DOMAINS; d++)
        sum += p->need[d].download;
    return sum;
}

/* How often a text of n tokens is read for what is needed. 0: there is no text. */
static double times(uint64_t needs, uint64_t n)
{
    return n > 0 ? (double)needs / (double)n : 0;
}

/* --- tables ---------------------------------------------------------------- */

/* A word for the shell: as it is, or in single quotes. */
static char *quoted(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:@%,";
    struct strbuf b = {0};
    if (*word && word[strspn(word, plain)] == '\0')
        return xstrdup(word);
    strbuf_addf(&b, "'");
    for (const char *c = word; *c; c++)
        strbuf_addf(&b, *c == '\'' ? "'\\''" : "%c", *c);
    strbuf_addf(&b, "'");
    return b.s;
}

static const char *kind_of(const struct plan_group *g)
{
    if (g->corpus)
        return g->corpus->name;
    return g->cached ? "-" : g->guessed ? "domain is a guess" : "domain is its own";
}

static void print_group(const struct plan_group *g)
{
    char bytes[16], tokens[16], documents[16];
    printf("%-9s %7llu %9s %9sB %8s  %-11s %-21s %s", domain_names[g->domain], (unsigned long long)g->files,
           amount(documents, g->documents), amount(bytes, g->bytes), amount(tokens, g->tokens), g->format,
           kind_of(g), g->where);
    if (g->left_out)
        printf("  (does not count: %s)", g->left_out);
    putchar('\n');
}

static void print_here(const struct plan *p)
{
    if (p->n_groups == 0)
        puts("Nothing is here yet.");
    else
        printf("%-9s %7s %9s %10s %8s  %-11s %-21s %s\n", "here", "files", "documents", "bytes", "tokens",
               "format", "corpus", "where");
    for (size_t i = 0; i < p->n_groups; i++)
        print_group(&p->groups[i]);
    for (size_t i = 0; i < p->n_unusable; i++)
        printf("unusable: %s: %s\n", p->unusable[i].file, p->unusable[i].why);
}

static void print_times(uint64_t needs, uint64_t n)
{
    char text[16];
    snprintf(text, sizeof text, n == 0 ? "-" : times(needs, n) < 100 ? "%.2f x" : "%.0f x", times(needs, n));
    printf(" %10s", text);
}

static void print_needs(const struct plan *p)
{
    char needs[16], here[16], missing[16], bytes[16], all[16];
    printf("\n%-9s %7s %9s %8s %8s %10s %10s %11s\n", "mix", "share", "needs", "here", "missing", "read now",
           "then", "to download");
    for (int d = 0; d < N_DOMAINS; d++) {
        const struct plan_need *n = &p->need[d];
        if (n->share == 0)
            continue;
        printf("%-9s %6.1f%% %9s %8s %8s", domain_names[d], 100 * n->share, amount(needs, n->needs),
               amount(here, n->here), amount(missing, n->needs > n->here ? n->needs - n->here : 0));
        print_times(n->needs, n->here);
        print_times(n->needs, n->planned);
        printf(" %10sB\n", amount(bytes, n->download));
    }
    printf("%-9s %6.1f%% %9s %8s %8s %10s %10s %10sB\n", "all", 100.0, amount(all, p->tokens), "", "", "", "",
           amount(bytes, total_download(p)));
}

static void print_command(const struct plan *p, const char *domain, const struct plan_source *s)
{
    char bytes[16], tokens[16];
    char *dir = path_join(p->options->out_dir ? p->options->out_dir : default_dir, domain);
    char *quoted_dir = quoted(dir), *word = quoted(s->word),
         *own = quoted(p->options->corpora ? p->options->corpora : "");
    printf("bin/fetch -o %s%s%s %s", quoted_dir, p->options->corpora ? " --corpora " : "",
           p->options->corpora ? own : "", word);
    bool large = s->limit >= 10000000;
    if (s->limit > 0)
        printf(" --limit %llu%s", (unsigned long long)(s->limit / (large ? 1000000 : 1000) + 1),
               large ? "MB" : "KB");
    printf("   # %s tokens, %sB, licence: %s\n", amount(tokens, s->tokens), amount(bytes, s->download),
           s->licence ? s->licence : "not known");
    free(dir);
    free(quoted_dir);
    free(word);
    free(own);
}

/* Text in a folder is ready to use, but text in the cache still needs a command that extracts it. */
static bool needs_command(const struct plan_source *s)
{
    return s->download > 0 || !s->in_folder;
}

static void print_commands(const struct plan *p)
{
    char bytes[16];
    uint64_t download = total_download(p);
    if (download == 0)
        puts("\nNothing needs to be downloaded.");
    else
        printf("\nThese commands close the gap, with downloads of %sB (estimates):\n",
               amount(bytes, download));
    for (int d = 0; d < N_DOMAINS; d++)
        for (size_t i = 0; i < p->need[d].n_sources; i++)
            if (needs_command(&p->need[d].sources[i]))
                print_command(p, domain_names[d], &p->need[d].sources[i]);
    for (int d = 0; d < N_DOMAINS; d++)
        if (p->need[d].share > 0 && p->need[d].planned < p->need[d].needs)
            printf("%s: no more corpora are known: %s\n", domain_names[d],
                   p->need[d].planned > 0 ? "what there is will be repeated" : "text of your own is needed");
}

void plan_print(const struct plan *p)
{
    print_here(p);
    print_needs(p);
    print_commands(p);
}

/* --- JSON ------------------------------------------------------------------ */

static json_t *string(const char *s)
{
    json_t *v = s ? json_string(s) : json_null();
    return v ? v : json_string_nocheck("?"); /* a path that is not UTF-8 */
}

static json_t *group_json(const struct plan_group *g)
{
    return json_pack("{so ss ss so sb sb sb sI sI sI sI}", "where", string(g->where), "format", g->format,
                     "domain", domain_names[g->domain], "corpus", string(g->corpus ? g->corpus->name : NULL),
                     "cached", g->cached, "counts", !g->left_out, "guessed", g->guessed, "files",
                     (json_int_t)g->files, "bytes", (json_int_t)g->bytes, "documents",
                     (json_int_t)g->documents, "tokens", (json_int_t)g->tokens);
}

static json_t *need_json(const struct plan_need *n, const char *domain)
{
    json_t *sources = json_array();
    for (size_t i = 0; i < n->n_sources; i++) {
        const struct plan_source *s = &n->sources[i];
        json_array_append_new(sources,
                              json_pack("{so sI sI sI so}", "source", string(s->word), "tokens",
                                        (json_int_t)s->tokens, "limit", (json_int_t)s->limit, "download",
                                        (json_int_t)s->download, "licence", string(s->licence)));
    }
    return json_pack("{ss sf sI sI sI sf sf sI so}", "domain", domain, "share", n->share, "needs",
                     (json_int_t)n->needs, "here", (json_int_t)n->here, "missing",
                     (json_int_t)(n->needs > n->here ? n->needs - n->here : 0), "read_now",
                     times(n->needs, n->here), "read_then", times(n->needs, n->planned), "download",
                     (json_int_t)n->download, "sources", sources);
}

void plan_print_json(const struct plan *p)
{
    json_t *here = json_array(), *unusable = json_array(), *mix = json_array();
    for (size_t i = 0; i < p->n_groups; i++)
        json_array_append_new(here, group_json(&p->groups[i]));
    for (size_t i = 0; i < p->n_unusable; i++)
        json_array_append_new(unusable, json_pack("{so so}", "file", string(p->unusable[i].file), "why",
                                                  string(p->unusable[i].why)));
    for (int d = 0; d < N_DOMAINS; d++)
        if (p->need[d].share > 0)
            json_array_append_new(mix, need_json(&p->need[d], domain_names[d]));
    json_t *all = json_pack("{sI sI so so so}", "tokens", (json_int_t)p->tokens, "download",
                            (json_int_t)total_download(p), "here", here, "unusable", unusable, "mix", mix);
    if (!all || json_dumpf(all, stdout, JSON_INDENT(1)) != 0)
        die("the plan cannot be told in JSON");
    putchar('\n');
    json_decref(all);
}
