#include "pipeline/train/state_json.h"

#include "formats/json_get.h"

json_t *state_guard_to_json(const struct guard *g)
{
    json_t *window = json_array();
    for (int i = 0; i < GUARD_WINDOW; i++)
        json_array_append_new(window, json_real(g->loss[i]));
    return json_pack("{sosIsIsIsIsI}", "loss", window, "n", (json_int_t)g->n, "bad", (json_int_t)g->bad,
                     "bad_in_a_row", (json_int_t)g->bad_in_a_row, "spikes", (json_int_t)g->spikes,
                     "spikes_in_a_row", (json_int_t)g->spikes_in_a_row);
}

void state_guard_from_json(struct guard *g, const json_t *o)
{
    for (size_t i = 0; i < GUARD_WINDOW; i++)
        g->loss[i] = json_number_value(json_array_get(json_object_get(o, "loss"), i));
    g->n = json_get_u64(o, "n");
    g->bad = json_get_u64(o, "bad");
    g->bad_in_a_row = json_get_u64(o, "bad_in_a_row");
    g->spikes = json_get_u64(o, "spikes");
    g->spikes_in_a_row = json_get_u64(o, "spikes_in_a_row");
}

json_t *state_losses_to_json(const struct losses *l)
{
    json_t *blocks = json_array();
    for (uint64_t i = 0; i * l->width < l->n; i++)
        json_array_append_new(blocks, json_real(l->block[i]));
    return json_pack("{sIsIsIso}", "from", (json_int_t)l->from, "width", (json_int_t)l->width, "n",
                     (json_int_t)l->n, "blocks", blocks);
}

void state_losses_from_json(struct losses *l, uint64_t step, double tokens, const json_t *o)
{
    const json_t *blocks = json_object_get(o, "blocks");
    losses_begin(l, step, tokens);
    if (!o || json_get_u64(o, "width") < 1 || json_array_size(blocks) > FORECAST_BLOCKS ||
        json_get_u64(o, "n") > json_array_size(blocks) * json_get_u64(o, "width"))
        return;
    *l = (struct losses){.from = json_get_u64(o, "from"),
                         .width = json_get_u64(o, "width"),
                         .n = json_get_u64(o, "n"),
                         .tokens = tokens};
    for (size_t i = 0; i < json_array_size(blocks); i++)
        l->block[i] = json_number_value(json_array_get(blocks, i));
}

json_t *state_choice_to_json(const struct choice *c)
{
    return json_pack("{sbsisIsI}", "finished", c->finished, "correction", (int)c->correction, "from",
                     (json_int_t)c->from, "steps", (json_int_t)c->steps);
}

void state_choice_from_json(struct choice *c, const json_t *state)
{
    const json_t *o = json_object_get(state, "choice");
    json_int_t correction = json_integer_value(json_object_get(o, "correction"));
    *c = (struct choice){.finished =
                             json_is_true(json_object_get(o ? o : state, o ? "finished" : "finished_better")),
                         .from = json_get_u64(o, "from"),
                         .steps = json_get_u64(o, "steps")};
    if ((correction == CORRECTION_ON || correction == CORRECTION_OVER) && c->from < c->steps)
        c->correction = (enum correction)correction;
}

json_t *state_ages_to_json(const struct optim *o, int depth)
{
    json_t *ages = json_array();
    for (int l = 0; l < depth; l++)
        json_array_append_new(ages, json_pack("{sIsf}", "updates", (json_int_t)o->ages[l].updates,
                                              "beta2_product", o->ages[l].beta2_power));
    return ages;
}

void state_ages_from_json(struct optim *o, int depth, const json_t *ages)
{
    for (int l = 0; l < depth; l++) {
        const json_t *age = json_array_get(ages, (size_t)l),
                     *beta2_power = json_object_get(age, "beta2_product");
        o->ages[l] = age ? (struct optim_age){json_get_u64(age, "updates"), json_number_value(beta2_power)}
                         : (struct optim_age){o->t, o->beta2_power};
    }
}
