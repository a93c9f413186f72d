#include "tools/planner/plan.h"

#define LLM_FOUNDRY "github.com/mosaicml/llm-foundry, scripts/train/benchmarking"

/* A feed-forward of two matrices, 4 x width, is written as one of three, 8/3 x width: as many products. */
#define MODEL(layers, width, heads, kv, dim, ffn, vocab, is_tied)                                            \
    {                                                                                                        \
        .family = MODEL_LLAMA, .L = (layers), .C = (width), .H = (heads), .Hkv = (kv), .D = (dim),           \
        .F = (ffn), .T = 65536, .V = (vocab), .tied = (is_tied), .eps = 1e-5f, .rope_theta = 1e4             \
    }
/* Numbers travel in bf16, between nodes at net bit/s each way. */
#define RUN(model_, row, n, net_, batch, micro)                                                              \
    {                                                                                                        \
        .model = model_, .row_tokens = (row), .gpus = (n), .gpus_per_node = 8, .net = (net_) / 8,            \
        .batch_tokens = (batch), .micro_rows = (micro), .wire_bytes = 2, .any_memory = true                  \
    }
#define MPT_760M MODEL(24, 1536, 16, 16, 96, 4096, 50368, true)
#define MPT_1B MODEL(24, 2048, 16, 16, 128, 5461, 50368, true)
#define MPT_3B MODEL(32, 2560, 20, 20, 128, 6827, 50368, true)
#define TINYLLAMA MODEL(22, 2048, 32, 4, 64, 5632, 32000, false)
#define PYTHIA_1B MODEL(16, 2048, 8, 8, 256, 5461, 50304, false)
#define GPT2_124M MODEL(12, 768, 12, 12, 64, 2048, 50304, true)
#define GPT2_1558M MODEL(48, 1600, 25, 25, 64, 4267, 50304, true)

static const struct figure figures[] = {
    {"MPT 760m, 32 GPUs", "h100", RUN(MPT_760M, 2048, 32, 3.2e12, 1572864, 24), 2175091, LLM_FOUNDRY},
    {"MPT 1b, 64 GPUs", "h100", RUN(MPT_1B, 2048, 64, 3.2e12, 2621440, 20), 2841754, LLM_FOUNDRY},
    {"MPT 3b, 64 GPUs", "h100", RUN(MPT_3B, 2048, 64, 3.2e12, 2359296, 6), 1441663, LLM_FOUNDRY},
    {"MPT 3b, 128 GPUs", "a100-40", RUN(MPT_3B, 2048, 128, 1.6e12, 1572864, 6), 1220885, LLM_FOUNDRY},
    {"TinyLlama 1.1B, 16 GPUs", "a100-40", RUN(TINYLLAMA, 2048, 16, 1.6e12, 2097152, 8), 16 * 24000.0,
     "github.com/jzhang38/TinyLlama: 24k tokens/s a GPU"},
    {"llm.c GPT-2 1558M, 8 GPUs", "h100", RUN(GPT2_1558M, 1024, 8, 3.2e12, 1048576, 16),
     32000 * 1048576.0 / 86400, "github.com/karpathy/llm.c/discussions/677: 32,000 steps in 24 hours"},
    {"llm.c GPT-2 124M, 8 GPUs", "a100-80", RUN(GPT2_124M, 1024, 8, 1.6e12, 524288, 64), 10e9 / 5400,
     "github.com/karpathy/llm.c/discussions/481: 10B tokens in 90 minutes"},
    {"Pythia 1B, 64 GPUs", "a100-40", RUN(PYTHIA_1B, 2048, 64, 1.6e12, 2097152, 16),
     300e9 / (4830 * 3600.0 / 64), "arXiv:2304.01373: 300B tokens in 4,830 GPU hours"},
};

const struct figure *figure_at(size_t i)
{
    return i < sizeof figures / sizeof *figures ? &figures[i] : NULL;
}
