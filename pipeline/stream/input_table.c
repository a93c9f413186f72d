#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/input_inside.h"

#include <string.h>

enum { MAX_ROW = 16 << 20 }; /* bytes of a row */

static bool has_tab(const char *name)
{
    size_t stem;
    decompress_kind_of_name(name, &stem);
    return name_ends(name, stem, ".tsv");
}

/* Finds the next record of a table, without skipping it. Returns 0: there is none; *why is set when one was
 * expected. */
static size_t table_record(struct input *in, const char **why)
{
    size_t len;
    *why = NULL;
    while ((len = csv_record(in->table, in->buf + in->pos, in->len - in->pos, in->eof)) == 0) {
        if (in->len - in->pos > MAX_ROW)
            *why = "row longer than 16 MiB";
        else if (in->eof && in->len > in->pos)
            *why = "truncated: the file ends within quotes";
        if (*why || in->eof)
            return 0;
        input_more(in);
    }
    return len;
}

bool input_table_row(struct input *in, struct doc *d)
{
    const char *why, *json;
    bool header = !in->table;
    if (header && !(in->table = csv_new(has_tab(in->name) ? '\t' : ',')))
        die("out of memory");
    size_t len = table_record(in, &why), n;
    if (why)
        return input_broken(in, why);
    if (len == 0) {
        input_end_file(in);
        return false;
    }
    const char *record = in->buf + in->pos;
    uint64_t line = in->line;
    in->pos += len;
    for (const char *p = record; (p = memchr(p, '\n', (size_t)(record + len - p))) != NULL; p++)
        in->line++;
    if (header && csv_header(in->table, record, len) != 0)
        return input_broken(in, csv_error(in->table));
    if (header || len == strspn(record, "\r\n"))
        return false;
    if (csv_json(in->table, record, len, &json, &n) == 0)
        return input_parse(in, json, n, line, d);
    input_bad(in, line, 0, "%s", csv_error(in->table));
    return false;
}
