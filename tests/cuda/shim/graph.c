#include "tests/cuda/shim/graph.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CALLS = 4096, QUEUE = 1 << 14 };

struct call {
    void (*run)(const void *arguments);
    void *arguments;
    size_t bytes;
};

struct graph {
    size_t n;
    struct call v[MAX_CALLS];
};

static struct graph *open_graph;
static size_t replayed;

static struct call queue[QUEUE]; /* call i is queue[i % QUEUE] */
static uint64_t queued, done;
static bool late;

static struct call call_new(void (*run)(const void *arguments), const void *arguments, size_t bytes)
{
    struct call c = {run, malloc(bytes), bytes};
    memcpy(c.arguments, arguments, bytes);
    return c;
}

void shim_late(int on)
{
    shim_finish(queued);
    late = on;
}

uint64_t shim_queued(void)
{
    return queued;
}

void shim_finish(uint64_t upto)
{
    for (; done < upto; done++) {
        struct call c = queue[done % QUEUE];
        c.run(c.arguments);
        free(c.arguments);
    }
}

void shim_not_in_capture(const char *what)
{
    if (!open_graph)
        return;
    printf("shim: %s while a graph is recorded\n", what);
    exit(1);
}

void shim_call(void (*run)(const void *arguments), const void *arguments, size_t bytes)
{
    struct graph *g = open_graph;
    if (g) {
        if (g->n == MAX_CALLS)
            abort();
        g->v[g->n++] = call_new(run, arguments, bytes);
    } else if (late) {
        if (queued - done == QUEUE)
            shim_finish(done + QUEUE / 2);
        queue[queued++ % QUEUE] = call_new(run, arguments, bytes);
    } else {
        run(arguments);
    }
}

void shim_graph_begin(void)
{
    open_graph = calloc(1, sizeof *open_graph);
}

void *shim_graph_end(void)
{
    struct graph *g = open_graph;
    open_graph = NULL;
    return g;
}

/* The stream's: the graph itself may be freed before it gets there. */
void shim_graph_launch(const void *graph)
{
    const struct graph *g = graph;
    for (size_t i = 0; i < g->n; i++)
        shim_call(g->v[i].run, g->v[i].arguments, g->v[i].bytes);
    replayed += g->n;
}

void shim_graph_free(void *graph)
{
    struct graph *g = graph;
    for (size_t i = 0; g && i < g->n; i++)
        free(g->v[i].arguments);
    free(g);
}

size_t shim_graph_calls(void)
{
    return replayed;
}
