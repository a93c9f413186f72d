/*
 * tables.h - the report in Markdown
 */
#ifndef CAMPAIGN_TABLES_H
#define CAMPAIGN_TABLES_H

#include <stdio.h>

#include "tools/campaign/judge.h"

/* plot: name of the SVG beside it. command: what was run, or NULL. */
void tables_write(FILE *f, const struct campaign *c, const struct verdict *v, const char *plot,
                  const char *command);

#endif
