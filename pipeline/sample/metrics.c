#include "pipeline/sample/metrics.h"

static void head(struct strbuf *out, const char *name, const char *type, const char *help)
{
    strbuf_addf(out, "# HELP tritter_%s %s\n# TYPE tritter_%s %s\n", name, help, name, type);
}

static void one(struct strbuf *out, const char *name, const char *type, const char *help, double value)
{
    head(out, name, type, help);
    strbuf_addf(out, "tritter_%s %.15g\n", name, value);
}

void metrics_write(struct strbuf *out, const struct engine_figures *f, const struct engine_limits *l,
                   const uint64_t codes[METRICS_CODES])
{
    static const char *const ends[] = {NULL, "length", "stop", "dropped", "timeout"};
    head(out, "requests_total", "counter", "Answers by HTTP status.");
    for (int c = 0; c < METRICS_CODES; c++)
        if (codes[c])
            strbuf_addf(out, "tritter_requests_total{code=\"%d\"} %llu\n", c, (unsigned long long)codes[c]);
    head(out, "texts_total", "counter", "Texts by how they ended.");
    for (int i = FINISH_LENGTH; i <= FINISH_TIMEOUT; i++)
        strbuf_addf(out, "tritter_texts_total{end=\"%s\"} %llu\n", ends[i], (unsigned long long)f->texts[i]);
    one(out, "prompt_tokens_total", "counter", "Tokens of prompts.", (double)f->prompt_tokens);
    one(out, "reused_tokens_total", "counter", "Tokens of prompts that a slot held already.",
        (double)f->reused_tokens);
    one(out, "new_tokens_total", "counter", "Tokens made.", (double)f->new_tokens);
    one(out, "steps_total", "counter", "Steps of the model over all texts that ran.", (double)f->steps);
    one(out, "stepped_tokens_total", "counter", "Tokens of these steps, summed.", (double)f->stepped);
    one(out, "step_seconds_total", "counter", "Time in these steps.", f->step_s);
    one(out, "read_seconds_total", "counter", "Time in reading prompts.", f->read_s);
    head(out, "first_token_seconds", "summary", "Time from a request to the first token of each text.");
    strbuf_addf(out, "tritter_first_token_seconds_sum %.15g\ntritter_first_token_seconds_count %llu\n",
                f->first_token_s, (unsigned long long)f->first_tokens);
    one(out, "texts_running", "gauge", "Texts in a slot.", f->running);
    one(out, "texts_waiting", "gauge", "Texts in the queue.", f->waiting);
    one(out, "slots", "gauge", "Texts that can run at once.", l->slots);
    one(out, "queue", "gauge", "Texts that can wait.", l->queue);
}
