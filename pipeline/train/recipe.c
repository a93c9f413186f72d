#include "pipeline/train/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/log.h"

/* The learning rates served widths of 128 to 256 alike. Above, what AdamW updates takes a rate that falls as
 * the root of the width (nanochat's rule); so does Muon here, whose update has the size of AdamW's (muon.h).
 */
static const double widest_tried = 256;

static const struct advice {
    const char *setting;
    double value;
    bool by_width;             /* falls with it above widest_tried */
    const char *origin, *word; /* word: the value where it is no number */
} fast[] = {
    {"optimizer", OPTIMIZER_MUON, false, "measured: docs/results/sooner.md", NULL},
    {"lr", 6e-3, true, "tried at widths 128 to 256", NULL},
    {"untied", 1, false, "measured together with the three below: docs/results/recipe.md", NULL},
    {"init", 0, false, "nanochat's", "unit"},
    {"lr-embedding", 0.18, true, "tried at widths 128 to 256", NULL},
    {"lr-head", 0.012, true, "tried at widths 128 to 256", NULL},
    {"warmup", 0.01, false, "of earlier runs of minutes, not tuned again", NULL},
    {"decay", 0.6, false, "of earlier runs of minutes, not tuned again", NULL},
    {"min-lr-ratio", 0.02, false, "of earlier runs of minutes, not tuned again", NULL},
    {"beta2", 0.99, false, "of earlier runs of minutes, not tuned again", NULL},
};
enum { N_FAST = sizeof fast / sizeof *fast };

/* In rising order. Width 128 was measured to be better than 192 and 256 with 1e13 operations, and than 192
 * with 1e14, there still by 0.05 bits per byte (docs/results/recipe.md). Where the others begin is an
 * estimate from that, by a best width that grows as the fourth root of the operations. */
static const struct recipe_shape shapes[] = {
    {0, 4, 128, 2, 352, 4096, 8},
    {4e14, 4, 192, 3, 512, 4096, 8},
    {1.3e15, 4, 256, 4, 704, 4096, 16},
    {4e15, 6, 256, 4, 704, 8192, 16},
};

const struct recipe_shape *recipe_shape(double flop)
{
    size_t i = sizeof shapes / sizeof *shapes - 1;
    while (i > 0 && !(flop >= shapes[i].flop))
        i--;
    return &shapes[i];
}

static double value_of(const struct advice *a, const struct train_config *c)
{
    return a->by_width ? a->value * fmin(1, sqrt(widest_tried / (double)c->width)) : a->value;
}

void recipe_settle(const struct train_config *c)
{
    if (c->recipe != RECIPE_FAST)
        return;
    for (size_t i = 0; i < N_FAST; i++) {
        const struct setting *s = setting_find(fast[i].setting);
        if (!setting_is_unset(s))
            continue;
        if (fast[i].word)
            *(const char **)s->value = fast[i].word;
        else
            setting_put(s, value_of(&fast[i], c));
    }
}

void recipe_tell(const struct train_config *c)
{
    if (c->recipe != RECIPE_FAST)
        return;
    for (size_t i = 0; i < N_FAST; i++) {
        const struct advice *a = &fast[i];
        const struct setting *s = setting_find(a->setting);
        char *text = setting_text(s);
        bool taken =
            a->word ? strcmp(*(const char **)s->value, a->word) == 0 : setting_get(s) == value_of(a, c);
        say("recipe fast: %s %s (%s)", s->name, text, taken ? a->origin : "not the recipe's");
        free(text);
    }
}
