#include "pipeline/train/samples.h"

#include "formats/json_text.h"
#include "pipeline/lib/log.h"
#include "pipeline/model/continuation.h"

#include <stdlib.h>
#include <string.h>

enum { SEED = 7 };

/* Likely words, with some variety: what people choose to look at a small model. */
static const struct sampling sampling = {.temperature = 0.8, .top_p = 0.95, .repetition_penalty = 1};

/* Continues the prompt, which begins a document, up to the end of the text or to --sample-tokens. Malloc'd.
 */
static char *write_text(const struct samples *s, struct continuation *c, struct sampler *sampler,
                        const char *prompt, size_t *len)
{
    bool any = continuation_prompt(c, prompt, strlen(prompt), true);
    sampler_reseed(sampler, SEED);
    while (any && c->n - c->n_prompt < s->tokens) {
        int32_t id = continuation_next(c, sampler);
        if (tokenizer_ends(s->tok, (uint32_t)id))
            break;
        continuation_append(c, id);
    }
    return decode(s->tok, (const uint32_t *)c->ids + c->n_prompt, c->n - c->n_prompt, true, len);
}

void samples_write(const struct samples *s, const struct weights *w, struct logfile *log, uint64_t step)
{
    struct continuation c;
    uint64_t replaced = 0;
    size_t longest = 0;
    struct sampler *sampler = sampler_new(w->c.V, &sampling, SEED);
    if (!sampler)
        die("samples: out of memory");
    for (size_t i = 0; i < s->prompts->n; i++)
        longest = strlen(s->prompts->v[i]) > longest ? strlen(s->prompts->v[i]) : longest;
    continuation_open(&c, w, s->tok, continuation_most(longest, s->tokens));
    for (size_t i = 0; i < s->prompts->n; i++) {
        size_t len;
        const char *prompt = s->prompts->v[i];
        char *text = write_text(s, &c, sampler, prompt, &len);
        fprintf(log->f, "{\"type\":\"sample\",\"step\":%llu,\"prompt\":", (unsigned long long)step);
        json_text_write(log->f, prompt, strlen(prompt), &replaced);
        fputs(",\"text\":", log->f);
        json_text_write(log->f, text, len, &replaced);
        fputc('}', log->f);
        logfile_end_line(log);
        free(text);
    }
    continuation_close(&c);
    sampler_free(sampler);
}
