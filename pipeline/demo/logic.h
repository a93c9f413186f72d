/* logic.h - the kinds of logic documents, by file */
#ifndef DEMO_LOGIC_H
#define DEMO_LOGIC_H

#include "pipeline/demo/gen.h"

/* logic_rules.c: what follows from what */
void logic_syllogism(struct gen *g);
void logic_rules(struct gen *g);  /* if-then chains, forward and backward */
void logic_values(struct gen *g); /* true and false through and, or, not, if */
void logic_table(struct gen *g);
void logic_sets(struct gen *g);

/* logic_puzzles.c: arrangements found by trying them all */
void logic_ordering(struct gen *g);
void logic_grid(struct gen *g);
void logic_knights(struct gen *g);
void logic_row(struct gen *g); /* a row of a small sudoku */
void logic_odd_one(struct gen *g);
void logic_pattern(struct gen *g);
void logic_days(struct gen *g);

#endif
