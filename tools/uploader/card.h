/*
 * card.h - the model card (README.md): what was measured, how to load the model, what it cannot do
 *
 * Only numbers that a run, its checkpoint or `eval` wrote down stand in it; what is not known is left out.
 * Names of sources are shown, paths never.
 */
#ifndef UPLOADER_CARD_H
#define UPLOADER_CARD_H

#include "pipeline/fetch/corpora.h"
#include "pipeline/lib/fs.h"
#include "pipeline/monitor/run.h"
#include "tools/uploader/secrets.h"

struct card {
    const char *repo;      /* ORG/NAME */
    const char *license;   /* as the hub names it; NULL: not said */
    json_t *config;        /* of the model directory */
    json_t *state;         /* trainer/state.json; NULL: there is none */
    const struct run *run; /* NULL: the directory belongs to none */
    json_t *eval;          /* what `eval --json` printed; NULL: none */
    const struct corpus *const *corpora;
    size_t n_corpora;
    const struct secrets *secrets; /* samples that have one in them are left out */
};

/* Ends the text with everything. Dies where the model's config.json lacks what a model has. */
void card_write(struct strbuf *b, const struct card *c);

/* Parts of it: each adds its section, or nothing when nothing is known. */
void card_training(struct strbuf *b, const struct card *c);
void card_data(struct strbuf *b, const struct card *c);
void card_loss(struct strbuf *b, const struct card *c);
void card_evaluation(struct strbuf *b, const struct card *c);
void card_samples(struct strbuf *b, const struct card *c);
void card_use(struct strbuf *b, const struct card *c);

/* The step of the weights; INFINITY where it is not known: the run's last. */
double card_step(const struct card *c);
/* A word for a table's cell: no bar, no line end, no control character in it. */
void card_cell(struct strbuf *b, const char *text);
/* "1.27 B", "6.1 M", "950". */
void card_count(struct strbuf *b, double n);

#endif
