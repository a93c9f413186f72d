/*
 * print.c - what a mix would draw, as a table or as JSON
 */
#include "pipeline/mix/mix.h"

#include "formats/json_text.h"
#include "formats/tokens.h"
#include "pipeline/lib/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_table(const struct mix *m, const struct shares *from, const struct shares *to,
                        uint64_t n_steps)
{
    uint64_t rows = to->row - from->row;
    printf("%-16s %8s %14s %12s %14s %8s %9s\n", "source", "weight", "tokens", "windows", "drawn", "epochs",
           "share");
    for (size_t i = 0; i < m->n; i++) {
        uint64_t drawn = to->s[i].drawn - from->s[i].drawn;
        printf("%-16s %7.2f%% %14" PRIu64 " %12" PRIu64 " %14" PRIu64 " %8.2f %8.3f%%%s\n", m->s[i].name,
               100.0 * (double)to->s[i].weight / (double)to->total, shard_set_tokens(m->s[i].source),
               m->s[i].windows, drawn * m->T, mix_epochs(m, i, to->s[i].drawn),
               rows ? 100.0 * (double)drawn / (double)rows : 0.0,
               mix_epochs(m, i, to->s[i].drawn) > MIX_WARN_EPOCHS ? "  repeats often" : "");
    }
    printf("%" PRIu64 " steps of %" PRIu64 " x %" PRIu64 " tokens from step %" PRIu64 ": %" PRIu64
           " tokens; mix %016" PRIx64 "\n",
           n_steps, m->B, m->T, m->start_step, rows * m->T, m->header.mix_hash);
}

static void print_json(const struct mix *m, const struct shares *from, const struct shares *to,
                       uint64_t n_steps)
{
    json_t *sources = json_array();
    char hash[17];
    uint64_t rows = to->row - from->row;
    for (size_t i = 0; i < m->n; i++) {
        uint64_t drawn = to->s[i].drawn - from->s[i].drawn;
        json_array_append_new(
            sources,
            json_pack("{s:s, s:o, s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:f, s:f}", "name", m->s[i].name, "dir",
                      json_text(m->s[i].dir, strlen(m->s[i].dir)), "domain",
                      domain_names[shard_set_domain(m->s[i].source)], "weight",
                      (double)to->s[i].weight / (double)to->total, "tokens",
                      (json_int_t)shard_set_tokens(m->s[i].source), "documents",
                      (json_int_t)shard_set_documents(m->s[i].source), "text_bytes",
                      (json_int_t)shard_set_text_bytes(m->s[i].source), "windows",
                      (json_int_t)m->s[i].windows, "drawn_tokens", (json_int_t)(drawn * m->T), "epochs",
                      mix_epochs(m, i, to->s[i].drawn), "share", rows ? (double)drawn / (double)rows : 0.0));
    }
    snprintf(hash, sizeof hash, "%016" PRIx64, m->header.mix_hash);
    json_t *root = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "mix_hash", hash, "start_step",
                             (json_int_t)m->start_step, "steps", (json_int_t)n_steps, "B", (json_int_t)m->B,
                             "T", (json_int_t)m->T, "tokens", (json_int_t)(rows * m->T), "sources", sources);
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(root);
}

void mix_print(const struct mix *m, bool as_json)
{
    struct shares from = m->shares, to = m->shares;
    uint64_t end = m->steps == MIX_NEVER      ? m->start_step + 1000
                   : m->steps > m->start_step ? m->steps
                                              : m->start_step;
    shares_seek(&from, m->start_step * m->B);
    shares_seek(&to, end * m->B);
    if (as_json)
        print_json(m, &from, &to, end - m->start_step);
    else
        print_table(m, &from, &to, end - m->start_step);
    close_stdout();
}
