#include "tools/uploader/card.h"

#include "formats/json_get.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <string.h>

static const char DATASETS[] = "datasets/";

double card_step(const struct card *c)
{
    double step = json_get_number(c->state, "step");
    return isfinite(step) ? step : INFINITY;
}

void card_cell(struct strbuf *b, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            strbuf_addf(b, "\\|");
        else
            strbuf_addf(b, "%c", (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text);
    }
}

void card_count(struct strbuf *b, double n)
{
    if (n >= 1e9)
        strbuf_addf(b, "%.2f B", n / 1e9);
    else if (n >= 1e6)
        strbuf_addf(b, "%.1f M", n / 1e6);
    else if (n >= 1e4)
        strbuf_addf(b, "%.1f k", n / 1e3);
    else
        strbuf_addf(b, "%.0f", n);
}

/* --- metadata -------------------------------------------------------------- */

/* JSON's strings are YAML's, too. */
static void add_yaml(struct strbuf *b, const char *text)
{
    json_t *s = json_string(text);
    char *quoted = s ? json_dumps(s, JSON_ENCODE_ANY) : NULL;
    if (!quoted)
        die("a name in the card is no UTF-8");
    strbuf_addf(b, "%s", quoted);
    free(quoted);
    json_decref(s);
}

/* One result of the model index, as the hub lists them beside a model. */
static void add_result(struct strbuf *b, const char *task, const char *metric, double value)
{
    strbuf_addf(b, "      - task:\n          type: text-generation\n        dataset:\n          type: ");
    add_yaml(b, task);
    strbuf_addf(b, "\n          name: ");
    add_yaml(b, task);
    strbuf_addf(b,
                "\n        metrics:\n          - type: %s\n            name: %s\n            value: %.6g\n",
                metric, metric, value);
}

static bool has_results(const struct card *c)
{
    const char *task;
    json_t *o;
    json_object_foreach(json_object_get(c->eval, "tasks"), task,
                        o) if (isfinite(json_get_number(o, "acc"))) return true;
    return false;
}

static void add_index(struct strbuf *b, const struct card *c)
{
    const char *task;
    json_t *o;
    if (!has_results(c))
        return;
    strbuf_addf(b, "model-index:\n  - name: ");
    add_yaml(b, strchr(c->repo, '/') + 1);
    strbuf_addf(b, "\n    results:\n");
    json_object_foreach(json_object_get(c->eval, "tasks"), task, o)
    {
        if (isfinite(json_get_number(o, "acc")))
            add_result(b, task, "acc", json_get_number(o, "acc"));
        if (isfinite(json_get_number(o, "acc_norm")))
            add_result(b, task, "acc_norm", json_get_number(o, "acc_norm"));
    }
}

/* Whether the corpus is a data set of the hub that is not named yet: several may come from one. */
static bool is_named(const struct card *c, size_t i)
{
    const char *place = c->corpora[i]->place;
    for (size_t k = 0; k < i; k++)
        if (strcmp(c->corpora[k]->place, place) == 0)
            return false;
    return strncmp(place, DATASETS, strlen(DATASETS)) == 0;
}

static void add_datasets(struct strbuf *b, const struct card *c)
{
    bool begun = false;
    for (size_t i = 0; i < c->n_corpora; i++) {
        if (!is_named(c, i))
            continue;
        strbuf_addf(b, "%s  - ", begun ? "" : "datasets:\n");
        add_yaml(b, c->corpora[i]->place + strlen(DATASETS));
        strbuf_addf(b, "\n");
        begun = true;
    }
}

static void add_metadata(struct strbuf *b, const struct card *c)
{
    const char *type = json_string_value(json_object_get(c->config, "model_type"));
    strbuf_addf(b, "---\nlibrary_name: transformers\npipeline_tag: text-generation\n");
    if (c->license) {
        strbuf_addf(b, "license: ");
        add_yaml(b, c->license);
        strbuf_addf(b, "\n");
    }
    strbuf_addf(b, "tags:\n  - tritter\n");
    if (type) {
        strbuf_addf(b, "  - ");
        add_yaml(b, type);
        strbuf_addf(b, "\n");
    }
    add_datasets(b, c);
    add_index(b, c);
    strbuf_addf(b, "---\n\n");
}

/* --- the model ------------------------------------------------------------- */

static void add_row(struct strbuf *b, const struct card *c, const char *name, const char *key)
{
    double value = json_get_number(c->config, key);
    if (isfinite(value))
        strbuf_addf(b, "| %s | %.10g |\n", name, value);
}

static void add_architecture(struct strbuf *b, const struct card *c, const json_t *settings)
{
    static const char *const rows[][2] = {
        {"layers", "num_hidden_layers"},
        {"width", "hidden_size"},
        {"heads of attention", "num_attention_heads"},
        {"of them with keys and values of their own", "num_key_value_heads"},
        {"width of a head", "head_dim"},
        {"width of the feed-forward layer", "intermediate_size"},
        {"context, tokens", "max_position_embeddings"},
        {"vocabulary", "vocab_size"},
    };
    const json_t *names = json_object_get(c->config, "architectures");
    const char *name = json_string_value(json_array_get(names, 0));
    const char *dtype = json_string_value(json_object_get(c->config, "torch_dtype"));
    double weights = json_get_number(settings, "parameters");
    strbuf_addf(b, "## Architecture\n\n| | |\n|---|---|\n| class in Transformers | `");
    card_cell(b, name);
    strbuf_addf(b, "` |\n");
    if (isfinite(weights)) {
        strbuf_addf(b, "| weights | ");
        card_count(b, weights);
        strbuf_addf(b, " |\n");
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        add_row(b, c, rows[i][0], rows[i][1]);
    strbuf_addf(b, "| output matrix | %s |\n",
                json_is_true(json_object_get(c->config, "tie_word_embeddings")) ? "is the embedding"
                                                                                : "its own");
    if (dtype) {
        strbuf_addf(b, "| stored as | ");
        card_cell(b, dtype);
        strbuf_addf(b, " |\n");
    }
    strbuf_addf(b, "\n");
}

/* Says who made the model, as far as its directory tells. */
static void add_origin(struct strbuf *b, const struct card *c, const json_t *settings)
{
    const char *init = json_string_value(json_object_get(settings, "init"));
    bool further = init && strcmp(init, "small") != 0 && strcmp(init, "unit") != 0;
    strbuf_addf(b, "# %s\n\n", strchr(c->repo, '/') + 1);
    if (!c->run && !c->state)
        strbuf_addf(b, "A language model.\n\n");
    else
        strbuf_addf(b, "A language model that was %s with Tritter, small Unix programs in C.\n\n",
                    further ? "trained further, from the weights of another," : "pre-trained");
}

static void add_limitations(struct strbuf *b, const struct card *c)
{
    strbuf_addf(b, "## Limitations\n\n");
    if (c->run || c->state)
        strbuf_addf(
            b, "It continues text; training on texts alone teaches no model to follow instructions, or to "
               "refuse them. ");
    strbuf_addf(
        b, "It writes what is wrong, biased or harmful without a sign of it, repeats parts of its training "
           "data, and knows no more than was in them. Small models lose the thread after a few sentences. "
           "Losses say little about other text than was measured. Nobody has tested it for use where errors "
           "do harm.\n");
}

void card_write(struct strbuf *b, const struct card *c)
{
    const json_t *settings = c->run ? c->run->settings : NULL;
    if (!json_string_value(json_array_get(json_object_get(c->config, "architectures"), 0)))
        die("config.json: 'architectures' is missing: this is no model directory");
    add_metadata(b, c);
    add_origin(b, c, settings);
    add_architecture(b, c, settings);
    card_training(b, c);
    card_data(b, c);
    card_loss(b, c);
    card_evaluation(b, c);
    card_use(b, c);
    card_samples(b, c);
    add_limitations(b, c);
}
