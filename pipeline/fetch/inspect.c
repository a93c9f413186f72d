#include "pipeline/fetch/inspect.h"

#include "formats/parquet/parquet.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/parquet_docs.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_ROW_GROUPS_SHOWN = 20, CODECS = 9 /* the last: unknown ones */ };

struct column { /* over all row groups */
    uint64_t bytes, uncompressed, values;
    uint32_t encodings;
    bool codecs[CODECS];
    const char *refused;
};

struct inspection {
    const char *path;
    int fd;
    struct parquet *file;
    struct parquet_info info;
    struct column *columns;
    struct parquet_group_info *groups;
};

static void add_chunk(struct column *c, const struct parquet_chunk *chunk)
{
    c->bytes += chunk->bytes;
    c->uncompressed += chunk->uncompressed;
    c->values += chunk->values;
    c->encodings |= chunk->encodings;
    c->codecs[parquet_codec_name(chunk->codec) ? chunk->codec : CODECS - 1] = true;
    if (chunk->refused)
        c->refused = chunk->refused;
}

static void sum_columns(struct inspection *in)
{
    struct parquet_chunk *chunks = xcalloc(in->info.n_leaves ? in->info.n_leaves : 1, sizeof *chunks);
    in->columns = xcalloc(in->info.n_leaves ? in->info.n_leaves : 1, sizeof *in->columns);
    in->groups = xcalloc(in->info.n_groups ? in->info.n_groups : 1, sizeof *in->groups);
    for (uint32_t g = 0; g < in->info.n_groups; g++) {
        if (parquet_group(in->file, g, &in->groups[g], chunks) < 0)
            die("%s: %s", in->path, parquet_error(in->file));
        for (uint32_t i = 0; i < in->info.n_leaves; i++)
            add_chunk(&in->columns[i], &chunks[i]);
    }
    free(chunks);
}

static void open_file(struct inspection *in, const char *path)
{
    char err[400];
    struct stat st;
    *in = (struct inspection){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (in->fd < 0 || fstat(in->fd, &st) != 0)
        die_errno("%s", path);
    if (!S_ISREG(st.st_mode))
        die("%s: not a regular file", path);
    struct parquet_io io = {.read_at = parquet_read_fd, .ctx = &in->fd, .size = (uint64_t)st.st_size};
    if (parquet_open(&in->file, &io, err, sizeof err) < 0)
        die("%s: %s", path, err);
    parquet_info(in->file, &in->info);
    sum_columns(in);
}

static void close_file(struct inspection *in)
{
    parquet_close(in->file);
    free(in->columns);
    free(in->groups);
    close(in->fd);
}

/* --- words
 * ----------------------------------------------------------------------------------------------------- */

static const char *codec_name(int codec)
{
    return codec == CODECS - 1 ? "unknown" : parquet_codec_name(codec);
}

static void list_codecs(const struct column *c, struct strbuf *b)
{
    strbuf_reset(b);
    for (int i = 0; i < CODECS; i++)
        if (c->codecs[i])
            strbuf_addf(b, "%s%s", b->len ? "," : "", codec_name(i));
}

static void list_encodings(const struct column *c, struct strbuf *b)
{
    strbuf_reset(b);
    for (int i = 0; i < 32; i++)
        if (c->encodings >> i & 1)
            strbuf_addf(b, "%s%s", b->len ? "," : "",
                        parquet_encoding_name(i) ? parquet_encoding_name(i) : "unknown");
}

/* Lists are what a leaf is in once it repeats; the levels say no more than that. */
static void describe_type(const struct parquet_element *e, struct strbuf *b)
{
    strbuf_reset(b);
    strbuf_addf(b, "%s%s", e->max_rep > 0 ? "list of " : "", parquet_type_name(e));
    if (e->type == PARQUET_FIXED)
        strbuf_addf(b, "(%d)", e->type_length);
    if (e->meaning != PARQUET_PLAIN_VALUE)
        strbuf_addf(b, " %s", parquet_meaning_name(e->meaning));
    if (e->max_def > e->max_rep)
        strbuf_addf(b, ", nullable");
}

/* The writer's name, without what would disturb a terminal. */
static void writer_name(const struct inspection *in, struct strbuf *b)
{
    strbuf_reset(b);
    for (size_t i = 0; i < in->info.created_by_len && i < 100; i++) {
        char c = in->info.created_by[i];
        strbuf_addf(b, "%c", c >= 0x20 && c < 0x7f ? c : '?');
    }
    if (b->len == 0)
        strbuf_addf(b, "unknown");
}

/* --- the table
 * ------------------------------------------------------------------------------------------------- */

static void print_columns(const struct inspection *in)
{
    char name[PARQUET_MAX_PATH];
    struct strbuf type = {0}, codecs = {0}, encodings = {0};
    printf("\n%-36s %-36s %-14s %12s %14s %6s  %s\n", "column", "type", "codec", "bytes", "uncompressed",
           "ratio", "encodings");
    for (uint32_t i = 0; i < in->info.n_leaves; i++) {
        const struct column *c = &in->columns[i];
        const struct parquet_element *e = parquet_leaf(in->file, (int)i);
        parquet_path(in->file, e, true, name, sizeof name);
        describe_type(e, &type);
        list_codecs(c, &codecs);
        list_encodings(c, &encodings);
        printf("%-36s %-36s %-14s %12llu %14llu %6.2f  %s%s%s\n", name, type.s, codecs.s ? codecs.s : "",
               (unsigned long long)c->bytes, (unsigned long long)c->uncompressed,
               c->bytes ? (double)c->uncompressed / (double)c->bytes : 0, encodings.s ? encodings.s : "",
               c->refused ? "  cannot be read: " : "", c->refused ? c->refused : "");
    }
    strbuf_free(&type);
    strbuf_free(&codecs);
    strbuf_free(&encodings);
}

static void print_groups(const struct inspection *in)
{
    printf("\n%-12s %12s %14s\n", "row group", "rows", "uncompressed");
    for (uint32_t g = 0; g < in->info.n_groups && g < MAX_ROW_GROUPS_SHOWN; g++)
        printf("%-12u %12llu %14llu\n", g, (unsigned long long)in->groups[g].rows,
               (unsigned long long)in->groups[g].bytes);
    if (in->info.n_groups > MAX_ROW_GROUPS_SHOWN)
        printf("and %u more\n", in->info.n_groups - MAX_ROW_GROUPS_SHOWN);
}

static void print_table(const struct inspection *in)
{
    struct strbuf writer = {0};
    writer_name(in, &writer);
    printf("%s: %llu rows in %u row %s, %u %s, %llu bytes, footer %llu; format version %d, written by %s\n",
           in->path, (unsigned long long)in->info.rows, in->info.n_groups,
           in->info.n_groups == 1 ? "group" : "groups", in->info.n_leaves,
           in->info.n_leaves == 1 ? "column" : "columns", (unsigned long long)in->info.file_bytes,
           (unsigned long long)in->info.footer_bytes, in->info.version, writer.s);
    print_columns(in);
    print_groups(in);
    strbuf_free(&writer);
}

/* --- JSON
 * ------------------------------------------------------------------------------------------------------ */

static json_t *json_column(const struct inspection *in, uint32_t i)
{
    char name[PARQUET_MAX_PATH], brief[PARQUET_MAX_PATH];
    const struct column *c = &in->columns[i];
    const struct parquet_element *e = parquet_leaf(in->file, (int)i);
    json_t *codecs = json_array(), *encodings = json_array();
    for (int k = 0; k < CODECS; k++)
        if (c->codecs[k])
            json_array_append_new(codecs, json_string(codec_name(k)));
    for (int k = 0; k < 32; k++)
        if (c->encodings >> k & 1)
            json_array_append_new(
                encodings, json_string(parquet_encoding_name(k) ? parquet_encoding_name(k) : "unknown"));
    parquet_path(in->file, e, false, name, sizeof name);
    parquet_path(in->file, e, true, brief, sizeof brief);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:I, s:I, s:I}", "column", brief, "path",
                          name, "type", parquet_type_name(e), "meaning", parquet_meaning_name(e->meaning),
                          "list", e->max_rep > 0, "nullable", e->max_def > e->max_rep, "codecs", codecs,
                          "encodings", encodings, "values", (json_int_t)c->values, "bytes",
                          (json_int_t)c->bytes, "uncompressed_bytes", (json_int_t)c->uncompressed);
    if (c->refused)
        json_object_set_new(o, "refused", json_string(c->refused));
    return o;
}

static void print_json(const struct inspection *in)
{
    struct strbuf writer = {0};
    json_t *columns = json_array(), *groups = json_array();
    writer_name(in, &writer);
    for (uint32_t i = 0; i < in->info.n_leaves; i++)
        json_array_append_new(columns, json_column(in, i));
    for (uint32_t g = 0; g < in->info.n_groups; g++)
        json_array_append_new(groups, json_pack("{s:I, s:I}", "rows", (json_int_t)in->groups[g].rows,
                                                "uncompressed_bytes", (json_int_t)in->groups[g].bytes));
    json_t *o = json_pack("{s:s%, s:I, s:I, s:I, s:i, s:s, s:o, s:o}", "file", in->path, strlen(in->path),
                          "rows", (json_int_t)in->info.rows, "bytes", (json_int_t)in->info.file_bytes,
                          "footer_bytes", (json_int_t)in->info.footer_bytes, "version", in->info.version,
                          "writer", writer.s, "columns", columns, "row_groups", groups);
    if (!o || json_dumpf(o, stdout, JSON_COMPACT) != 0)
        die("%s: cannot be told in JSON: its name is not UTF-8", in->path);
    putchar('\n');
    json_decref(o);
    strbuf_free(&writer);
}

void inspect_file(const char *path, bool json)
{
    struct inspection in;
    open_file(&in, path);
    if (json)
        print_json(&in);
    else
        print_table(&in);
    close_file(&in);
}
