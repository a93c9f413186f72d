/* pretokenizer_v1.c - the hand-written patterns in plain C, character by character */
#define FILL_TABLE pretokenizer_v1
#include "pipeline/text/pretokenize/pretokenizer_fill.h"
