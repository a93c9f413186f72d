#include "pipeline/stream/input_inside.h"

#include <string.h>

/* Skips the line at pos, which is longer than any document may be. */
static void skip_line(struct input *in)
{
    const char *newline;
    while (!(newline = memchr(in->buf + in->pos, '\n', in->len - in->pos))) {
        in->pos = in->len;
        if (!input_more(in))
            return;
    }
    in->pos = (size_t)(newline - in->buf) + 1;
}

bool input_json_line(struct input *in, struct doc *d)
{
    size_t len = 0; /* length of the line as far as it has been searched */
    const char *newline;
    while (!(newline = memchr(in->buf + in->pos + len, '\n', in->len - in->pos - len))) {
        len = in->len - in->pos;
        if (len > DOC_MAX_JSON) {
            input_bad(in, in->line++, 0, "line longer than %d MiB", DOC_MAX_JSON >> 20);
            skip_line(in);
            return false;
        }
        if (!input_more(in))
            break;
    }
    if (!newline && len == 0) {
        input_end_file(in);
        return false;
    }
    const char *json = in->buf + in->pos;
    if (newline)
        len = (size_t)(newline - json);
    in->pos += newline ? len + 1 : len;
    uint64_t line = in->line++;
    while (len > 0 && (json[len - 1] == '\r' || json[len - 1] == ' ' || json[len - 1] == '\t'))
        len--;
    return len > 0 && input_parse(in, json, len, line, d);
}

/* Returns the next byte that is not white space, or -1 at the end. */
static int peek_json(struct input *in)
{
    while (input_have(in, 1)) {
        char c = in->buf[in->pos];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return (unsigned char)c;
        in->line += c == '\n';
        in->pos++;
    }
    return -1;
}

/* Returns the length of the object at pos, found by its brackets; 0: there is none, and *why says why. */
static size_t object_length(struct input *in, const char **why)
{
    size_t depth = 0;
    bool in_string = false, escaped = false;
    for (size_t i = 0;; i++) {
        if (i > DOC_MAX_JSON) {
            *why = "JSON object longer than 128 MiB";
            return 0;
        }
        if (!input_have(in, i + 1)) {
            *why = "truncated: the file ends within a JSON object";
            return 0;
        }
        char c = in->buf[in->pos + i];
        if (escaped)
            escaped = false;
        else if (in_string)
            escaped = c == '\\', in_string = c != '"';
        else if (c == '"')
            in_string = true;
        else if ((c == '{' || c == '[') && ++depth > DOC_MAX_DEPTH) {
            *why = "JSON nested too deeply";
            return 0;
        } else if ((c == '}' || c == ']') && --depth == 0)
            return i + 1;
    }
}

static bool at_mark(struct input *in)
{
    return input_have(in, 3) && memcmp(in->buf + in->pos, INPUT_MARK, 3) == 0;
}

bool input_json_value(struct input *in, struct doc *d)
{
    int c = peek_json(in);
    if (c < 0) {
        if (in->place != AT_TOP)
            return input_broken(in, "truncated: the file ends within a JSON array");
        input_end_file(in);
        return false;
    }
    bool opens = c == '[' && in->place == AT_TOP;
    bool closes = c == ']' && (in->place == IN_EMPTY_ARRAY || in->place == AFTER_ELEMENT);
    bool comma = c == ',' && in->place == AFTER_ELEMENT;
    if (opens || closes || comma) {
        in->place = opens ? IN_EMPTY_ARRAY : closes ? AT_TOP : BEFORE_ELEMENT;
        in->pos++;
        return false;
    }
    if (in->place == AFTER_ELEMENT)
        return input_broken(in, "invalid JSON: ',' or ']' expected");
    if (c != '{')
        return input_broken(in, c == 0        ? "invalid JSON: a NUL byte, as in a binary or unfinished file"
                                : at_mark(in) ? "invalid JSON: a byte order mark within the file"
                                              : "invalid JSON: an object expected");
    const char *why;
    size_t len = object_length(in, &why);
    if (len == 0)
        return input_broken(in, why);
    const char *json = in->buf + in->pos;
    uint64_t line = in->line;
    in->pos += len;
    for (const char *p = json; (p = memchr(p, '\n', (size_t)(json + len - p))) != NULL; p++)
        in->line++;
    if (in->place != AT_TOP)
        in->place = AFTER_ELEMENT;
    return input_parse(in, json, len, line, d);
}
