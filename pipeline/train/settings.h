/*
 * settings.h - the one table of train's options
 *
 * A row is all that there is to know about an option. From it come the parser and --help (settings_options),
 * the default, the range, and what a resumed run does with a value that is not the checkpoint's (config.c).
 * To add an option: a member of struct train_config and a row here.
 */
#ifndef TRAIN_SETTINGS_H
#define TRAIN_SETTINGS_H

#include <limits.h>

#include "pipeline/train/config.h"

#define UNSET_U64 UINT64_MAX
#define UNSET_WORD UINT_MAX

enum resume_rule {
    NOT_KEPT, /* says nothing about the run: not stored with it */
    MODEL,    /* must be the checkpoint's */
    RESULT,   /* must be the checkpoint's, unless --override */
    BITS,     /* may differ, but then bits differ too: a warning */
    FREE,     /* may differ */
};

struct setting {
    char letter;
    const char *name;
    enum opt_type type;
    void *value;      /* a member of train_settings */
    const char *unit; /* shown behind the option in --help; of an OPT_WORD its words, "wsd|cosine" */
    enum resume_rule rule;
    /* NAN as default: config_resolve derives it, and the help says from what. Strings and flags have neither
     * default nor range; the range of an OPT_WORD is that of its enum. */
    double initial, least, most;
    const char *help; /* without the default, which is added */
};

extern struct train_config train_settings;
extern const struct setting settings[]; /* ends with a row that has neither name nor help */

/* The table as cli_parse takes it. */
const struct opt *settings_options(void);
/* settings_next(NULL) is the first row whose value is stored with the run, then the one after; NULL: no more.
 */
const struct setting *settings_next(const struct setting *s);
/* The word that an OPT_WORD of the table stands at, to be freed. */
char *settings_word(const void *value);

const struct setting *setting_find(const char *name); /* of a row whose value is stored */

void setting_unset(const struct setting *s);
bool setting_is_unset(const struct setting *s);
/* The default that the row has, if it has one. */
void setting_default(const struct setting *s);
/* Numbers, words by their place, flags as 0 and 1; get gives NAN of anything else. */
void setting_put(const struct setting *s, double x);
double setting_get(const struct setting *s);
char *setting_text(const struct setting *s); /* as JSON, to be freed */
/* Exits 2 when the value is outside of the row's range, or still unset. */
void setting_check(const struct setting *s);
json_t *setting_to_json(const struct setting *s);
/* 0, or -1: the value is of another type, or no word of the row. */
int setting_from_json(const struct setting *s, const json_t *v);

#endif
