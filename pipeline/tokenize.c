/*
 * tokenize - documents to token ids and back, and learning the tokenizer
 *
 * tokenize         stdin: documents (formats/docs.md), or files and directories; stdout: tokens (formats/tokens.md)
 * tokenize train   documents to tokenizer.json (pipeline/text/tokenizer.md)
 * tokenize decode  stdin: tokens, or JSON arrays of ids; stdout: documents
 */
#include <string.h>

#include "pipeline/text/stage.h"

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {{"train", tokenize_train}, {"decode", tokenize_decode}, {"encode", tokenize_encode}};
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    return tokenize_encode(argc, argv);
}
