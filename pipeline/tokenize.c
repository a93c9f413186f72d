/*
 * tokenize - documents to token ids and back, and learning the tokenizer
 *
 * tokenize         stdin: documents (formats/docs.md), or files and directories;
 *                  stdout: tokens (formats/tokens.md)
 * tokenize train   documents to tokenizer.json (pipeline/text/vocabulary/tokenizer.md)
 * tokenize decode  stdin: tokens, or JSON arrays of ids; stdout: documents
 * tokenize inspect what texts become
 * tokenize convert vocabularies of other libraries to tokenizer.json
 *
 * With --modality image or audio, the same of pictures and sounds (pipeline/tokenize/media.h).
 */
#include <string.h>

#include "pipeline/lib/threads.h"
#include "pipeline/tokenize/media.h"
#include "pipeline/tokenize/stage.h"

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
        int (*run_media)(int argc, char **argv, const struct modality *m);
    } verbs[] = {{"encode", tokenize_encode, media_encode}, /* the default */
                 {"train", tokenize_train, media_train},
                 {"decode", tokenize_decode, media_decode},
                 {"inspect", tokenize_inspect, NULL},
                 {"convert", tokenize_convert, NULL}};
    char **given = argv;
    size_t verb = 0;
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[1], verbs[i].name) == 0) {
            verb = i;
            argc--, argv++;
            break;
        }
    const struct modality *m = stage_modality(argc, argv);
    if (m && verbs[verb].run_media == media_train)
        threads_settle(given);
    return m && verbs[verb].run_media ? verbs[verb].run_media(argc, argv, m) : verbs[verb].run(argc, argv);
}
