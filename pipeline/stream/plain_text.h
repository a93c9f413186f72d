/*
 * plain_text.h - the text of HTML and Markdown, without their markup
 *
 * HTML by libxml2's parser, which repairs what is broken: scripts, styles and the head are left out; blocks
 * (paragraphs, headings, list items, table rows ...) are lines of their own, cells are parted by tabs, white
 * space is joined but for that in <pre>. Markdown by cmark-gfm, with tables and strikethrough.
 */
#ifndef STREAM_PLAIN_TEXT_H
#define STREAM_PLAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum markup { MARKUP_NONE, MARKUP_HTML, MARKUP_MARKDOWN };

/* By the ending of a name of len bytes: .html .htm .xhtml .md .markdown. */
enum markup markup_of_name(const char *name, size_t len);
/* Returns the text, malloced, and its length; NULL: the parser found nothing that it could read. *late: it was
 * given up, because stop_signal came or it took far more time or memory than a page of its length may. */
char *plain_text(enum markup kind, const char *s, size_t n, size_t *len, bool *late);

#endif
