/*
 * plan.h - what lies on this machine, what a mix of domains needs, and how to get what is missing: fetch
 * --plan
 *
 *   plan_inventory(&p, dirs, n)   finds what is there: folders, and the corpora in the hub's cache
 *   plan_close_gap(&p)            chooses sources until every domain has what the mix needs of it
 *   plan_print(&p), plan_print_json(&p)
 *
 * Nothing is downloaded, and nothing is asked of any server. Tokens are estimates for a vocabulary of 65,536
 * ids, made from a sample of the text (plan_sample.h), or a corpus's own account of itself.
 */
#ifndef FETCH_PLAN_H
#define FETCH_PLAN_H

#include "formats/tokens.h"
#include "pipeline/fetch/corpora.h"
#include "pipeline/fetch/options.h"
#include "pipeline/fetch/plan_sample.h"

struct plan_group {              /* files that belong together: a corpus, or one kind of file in one place */
    char *where;                 /* the file, the folder, or the beginning of the files' names */
    char *first;                 /* of its files */
    char *format;                /* ".jsonl.zst" */
    const struct corpus *corpus; /* NULL: none that has a name */
    bool cached;                 /* in the hub's cache */
    const char *left_out;        /* why it does not count towards the mix; NULL: it does */
    int domain;
    bool guessed;                    /* the domain is, from the text */
    uint64_t files, bytes;           /* bytes as stored */
    uint64_t documents, tokens;      /* estimates, for all files */
    struct plan_sample sample;       /* sums over the files that were looked into */
    uint64_t sampled, sampled_bytes; /* those files, and their sizes */
};

struct plan_unusable { /* damaged, or without text */
    char *file, *why;
};

struct plan_source {     /* where a domain's text comes from */
    char *word;          /* as fetch takes it */
    uint64_t tokens;     /* to be taken of it */
    uint64_t limit;      /* bytes of text; 0: all */
    uint64_t download;   /* bytes; 0: it is here */
    bool in_folder;      /* what is here of it is text in a folder already */
    const char *licence; /* NULL: not known */
};

struct plan_need { /* of one domain */
    double share;  /* of the mix, 0 .. 1; 0: the domain is not in it */
    uint64_t needs, here, planned, download;
    struct plan_source *sources;
    size_t n_sources;
};

struct plan {
    const struct fetch_options *options;
    struct corpora own; /* the user's table */
    uint64_t tokens;
    struct plan_need need[N_DOMAINS];
    struct plan_group *groups;
    size_t n_groups;
    struct plan_unusable *unusable;
    size_t n_unusable;
};

/* mix: "language=40 code=25 ..."; tokens: 2B, 500M, 200k. Exit 2 where they make no sense. */
void plan_begin(struct plan *p, struct fetch_options *o, const char *mix, const char *tokens);
void plan_inventory(struct plan *p, struct fetch_options *o, char **dirs, int n);
void plan_close_gap(struct plan *p);
void plan_print(const struct plan *p);
void plan_print_json(const struct plan *p);
void plan_free(struct plan *p);
void plan_group_free(struct plan_group *g);

#endif
