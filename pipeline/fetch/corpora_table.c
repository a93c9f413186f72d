#include "pipeline/fetch/corpora.h"

#define B *1000000000 /* tokens, bytes: billions */
#define M *1000000

#define FINEWEB "datasets/HuggingFaceFW/fineweb-edu"
#define SMOLLM "datasets/HuggingFaceTB/smollm-corpus"
#define FINEMATH "datasets/HuggingFaceTB/finemath"
#define STACK "datasets/HuggingFaceTB/stack-edu"
#define CONVERTED "refs/convert/parquet" /* made by the hub itself, of data sets in other formats */
#define OBJECT "{blob_id} {src_encoding}"
#define NO NULL

/* clang-format off */
const struct corpus corpora_table[] = {
/*   name                    place                                revision   files                                text                         domain      licence            gated  swh    bytes          tokens */
    {"fineweb-edu-10bt",     FINEWEB,                             NO,        "sample/10BT/*.parquet",             "text",                      "language", "odc-by",          false, false, 28ull B,       10ull B},
    {"fineweb-edu-100bt",    FINEWEB,                             NO,        "sample/100BT/*.parquet",            "text",                      "language", "odc-by",          false, false, 286ull B,      100ull B},
    {"fineweb-edu-350bt",    FINEWEB,                             NO,        "sample/350BT/*.parquet",            "text",                      "language", "odc-by",          false, false, 0,             350ull B},
    {"fineweb-edu-dedup",    SMOLLM,                              NO,        "fineweb-edu-dedup/*.parquet",       "text",                      "language", "odc-by",          false, false, 550ull B,      220ull B},
    {"cosmopedia-v2",        SMOLLM,                              NO,        "cosmopedia-v2/*.parquet",           "text",                      "language", "odc-by",          false, false, 122ull B,      28ull B},
    {"tinystories",          "datasets/roneneldan/TinyStories",   NO,        "data/train-*.parquet",              "text",                      "language", "cdla-sharing-1.0", false, false, 1ull B,       470ull M},
    {"tinystories-v2",       "datasets/roneneldan/TinyStories",   NO,        "TinyStoriesV2-GPT4-train.txt",      NO,                          "language", "cdla-sharing-1.0", false, false, 2230ull M,    540ull M},
    {"tinystories-v2-valid", "datasets/roneneldan/TinyStories",   NO,        "TinyStoriesV2-GPT4-valid.txt",      NO,                          "language", "cdla-sharing-1.0", false, false, 23ull M,      5ull M},
    {"finemath-3plus",       FINEMATH,                            NO,        "finemath-3plus/*.parquet",          "text",                      "math",     "odc-by",          false, false, 65ull B,       34ull B},
    {"finemath-4plus",       FINEMATH,                            NO,        "finemath-4plus/*.parquet",          "text",                      "math",     "odc-by",          false, false, 18ull B,       9600ull M},
    {"infiwebmath",          FINEMATH,                            NO,        "infiwebmath-3plus/*.parquet",       "text",                      "math",     "odc-by",          false, false, 50ull B,       20500ull M},
    {"infiwebmath-4plus",    FINEMATH,                            NO,        "infiwebmath-4plus/*.parquet",       "text",                      "math",     "odc-by",          false, false, 22ull B,       8500ull M},
    {"openwebmath",          "datasets/open-web-math/open-web-math", NO,     "data/*.parquet",                    "text",                      "math",     "odc-by",          false, false, 0,             14700ull M},
    {"gsm8k",                "datasets/openai/gsm8k",             NO,        "main/train-*.parquet",              "{question}\\n{answer}",     "math",     "mit",             false, false, 2ull M,        2ull M},
    {"math",                 "datasets/EleutherAI/hendrycks_math", NO,       "*/train-*.parquet",                 "{problem}\\n{solution}",    "math",     "mit",             false, false, 0,             0},
    {"stack-edu:c",          STACK,                               NO,        "C/*.parquet",                       OBJECT,                      "code",     "by file",         false, true,  572ull M,      11ull B},
    {"stack-edu:cpp",        STACK,                               NO,        "Cpp/*.parquet",                     OBJECT,                      "code",     "by file",         false, true,  1633ull M,     16ull B},
    {"stack-edu:csharp",     STACK,                               NO,        "CSharp/*.parquet",                  OBJECT,                      "code",     "by file",         false, true,  1232ull M,     9ull B},
    {"stack-edu:go",         STACK,                               NO,        "Go/*.parquet",                      OBJECT,                      "code",     "by file",         false, true,  0,             1800ull M},
    {"stack-edu:java",       STACK,                               NO,        "Java/*.parquet",                    OBJECT,                      "code",     "by file",         false, true,  0,             42ull B},
    {"stack-edu:javascript", STACK,                               NO,        "JavaScript/*.parquet",              OBJECT,                      "code",     "by file",         false, true,  0,             11ull B},
    {"stack-edu:markdown",   STACK,                               NO,        "Markdown/*.parquet",                OBJECT,                      "code",     "by file",         false, true,  0,             14ull B},
    {"stack-edu:php",        STACK,                               NO,        "PHP/*.parquet",                     OBJECT,                      "code",     "by file",         false, true,  0,             9ull B},
    {"stack-edu:python",     STACK,                               NO,        "Python/*.parquet",                  OBJECT,                      "code",     "by file",         false, true,  0,             22ull B},
    {"stack-edu:ruby",       STACK,                               NO,        "Ruby/*.parquet",                    OBJECT,                      "code",     "by file",         false, true,  0,             1600ull M},
    {"stack-edu:rust",       STACK,                               NO,        "Rust/*.parquet",                    OBJECT,                      "code",     "by file",         false, true,  0,             1700ull M},
    {"stack-edu:shell",      STACK,                               NO,        "Shell/*.parquet",                   OBJECT,                      "code",     "by file",         false, true,  0,             3ull B},
    {"stack-edu:sql",        STACK,                               NO,        "SQL/*.parquet",                     OBJECT,                      "code",     "by file",         false, true,  0,             9600ull M},
    {"stack-edu:swift",      STACK,                               NO,        "Swift/*.parquet",                   OBJECT,                      "code",     "by file",         false, true,  0,             1800ull M},
    {"stack-edu:typescript", STACK,                               NO,        "TypeScript/*.parquet",              OBJECT,                      "code",     "by file",         false, true,  0,             3ull B},
    {"python-edu",           SMOLLM,                              NO,        "python-edu/*.parquet",              "{blob_id} UTF-8",           "code",     "by file",         false, true,  644ull M,      4ull B},
    {"arxiv-ml",             "datasets/CShorten/ML-ArXiv-Papers", CONVERTED, "default/train/*.parquet",           "{title}\\n{abstract}",      "ml",       "afl-3.0",         false, false, 0,             0},
    {"arxiver",              "datasets/neuralwork/arxiver",       NO,        "data/train-*.parquet",              "markdown",                  "ml",       "cc-by-nc-sa-4.0", false, false, 0,             0},
    {"folio",                "datasets/yale-nlp/FOLIO",           NO,        "folio_v2_train.jsonl",              "{premises}\\n{conclusion}\\n{label}", "logic", "cc-by-sa-4.0", true, false, 0,           0},
    {"proofwriter",          "datasets/tasksource/proofwriter",   NO,        "data/train-*.parquet",              "{theory}\\n{question}\\n{answer}", "logic", "apache-2.0",  false, false, 0,             0},
    {"ruletaker",            "datasets/tasksource/ruletaker",     NO,        "data/train-*.parquet",              "{context}\\n{question}\\n{label}", "logic", "apache-2.0",  false, false, 0,             0},
    {"arc-easy",             "datasets/allenai/ai2_arc",          NO,        "ARC-Easy/test-*.parquet",           "question",                  "other",    "cc-by-sa-4.0",    false, false, 0,             0},
    {"arc-challenge",        "datasets/allenai/ai2_arc",          NO,        "ARC-Challenge/test-*.parquet",      "question",                  "other",    "cc-by-sa-4.0",    false, false, 0,             0},
    {"boolq",                "datasets/google/boolq",             NO,        "data/validation-*.parquet",         "{passage}\\n{question}",    "other",    "cc-by-sa-3.0",    false, false, 0,             0},
    {"hellaswag",            "datasets/Rowan/hellaswag",          NO,        "data/validation-*.parquet",         "ctx",                       "other",    "mit",             false, false, 0,             0},
    {"lambada",              "datasets/EleutherAI/lambada_openai", NO,       "data/lambada_test_en.jsonl",        "text",                      "other",    "mit",             false, false, 0,             0},
    {"mmlu",                 "datasets/cais/mmlu",                NO,        "all/test-*.parquet",                "question",                  "other",    "mit",             false, false, 0,             0},
    {"openbookqa",           "datasets/allenai/openbookqa",       NO,        "main/test-*.parquet",               "question_stem",             "other",    "unknown",         false, false, 0,             0},
    {"piqa",                 "datasets/ybisk/piqa",               CONVERTED, "plain_text/validation/*.parquet",   "goal",                      "other",    "unknown",         false, false, 0,             0},
    {"winogrande",           "datasets/allenai/winogrande",       NO,        "winogrande_xl/validation-*.parquet", "sentence",                 "other",    "unknown",         false, false, 0,             0},
};
/* clang-format on */

const size_t n_corpora_table = sizeof corpora_table / sizeof *corpora_table;
