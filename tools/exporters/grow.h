/*
 * grow.h - a larger model that computes what a smaller one does: the first values of the larger one's
 * training
 *
 * Wider: new channels of the residual stream, heads, dimensions of a head and hidden units of the
 * feed-forward are added so that they are read from the start, and written to nothing: what reads them has
 * random weights of the size that the trained ones have, what they write has zeros. Gains (and rms_norm_eps)
 * make up for the zeros that RMSNorm now averages over. Source: Gesmundo & Maile 2023, arXiv:2308.06103,
 * "Composable function-preserving expansions for Transformer architectures".
 *
 * Deeper, GROW_IDENTITY: between the layers stand copies of them whose two output projections are zero, so
 * each is the identity. GROW_STACK: the layers are repeated as they are, one sequence after another, which
 * does not compute the same (Du et al. 2024, arXiv:2405.15319, "G_stack").
 */
#ifndef EXPORTERS_GROW_H
#define EXPORTERS_GROW_H

#include "pipeline/model/config.h"

enum grow_depth { GROW_IDENTITY, GROW_STACK };

struct grow_how {
    enum grow_depth depth;
    double
        noise; /* is added to every matrix: a normal number times this times the matrix's root mean square */
    uint64_t seed;
};

/* Writes the model directory `out` of dimensions *to, of which none may be less than those of the model in
 * dir; *to's context, vocabulary, family and constants are taken from there. Dies naming what is impossible.
 */
void grow_model(const char *dir, const struct model_config *to, const struct grow_how *how, const char *out);

#endif
