/*
 * language.h - a story plot: who takes part, what is bound once, and the beats told in order
 *
 * The hero's name returns; the friend is named once (fr) and is "$hp friend" or "the $fk" from then on.
 *
 * Slots of every plot: h.. the hero, f.. the friend (n name, s/o/p/r pronouns, k kind such as girl or fox),
 * fr the friend where first met, ha the hero's character, mn mom or dad with ms, mo, mp. Plots bind further
 * slots from their own lists.
 */
#ifndef DEMO_LANGUAGE_H
#define DEMO_LANGUAGE_H

#include "pipeline/demo/gen.h"

enum cast { CHILDREN, ANIMALS, EITHER };
enum { PLOT_BINDS = 4, PLOT_BEATS = 8 };

struct plot {
    enum cast cast;
    struct {
        char key;
        const struct list *list;
    } binds[PLOT_BINDS];
    const char *beats[PLOT_BEATS];
};

extern const struct plot language_plots[], language_more_plots[];
extern const unsigned n_language_plots, n_language_more_plots;

/* Lists that both plot files use. */
extern const struct list language_toys, language_colors, language_places, language_hideouts;

#endif
