#include "pipeline/train/together.h"

#include "pipeline/lib/fs.h"
#include "pipeline/train/loop.h"

#include <stdlib.h>
#include <string.h>

struct checkpoint_save *together_begin(const struct trainer *t, const char *dir)
{
    struct cluster *c = t->cluster;
    struct checkpoint_save *s = c->rank == 0 ? checkpoint_begin(dir) : NULL;
    size_t n = s ? strlen(checkpoint_place(s)) + 1 : 0;
    if (c->size == 1)
        return s;
    cluster_broadcast(c, &n, sizeof n, 0);
    char *place = s ? xstrdup(checkpoint_place(s)) : xmalloc(n);
    cluster_broadcast(c, place, n, 0);
    if (!s)
        s = checkpoint_join(place);
    checkpoint_in_parts(s, t->parallel.shares.own, t->parallel.shares.buckets);
    free(place);
    return s;
}

static void send_list(struct cluster *c, char *list)
{
    size_t n = strlen(list) + 1;
    cluster_send(c, &n, sizeof n, 0);
    cluster_send(c, list, n, 0);
    cluster_wait(c);
    free(list);
}

static char *receive_list(struct cluster *c, int from)
{
    size_t n;
    cluster_receive(c, &n, sizeof n, from);
    cluster_wait(c);
    char *list = xmalloc(n);
    cluster_receive(c, list, n, from);
    cluster_wait(c);
    return list;
}

void together_commit(const struct trainer *t, struct checkpoint_save *s, json_t *state)
{
    if (t->cluster->rank != 0) {
        send_list(t->cluster, checkpoint_leave(s));
        return;
    }
    for (int r = 1; r < t->cluster->size; r++) {
        char *list = receive_list(t->cluster, r);
        checkpoint_add_parts(s, list);
        free(list);
    }
    checkpoint_commit(s, state);
    json_decref(state);
}
