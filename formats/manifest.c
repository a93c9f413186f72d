#include "formats/manifest.h"
#include "formats/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_STATIC_LINKING_ONLY /* a state on the stack, which no lack of memory can refuse */
#include <xxhash.h>

enum { MANIFEST_VERSION = 1 };
const char *const archive_names[N_ARCHIVES] = {"none", "zstd", "lz4"};
const char *const archive_suffix[N_ARCHIVES] = {"", ".zst", ".lz4"};

int archive_from_name(const char *name)
{
    for (int i = 0; i < N_ARCHIVES; i++)
        if (strcmp(name, archive_names[i]) == 0)
            return i;
    return -1;
}

void manifest_shard_name(char *buf, size_t cap, size_t i, int archive)
{
    snprintf(buf, cap, "%06zu.tok%s", i, archive_suffix[archive]);
}

int manifest_add(struct manifest *m, const struct manifest_shard *s)
{
    if ((m->n_shards & (m->n_shards - 1)) == 0) {
        void *more = realloc(m->shards, (m->n_shards ? 2 * m->n_shards : 1) * sizeof *m->shards);
        if (!more)
            return -1;
        m->shards = more;
    }
    m->shards[m->n_shards++] = *s;
    m->tokens += s->tokens;
    m->documents += s->documents;
    m->text_bytes += s->text_bytes;
    return 0;
}

static uint64_t hash_of_hashes(const struct manifest *m)
{
    XXH3_state_t state, *x = &state;
    XXH3_64bits_reset(x);
    for (size_t i = 0; i < m->n_shards; i++)
        XXH3_64bits_update(x, &m->shards[i].hash, sizeof m->shards[i].hash);
    uint64_t h = XXH3_64bits_digest(x);
    return h;
}

void manifest_seal(struct manifest *m)
{
    m->source_hash = hash_of_hashes(m);
}

void manifest_free(struct manifest *m)
{
    free(m->shards);
    m->shards = NULL;
    m->n_shards = 0;
}

static json_t *hex(uint64_t v)
{
    char s[17];
    snprintf(s, sizeof s, "%016llx", (unsigned long long)v);
    return json_string(s);
}

static json_t *shard_json(const struct manifest *m, size_t i)
{
    const struct manifest_shard *s = &m->shards[i];
    char name[32];
    manifest_shard_name(name, sizeof name, i, m->archive);
    return json_pack("{s:s, s:I, s:o, s:I, s:I, s:I}", "file", name, "bytes", (json_int_t)s->bytes, "hash",
                     hex(s->hash), "tokens", (json_int_t)s->tokens, "documents", (json_int_t)s->documents,
                     "text_bytes", (json_int_t)s->text_bytes);
}

char *manifest_to_json(const struct manifest *m)
{
    json_t *shards = json_array();
    for (size_t i = 0; i < m->n_shards; i++)
        json_array_append_new(shards, shard_json(m, i));
    json_t *params = json_pack("{s:s, s:I, s:f, s:I, s:I}", "split", m->split, "seed", (json_int_t)m->seed,
                               "val", m->val, "tokens_per_shard", (json_int_t)m->tokens_per_shard,
                               "shuffle_buffer", (json_int_t)m->shuffle_buffer);
    json_t *root =
        json_pack("{s:s, s:i, s:s, s:I, s:i, s:I, s:I, s:o, s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "format",
                  "tritter-shards", "version", MANIFEST_VERSION, "archive", archive_names[m->archive],
                  "vocab_size", (json_int_t)m->vocab_size, "token_width", (int)m->token_width, "eos_id",
                  (json_int_t)m->eos_id, "bos_id", (json_int_t)m->bos_id, "tokenizer_hash",
                  hex(m->tokenizer_hash), "domain", domain_names[m->domain], "tokens", (json_int_t)m->tokens,
                  "documents", (json_int_t)m->documents, "text_bytes", (json_int_t)m->text_bytes,
                  "source_hash", hex(m->source_hash), "params", params, "shards", shards);
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    json_decref(root);
    char *line = text ? realloc(text, strlen(text) + 2) : NULL;
    if (!line)
        free(text);
    else
        strcat(line, "\n");
    return line;
}

/* Reads one field at a time; the first that is missing or malformed is remembered. */
struct fields {
    json_t *obj;
    const char *bad;
};

static uint64_t field_u64(struct fields *f, const char *key, uint64_t max)
{
    json_t *v = json_object_get(f->obj, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max) {
        f->bad = f->bad ? f->bad : key;
        return 0;
    }
    return (uint64_t)json_integer_value(v);
}

static const char *field_str(struct fields *f, const char *key)
{
    const char *s = json_string_value(json_object_get(f->obj, key));
    if (!s)
        f->bad = f->bad ? f->bad : key;
    return s ? s : "";
}

static uint64_t field_hex(struct fields *f, const char *key)
{
    const char *s = field_str(f, key);
    if (strlen(s) != 16 || strspn(s, "0123456789abcdef") != 16) {
        f->bad = f->bad ? f->bad : key;
        return 0;
    }
    return strtoull(s, NULL, 16);
}

static void parse_shard(struct manifest *m, json_t *obj, size_t i, struct fields *outer)
{
    struct fields f = {obj, NULL};
    char name[32];
    manifest_shard_name(name, sizeof name, i, m->archive);
    struct manifest_shard s = {
        .bytes = field_u64(&f, "bytes", INT64_MAX),
        .hash = field_hex(&f, "hash"),
        .tokens = field_u64(&f, "tokens", 1ull << 48), /* bounded so that the totals cannot overflow */
        .documents = field_u64(&f, "documents", 1ull << 40),
        .text_bytes = field_u64(&f, "text_bytes", 1ull << 48),
    };
    if (strcmp(field_str(&f, "file"), name) != 0)
        f.bad = "file";
    if (f.bad)
        outer->bad = outer->bad ? outer->bad : f.bad;
    else if (manifest_add(m, &s) != 0)
        outer->bad = "shards: out of memory";
}

/* Returns the name of the field at fault, or NULL. */
static const char *parse_fields(struct manifest *m, json_t *root)
{
    struct fields f = {root, NULL};
    if (strcmp(field_str(&f, "format"), "tritter-shards") != 0)
        return "format";
    if (field_u64(&f, "version", MANIFEST_VERSION) != MANIFEST_VERSION)
        return "version";
    m->archive = archive_from_name(field_str(&f, "archive"));
    m->domain = domain_from_name(field_str(&f, "domain"));
    if (m->archive < 0 || m->domain < 0)
        return m->archive < 0 ? "archive" : "domain";
    m->vocab_size = (uint32_t)field_u64(&f, "vocab_size", UINT32_MAX);
    m->token_width = (uint32_t)field_u64(&f, "token_width", 4);
    m->eos_id = (uint32_t)field_u64(&f, "eos_id", UINT32_MAX);
    m->bos_id = (uint32_t)field_u64(&f, "bos_id", UINT32_MAX);
    m->tokenizer_hash = field_hex(&f, "tokenizer_hash");
    m->source_hash = field_hex(&f, "source_hash");
    uint64_t tokens = field_u64(&f, "tokens", INT64_MAX), documents = field_u64(&f, "documents", INT64_MAX);
    uint64_t text_bytes = field_u64(&f, "text_bytes", INT64_MAX);

    struct fields params = {json_object_get(root, "params"), NULL};
    m->split = strcmp(field_str(&params, "split"), "val") == 0 ? "val" : "train";
    m->seed = field_u64(&params, "seed", INT64_MAX);
    m->tokens_per_shard = field_u64(&params, "tokens_per_shard", INT64_MAX);
    m->shuffle_buffer = field_u64(&params, "shuffle_buffer", INT64_MAX);
    m->val = json_number_value(json_object_get(params.obj, "val"));
    if (f.bad || params.bad)
        return f.bad ? f.bad : "params";

    json_t *shards = json_object_get(root, "shards");
    if (!json_is_array(shards) || json_array_size(shards) > MANIFEST_MAX_SHARDS)
        return "shards";
    for (size_t i = 0; i < json_array_size(shards) && !f.bad; i++)
        parse_shard(m, json_array_get(shards, i), i, &f);
    if (f.bad)
        return f.bad;
    if (tokens != m->tokens || documents != m->documents || text_bytes != m->text_bytes)
        return "tokens";
    return m->source_hash == hash_of_hashes(m) ? NULL : "source_hash";
}

int manifest_parse(struct manifest *m, const char *json, size_t len, const char *name, char *err, size_t cap)
{
    json_error_t e;
    memset(m, 0, sizeof *m);
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &e);
    if (!root) {
        snprintf(err, cap, "%s: offset %d: %s", name, e.position, e.text);
        return -1;
    }
    const char *bad = parse_fields(m, root);
    if (bad) {
        snprintf(err, cap, "%s: field \"%s\" is missing or wrong", name, bad);
        manifest_free(m);
    }
    json_decref(root);
    return bad ? -1 : 0;
}

static char *read_bounded(int fd, size_t *len)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return NULL;
    if (!S_ISREG(st.st_mode) || st.st_size > MANIFEST_MAX_BYTES) {
        errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
        return NULL;
    }
    char *text = malloc((size_t)st.st_size + 1);
    size_t n = 0;
    while (text && n < (size_t)st.st_size) {
        ssize_t k = read(fd, text + n, (size_t)st.st_size - n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0) {
            free(text);
            return NULL;
        }
        if (k == 0)
            break;
        n += (size_t)k;
    }
    *len = n;
    return text;
}

int manifest_read(struct manifest *m, const char *dir, char *err, size_t cap)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/manifest.json", dir) >= sizeof path) {
        snprintf(err, cap, "%.60s...: path is too long", dir);
        return -1;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of that name must not hold us */
    size_t len;
    char *text = fd >= 0 ? read_bounded(fd, &len) : NULL;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (!text) {
        struct stat st;
        if (error == ENOENT && stat(dir, &st) == 0)
            snprintf(err, cap, "%s: not a finished shard directory (no manifest.json)", dir);
        else
            snprintf(err, cap, "%s: %s", path, strerror(error));
        return -1;
    }
    int r = manifest_parse(m, text, len, path, err, cap);
    free(text);
    return r;
}
