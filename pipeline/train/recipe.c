#include "pipeline/train/recipe.h"

#include <math.h>
#include <stdlib.h>

#include "pipeline/lib/log.h"

/* Learning rates were found at this width. What AdamW updates takes a rate that falls as the root of the
 * width (nanochat's rule); so does Muon here, whose update has the size of AdamW's (muon.h). */
static const double tuned_width = 256;

static const struct advice {
    const char *setting;
    double value;
    bool by_width; /* a learning rate at tuned_width */
    const char *origin;
} fast[] = {
    {"optimizer", OPTIMIZER_MUON, false, "measured"},
    {"untied", 1, false, "measured"},
    {"init", INIT_UNIT, false, "nanochat's, measured here"},
    {"lr", 6e-3, true, "measured at width 256"},
    {"lr-embedding", 0.18, true, "measured at width 256"},
    {"lr-head", 0.012, true, "measured at width 256"},
    {"warmup", 0.01, false, "measured"},
    {"decay", 0.6, false, "measured, runs of minutes"},
    {"min-lr-ratio", 0.02, false, "measured, runs of minutes"},
    {"beta2", 0.99, false, "measured, batches of 2,048 to 4,096 tokens"},
};
enum { N_FAST = sizeof fast / sizeof *fast };

static double value_of(const struct advice *a, const struct train_config *c)
{
    return a->by_width ? a->value * sqrt(tuned_width / (double)c->width) : a->value;
}

void recipe_settle(const struct train_config *c)
{
    if (c->recipe != RECIPE_FAST)
        return;
    for (size_t i = 0; i < N_FAST; i++) {
        const struct setting *s = setting_find(fast[i].setting);
        if (setting_is_unset(s))
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
        bool taken = setting_get(s) == value_of(a, c);
        say("recipe fast: %s %s (%s)", s->name, text, taken ? a->origin : "not the recipe's");
        free(text);
    }
}
