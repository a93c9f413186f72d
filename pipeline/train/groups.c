#include "pipeline/train/groups.h"

#include <assert.h>
#include <stdlib.h>

static int find(struct groups *g, enum param_kind kind, int third)
{
    for (int i = 0; i < g->count; i++)
        if (g->v[i].kind == kind && g->v[i].third == third)
            return i;
    assert(g->count < GROUPS_MAX);
    g->v[g->count] = (struct group){kind, third, 0};
    return g->count++;
}

int groups_make(struct groups *g, const struct params *layout, int layers)
{
    *g = (struct groups){.spans = calloc(layout->count, sizeof *g->spans)};
    if (!g->spans)
        return -1;
    for (size_t i = 0; i < layout->count; i++) {
        const struct param *p = &layout->v[i];
        enum param_kind kind = param_is_matrix(p) ? p->kind : PARAM_NORM_ATTN;
        int third = p->layer >= 0 ? 3 * p->layer / layers : p->kind == PARAM_NORM_FINAL ? 2 : 0;
        int at = find(g, kind, layers < 3 && kind == PARAM_NORM_ATTN ? 0 : third);
        g->v[at].n += p->n;
        g->spans[g->n_spans++] = (struct span){p->offset, p->n, at};
    }
    return 0;
}

void groups_free(struct groups *g)
{
    free(g->spans);
    *g = (struct groups){0};
}
