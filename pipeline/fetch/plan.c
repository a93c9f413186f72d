#include "pipeline/fetch/plan.h"

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of text that make a token, in a vocabulary of 65,536: what these kinds of text measured. */
static const double bytes_a_token[N_DOMAINS] = {
    [DOMAIN_OTHER] = 4,  [DOMAIN_LANGUAGE] = 4.4, [DOMAIN_CODE] = 3.4,
    [DOMAIN_MATH] = 3.4, [DOMAIN_ML] = 4.5,       [DOMAIN_LOGIC] = 4.2,
};
static const double more = 1.05;   /* is taken than is needed: some is held out, and estimates err */
static const double gzip = 0.3;    /* of Software Heritage's objects, to their texts */
static const double unknown = 2.2; /* bytes to download for a token of a corpus that does not say its size */

/* The corpora that a mix which lacks text takes, in this order. A corpus that is contained in another is left
 * out when it is too small and the other comes anyway. */
static const struct {
    const char *name, *in;
} chosen[] = {
    {"fineweb-edu-10bt", "fineweb-edu-100bt"},
    {"fineweb-edu-100bt", "fineweb-edu-350bt"},
    {"fineweb-edu-350bt", NULL},
    {"stack-edu:python", NULL},
    {"stack-edu:cpp", NULL},
    {"stack-edu:javascript", NULL},
    {"stack-edu:rust", NULL},
    {"stack-edu:java", NULL},
    {"gsm8k", NULL},
    {"math", NULL},
    {"finemath-4plus", "finemath-3plus"},
    {"finemath-3plus", NULL},
    {"infiwebmath", NULL},
    {"arxiv-ml", NULL},
    {"arxiver", NULL},
    {"folio", NULL},
    {"ruletaker", NULL},
    {"proofwriter", NULL},
};

/* --- what is wanted ------------------------------------------------------- */

/* 2B, 1.5B, 500M, 200k, 300000 */
static uint64_t parse_tokens(const char *word)
{
    static const struct {
        char letter;
        double factor;
    } units[] = {{'k', 1e3}, {'K', 1e3}, {'m', 1e6}, {'M', 1e6},
                 {'b', 1e9}, {'B', 1e9}, {'G', 1e9}, {'T', 1e12}};
    size_t n = strlen(word);
    double factor = 1, number;
    for (size_t i = 0; n > 1 && i < sizeof units / sizeof *units; i++)
        if (word[n - 1] == units[i].letter)
            factor = units[i].factor;
    char *digits = xasprintf("%.*s", (int)(factor > 1 ? n - 1 : n), word);
    if (parse_num(digits, &number) != 0 || !(number > 0) || number * factor < 1 || number * factor > 1e15)
        usage_error("--tokens: '%s' is no number of tokens such as 2B, 500M or 200k", word);
    free(digits);
    return (uint64_t)(number * factor);
}

static void parse_share_of(struct plan *p, const char *word)
{
    const char *equals = strchr(word, '=');
    char *name = xasprintf("%.*s", (int)(equals ? equals - word : (ptrdiff_t)strlen(word)), word);
    int domain = domain_from_name(name);
    double share;
    if (domain <= DOMAIN_OTHER)
        usage_error("--plan: '%s' is none of language, code, math, ml, logic", name);
    if (!equals || parse_num(equals + 1, &share) != 0 || !(share > 0) || !isfinite(share))
        usage_error("--plan: '%s' is not NAME=WEIGHT with a weight above 0", word);
    if (p->need[domain].share > 0)
        usage_error("--plan: '%s' comes twice", name);
    p->need[domain].share = share;
    free(name);
}

void plan_begin(struct plan *p, struct fetch_options *o, const char *mix, const char *tokens)
{
    double sum = 0;
    char *words = xstrdup(mix), *rest = words;
    *p = (struct plan){.options = o, .own = corpora_read(o->corpora), .tokens = parse_tokens(tokens)};
    for (char *word; (word = strsep(&rest, " ,")) != NULL;)
        if (*word)
            parse_share_of(p, word);
    free(words);
    for (int d = 0; d < N_DOMAINS; d++)
        sum += p->need[d].share;
    if (!(sum > 0))
        usage_error("--plan: the mix is empty; it looks like 'language=40 code=25 math=15 ml=10 logic=10'");
    for (int d = 0; d < N_DOMAINS; d++) {
        p->need[d].share /= sum;
        p->need[d].needs = (uint64_t)ceil((double)p->tokens * p->need[d].share);
    }
}

/* --- the gap -------------------------------------------------------------- */

/* Three digits, rounded up: a limit that a person can read. */
static uint64_t rounded(double n)
{
    double unit = 1;
    while (n / unit >= 1000)
        unit *= 10;
    return (uint64_t)(ceil(n / unit) * unit);
}

static uint64_t download_of(const struct corpus *c, int domain, uint64_t tokens)
{
    double n = (double)tokens, list = c->tokens > 0 ? n / (double)c->tokens * (double)c->bytes : 0;
    if (c->heritage)
        return (uint64_t)(list + n * bytes_a_token[domain] * gzip);
    return c->bytes > 0 && c->tokens > 0 ? (uint64_t)list : (uint64_t)(n * unknown);
}

static struct plan_source *add_source(struct plan_need *need, char *word)
{
    for (size_t i = 0; i < need->n_sources; i++)
        if (strcmp(need->sources[i].word, word) == 0) {
            free(word);
            return &need->sources[i];
        }
    need->sources = xrealloc(need->sources, (need->n_sources + 1) * sizeof *need->sources);
    need->sources[need->n_sources] = (struct plan_source){.word = word};
    return &need->sources[need->n_sources++];
}

/* Takes text that is on this machine: folders as a whole, of a cached corpus as much as is needed. */
static void take_group(struct plan *p, const struct plan_group *g)
{
    struct plan_need *need = &p->need[g->domain];
    if (g->left_out || need->share == 0 || g->tokens == 0)
        return;
    need->here += g->tokens;
    uint64_t lack = need->needs > need->planned ? need->needs - need->planned : 0;
    uint64_t tokens = g->cached && g->tokens > lack ? lack : g->tokens;
    if (tokens == 0)
        return;
    struct plan_source *s =
        add_source(need, g->corpus ? xasprintf("corpus:%s", g->corpus->name) : xstrdup(g->where));
    s->tokens += tokens;
    s->in_folder = !g->cached;
    s->limit = tokens < g->tokens ? rounded((double)s->tokens * bytes_a_token[g->domain] * more) : 0;
    s->licence = g->corpus ? g->corpus->licence : NULL;
    need->planned += tokens;
}

/* Takes what is lacking of a corpus, or all of it. */
static void take_corpus(struct plan_need *need, const struct corpus *c, int domain)
{
    char *word = xasprintf("corpus:%s", c->name);
    struct plan_source *s = add_source(need, word);
    uint64_t lack = need->needs - need->planned;
    uint64_t left = c->tokens > s->tokens ? c->tokens - s->tokens : 0;
    uint64_t tokens = c->tokens > 0 && left < lack ? left : lack;
    s->tokens += tokens;
    s->limit = s->tokens == c->tokens ? 0 : rounded((double)s->tokens * bytes_a_token[domain] * more);
    s->download += download_of(c, domain, tokens);
    s->licence = c->licence;
    need->planned += tokens;
    need->download += download_of(c, domain, tokens);
}

/* Whether the larger corpus that contains this one comes anyway. */
static bool is_too_small(const struct plan *p, const struct plan_need *need, const struct corpus *c,
                         const char *in)
{
    return in && corpora_find(&p->own, in) && c->tokens < need->needs - need->planned;
}

static void close_gap(struct plan *p, int domain)
{
    struct plan_need *need = &p->need[domain];
    for (size_t i = 0; i < p->own.n_own && need->planned < need->needs; i++) {
        const struct corpus *c = &p->own.own[i];
        if (domain_from_name(c->domain) == domain && c->tokens > 0)
            take_corpus(need, c, domain);
    }
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen && need->planned < need->needs; i++) {
        const struct corpus *c = corpora_find(&p->own, chosen[i].name);
        if (c && domain_from_name(c->domain) == domain && !is_too_small(p, need, c, chosen[i].in))
            take_corpus(need, c, domain);
    }
}

void plan_close_gap(struct plan *p)
{
    for (size_t i = 0; i < p->n_groups; i++)
        take_group(p, &p->groups[i]);
    for (int d = 0; d < N_DOMAINS; d++)
        close_gap(p, d);
}

void plan_group_free(struct plan_group *g)
{
    free(g->where);
    free(g->first);
    free(g->format);
}

void plan_free(struct plan *p)
{
    for (size_t i = 0; i < p->n_groups; i++)
        plan_group_free(&p->groups[i]);
    for (size_t i = 0; i < p->n_unusable; i++) {
        free(p->unusable[i].file);
        free(p->unusable[i].why);
    }
    for (int d = 0; d < N_DOMAINS; d++) {
        for (size_t i = 0; i < p->need[d].n_sources; i++)
            free(p->need[d].sources[i].word);
        free(p->need[d].sources);
    }
    free(p->groups);
    free(p->unusable);
}
