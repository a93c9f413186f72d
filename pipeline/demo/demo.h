/*
 * demo.h - the embedded default corpus: unlimited, deterministic text in the five domains
 *
 *   struct demo *d = demo_new(DOMAIN_MATH, seed);
 *   demo_next(d, &text);            document 0, then 1, 2, ... without end
 *   demo_free(d);
 *
 * Document i of (domain, seed) is a pure function of the three: demo_document gives any one directly.
 * Documents are ASCII, end without a newline, and are right by construction: equations hold, Python runs and
 * satisfies its docstring, puzzles have the answer a solver found.
 */
#ifndef DEMO_DEMO_H
#define DEMO_DEMO_H

#include <stdint.h>
#include "formats/tokens.h"
#include "pipeline/lib/fs.h"

struct demo;

struct demo *demo_new(int domain, uint64_t seed);    /* NULL: no generator for this domain (enum domain) */
void demo_next(struct demo *d, struct strbuf *text); /* replaces text */
void demo_free(struct demo *d);                      /* NULL is fine */

/* Returns 0, or -1 when the domain has no generator (text is untouched). */
int demo_document(int domain, uint64_t seed, uint64_t i, struct strbuf *text);

#endif
