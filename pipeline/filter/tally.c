#include "pipeline/filter/tally.h"

#include "pipeline/lib/counters.h"
#include "pipeline/lib/log.h"

#include <jansson.h>
#include <stdlib.h>

static bool is_line_rule(enum rule rule)
{
    return rule >= RULE_LINE_LONG_WORD && rule <= RULE_LINE_POLICY;
}

void tally_add(struct tally *t, const struct judgement *j, size_t bytes)
{
    t->docs++;
    t->bytes += bytes;
    for (unsigned i = 0; i < N_LINE_RULES; i++)
        t->by_rule[FIRST_LINE_RULE + i] += j->lines[i];
    if (j->verdict.rule != RULE_KEEP) {
        t->by_rule[j->verdict.rule]++;
        return;
    }
    t->kept_docs++;
    t->kept_bytes += j->text.len;
    t->masked.emails += j->masked.emails;
    t->masked.addresses += j->masked.addresses;
}

/* Whether a rule can drop anything, so that its count is of interest. */
static bool is_on(const struct filter_options *o, enum rule rule)
{
    switch (rule) {
    case RULE_KEEP:
        return false;
    case RULE_SAMPLE:
        return o->sample < 1;
    case RULE_LANGUAGE:
        return o->languages != NULL;
    case RULE_EMPTY:
        return o->rules.n_sets > 0;
    case RULE_CONTAMINATED:
        return o->evaluations.n > 0;
    case RULE_EXACT_DUPLICATE:
        return o->duplicates || (o->exact && !o->signatures);
    case RULE_NEAR_DUPLICATE:
        return o->duplicates || (o->near && !o->signatures);
    default:
        return rule_is_chosen(&o->rules, rule);
    }
}

void tally_publish(const struct tally *t, const struct filter_options *o)
{
    static struct counter documents = COUNTER("documents", "docs"), bytes = COUNTER("bytes", "bytes"),
                          kept = COUNTER("kept", "docs"), kept_bytes = COUNTER("kept_bytes", "bytes"),
                          emails = COUNTER("masked_emails", "found"),
                          addresses = COUNTER("masked_addresses", "found");
    static struct counter rules[N_RULES];
    counters_begin();
    counter_set(&documents, (double)t->docs);
    counter_set(&bytes, (double)t->bytes);
    counter_set(&kept, (double)t->kept_docs);
    counter_set(&kept_bytes, (double)t->kept_bytes);
    for (enum rule r = 0; r < N_RULES; r++) {
        if (!is_on(o, r))
            continue;
        rules[r].name = rule_names[r];
        rules[r].unit = is_line_rule(r) ? "lines" : "docs";
        rules[r].kind = STATS_COUNTER;
        counter_set(&rules[r], (double)t->by_rule[r]);
    }
    if (o->mask) {
        counter_set(&emails, (double)t->masked.emails);
        counter_set(&addresses, (double)t->masked.addresses);
    }
    counters_end();
}

static void print_json(const struct tally *t, const struct filter_options *o, double seconds)
{
    json_t *dropped = json_object(), *lines = json_object();
    for (enum rule r = 0; r < N_RULES; r++)
        if (is_on(o, r))
            json_object_set_new(is_line_rule(r) ? lines : dropped, rule_names[r],
                                json_integer((json_int_t)t->by_rule[r]));
    json_t *all =
        json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:f}", "documents", (json_int_t)t->docs,
                  "bytes", (json_int_t)t->bytes, "kept_documents", (json_int_t)t->kept_docs, "kept_bytes",
                  (json_int_t)t->kept_bytes, "dropped", dropped, "dropped_lines", lines, "masked_emails",
                  (json_int_t)t->masked.emails, "masked_addresses", (json_int_t)t->masked.addresses,
                  "spilled_keys", (json_int_t)t->spilled, "seconds", seconds);
    char *text = all ? json_dumps(all, 0) : NULL;
    if (!text)
        die("out of memory");
    fprintf(stderr, "%s\n", text);
    free(text);
    json_decref(all);
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100 * (double)part / (double)whole : 0;
}

void tally_print(const struct tally *t, const struct filter_options *o, double seconds)
{
    if (t->replaced > 0)
        warn("%llu bytes that are not UTF-8 became U+FFFD", (unsigned long long)t->replaced);
    if (o->json) {
        print_json(t, o, seconds);
        return;
    }
    say("%llu of %llu documents kept (%.1f %%), %.1f of %.1f MB of text, %.1f MB/s",
        (unsigned long long)t->kept_docs, (unsigned long long)t->docs, percent(t->kept_docs, t->docs),
        (double)t->kept_bytes / 1e6, (double)t->bytes / 1e6, (double)t->bytes / 1e6 / seconds);
    for (enum rule r = 0; r < N_RULES; r++)
        if (is_on(o, r) && is_line_rule(r))
            say("%10llu lines      %s", (unsigned long long)t->by_rule[r], rule_names[r]);
        else if (is_on(o, r))
            say("%10llu  %5.1f %%  %s", (unsigned long long)t->by_rule[r], percent(t->by_rule[r], t->docs),
                rule_names[r]);
    if (o->mask)
        say("%llu e-mail addresses and %llu IP addresses were masked", (unsigned long long)t->masked.emails,
            (unsigned long long)t->masked.addresses);
    if (t->spilled > 0)
        say("%llu keys went to temporary files in %s, for --memory has no room for more",
            (unsigned long long)t->spilled, o->dir);
}
