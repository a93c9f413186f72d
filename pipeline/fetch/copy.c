#include "pipeline/fetch/copy.h"

#include "pipeline/lib/apart.h"
#include "pipeline/lib/counters.h"
#include "pipeline/lib/log.h"

#include <string.h>

enum { OUT_BUFFER = 1 << 20, DOCS_A_LOOK = 64 };

static void publish(const struct tally *t)
{
    static struct counter documents = COUNTER("documents", "docs"), bytes = COUNTER("bytes", "bytes");
    counters_begin();
    counter_set(&documents, (double)t->docs);
    counter_set(&bytes, (double)t->text_bytes);
    counters_end();
}

static void show_progress(struct source *s, const struct tally *t)
{
    static double last;
    static struct counter documents = COUNTER("documents", "docs"), bytes = COUNTER("bytes", "bytes");
    const struct fetch_options *o = s->options;
    struct source_progress p = {0};
    double now = now_seconds();
    if (now - last < 0.1)
        return;
    last = now;
    counters_begin();
    counter_set(&documents, (double)t->docs);
    counter_set(&bytes, (double)t->text_bytes);
    counters_end();
    if (s->scheme->progress)
        s->scheme->progress(s, &p);
    const char *extra = p.extra[0] ? p.extra : NULL;
    if (o->max_docs != UINT64_MAX)
        progress(s->word, t->docs, o->max_docs, "docs", extra);
    else if (o->max_bytes != UINT64_MAX)
        progress(s->word, t->text_bytes, o->max_bytes, "bytes", extra);
    else if (p.total > 0)
        progress(s->word, p.done, p.total, "bytes", extra);
    else
        progress(s->word, t->docs, 0, "docs", extra);
}

bool copy_documents(struct source *s, FILE *f, struct tally *t)
{
    const struct fetch_options *o = s->options;
    struct doc d;
    while (t->docs < o->max_docs && t->text_bytes < o->max_bytes && !stop_signal &&
           fetch_source_next(s, &d)) {
        if (doc_write(f, &d, &t->replaced) != 0)
            return false;
        t->docs++;
        t->text_bytes += d.len;
        if (t->docs % DOCS_A_LOOK == 0) {
            publish(t);
            show_progress(s, t);
        }
    }
    progress_end();
    return true;
}

void warn_replaced(const struct tally *t, const char *where)
{
    if (t->replaced > 0)
        warn("%s: %llu bytes that are not UTF-8 became U+FFFD", where, (unsigned long long)t->replaced);
}

/* Readers take the end of a pipe for the end of the documents: a stream that failed says so in its last line.
 */
static void tell_readers(void *f)
{
    fputs(DOC_STREAM_ERROR, f);
    fflush(f);
}

void cat_sources(struct fetch_options *o, char **words, int n)
{
    struct tally t = {0};
    setvbuf(stdout, NULL, _IOFBF, OUT_BUFFER);
    apart_output("-");
    for (int i = 0; i < n; i++)
        apart_input(words[i]);
    at_failure(tell_readers, stdout);
    for (int i = 0; i < n; i++) {
        struct source *s = fetch_source_open(o, words[i]);
        if (!copy_documents(s, stdout, &t))
            break; /* close_stdout says why */
        fetch_source_close(s);
    }
    at_failure_cancel(stdout);
    close_stdout();
    warn_replaced(&t, "output");
    detail("%llu documents, %llu bytes of text", (unsigned long long)t.docs,
           (unsigned long long)t.text_bytes);
}
