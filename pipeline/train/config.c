#include "pipeline/train/config.h"

#include "formats/json_text.h"
#include "pipeline/alerts/deliver.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/train/recipe.h"
#include "pipeline/train/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "train -m nano -t tok.json -i ring:NAME -o DIR --steps N [options]\n"
                            "train --init DIR -i ring:NAME -o DIR --steps N [options]\n"
                            "train --print-step DIR\n"
                            "train --list-presets [--json]\n"
                            "train --print-shape FLOP";
static const char notes[] =
    "DIR gets config.json, metrics.jsonl, ledger.jsonl, checkpoints/step-NNNNNN (each a Hugging Face model\n"
    "directory), and the links latest and best. formats/checkpoint.md says what is in them.\n"
    "\n"
    "  mix code=1:tokens/code -T 256 -B 32 --steps 400 -o - | train -m nano -t tok.json -i - -o runs/a "
    "--steps 400\n"
    "  mix ... --start-step $(train --print-step runs/a) -o - | train ... -o runs/a --steps 400 --resume\n"
    "\n"
    "SIGINT and SIGTERM end the step, save a checkpoint and exit 128+n. Exit 0: trained to the end; 1: "
    "failed;\n"
    "2: misuse; 75: another process of the job does not answer.\n";

struct train_config *config_parse(int argc, char **argv)
{
    struct train_config *c = &train_settings;
    const struct cli cli = {
        "train", "train a model on a stream of batches", usage, settings_options(), notes,
    };
    for (const struct setting *s = settings; s->help; s++)
        setting_unset(s);
    char err[256];
    c->input = "-";
    int n = cli_parse(&cli, argc, argv);
    if (n > 0)
        usage_error("'%s': train takes no operands", argv[0]);
    c->input_name = strcmp(c->input, "-") == 0 ? "stdin" : c->input;
    if (c->print_step || c->list_presets || !isnan(c->print_shape))
        return c;
    if (isnan(c->timeout))
        c->timeout = 600;
    if (!(c->timeout >= 1 && c->timeout <= 1e6))
        usage_error("--timeout %g: 1 to 1000000 seconds", c->timeout);
    if (!c->run || !c->run[0])
        usage_error("-o DIR is missing: where the run goes");
    if (c->resume && c->overwrite)
        usage_error("--resume and --overwrite exclude each other");
    if (!c->resume && c->steps == UNSET_U64)
        usage_error("--steps N is missing");
    if (!c->resume && !c->tokenizer && !config_names_directory(c->init))
        usage_error("-t FILE is missing: the tokenizer");
    if (c->preset && config_names_directory(c->init))
        usage_error("-m and --init DIR exclude each other: both give the model's dimensions");
    if (deliver_check(c->on_alert, c->alert_url, err, sizeof err) != 0)
        usage_error("%s", err);
    if (c->stop_on && strcmp(c->stop_on, "USR1") != 0)
        usage_error("--stop-on: only USR1, not '%s'; other signals stop in any case", c->stop_on);
    if (c->keep_best && c->val.n == 0)
        usage_error("--keep-best needs --val NAME=DIR");
    return c;
}

static json_t *preset_to_json(const struct model_preset *p, const struct model_config *m)
{
    return json_pack("{ss si si si si si si si si sf sI}", "name", p->name, "layers", p->L, "width", p->C,
                     "heads", p->H, "kv_heads", p->Hkv, "head_dim", p->D, "ffn", p->F, "context", p->T,
                     "row_tokens", p->row_tokens, "lr", p->lr, "parameters", (json_int_t)model_params(m));
}

void config_list_presets(bool json)
{
    const struct model_preset *p;
    struct model_config m;
    json_t *all = json_array();
    if (!json)
        printf("# name layers width heads kv_heads head_dim ffn context row_tokens lr parameters\n");
    for (size_t i = 0; (p = model_preset_at(i)); i++) {
        model_preset(p->name, &m);
        json_array_append_new(all, preset_to_json(p, &m));
        if (!json)
            printf("%s %d %d %d %d %d %d %d %d %g %llu\n", p->name, p->L, p->C, p->H, p->Hkv, p->D, p->F,
                   p->T, p->row_tokens, p->lr, (unsigned long long)model_params(&m));
    }
    if (json) {
        char *text = json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        printf("%s\n", text);
        free(text);
    }
    json_decref(all);
    close_stdout();
}

void config_model(const struct train_config *c, uint32_t vocab_size, struct model_config *out)
{
    char err[256];
    *out = c->model;
    out->L = (int)c->layers;
    out->C = (int)c->width;
    out->H = (int)c->heads;
    out->Hkv = (int)c->kv_heads;
    out->D = (int)c->head_dim;
    out->F = (int)c->ffn;
    out->T = (int)c->context;
    if (!c->model_dir)
        out->V = (int)vocab_size;
    else if (vocab_size > (uint32_t)out->V)
        die("the tokenizer has %u ids, the model in %s has %d", vocab_size, c->model_dir, out->V);
    out->tied = !c->untied;
    if (model_config_check(out, err, sizeof err) != 0)
        die("impossible model: %s", err);
}

json_t *config_to_json(const struct train_config *c)
{
    json_t *o = json_object(), *val = json_array();
    for (const struct setting *s = NULL; (s = settings_next(s));)
        json_object_set_new(o, s->name, setting_to_json(s));
    for (size_t i = 0; i < c->val.n; i++)
        json_array_append_new(val, json_text(c->val.v[i], strlen(c->val.v[i])));
    json_object_set_new(o, "val", val);
    return o;
}

void config_print(const struct train_config *c)
{
    struct strbuf line = {0};
    for (const struct setting *s = NULL; (s = settings_next(s));) {
        char *v = setting_text(s);
        strbuf_addf(&line, "%s%s=%s", line.len ? " " : "", s->name, v);
        free(v);
    }
    detail("config: %s", line.s);
    strbuf_free(&line);
    char *optimizer = settings_word(&c->optimizer), *schedule = settings_word(&c->schedule),
         *dtype = settings_word(&c->dtype);
    recipe_tell(c);
    say("%s, %s, lr %g %s, %llu steps, %s, seed %llu", c->preset, optimizer, c->lr, schedule,
        (unsigned long long)c->steps, dtype, (unsigned long long)c->seed);
    free(optimizer);
    free(schedule);
    free(dtype);
}
