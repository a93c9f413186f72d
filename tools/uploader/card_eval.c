/* Sections of the card about what `eval --json` measured, and about loading the model. */
#include "tools/uploader/card.h"

#include "formats/json_get.h"

#include <math.h>
#include <string.h>

static void add_estimate(struct strbuf *b, const json_t *o, const char *key, int digits)
{
    char *error = xasprintf("%s_stderr", key);
    double value = json_get_number(o, key), se = json_get_number(o, error);
    if (!isfinite(value))
        strbuf_addf(b, " - |");
    else if (!isfinite(se))
        strbuf_addf(b, " %.*f |", digits, value);
    else
        strbuf_addf(b, " %.*f ± %.*f |", digits, value, digits, se);
    free(error);
}

static void add_domains(struct strbuf *b, json_t *data)
{
    const char *name;
    json_t *o;
    if (json_object_size(data) == 0)
        return;
    strbuf_addf(b, "| domain | tokens | loss | perplexity | bits per byte |\n|---|---|---|---|---|\n");
    json_object_foreach(data, name, o)
    {
        strbuf_addf(b, "| ");
        card_cell(b, name);
        strbuf_addf(b, " | %.0f |", fmax(json_get_number(o, "tokens"), 0));
        add_estimate(b, o, "loss", 4);
        add_estimate(b, o, "perplexity", 2);
        add_estimate(b, o, "bits_per_byte", 4);
        strbuf_addf(b, "\n");
    }
    strbuf_addf(b, "\n");
}

/* A row for each way in which answers are found in texts. */
static void add_exact(struct strbuf *b, const char *name, json_t *o)
{
    static const char measure[] = "exact_match,";
    const char *key;
    json_t *v;
    json_object_foreach(o, key, v)
    {
        if (strncmp(key, measure, strlen(measure)) != 0 || !json_is_number(v))
            continue;
        char *error = xasprintf("exact_match_stderr,%s", key + strlen(measure));
        double se = json_get_number(o, error);
        strbuf_addf(b, "| ");
        card_cell(b, name);
        strbuf_addf(b, ", ");
        card_cell(b, key + strlen(measure));
        strbuf_addf(b, " | %.0f | %.4f", fmax(json_get_number(o, "questions"), 0), json_number_value(v));
        strbuf_addf(b, isfinite(se) ? " ± %.4f | - |\n" : " | - |\n", se);
        free(error);
    }
}

static void add_core(struct strbuf *b, const json_t *core)
{
    double score = json_get_number(core, "core");
    if (isfinite(score))
        strbuf_addf(b, "CORE of DataComp-LM, %zu tasks: %.4f\n\n",
                    json_object_size(json_object_get(core, "tasks")), score);
}

static void add_tasks(struct strbuf *b, json_t *tasks)
{
    const char *name;
    json_t *o;
    if (json_object_size(tasks) == 0)
        return;
    strbuf_addf(b, "| task | questions | acc | acc_norm |\n|---|---|---|---|\n");
    json_object_foreach(tasks, name, o)
    {
        add_exact(b, name, o);
        if (!json_object_get(o, "acc"))
            continue;
        strbuf_addf(b, "| ");
        card_cell(b, name);
        strbuf_addf(b, " | %.0f |", fmax(json_get_number(o, "questions"), 0));
        add_estimate(b, o, "acc", 4);
        add_estimate(b, o, "acc_norm", 4);
        strbuf_addf(b, "\n");
    }
    strbuf_addf(b, "\n");
}

void card_evaluation(struct strbuf *b, const struct card *c)
{
    if (!c->eval)
        return;
    strbuf_addf(b, "## Evaluation\n\n`eval` measured, with standard errors:\n\n");
    add_domains(b, json_object_get(c->eval, "data"));
    add_tasks(b, json_object_get(c->eval, "tasks"));
    add_core(b, json_object_get(c->eval, "core"));
}

void card_use(struct strbuf *b, const struct card *c)
{
    const char *name = strchr(c->repo, '/') + 1;
    strbuf_addf(b,
                "## How to load it\n\nTransformers:\n\n```python\n"
                "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
                "model = AutoModelForCausalLM.from_pretrained(\"%s\")\n"
                "tokenizer = AutoTokenizer.from_pretrained(\"%s\")\n"
                "ids = tokenizer(\"Once upon a time\", return_tensors=\"pt\")\n"
                "print(tokenizer.decode(model.generate(**ids, max_new_tokens=50)[0]))\n```\n\n",
                c->repo, c->repo);
    strbuf_addf(b, "vLLM:\n\n```\nvllm serve %s\n```\n\n", c->repo);
    strbuf_addf(b,
                "llama.cpp and Tritter take a directory that was downloaded:\n\n```\n"
                "hf download %s --local-dir %s\n"
                "tools/export gguf %s -o %s.gguf --dtype q8_0\n"
                "llama-cli -m %s.gguf -p \"Once upon a time\"\n"
                "bin/sample %s -p \"Once upon a time\"\n```\n\n",
                c->repo, name, name, name, name, name);
}
