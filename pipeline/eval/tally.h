/*
 * tally.h - losses summed up, with standard errors
 *
 * The unit of sampling is the document: tokens of one document are alike, so errors over
 * tokens would be far too small. Mean loss and bits per byte are ratios of sums over documents; their
 * standard errors are those of the ratio estimator (Cochran 1977, section 2.11):
 *   r = sum y / sum x,  se^2 = K/(K-1) * sum (y_k - r x_k)^2 / (sum x)^2
 */
#ifndef EVAL_TALLY_H
#define EVAL_TALLY_H

#include <stdbool.h>
#include <stdint.h>

struct tally {
    double loss, tokens, bytes; /* sums over closed documents */
    double ll, lt, tt, lb, bb;  /* sums of products of a document's loss, tokens, bytes */
    uint64_t documents;
    struct tally_document {
        double loss, tokens, bytes;
    } open;                      /* the document being added to */
    bool keep;                   /* closed documents are kept */
    struct tally_document *kept; /* `documents` of them; the owner of the tally frees it */
};

struct estimate {
    double value, stderr_; /* stderr_ NaN: fewer than two documents */
};

void tally_add(struct tally *t, double loss, double bytes);
void tally_end_document(struct tally *t); /* nothing happens when no token was added since the last */
void tally_merge(struct tally *t, const struct tally *other);
struct estimate tally_loss(const struct tally *t); /* nats a token */
struct estimate tally_perplexity(const struct tally *t);
struct estimate tally_bits_per_byte(const struct tally *t); /* NaN when there are no bytes */

#endif
