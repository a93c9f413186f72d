#include "pipeline/filter/part.h"

#include "pipeline/lib/apart.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/text_output.h"

#include <stdlib.h>
#include <xxhash.h>

struct part {
    struct text_output file; /* of signatures */
    struct signatures_writer *out;
    const char *path; /* of the list */
    FILE *list;
    struct signatures_reader *in;
    XXH3_state_t *texts; /* of the lines of all documents that came */
    char err[1024];
};

static void open_signatures(struct part *p, const struct filter_options *o)
{
    struct input_part of = input_part(&o->input);
    struct signatures_head head = {
        .part = (uint32_t)of.first + 1, .of = (uint32_t)of.of, .exact = o->exact, .near = o->near};
    text_output_open(&p->file, o->signatures);
    if (!(p->out = signatures_create(p->file.f, SIGNATURES_KEYS, &head)))
        die("out of memory");
}

static void open_list(struct part *p, const char *path)
{
    struct signatures_head head;
    apart_input(path);
    p->path = path;
    if (!(p->list = fopen(path, "re")))
        die_errno("%s", path);
    if (!(p->in = signatures_open(p->list, path, SIGNATURES_VERDICTS, &head, p->err, sizeof p->err)))
        die("%s", p->err);
}

struct part *part_open(const struct filter_options *o)
{
    if (!o->signatures && !o->duplicates)
        return NULL;
    struct part *p = xcalloc(1, sizeof *p);
    if (!(p->texts = XXH3_createState()))
        die("out of memory");
    XXH3_64bits_reset(p->texts);
    if (o->signatures)
        open_signatures(p, o);
    else
        open_list(p, o->duplicates);
    return p;
}

/* Returns false at the end of the list. */
static bool next_verdict(struct part *p, enum signatures_verdict *v)
{
    int rc = signatures_get_verdict(p->in, v, p->err, sizeof p->err);
    if (rc < 0)
        die("%s", p->err);
    return rc > 0;
}

enum rule part_next(struct part *p, const struct signatures_keys *keys, const char *line, size_t len)
{
    static const enum rule rules[] = {[SIGNATURES_STAYS] = RULE_KEEP,
                                      [SIGNATURES_EXACT] = RULE_EXACT_DUPLICATE,
                                      [SIGNATURES_NEAR] = RULE_NEAR_DUPLICATE};
    enum signatures_verdict v;
    XXH3_64bits_update(p->texts, line, len);
    if (p->out) {
        signatures_put_keys(p->out, keys);
        if (ferror(p->file.f))
            die_errno("%s: cannot write", p->file.name);
        return RULE_KEEP;
    }
    if (!next_verdict(p, &v))
        die("%s: is of fewer documents than there are here", p->path);
    return rules[v];
}

static void close_list(struct part *p, bool whole)
{
    enum signatures_verdict v;
    if (whole && next_verdict(p, &v))
        die("%s: is of more documents than there are here", p->path);
    if (whole && signatures_texts(p->in) != XXH3_64bits_digest(p->texts))
        die("%s: is of other documents than there are here", p->path);
    signatures_close(p->in);
    fclose(p->list);
}

void part_close(struct part *p, bool whole)
{
    if (!p)
        return;
    if (p->out) {
        signatures_finish(p->out, XXH3_64bits_digest(p->texts));
        text_output_close(&p->file, whole);
    } else {
        close_list(p, whole);
    }
    XXH3_freeState(p->texts);
    free(p);
}
