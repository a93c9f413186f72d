/*
 * cuda_parts_test - what the CUDA backend decides without a GPU: which GPUs its code runs on, what is
 * recorded and replayed
 */
#include <string.h>

#include "kernels/cuda/nominal.h"
#include "kernels/cuda/record.h"
#include "kernels/cuda/targets.h"
#include "tests/check.h"

static void targets(void)
{
    static const char all[] = "80 90a 100 120";
    static const struct {
        const char *targets;
        int major, minor;
        bool runs;
    } cases[] = {
        {all, 8, 0, true},  {all, 8, 6, true},    {all, 8, 9, true},   {all, 9, 0, true},
        {all, 10, 0, true}, {all, 10, 3, true},   {all, 12, 0, true},  {all, 12, 1, true},
        {all, 7, 5, false}, {all, 11, 0, false},  {all, 13, 0, false}, {"86", 8, 0, false},
        {"86", 8, 9, true}, {"90a", 9, 1, false}, {"", 8, 0, false},   {"x", 8, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(targets_cover(cases[i].targets, cases[i].major, cases[i].minor) == cases[i].runs,
              "'%s' on %d.%d", cases[i].targets, cases[i].major, cases[i].minor);
}

static void nominal(void)
{
    CHECK(nominal_flops("NVIDIA H200") == 989e12 && nominal_flops("NVIDIA H100 PCIe") == 756e12);
    CHECK(nominal_flops("NVIDIA GeForce RTX 5080") == 112.6e12 && nominal_flops("GTX 1080") == 0);
}

/* Stands in for gpu.c: counts. */
static int begun, ended, launched, freed;
static bool can_record, can_end, can_launch = true;

bool gpu_record_begin(cudaStream_t s)
{
    (void)s;
    begun++;
    return can_record;
}

void *gpu_record_end(cudaStream_t s)
{
    (void)s;
    ended++;
    return can_end ? malloc(1) : NULL;
}

bool gpu_graph_launch(void *graph, cudaStream_t s)
{
    (void)s;
    CHECK(graph);
    launched += can_launch;
    return can_launch;
}

void gpu_graph_free(void *graph)
{
    freed += graph != NULL;
    free(graph);
}

static bool again(struct recordings *r, uint64_t key)
{
    bool replayed = recordings_replay(r, NULL, key);
    if (!replayed)
        CHECK(recordings_end(r, NULL), "the calls were lost");
    return replayed;
}

static void recording(void)
{
    struct recordings r = {0};
    can_record = can_end = true;
    CHECK(!again(&r, 1) && begun == 0 && launched == 0, "the first time the calls are done");
    CHECK(!again(&r, 2) && !again(&r, 1) && begun == 1 && ended == 1 && launched == 1,
          "the second time they are recorded");
    CHECK(again(&r, 1) && again(&r, 1) && launched == 3 && begun == 1, "then they are replayed");
    for (uint64_t k = 10; k < 10 + RECORDINGS - 2; k++)
        again(&r, k);
    CHECK(again(&r, 1), "room for %d keys", RECORDINGS);
    again(&r, 50); /* instead of 2, which was not used for longest */
    CHECK(again(&r, 1) && !again(&r, 2) && begun == 1, "key 2 was forgotten");
    recordings_clear(&r);
    CHECK(freed == 1 && !again(&r, 1) && begun == 1, "after memory moved everything begins anew");
    CHECK(!again(&r, 1) && begun == 2 && again(&r, 1));
    can_record = false;
    again(&r, 60);
    CHECK(!again(&r, 60) && begun == 3 && ended == 2 && !again(&r, 60) && begun == 3,
          "a runtime that cannot is asked once");
    recordings_clear(&r);
}

static void lost_recording(void)
{
    struct recordings r = {0};
    begun = ended = launched = 0;
    can_record = true;
    can_end = false;
    again(&r, 1);
    CHECK(!recordings_replay(&r, NULL, 1) && begun == 1 && !recordings_end(&r, NULL),
          "the calls are to be done again");
    CHECK(recordings_end(&r, NULL) && !again(&r, 1) && begun == 1 && ended == 1 && launched == 0,
          "and are, from then on");
    recordings_clear(&r);
}

static void refused_graph(int good_launches)
{
    struct recordings r = {0};
    begun = ended = launched = freed = 0;
    can_record = can_end = true;
    again(&r, 1);
    for (int i = 0; i < good_launches; i++)
        again(&r, 1);
    can_launch = false;
    bool replayed = recordings_replay(&r, NULL, 1);
    CHECK(!replayed && (good_launches > 0 || !recordings_end(&r, NULL)), "the calls are to be done again");
    CHECK(recordings_end(&r, NULL) && !again(&r, 1) && begun == 1 && launched == good_launches,
          "and are, from then on");
    CHECK(freed == 1, "its memory is kept");
    can_launch = true;
    recordings_clear(&r);
}

int main(void)
{
    test_begin(10);
    targets();
    nominal();
    recording();
    lost_recording();
    refused_graph(0);
    refused_graph(2);
    return 0;
}
