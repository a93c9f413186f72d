/*
 * mix.h - sources drawn by weight: what each row of each step is
 *
 *   mix_open(&m, words, n)         after the fields of the first block are set
 *   mix_check_repeats(&m)
 *   while (mix_plan_step(&m)) mix_fill_step(&m, record)
 *   mix_close(&m)
 *
 * These calls die() with the source and the reason.
 */
#ifndef MIX_MIX_H
#define MIX_MIX_H

#include "formats/batch.h"
#include "formats/shard.h"
#include "pipeline/mix/order.h"
#include "pipeline/mix/shares.h"

#include <stdbool.h>

#define MIX_NEVER UINT64_MAX
#define MIX_MAX_STEPS (1ull << 40)
enum { MIX_WARN_EPOCHS = 4 }; /* more repeats teach little: Muennighoff et al. 2023, arXiv:2305.16264 */

struct mix_source {
    char *name;
    const char *dir;
    struct shard_set *source;
    uint64_t weight;       /* as given on the command line, times 1e9 */
    uint64_t windows, key; /* key: seeds the order; it depends on the name alone */
    struct order order;
    bool warned;
};

struct mix {
    /* These come from the command line. */
    uint64_t T, B;  /* tokens a row; rows a step */
    uint64_t seed;  /* seed of the order */
    uint64_t steps; /* the stream ends before this step; MIX_NEVER: it does not */
    uint64_t start_step;
    uint64_t number_from; /* is added to the steps' numbers in the stream, and to nothing else */
    uint64_t max_epochs;  /* 0: no limit */
    bool dry_run;

    size_t n;
    struct mix_source s[BATCH_MAX_SOURCES];
    struct shares shares;
    struct batch_header header;
    struct batch_row *plan; /* the rows of the current step */
};
_Static_assert((int)SHARES_MAX == (int)BATCH_MAX_SOURCES, "every source of a stream can be scheduled");

void mix_open(struct mix *m, char **words, int n); /* words: NAME=WEIGHT:DIR */
void mix_close(struct mix *m);
/* How many epochs of source i have been read once `drawn` windows were: whole ones and a part. */
double mix_epochs(const struct mix *m, size_t i, uint64_t drawn);
/* Dies when a source would be read more than max_epochs times, and warns of many repeats, both when the last
 * step is known. */
void mix_check_repeats(struct mix *m);
/* Prints what a dry run would draw, as a table or as JSON, on standard output. */
void mix_print(const struct mix *m, bool as_json);
/* Verifies the blocks of tokens that the stream would read: dies when one is damaged, as the stream would
 * then. False: a signal came. */
bool mix_check_blocks(struct mix *m);
/* Chooses the next step's rows into m->plan. False: a source would be read more often than max_epochs allows.
 */
bool mix_plan_step(struct mix *m);
/* Writes the planned rows and their tokens into a record of the batch stream. */
void mix_fill_step(struct mix *m, void *record);

#endif
