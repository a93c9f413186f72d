/*
 * tiktoken_families.c - properties of published .tiktoken files that the files lack: pattern, normaliser and
 * special tokens
 *
 * gpt2 (r50k_base), cl100k and o200k: tiktoken_ext/openai_public.py of the tiktoken library. llama3:
 * tokenizer.py of Llama 3. qwen2: tokenization_qwen.py and Qwen2's tokenizer.json, which normalises to NFC.
 */
#include "pipeline/text/convert/tiktoken.h"

#include "pipeline/lib/fs.h"

#define O200K_PREFIX "[^\\r\\n\\p{L}\\p{N}]?"
#define O200K_UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define O200K_LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define O200K_SUFFIX "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
static const char o200k[] = O200K_PREFIX O200K_UPPER
    "*" O200K_LOWER "+" O200K_SUFFIX O200K_PREFIX O200K_UPPER "+" O200K_LOWER "*" O200K_SUFFIX
    "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const struct tiktoken_family tiktoken_families[TIKTOKEN_FAMILIES] = {
    {"gpt2", PATTERN_GPT2, false, 50256, 1, NULL},        {"cl100k", PATTERN_CL100K, false, 100256, 5, NULL},
    {"llama3", PATTERN_LLAMA3, false, 128000, 256, NULL}, {"qwen2", PATTERN_QWEN2, true, 151643, 3, NULL},
    {"o200k", PATTERN_REGEX, false, 199998, 2, o200k},
};

static const struct special_token named[TIKTOKEN_FAMILIES][10] = {
    {{"<|endoftext|>", 50256}},
    {{"<|endoftext|>", 100257},
     {"<|fim_prefix|>", 100258},
     {"<|fim_middle|>", 100259},
     {"<|fim_suffix|>", 100260},
     {"<|endofprompt|>", 100276}},
    {{"<|begin_of_text|>", 128000},
     {"<|end_of_text|>", 128001},
     {NULL, 128002},
     {NULL, 128003},
     {NULL, 128004},
     {NULL, 128005},
     {"<|start_header_id|>", 128006},
     {"<|end_header_id|>", 128007},
     {NULL, 128008},
     {"<|eot_id|>", 128009}},
    {{"<|endoftext|>", 151643}, {"<|im_start|>", 151644}, {"<|im_end|>", 151645}},
    {{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}},
};

struct special_token *tiktoken_family_special(const struct tiktoken_family *f, char **text)
{
    enum { NAMED = sizeof named[0] / sizeof named[0][0], NAME_BYTES = 48 };
    const struct special_token *names = named[f - tiktoken_families];
    struct special_token *special = xcalloc(f->n_special, sizeof *special);
    char *name = *text = xcalloc(f->n_special, NAME_BYTES);
    unsigned reserved = 0;
    for (size_t i = 0; i < f->n_special; i++, name += NAME_BYTES) {
        if (i < NAMED && names[i].content) {
            special[i] = names[i];
            continue;
        }
        snprintf(name, NAME_BYTES, "<|reserved_special_token_%u|>", reserved++); /* used by llama3 */
        special[i] = (struct special_token){name, i < NAMED ? names[i].id : special[i - 1].id + 1};
    }
    return special;
}
