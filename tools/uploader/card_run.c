/* Sections of the card from what the run wrote down: training, data, losses, samples. */
#include "tools/uploader/card.h"

#include "formats/json_get.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 3 };

static void row_text(struct strbuf *b, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    strbuf_addf(b, "| %s | ", name);
    card_cell(b, text);
    strbuf_addf(b, " |\n");
}

static void row_number(struct strbuf *b, const char *name, double value)
{
    if (isfinite(value))
        strbuf_addf(b, "| %s | %.6g |\n", name, value);
}

static void row_count(struct strbuf *b, const char *name, double value, const char *unit)
{
    if (!isfinite(value) || value <= 0)
        return;
    strbuf_addf(b, "| %s | ", name);
    card_count(b, value);
    strbuf_addf(b, "%s |\n", unit);
}

static void row_time(struct strbuf *b, const char *name, double seconds)
{
    if (!isfinite(seconds))
        return;
    if (seconds >= 5400)
        strbuf_addf(b, "| %s | %.1f hours |\n", name, seconds / 3600);
    else
        strbuf_addf(b, "| %s | %.0f seconds |\n", name, seconds);
}

void card_training(struct strbuf *b, const struct card *c)
{
    if (!c->run)
        return;
    const json_t *s = c->run->settings;
    double tokens = json_get_number(c->state, "tokens"), flops = json_get_number(s, "flops_per_token");
    double rows = json_get_number(s, "rows"), row_tokens = json_get_number(s, "row_tokens");
    strbuf_addf(b, "## Training\n\n| | |\n|---|---|\n");
    row_number(b, "steps", json_get_number(c->state, "step"));
    row_count(b, "tokens", tokens, "");
    row_count(b, "tokens a step", rows * row_tokens, "");
    row_text(b, "hardware", json_string_value(json_object_get(s, "backend")));
    row_time(b, "time of training, without validation and checkpoints",
             json_get_number(c->state, "trained_s"));
    row_time(b, "processor time of it", json_get_number(c->state, "cpu_s"));
    if (isfinite(flops * tokens) && flops * tokens > 0)
        strbuf_addf(b, "| floating-point operations | %.2e |\n", flops * tokens);
    row_text(b, "computed in", json_string_value(json_object_get(s, "dtype")));
    row_text(b, "optimizer", json_string_value(json_object_get(s, "optimizer")));
    row_number(b, "learning rate", json_get_number(s, "lr"));
    row_text(b, "schedule", json_string_value(json_object_get(s, "schedule")));
    row_number(b, "weight decay", json_get_number(s, "weight-decay"));
    row_number(b, "seed", json_get_number(s, "seed"));
    row_text(b, "version of Tritter", json_string_value(json_object_get(s, "version")));
    strbuf_addf(b, "\n");
}

/* --- data ------------------------------------------------------------------ */

static void add_corpora(struct strbuf *b, const struct card *c)
{
    strbuf_addf(b, "| source | domain | on the hub | licence |\n|---|---|---|---|\n");
    for (size_t i = 0; i < c->n_corpora; i++) {
        const struct corpus *k = c->corpora[i];
        strbuf_addf(b, "| ");
        card_cell(b, k->name);
        strbuf_addf(b, " | ");
        card_cell(b, k->domain ? k->domain : "-");
        strbuf_addf(b, " | `");
        card_cell(b, k->place);
        strbuf_addf(b, "` | ");
        card_cell(b, k->licence ? k->licence : "see its page");
        strbuf_addf(b, " |\n");
    }
    strbuf_addf(b, "\n");
}

/* The mix as it came: the run knows its sources by number. */
static void add_mix(struct strbuf *b, const struct run *r)
{
    double rows = 0;
    for (size_t i = 0; i < r->n_mix; i++)
        rows += r->mix[i].rows;
    if (!(rows > 0))
        return;
    strbuf_addf(b, "| source of the mix | share of the rows | epochs begun |\n|---|---|---|\n");
    for (size_t i = 0; i < r->n_mix; i++)
        strbuf_addf(b, "| %zu | %.1f %% | %.0f |\n", i + 1, 100 * r->mix[i].rows / rows, r->mix[i].epochs);
    strbuf_addf(b, "\n");
}

void card_data(struct strbuf *b, const struct card *c)
{
    if (!c->n_corpora && !(c->run && c->run->n_mix))
        return;
    strbuf_addf(b, "## Data\n\n");
    if (c->n_corpora)
        add_corpora(b, c);
    if (c->run)
        add_mix(b, c->run);
}

/* --- losses ---------------------------------------------------------------- */

/* The last step of the run that is kept and not after the weights'. NULL: there is none. */
static const struct run_point *last_point(const struct card *c)
{
    const struct run_point *found = NULL;
    for (size_t i = 0; i < c->run->n_points; i++)
        if (c->run->points[i].step <= card_step(c))
            found = &c->run->points[i];
    return c->run->last.step <= card_step(c) ? &c->run->last : found;
}

static size_t last_validation(const struct card *c, const struct run_series *s)
{
    size_t n = s->n;
    while (n > 0 && s->step[n - 1] > card_step(c))
        n--;
    return n;
}

static void add_validations(struct strbuf *b, const struct card *c)
{
    bool begun = false;
    for (size_t i = 0; i < c->run->n_val; i++) {
        const struct run_series *s = &c->run->val[i];
        size_t n = last_validation(c, s);
        if (n == 0 || !isfinite(s->loss[n - 1]))
            continue;
        if (!begun)
            strbuf_addf(b, "Of text that was held out, as training measured it last:\n\n"
                           "| domain | step | loss | bits per byte |\n|---|---|---|---|\n");
        begun = true;
        strbuf_addf(b, "| ");
        card_cell(b, s->name);
        strbuf_addf(b, " | %.0f | %.4f | ", s->step[n - 1], s->loss[n - 1]);
        strbuf_addf(b, isfinite(s->bits[n - 1]) ? "%.4f |\n" : "- |\n", s->bits[n - 1]);
    }
    if (begun)
        strbuf_addf(b, "\n");
}

static void add_forecast(struct strbuf *b, const struct run *r)
{
    if (r->n_forecasts == 0)
        return;
    const struct run_forecast *f = &r->forecast[(r->n_forecasts - 1) % RUN_FORECASTS];
    if (!isfinite(f->loss))
        return;
    strbuf_addf(b, "At step %.0f the training loss at the end was forecast as %.4f", f->step, f->loss);
    if (isfinite(f->low) && isfinite(f->high))
        strbuf_addf(b, " (95 %%: %.4f to %.4f)", f->low, f->high);
    if (isfinite(f->twice))
        strbuf_addf(b, "; of a run twice as long, as %.4f", f->twice);
    strbuf_addf(b, ".\n\n");
}

void card_loss(struct strbuf *b, const struct card *c)
{
    const struct run_point *p = c->run ? last_point(c) : NULL;
    if (!p || !isfinite(p->loss))
        return;
    strbuf_addf(
        b, "## Loss\n\nThe training loss of step %.0f was %.4f (natural logarithm, mean of a token).\n\n",
        p->step, p->loss);
    add_validations(b, c);
    add_forecast(b, c->run);
}

/* --- samples --------------------------------------------------------------- */

/* As an indented block, which nothing in the text can end. */
static void add_block(struct strbuf *b, const char *prompt, const char *text)
{
    const char *parts[] = {prompt, text};
    strbuf_addf(b, "    ");
    for (size_t i = 0; i < 2; i++)
        for (const char *s = parts[i]; *s; s++) {
            if (*s == '\n')
                strbuf_addf(b, "\n    ");
            else
                strbuf_addf(b, "%c", ((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f ? ' ' : *s);
        }
    strbuf_addf(b, "\n\n");
}

static bool is_private(const struct card *c, const char *text)
{
    char *what = secrets_in(c->secrets, text, strlen(text), FILE_TEXT);
    free(what);
    return what != NULL;
}

void card_samples(struct strbuf *b, const struct card *c)
{
    uint64_t n = c->run ? c->run->n_samples : 0, kept = n < RUN_SAMPLES ? n : RUN_SAMPLES, shown = 0;
    for (uint64_t i = 0; i < kept && shown < SAMPLES; i++) { /* the newest first */
        const struct run_sample *s = &c->run->samples[(n - 1 - i) % RUN_SAMPLES];
        if (s->step > card_step(c) || is_private(c, s->prompt) || is_private(c, s->text))
            continue;
        if (shown++ == 0)
            strbuf_addf(b, "## Samples\n\nWhat the model wrote in training, not chosen; the prompt stands in "
                           "front.\n\n");
        strbuf_addf(b, "Step %.0f:\n\n", s->step);
        add_block(b, s->prompt, s->text);
    }
}
