#include "pipeline/fetch/corpora.h"

#define D "datasets/"
#define FINEWEB D "HuggingFaceFW/fineweb-edu"
#define SMOLLM D "HuggingFaceTB/smollm-corpus"
#define FINEMATH D "HuggingFaceTB/finemath"
#define STACK D "HuggingFaceTB/stack-edu"
#define TINY D "roneneldan/TinyStories"
#define CONVERTED "refs/convert/parquet" /* made by the hub itself, of data sets in other formats */
#define OBJECT "{blob_id} {src_encoding}"
#define FOLIO "{premises}\\n{conclusion}\\n{label}"
#define LANGUAGE "language"
#define NO NULL

/* gated, and whether the texts are objects of Software Heritage */
#define OPEN false, false
#define GATED true, false
#define OBJECTS false, true

// clang-format off
/*
 * The rows were held against what is public about them, at the end of 2026; the hub itself was not asked.
 *
 *   dataset cards (columns, licence, rows, bytes): finemath-*, infiwebmath, fineweb-edu-dedup, cosmopedia-v2,
 *       python-edu, stack-edu (columns; bytes of c, cpp, csharp), proofwriter, arxiver (licence, rows)
 *   listings of files (names, bytes): fineweb-edu-10bt, tinystories*, math, folio, openwebmath, arxiv-ml
 *   code that reads them (names, columns): arxiver, arxiv-ml; in lm-evaluation-harness: gsm8k, math, arc-*,
 *       hellaswag, lambada, mmlu, openbookqa, winogrande
 *   a copy with equal splits by other people (columns, bytes): ruletaker
 *   nothing: boolq, piqa (the harness takes copies of others), folio-original (it is gated), bytes and tokens of
 *       fineweb-edu-100bt and -350bt, tokens of stack-edu, licences of openbookqa, piqa, winogrande
 *
 * Tokens are the data set's own account; of gsm8k, math, arxiv-ml, arxiver, folio, proofwriter and ruletaker they
 * are estimates from rows and bytes.
 */
// clang-format on

/* name, place, revision, files, text, domain, licence, gated and heritage, bytes, tokens */
const struct corpus corpora_table[] = {
    {"fineweb-edu-10bt", FINEWEB, NO, "sample/10BT/*.parquet", "text", LANGUAGE, "odc-by", OPEN, 28e9, 10e9},
    {"fineweb-edu-100bt", FINEWEB, NO, "sample/100BT/*.parquet", "text", LANGUAGE, "odc-by", OPEN, 286e9,
     100e9},
    {"fineweb-edu-350bt", FINEWEB, NO, "sample/350BT/*.parquet", "text", LANGUAGE, "odc-by", OPEN, 0, 350e9},
    {"fineweb-edu-dedup", SMOLLM, NO, "fineweb-edu-dedup/*.parquet", "text", LANGUAGE, "odc-by", OPEN, 550e9,
     220e9},
    {"cosmopedia-v2", SMOLLM, NO, "cosmopedia-v2/*.parquet", "text", LANGUAGE, "odc-by", OPEN, 122e9, 28e9},
    {"tinystories", TINY, NO, "data/train-*.parquet", "text", LANGUAGE, "cdla-sharing-1.0", OPEN, 1e9, 470e6},
    {"tinystories-v2", TINY, NO, "TinyStoriesV2-GPT4-train.txt", NO, LANGUAGE, "cdla-sharing-1.0", OPEN,
     2.23e9, 540e6},
    {"tinystories-v2-valid", TINY, NO, "TinyStoriesV2-GPT4-valid.txt", NO, LANGUAGE, "cdla-sharing-1.0", OPEN,
     23e6, 5e6},
    {"finemath-3plus", FINEMATH, NO, "finemath-3plus/*.parquet", "text", "math", "odc-by", OPEN, 65e9, 34e9},
    {"finemath-4plus", FINEMATH, NO, "finemath-4plus/*.parquet", "text", "math", "odc-by", OPEN, 18e9, 9.6e9},
    {"infiwebmath", FINEMATH, NO, "infiwebmath-3plus/*.parquet", "text", "math", "odc-by", OPEN, 46.8e9,
     20.5e9},
    {"infiwebmath-4plus", FINEMATH, NO, "infiwebmath-4plus/*.parquet", "text", "math", "odc-by", OPEN, 22e9,
     8.5e9},
    {"openwebmath", D "open-web-math/open-web-math", NO, "data/*.parquet", "text", "math", "odc-by", OPEN, 0,
     14.7e9},
    {"gsm8k", D "openai/gsm8k", NO, "main/train-*.parquet", "{question}\\n{answer}", "math", "mit", OPEN,
     2.31e6, 1.1e6},
    {"math", D "EleutherAI/hendrycks_math", NO, "*/train-*.parquet", "{problem}\\n{solution}", "math", "mit",
     OPEN, 3e6, 1.7e6},
    {"stack-edu:c", STACK, NO, "C/*.parquet", OBJECT, "code", "by file", OBJECTS, 572e6, 11e9},
    {"stack-edu:cpp", STACK, NO, "Cpp/*.parquet", OBJECT, "code", "by file", OBJECTS, 1.633e9, 16e9},
    {"stack-edu:csharp", STACK, NO, "CSharp/*.parquet", OBJECT, "code", "by file", OBJECTS, 1.232e9, 9e9},
    {"stack-edu:go", STACK, NO, "Go/*.parquet", OBJECT, "code", "by file", OBJECTS, 0, 1.8e9},
    {"stack-edu:java", STACK, NO, "Java/*.parquet", OBJECT, "code", "by file", OBJECTS, 0, 42e9},
    {"stack-edu:javascript", STACK, NO, "JavaScript/*.parquet", OBJECT, "code", "by file", OBJECTS, 0, 11e9},
    {"stack-edu:markdown", STACK, NO, "Markdown/*.parquet", OBJECT, "code", "by file", OBJECTS, 0, 14e9},
    {"stack-edu:php", STACK, NO, "PHP/*.parquet", OBJECT, "code", "by file", OBJECTS, 0, 9e9},
    {"stack-edu:python", STACK, NO, "Python/*.parquet", OBJECT, "code", "by file", OBJECTS, 0, 22e9},
    {"stack-edu:ruby", STACK, NO, "Ruby/*.parquet", OBJECT, "code", "by file", OBJECTS, 0, 1.6e9},
    {"stack-edu:rust", STACK, NO, "Rust/*.parquet", OBJECT, "code", "by file", OBJECTS, 0, 1.7e9},
    {"stack-edu:shell", STACK, NO, "Shell/*.parquet", OBJECT, "code", "by file", OBJECTS, 0, 3e9},
    {"stack-edu:sql", STACK, NO, "SQL/*.parquet", OBJECT, "code", "by file", OBJECTS, 0, 9.6e9},
    {"stack-edu:swift", STACK, NO, "Swift/*.parquet", OBJECT, "code", "by file", OBJECTS, 0, 1.8e9},
    {"stack-edu:typescript", STACK, NO, "TypeScript/*.parquet", OBJECT, "code", "by file", OBJECTS, 0, 3e9},
    {"python-edu", SMOLLM, NO, "python-edu/*.parquet", "{blob_id} UTF-8", "code", "by file", OBJECTS, 644e6,
     4e9},
    {"arxiv-ml", D "CShorten/ML-ArXiv-Papers", CONVERTED, "default/train/*.parquet", "{title}\\n{abstract}",
     "ml", "afl-3.0", OPEN, 0, 30e6},
    {"arxiver", D "neuralwork/arxiver", NO, "data/train-*.parquet", "markdown", "ml", "cc-by-nc-sa-4.0", OPEN,
     0, 800e6},
    {"folio", D "tasksource/folio", NO, "folio_v2_train.jsonl", FOLIO, "logic", "cc", OPEN, 1.01e6, 92e3},
    {"folio-original", D "yale-nlp/FOLIO", NO, "folio_v2_train.jsonl", FOLIO, "logic", "cc-by-sa-4.0", GATED,
     1.01e6, 92e3},
    {"proofwriter", D "tasksource/proofwriter", NO, "data/train-*.parquet",
     "{theory}\\n{question}\\n{answer}", "logic", "unknown", OPEN, 30e6, 90e6},
    {"ruletaker", D "tasksource/ruletaker", NO, "data/train-*.parquet", "{context}\\n{question}\\n{label}",
     "logic", "apache-2.0", OPEN, 71e6, 57e6},
    {"arc-easy", D "allenai/ai2_arc", NO, "ARC-Easy/test-*.parquet", "question", "other", "cc-by-sa-4.0",
     OPEN, 0, 0},
    {"arc-challenge", D "allenai/ai2_arc", NO, "ARC-Challenge/test-*.parquet", "question", "other",
     "cc-by-sa-4.0", OPEN, 0, 0},
    {"boolq", D "google/boolq", NO, "data/validation-*.parquet", "{passage}\\n{question}", "other",
     "cc-by-sa-3.0", OPEN, 0, 0},
    {"hellaswag", D "Rowan/hellaswag", NO, "data/validation-*.parquet", "ctx", "other", "mit", OPEN, 0, 0},
    {"lambada", D "EleutherAI/lambada_openai", NO, "data/lambada_test_en.jsonl", "text", "other", "mit", OPEN,
     0, 0},
    {"mmlu", D "cais/mmlu", NO, "all/test-*.parquet", "question", "other", "mit", OPEN, 0, 0},
    {"openbookqa", D "allenai/openbookqa", NO, "main/test-*.parquet", "question_stem", "other", "unknown",
     OPEN, 0, 0},
    {"piqa", D "ybisk/piqa", CONVERTED, "plain_text/validation/*.parquet", "goal", "other", "unknown", OPEN,
     0, 0},
    {"winogrande", D "allenai/winogrande", NO, "winogrande_xl/validation-*.parquet", "sentence", "other",
     "unknown", OPEN, 0, 0},
};

const size_t n_corpora_table = sizeof corpora_table / sizeof *corpora_table;
