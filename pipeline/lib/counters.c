#include "pipeline/lib/counters.h"

#include "pipeline/lib/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Recursive, since a thread may fail, and so close the page, between counters_begin and counters_end. */
static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct stats *page;
static bool tried;
static char label[STATS_LABEL];

void counters_label(int argc, char *const *argv)
{
    size_t n = 0;
    for (int i = 1; i < argc && n + 1 < sizeof label; i++) {
        if (n > 0)
            label[n++] = ' ';
        size_t len = strnlen(argv[i], sizeof label - 1 - n);
        memcpy(label + n, argv[i], len);
        n += len;
    }
    label[n] = 0;
}

static void close_page(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&mutex); /* never unlocked: the program is ending */
    stats_close(page);
    page = NULL;
}

void counters_begin(void)
{
    pthread_mutex_lock(&mutex);
    if (!tried) {
        tried = true;
        if (stats_create(&page, program_name, label) == 0)
            at_failure(close_page, &page);
    }
    stats_begin(page);
}

void counter_set(struct counter *c, double value)
{
    if (!page)
        return;
    if (c->index == 0)
        c->index = stats_add(page, c->name, c->unit, c->kind) + 1;
    stats_set(page, c->index - 1, value);
}

void counters_end(void)
{
    stats_end(page);
    pthread_mutex_unlock(&mutex);
}
