#include "tests/train/train.h"

#include "pipeline/lib/fs.h"
#include "pipeline/model/checkpoint.h"
#include "pipeline/train/config.h"
#include "pipeline/train/logfile.h"
#include "pipeline/train/optim.h"
#include "pipeline/train/rundir.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

static char err[1024];

/* Trains on two sequences until the model knows them by heart. */
void overfits(enum dtype act)
{
    struct weights w;
    struct device *dev;
    open_model(&w, &dev, act);
    struct activations *a = activations_alloc(&w, 2, 16, ACT_TRAIN, err, sizeof err);
    struct optim o = {.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .clip = 1, .rate = OPTIM_EQUAL_RATES};
    CHECK(a && optim_alloc(&o, &w, err, sizeof err) == 0, "%s", err);
    float *grad = w.ops->alloc(dev, w.layout.total * 4), loss[32];
    int32_t tokens[34];
    double first = 0, last = 0;
    for (int i = 0; i < 34; i++)
        tokens[i] = (i * i * 7 + i / 17 * 13) % 61;
    for (int s = 0; s < 150; s++) {
        model_run(&w, a, tokens, 2, 16, -1, loss, grad, 1.0f / 32);
        last = 0;
        for (int i = 0; i < 32; i++)
            last += (double)loss[i] / 32;
        first = s == 0 ? last : first;
        optim_step(&o, &w, grad, optim_grad_norm(&w, grad), 1e-2, 1);
    }
    CHECK(near(first, log(61), 0.05) && last < 0.05, "loss %g -> %g", first, last);
    w.ops->free(dev, grad);
    optim_free(&o, &w);
    activations_free(a);
    weights_free(&w);
    ops_cpu()->close(dev);
}

static void save(const struct weights *w, const char *dir, enum st_dtype dtype)
{
    const struct checkpoint_array arrays[] = {{.prefix = "", .array = weights_array(w)}};
    struct checkpoint_save *s = checkpoint_begin(dir);
    char *config = model_config_to_json(&w->c, "float32", 1, 2);
    checkpoint_put_text(s, "config.json", config, strlen(config));
    checkpoint_put_tensors(s, "model.safetensors", w, arrays, 1, dtype);
    json_t *state = json_pack("{sisf}", "step", 12, "x", 0.1);
    checkpoint_commit(s, state);
    json_decref(state);
    free(config);
}

static int load(const char *dir, struct device *dev, struct weights *w)
{
    return checkpoint_load(dir, ops_cpu(), dev, DTYPE_F32, w, err, sizeof err);
}

void checkpoints(void)
{
    struct weights w, back;
    struct device *dev;
    json_t *state;
    open_model(&w, &dev, DTYPE_F32);
    save(&w, "ck", ST_F32);
    CHECK(load("ck", dev, &back) == 0, "%s", err);
    CHECK(memcmp(w.theta, back.theta, w.layout.total * 4) == 0);
    weights_free(&back);
    CHECK(checkpoint_state("ck", &state, err, sizeof err) == 0, "%s", err);
    CHECK(json_integer_value(json_object_get(state, "step")) == 12 &&
          json_real_value(json_object_get(state, "x")) == 0.1);
    CHECK(checkpoint_verify("ck", state, err, sizeof err) == 0, "%s", err);
    json_decref(state);
    char *dir = checkpoint_resolve("ck", err, sizeof err);
    CHECK(dir && strcmp(dir, "ck") == 0);
    free(dir);
    CHECK(!checkpoint_resolve("absent", err, sizeof err) && !checkpoint_resolve(".", err, sizeof err));

    save(&w, "ck", ST_BF16); /* replaces the other of the same name */
    CHECK(load("ck", dev, &back) == 0, "%s", err);
    for (size_t i = 0; i < w.layout.total; i++)
        CHECK(fabsf(w.theta[i] - back.theta[i]) <= fabsf(w.theta[i]) / 256, "weight %zu", i);
    weights_free(&back);
    weights_free(&w);
    ops_cpu()->close(dev);
}

static void flip(const char *path, size_t at, int bit)
{
    FILE *f = fopen(path, "r+");
    CHECK(f && fseek(f, (long)at, SEEK_SET) == 0);
    int c = fgetc(f);
    CHECK(c != EOF && fseek(f, (long)at, SEEK_SET) == 0 && fputc(c ^ 1 << bit, f) != EOF && fclose(f) == 0);
}

/* Flips bits all over the three files, and cuts them: each must be found, with the file's name. */
void damage(void)
{
    static const char *const names[] = {"ck/config.json", "ck/model.safetensors", "ck/trainer/state.json"};
    struct weights w, back;
    struct device *dev;
    struct stat st;
    open_model(&w, &dev, DTYPE_F32);
    save(&w, "ck", ST_F32);
    for (int k = 0; k < 3; k++) {
        CHECK(stat(names[k], &st) == 0);
        size_t size = (size_t)st.st_size, stride = size > 4000 ? size / 200 : 1;
        for (size_t i = 0; i < size; i += stride) {
            flip(names[k], i, (int)(i % 8));
            CHECK(load("ck", dev, &back) == -1, "%s: flipped bit %zu of byte %zu was not seen", names[k],
                  i % 8, i);
            CHECK(strstr(err, names[k] + 3), "%s: %s", names[k], err);
            flip(names[k], i, (int)(i % 8));
        }
        CHECK(load("ck", dev, &back) == 0, "%s", err);
        weights_free(&back);
        CHECK(truncate(names[k], (off_t)size - 1) == 0 && load("ck", dev, &back) == -1, "%s cut", names[k]);
        save(&w, "ck", ST_F32);
    }
    weights_free(&w);
    ops_cpu()->close(dev);
}

/* Whether a file of ten bytes is what the pieces of it say: n of them, offset and bytes each. */
static int verify_pieces(int n, const json_int_t (*at)[2])
{
    static const char text[] = "0123456789";
    json_t *pieces = json_array();
    for (int i = 0; i < n; i++) {
        bool inside = at[i][0] >= 0 && at[i][1] >= 0 && at[i][0] <= 10 && at[i][1] <= 10 - at[i][0];
        uint64_t hash = inside ? XXH3_64bits(text + at[i][0], (size_t)at[i][1]) : 0;
        json_array_append_new(pieces, json_pack("[IIo]", at[i][0], at[i][1],
                                                json_sprintf("%016llx", (unsigned long long)hash)));
    }
    json_t *state = json_pack("{s{s{sIso}}}", "files", "parts", "bytes", (json_int_t)10, "pieces", pieces);
    int rc = checkpoint_verify(".", state, err, sizeof err);
    json_decref(state);
    return rc;
}

/* The pieces of a file that several processes wrote follow each other from its start to its end. */
void pieces(void)
{
    static const json_int_t good[][2] = {{0, 3}, {3, 1}, {4, 6}};
    static const json_int_t bad[][3][2] = {{{0, 3}, {4, 6}, {0, 3}},           /* a gap */
                                           {{0, 3}, {2, 2}, {4, 6}},           /* an overlap */
                                           {{3, 1}, {0, 3}, {4, 6}},           /* another order */
                                           {{0, 3}, {3, 1}, {4, 7}},           /* one past the end */
                                           {{0, 10}, {10, 0}, {10, 0}},        /* empty ones */
                                           {{0, 10}, {10, INT64_MAX}, {9, 1}}, /* a large one */
                                           {{0, -1}, {-1, 5}, {4, 6}},         /* below zero */
                                           {{0, 10}, {10, -1}, {9, 1}}};
    FILE *f = fopen("parts", "w");
    CHECK(f && fputs("0123456789", f) >= 0 && fclose(f) == 0);
    CHECK(verify_pieces(3, good) == 0, "%s", err);
    CHECK(verify_pieces(2, good) == -1 && strstr(err, "lists no piece from 4 on"), "%s", err);
    CHECK(verify_pieces(0, good) == -1 && strstr(err, "lists no piece from 0 on"), "%s", err);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(verify_pieces(3, bad[i]) == -1 && strstr(err, "do not follow each other"), "case %zu: %s", i,
              err);
    for (long at = 0; at < 10; at++) {
        flip("parts", (size_t)at, 3);
        CHECK(verify_pieces(3, good) == -1 && strstr(err, "checksum"), "byte %ld: %s", at, err);
        flip("parts", (size_t)at, 3);
    }
}

/* A directory from elsewhere has no trainer/; then the tensors themselves must fit config.json. */
void strangers(void)
{
    struct weights w, back;
    struct device *dev;
    open_model(&w, &dev, DTYPE_F32);
    save(&w, "ck", ST_F32);
    remove_tree("ck/trainer");
    CHECK(load("ck", dev, &back) == 0, "%s", err);
    weights_free(&back);
    size_t len;
    char *config = read_file("ck/config.json", &len, 1 << 20),
         *layers = strstr(config, "\"num_hidden_layers\": 2");
    CHECK(layers, "config.json: %s", config);
    for (int i = 1; i <= 3; i += 2) {
        layers[strlen("\"num_hidden_layers\": ")] = (char)('0' + i);
        FILE *f = fopen("ck/config.json", "w");
        CHECK(f && fwrite(config, 1, len, f) == len && fclose(f) == 0);
        CHECK(load("ck", dev, &back) == -1 && strstr(err, i == 1 ? "not part of the model" : "missing"), "%s",
              err);
    }
    free(config);
    weights_free(&w);
    ops_cpu()->close(dev);
}

void logs(void)
{
    struct logfile l;
    size_t len;
    logfile_open(&l, ".", "log", 0);
    fprintf(l.f, "{\"a\":1");
    logfile_number(&l, "b", 0.5);
    logfile_number(&l, "c", NAN);
    fputc('}', l.f);
    logfile_end_line(&l);
    uint64_t at = logfile_sync(&l);
    fprintf(l.f, "gone");
    logfile_end_line(&l);
    logfile_close(&l);
    logfile_open(&l, ".", "log", at);
    fprintf(l.f, "again");
    logfile_end_line(&l);
    logfile_close(&l);
    char *text = read_file("log", &len, 1000);
    CHECK(strcmp(text, "{\"a\":1,\"b\":0.5,\"c\":null}\nagain\n") == 0, "%s", text);
    free(text);
}

void run_directory(void)
{
    struct weights w;
    struct device *dev;
    json_t *state;
    open_model(&w, &dev, DTYPE_F32);
    rundir_open("run");
    CHECK(!rundir_has_checkpoints("run") && !rundir_newest("run", &state));
    for (uint64_t s = 10; s <= 50; s += 10) {
        char *dir = rundir_checkpoint("run", s);
        save(&w, dir, ST_F32);
        rundir_link("run", "latest", s);
        free(dir);
    }
    rundir_prune("run", 40, 2, 10, 0); /* 50 is of the future: not counted, not touched */
    CHECK(is_dir("run/checkpoints/step-000010") && !path_exists("run/checkpoints/step-000020"));
    CHECK(is_dir("run/checkpoints/step-000030") && is_dir("run/checkpoints/step-000040"));
    CHECK(is_dir("run/checkpoints/step-000050"));
    char *dir = rundir_newest("run", &state);
    CHECK(dir && strstr(dir, "step-000050"));
    json_decref(state);
    free(dir);
    CHECK(truncate("run/checkpoints/step-000050/model.safetensors", 100) == 0);
    flip("run/checkpoints/step-000040/config.json", 5, 0);
    dir = rundir_newest("run", &state);
    CHECK(dir && strstr(dir, "step-000030"));
    json_decref(state);
    free(dir);
    dir = checkpoint_resolve("run", err, sizeof err);
    CHECK(dir && strcmp(dir, "run/latest") == 0);
    free(dir);
    weights_free(&w);
    ops_cpu()->close(dev);
}
