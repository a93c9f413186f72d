/*
 * media.h - the verbs of tokenize for pictures and sounds
 */
#ifndef TOKENIZE_MEDIA_H
#define TOKENIZE_MEDIA_H

#include "pipeline/media/modality.h"
#include "pipeline/text/vocabulary/tokenizer.h"

/* Returns the modality that --modality names on this command line, image or audio; otherwise NULL. */
const struct modality *stage_modality(int argc, char **argv);

/* Each is a main with its own options; argv[0] is a name. Returns the exit status. */
int media_encode(int argc, char **argv, const struct modality *m);
int media_train(int argc, char **argv, const struct modality *m);
int media_decode(int argc, char **argv, const struct modality *m);

/* Ids of a modality in a vocabulary. */
struct media_ids {
    uint32_t open, close; /* tags */
    uint32_t base, n;     /* codes are base .. base + n - 1 */
};
/* Dies when the tokenizer, named path, has none. */
struct media_ids media_ids_of(const struct modality *m, const struct tokenizer *t, const char *path);

/* tok.json -> tok.image.safetensors, malloc'd. */
char *media_codebook_path(const struct modality *m, const char *tokenizer_path);
/* Dies when it cannot be loaded. */
void *media_codec_load(const struct modality *m, const char *path);

#endif
