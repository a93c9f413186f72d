#include "formats/tokens.h"

#include <string.h>
#include <xxhash.h>

const char *const domain_names[N_DOMAINS] = {"other", "language", "code", "math", "ml", "logic"};

int domain_from_name(const char *name)
{
    for (int i = 0; i < N_DOMAINS; i++)
        if (strcmp(name, domain_names[i]) == 0)
            return i;
    return -1;
}

static uint64_t header_hash(const struct tokens_header *h)
{
    return XXH3_64bits(h, offsetof(struct tokens_header, header_hash));
}

void tokens_header_init(struct tokens_header *h, uint32_t vocab_size, uint64_t tokenizer_hash, uint32_t bos,
                        uint32_t eos)
{
    memset(h, 0, sizeof *h);
    memcpy(h->magic, TOKENS_MAGIC, 8);
    h->version = TOKENS_VERSION;
    h->token_width = vocab_size <= 65536 ? 2 : 4;
    h->vocab_size = vocab_size;
    h->bos_id = bos;
    h->eos_id = eos;
    h->tokenizer_hash = tokenizer_hash;
    h->header_hash = header_hash(h);
}

int tokens_header_check(const struct tokens_header *h)
{
    if (memcmp(h->magic, TOKENS_MAGIC, 8) != 0)
        return TOKENS_EMAGIC;
    if (h->version != TOKENS_VERSION)
        return TOKENS_EVERSION;
    if (h->header_hash != header_hash(h))
        return TOKENS_EHASH;
    if (h->vocab_size == 0 || h->token_width != (h->vocab_size <= 65536 ? 2u : 4u))
        return TOKENS_EWIDTH;
    return TOKENS_OK;
}

int tokens_record_check(const struct tokens_record *r)
{
    if (r->zero != 0 || (r->flags & ~TOKENS_CONTINUED) != 0)
        return TOKENS_ERECORD;
    if (r->domain == TOKENS_END)
        return r->flags == 0 && r->text_bytes == 0 && r->document_hash == 0 ? TOKENS_OK : TOKENS_ERECORD;
    if (r->n_tokens > TOKENS_MAX_RECORD || r->domain >= N_DOMAINS)
        return TOKENS_ERECORD;
    return r->text_bytes <= (uint64_t)r->n_tokens * TOKENS_MAX_TOKEN_BYTES ? TOKENS_OK : TOKENS_ERECORD;
}

size_t tokens_payload_bytes(const struct tokens_header *h, uint32_t n_tokens)
{
    return ((size_t)n_tokens * h->token_width + 3) & ~(size_t)3;
}

const char *tokens_strerror(int err)
{
    switch (err) {
    case TOKENS_OK:
        return "no error";
    case TOKENS_EMAGIC:
        return "not a token stream (wrong magic)";
    case TOKENS_EVERSION:
        return "token stream of another version than 2: tokenize its text again";
    case TOKENS_EHASH:
        return "token stream header is damaged (checksum)";
    case TOKENS_EWIDTH:
        return "token width does not fit the vocabulary";
    case TOKENS_ERECORD:
        return "malformed token record";
    }
    return "unknown token stream error";
}
