/*
 * logits - the raw numbers a checkpoint gives, for comparing with other implementations
 *
 * stdin:  JSON arrays of token ids, one a line
 * stdout: for each id of each line the V logits, f32 little-endian
 */
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/threads.h"
#include "pipeline/model/checkpoint.h"

#include <stdlib.h>
#include <string.h>

static const char *dtype = "f32";

static const struct opt opts[] = {
    {0, "dtype", OPT_STR, &dtype, "TYPE", "of the computation: f32 (default), bf16 or int8"},
    {0},
};

static const struct cli cli = {
    "logits",
    "print the logits of token ids, f32 binary",
    "tools/logits CHECKPOINT <ids.jsonl >logits.f32",
    opts,
    NULL,
};

static int32_t *parse_ids(const char *line, const struct model_config *c, int *n)
{
    json_error_t e;
    json_t *a = json_loads(line, 0, &e);
    if (!a || !json_is_array(a) || json_array_size(a) == 0 || json_array_size(a) > (size_t)c->T)
        die("standard input: not an array of 1 to %d ids", c->T);
    *n = (int)json_array_size(a);
    int32_t *ids = xcalloc((size_t)*n + 1, sizeof *ids);
    for (int i = 0; i < *n; i++) {
        json_int_t id = json_integer_value(json_array_get(a, (size_t)i));
        if (id < 0 || id >= c->V)
            die("standard input: id %lld is not in the vocabulary of %d", (long long)id, c->V);
        ids[i] = (int32_t)id;
    }
    json_decref(a);
    return ids;
}

/* Buffers for the longest line so far: a model's whole context may be more than memory holds. */
struct room {
    int n;
    struct activations *a;
    float *logits;
};

static void make_room(struct room *r, const struct weights *w, int n)
{
    char err[512];
    if (n <= r->n)
        return;
    activations_free(r->a);
    free(r->logits);
    *r = (struct room){.n = n, .a = activations_alloc(w, 1, n, ACT_FORWARD, err, sizeof err)};
    if (!r->a)
        die("%s", err);
    r->logits = xcalloc((size_t)n * (size_t)w->c.V, sizeof *r->logits);
}

int main(int argc, char **argv)
{
    threads_settle(argv);
    char err[512];
    if (cli_parse(&cli, argc, argv) != 1)
        usage_error("name one checkpoint");
    bool int8 = strcmp(dtype, "int8") == 0;
    if (strcmp(dtype, "f32") != 0 && strcmp(dtype, "bf16") != 0 && !int8)
        usage_error("--dtype: '%s' is not f32, bf16 or int8", dtype);
    enum dtype act = dtype[0] == 'f' ? DTYPE_F32 : DTYPE_BF16;
    const struct ops *ops = ops_cpu();
    struct device *dev = ops->open(act, 0, err, sizeof err);
    struct weights w = {0};
    char *dir = checkpoint_resolve(argv[0], err, sizeof err);
    if (!dev || !dir || checkpoint_load(dir, ops, dev, act, &w, err, sizeof err) != 0 ||
        (int8 && weights_quantise(&w, err, sizeof err) != 0))
        die("%s", err);
    struct room room = {0};
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, stdin) > 0) {
        int n;
        int32_t *ids = parse_ids(line, &w.c, &n);
        make_room(&room, &w, n);
        model_logits(&w, room.a, ids, 1, n, room.logits);
        if (ops->error(dev))
            die("%s: %s", ops->name, ops->error(dev));
        fwrite(room.logits, sizeof *room.logits, (size_t)n * (size_t)w.c.V, stdout);
        free(ids);
    }
    close_stdout();
    return 0;
}
