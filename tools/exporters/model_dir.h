/*
 * model_dir.h - writes a model directory of the Transformers library from the tensors of another: whole, or
 * not at all. For programs: dies naming the file and the reason.
 */
#ifndef EXPORTERS_MODEL_DIR_H
#define EXPORTERS_MODEL_DIR_H

#include "formats/safetensors.h"
#include "tools/exporters/source.h"

struct model_dir {
    const struct source *from; /* its tokenizer and other small files are copied */
    struct model_config c;     /* of the model that is written */
    bool other_config;         /* config.json is made from c; otherwise it is the source's own */
    enum st_dtype dtype;       /* ST_F32 or ST_BF16 */
    uint64_t largest;          /* bytes of tensors in a file */
    /* Computes elements at .. at+n of a parameter of c. Each parameter is asked for once, from its start. */
    void (*values)(void *arg, const struct param *p, size_t at, size_t n, float *out);
    void *arg;
};

/* out, a directory, is replaced when it is there, unless it holds anything but a model. */
void model_dir_write(const struct model_dir *m, const char *out);

#endif
