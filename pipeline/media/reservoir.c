#include "pipeline/media/reservoir.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/random.h"

void reservoir_init(struct reservoir *s, size_t record_bytes, size_t room, uint64_t seed)
{
    *s = (struct reservoir){.record_bytes = record_bytes, .room = room, .random = seed};
}

void reservoir_add(struct reservoir *s, const void *records, size_t n)
{
    size_t w = s->record_bytes, fresh = s->room - s->n < n ? s->room - s->n : n;
    s->records = xrealloc(s->records, (s->n + fresh + 1) * w);
    for (size_t i = 0; i < n; i++) {
        uint64_t at = s->n < s->room ? s->n++ : random_next(&s->random) % (s->seen + 1);
        s->seen++;
        if (at < s->room)
            memcpy(s->records + at * w, (const char *)records + i * w, w);
    }
}

void reservoir_shuffle(struct reservoir *s)
{
    size_t w = s->record_bytes;
    char *t = xmalloc(w);
    for (size_t i = s->n; i > 1; i--) {
        size_t k = random_next(&s->random) % i;
        memcpy(t, s->records + k * w, w);
        memcpy(s->records + k * w, s->records + (i - 1) * w, w);
        memcpy(s->records + (i - 1) * w, t, w);
    }
    free(t);
}

void reservoir_free(struct reservoir *s)
{
    free(s->records);
    *s = (struct reservoir){0};
}
