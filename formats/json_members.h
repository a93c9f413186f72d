/*
 * json_members.h - the members of a large JSON object one at a time, so that a
 * library parses each by itself and never holds the whole in memory
 *
 *   json_members_begin(&m, text, len)
 *   while ((r = json_members_next(&m)) > 0)
 *       name text[m.name, m.name_end), with its quotes; value text[m.value, m.value_end)
 *   r < 0: m.why, at text[m.at]
 *
 * Only finds where members begin and end: a parser must check the text between.
 */
#ifndef FORMATS_JSON_MEMBERS_H
#define FORMATS_JSON_MEMBERS_H

#include <stddef.h>

struct json_members {
    const char *text; /* borrowed */
    size_t len, at;
    size_t name, name_end, value, value_end;
    const char *why;
};

void json_members_begin(struct json_members *m, const char *text, size_t len);
/* Returns 1: a member was found. 0: the object has ended, and only white space follows. -1: the text is not
 * such an object. */
int json_members_next(struct json_members *m);
/* Returns how long the value is that the text begins with, up to the comma or bracket after it; 0: it does
 * not end. */
size_t json_value_len(const char *text, size_t len);

#endif
