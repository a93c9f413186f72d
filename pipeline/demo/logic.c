/* logic.c - the mix of logic documents */
#include "pipeline/demo/logic.h"

void demo_logic(struct gen *g)
{
    static const struct kind kinds[] = {
        {16, logic_syllogism}, {16, logic_ordering}, {12, logic_rules},  {10, logic_values},
        {4, logic_table},      {8, logic_sets},      {8, logic_grid},    {7, logic_knights},
        {6, logic_row},        {8, logic_odd_one},   {5, logic_pattern}, {5, logic_days},
    };
    gen_kind(g, kinds, sizeof kinds / sizeof *kinds);
}
