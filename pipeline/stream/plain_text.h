/*
 * plain_text.h - the text of HTML and Markdown, without their markup
 *
 * HTML is read by libxml2's parser, which repairs broken pages. Scripts, styles and the head are left out.
 * Blocks (paragraphs, headings, list items, table rows ...) become lines of their own, table cells are
 * separated by tabs, and each run of white space becomes one blank, except in <pre>. Markdown is read by
 * cmark-gfm, with tables, strikethrough and task lists.
 */
#ifndef STREAM_PLAIN_TEXT_H
#define STREAM_PLAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* MARKUP_HTML_UTF8: the page is UTF-8, whatever it says about itself. */
enum markup { MARKUP_NONE, MARKUP_HTML, MARKUP_HTML_UTF8, MARKUP_MARKDOWN };

/* Tells the markup from the ending of a name of len bytes: .html .htm .xhtml .md .markdown. */
enum markup markup_of_name(const char *name, size_t len);
/* Returns the text, malloced, and its length; NULL: the parser found nothing that it could read. *late: it
 * was given up, because stop_signal came or it took far more time or memory than a page of its length may. */
char *plain_text(enum markup kind, const char *s, size_t n, size_t *len, bool *late);

#endif
