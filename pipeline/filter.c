/*
 * filter - drop documents: duplicates, what breaks quality rules, other languages, evaluation texts
 *
 * stdin:  documents (formats/docs.md), or files and directories
 * stdout: those that stay, as JSON lines, in their order
 * files:  --explain: those that are dropped, with the rule that dropped them
 *         --signatures, --duplicates: for one part of several (formats/signatures.md)
 * stderr: how many each rule has dropped (filter/rules.md)
 */
#include "pipeline/filter/chars.h"
#include "pipeline/filter/merge.h"
#include "pipeline/filter/options.h"
#include "pipeline/filter/sieve.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/counters.h"
#include "pipeline/lib/log.h"

#include <string.h>

enum { OUT_BUFFER = 1 << 20 };

/* Readers take the end of a pipe for the end of the documents: a stream that failed says so in its last line.
 */
static void tell_readers(void *f)
{
    fputs("{\"stream_error\":\"filter\"}\n", f);
    fflush(f);
}

static void open_outputs(struct sieve *s, const struct filter_options *o)
{
    if (strcmp(o->output, "-") != 0 || o->explain || o->signatures)
        signals_install(); /* to standard output nothing is committed, and signals just end us */
    text_output_open(&s->kept, o->output);
    setvbuf(s->kept.f, NULL, _IOFBF, OUT_BUFFER);
    if (o->explain)
        text_output_open(&s->dropped, o->explain);
    s->part = part_open(o);
    if (s->kept.f == stdout)
        at_failure(tell_readers, stdout);
}

/* Whether a signal came is looked at once, so that all files appear or none does. The kept documents are
 * last: where they are, the signatures and the dropped ones are as well. */
static void close_outputs(struct sieve *s, const struct filter_options *o)
{
    bool whole = !stop_signal;
    part_close(s->part, whole);
    if (o->signatures)
        say_in_place(whole ? o->signatures : NULL);
    at_failure_cancel(stdout);
    if (s->kept.f == stdout && !whole)
        tell_readers(stdout);
    if (o->explain) {
        text_output_close(&s->dropped, whole);
        say_in_place(whole ? o->explain : NULL);
    }
    text_output_close(&s->kept, whole);
    say_in_place(NULL);
}

static int merge(const struct filter_options *o, char *const *paths, size_t n)
{
    if (n == 0)
        usage_error("--merge: which files? Those of --signatures");
    signals_install();
    merge_signatures(o, paths, n);
    return signal_exit_code();
}

int main(int argc, char **argv)
{
    struct filter_options *o = &filter_options;
    int n = filter_options_parse(argc, argv);
    argv = input_operands(&o->input, argv, &n);
    if (o->merge)
        return merge(o, argv, (size_t)n);
    chars_begin();
    words_begin();
    struct law law = {.options = o};
    if (o->languages)
        law.language = language_open(o->language_model, o->languages);
    if (o->evaluations.n > 0)
        law.evaluation = evaluation_read(&o->evaluations, o->memory);
    struct sieve sieve = {.law = &law};
    double start = now_seconds();
    struct input *in = input_open(&o->input, (const char *const *)argv, (size_t)n);
    open_outputs(&sieve, o);
    sieve_run(&sieve, in);
    input_close(in);
    close_outputs(&sieve, o);
    tally_print(&sieve.tally, o, now_seconds() - start);
    language_close(law.language);
    evaluation_free(law.evaluation);
    return signal_exit_code();
}
