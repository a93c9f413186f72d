#include "formats/docs.h"
#include "formats/json_text.h"

#include "formats/docs_flat.h"
#include "formats/json_lenient.h"
#include "formats/template_json.h"
#include "formats/tokens.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_FROM = 1 << 20 }; /* shorter objects cannot hold enough values to matter */

struct doc_parser {
    struct flat_object flat; /* used for most documents: root is then NULL */
    json_t *root;            /* owns the strings of the last document, except for: */
    char *joined;            /* question and answer, joined */
    char number[32];         /* an id that was a number */
    unsigned repairs;        /* the repairs that doc_parser_allow asked for */
    uint64_t repaired;
    size_t error_byte;
    bool stream_error;
    char error[256];
};

struct doc_parser *doc_parser_new(void)
{
    return calloc(1, sizeof(struct doc_parser));
}

void doc_parser_free(struct doc_parser *p)
{
    if (!p)
        return;
    json_decref(p->root);
    free(p->flat.bytes);
    free(p->joined);
    free(p);
}

void doc_parser_allow(struct doc_parser *p, bool nan, bool surrogates)
{
    p->repairs = (nan ? JSON_REPAIR_NAN : 0u) | (surrogates ? JSON_REPAIR_SURROGATES : 0u);
}

uint64_t doc_parser_repaired(const struct doc_parser *p)
{
    return p->repaired;
}

const char *doc_error(const struct doc_parser *p, size_t *byte)
{
    *byte = p->error_byte;
    return p->error;
}

bool doc_is_stream_error(const struct doc_parser *p)
{
    return p->stream_error;
}

__attribute__((format(printf, 3, 4))) static int fail(struct doc_parser *p, size_t byte, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->error, sizeof p->error, fmt, ap);
    va_end(ap);
    p->error_byte = byte;
    return -1;
}

/* Counts an upper bound on the values in the object, so that "[[],[],..." cannot take a hundred times its
 * size in memory. */
bool doc_too_many_values(const char *s, size_t n)
{
    size_t values = 1;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        if (in_string) {
            if (s[i] == '\\')
                i++;
            else if (s[i] == '"')
                in_string = false;
        } else if (s[i] == '"') {
            in_string = true;
        } else if (s[i] == ',' || s[i] == '[' || s[i] == '{') {
            values++;
        }
    }
    return values > DOC_MAX_VALUES;
}

/* Messages of jansson quote the offending bytes. Invisible and non-ASCII characters are named instead. */
static int invalid(struct doc_parser *p, const json_error_t *e, const char *json, size_t len)
{
    char what[200];
    size_t n = 0;
    const char *nul = memchr(json, 0, len);
    if (len >= 2 && (memcmp(json, "\xff\xfe", 2) == 0 || memcmp(json, "\xfe\xff", 2) == 0))
        return fail(p, 0,
                    "UTF-16, as its byte order mark says: JSON lines are UTF-8 (iconv -f UTF-16 -t UTF-8)");
    if (nul)
        return fail(p, (size_t)(nul - json), "invalid JSON: a NUL byte, as in a binary or unfinished file");
    for (const char *c = e->text; *c && n + 24 < sizeof what;) {
        size_t width = utf8_char(c, strlen(c));
        if ((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f)
            n += (size_t)snprintf(what + n, sizeof what - n, "%c", *c);
        else if (width > 1)
            n += (size_t)snprintf(what + n, sizeof what - n, "U+%04X", (unsigned)utf8_value(c, width));
        else
            n += (size_t)snprintf(what + n, sizeof what - n, "\\x%02x", (unsigned char)*c);
        c += width ? width : 1;
    }
    what[n] = '\0';
    return fail(p, e->position < 0 ? 0 : (size_t)e->position, "invalid JSON: %s%s%s",
                json_error_code(e) == json_error_invalid_utf8 ? "not UTF-8: " : "", what,
                len >= 3 && memcmp(json, "\xef\xbb\xbf", 3) == 0 ? " (a byte order mark within the file)"
                                                                 : "");
}

/* more: repairs besides those that were asked for. */
static int load(struct doc_parser *p, const char *json, size_t len, unsigned more)
{
    json_error_t e;
    bool repaired;
    if (len > DOC_MAX_JSON)
        return fail(p, 0, "JSON object longer than %d MiB", DOC_MAX_JSON >> 20);
    if (len >= COUNT_FROM && doc_too_many_values(json, len))
        return fail(p, 0, "JSON object with more than %d values", DOC_MAX_VALUES);
    p->root = json_load_lenient(json, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, p->repairs | more, &e,
                                &repaired);
    p->repaired += repaired;
    if (!p->root)
        return invalid(p, &e, json, len);
    if (!json_is_object(p->root))
        return fail(p, 0, "not a JSON object");
    return 0;
}

static const char *type_name(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "unknown";
}

/* Returns 1: found, 0: missing (or null, which exports write for a missing value), -1: not a string. */
static int get_string(struct doc_parser *p, const char *name, const char **s, size_t *len)
{
    const json_t *v = json_object_get(p->root, name);
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_string(v))
        return fail(p, 0, "field \"%s\" is %s, not a string", name, type_name(v));
    *s = json_string_value(v);
    *len = json_string_length(v);
    return 1;
}

const char *const doc_text_fields[DOC_TEXT_FIELDS] = {"text",     "content", "code",
                                                      "solution", "output",  "response"};

/* Parses a flat object whose text is a single string. Returns 0 when it is no such object. */
static int parse_flat(struct doc_parser *p, const char *json, size_t len, const char *text_field,
                      struct doc *d)
{
    if (len > DOC_MAX_JSON || !flat_parse(&p->flat, json, len))
        return 0;
    const struct flat_field *text = NULL;
    for (size_t i = 0; i < DOC_TEXT_FIELDS && (!text || text->kind == FLAT_NULL); i++)
        text = flat_find(&p->flat, text_field ? text_field : doc_text_fields[i]);
    if (!text || text->kind != FLAT_STRING)
        return 0;
    const struct flat_field *id = flat_find(&p->flat, "id"), *domain = flat_find(&p->flat, "domain");
    d->text = text->s;
    d->len = text->len;
    d->id = id && id->kind != FLAT_NULL ? id->s : NULL;
    d->domain = domain && domain->kind == FLAT_STRING ? domain_from_name(domain->s) : DOMAIN_OTHER;
    if (d->domain < 0)
        d->domain = DOMAIN_OTHER;
    return 1;
}

static int join_pair(struct doc_parser *p, struct doc *d)
{
    static const char *const questions[] = {"instruction", "question"};
    const char *answer, *question;
    size_t answer_len, question_len;
    int r = get_string(p, "answer", &answer, &answer_len);
    if (r <= 0)
        return r;
    for (size_t i = 0; i < 2; i++) {
        r = get_string(p, questions[i], &question, &question_len);
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        d->len = question_len + 1 + answer_len;
        p->joined = malloc(d->len + 1);
        if (!p->joined)
            return fail(p, 0, "out of memory");
        memcpy(p->joined, question, question_len);
        p->joined[question_len] = '\n';
        memcpy(p->joined + question_len + 1, answer, answer_len + 1);
        d->text = p->joined;
        return 1;
    }
    return 0;
}

/* Reports the missing field and lists those that exist. */
static int no_text(struct doc_parser *p, const char *text_field)
{
    const char *writer = json_string_value(json_object_get(p->root, "stream_error"));
    char there[128];
    size_t n = 0;
    const char *key;
    json_t *value;
    if (writer && json_object_size(p->root) == 1) {
        p->stream_error = true;
        return fail(p, 0, "the documents end too early: their writer (%.20s) failed", writer);
    }
    there[0] = '\0';
    json_object_foreach(p->root, key, value)
    {
        int w = snprintf(there + n, sizeof there - n, "%s%s%s", n ? ", " : "", key,
                         json_is_null(value) ? " = null" : "");
        if (w < 0 || (size_t)w >= sizeof there - n) {
            there[n] = '\0';
            break;
        }
        n += (size_t)w;
    }
    for (char *c = there; *c; c++) /* keys may hold any bytes, but a message must not */
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return fail(p, 0, "no %s%s%s field (the object has: %s)",
                text_field ? "\"" : "text, content, code, or similar", text_field ? text_field : "",
                text_field ? "\"" : "", there[0] ? there : "nothing");
}

static int get_text(struct doc_parser *p, const char *text_field, struct doc *d)
{
    int r = 0;
    if (text_field) {
        r = get_string(p, text_field, &d->text, &d->len);
    } else {
        for (size_t i = 0; i < DOC_TEXT_FIELDS && r == 0; i++)
            r = get_string(p, doc_text_fields[i], &d->text, &d->len);
        if (r == 0)
            r = join_pair(p, d);
    }
    return r == 0 ? no_text(p, text_field) : r;
}

/* Frees everything that the last document pointed to. */
static void forget(struct doc_parser *p, struct doc *d)
{
    json_decref(p->root);
    free(p->joined);
    p->root = NULL;
    p->joined = NULL;
    p->stream_error = false;
    memset(d, 0, sizeof *d);
}

static void get_id_and_domain(struct doc_parser *p, struct doc *d)
{
    const json_t *id = json_object_get(p->root, "id");
    const char *domain = json_string_value(json_object_get(p->root, "domain"));
    if (json_is_integer(id)) {
        snprintf(p->number, sizeof p->number, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
        d->id = p->number;
    } else {
        d->id = json_string_value(id);
    }
    d->domain = domain ? domain_from_name(domain) : DOMAIN_OTHER;
    if (d->domain < 0)
        d->domain = DOMAIN_OTHER;
}

int doc_parse(struct doc_parser *p, const char *json, size_t len, const char *text_field, struct doc *d)
{
    forget(p, d);
    if (parse_flat(p, json, len, text_field, d))
        return 0;
    if (load(p, json, len, 0) != 0 || get_text(p, text_field, d) < 0)
        return -1;
    get_id_and_domain(p, d);
    return 0;
}

int doc_parse_template(struct doc_parser *p, const char *json, size_t len, const struct template *t,
                       const char *join, struct doc *d)
{
    const char *field = "";
    forget(p, d);
    if (load(p, json, len, JSON_REPAIR_AS_TEXT) != 0)
        return -1;
    switch (template_fill_json(t, p->root, join, &p->joined, &d->len, &field)) {
    case TEMPLATE_OK:
        d->text = p->joined;
        get_id_and_domain(p, d);
        return 0;
    case TEMPLATE_EMISSING:
        return no_text(p, field);
    case TEMPLATE_ELIST:
        return fail(p, 0, "field \"%s\" is an array, and nothing is said to join its elements with", field);
    case TEMPLATE_ENOLIST:
        return fail(p, 0, "field \"%s\" is no array", field);
    case TEMPLATE_EOBJECT:
        return fail(p, 0, "field \"%s\" is an object, not a text", field);
    default:
        return fail(p, 0, "out of memory");
    }
}

int doc_write(FILE *f, const struct doc *d, uint64_t *replaced)
{
    fputs_unlocked("{\"text\":", f);
    json_text_write(f, d->text, d->len, replaced);
    if (d->id) {
        fputs_unlocked(",\"id\":", f);
        json_text_write(f, d->id, strlen(d->id), replaced);
    }
    fprintf(f, ",\"domain\":\"%s\"}\n", domain_names[d->domain]);
    return ferror_unlocked(f) ? -1 : 0;
}
