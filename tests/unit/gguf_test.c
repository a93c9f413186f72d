/* Numbers are converted to nearest, blocks come back within half a step, and the header is the bytes of the
 * page. */
#include "formats/gguf.h"
#include "tests/check.h"

#include <math.h>
#include <string.h>

static float f16_value(uint16_t h)
{
    int exponent = h >> 10 & 31, mantissa = h & 1023;
    float x = exponent ? ldexpf(1024 + (float)mantissa, exponent - 25) : ldexpf((float)mantissa, -24);
    return h & 0x8000 ? -x : x;
}

static uint16_t f16_of(float x)
{
    uint16_t h;
    gguf_convert(GGUF_F16, &x, 1, &h);
    return h;
}

/* Every finite f16 comes back as itself, and the middle of two neighbours goes to the even one. */
static void halves_are_nearest(void)
{
    for (uint32_t h = 0; h < 0x7c00; h++) {
        float x = f16_value((uint16_t)h);
        CHECK(f16_of(x) == h, "%04x became %04x", h, f16_of(x));
        CHECK(f16_of(-x) == (h | 0x8000), "-%04x", h);
        if (h == 0x7bff)
            break;
        float next = f16_value((uint16_t)(h + 1)), middle = (x + next) / 2;
        CHECK(f16_of(middle) == (h & 1 ? h + 1 : h), "between %04x and the next", h);
        CHECK(f16_of(nextafterf(middle, next)) == h + 1, "above the middle of %04x and the next", h);
    }
    CHECK(f16_of(65519) == 0x7bff && f16_of(65520) == 0x7c00 && f16_of(INFINITY) == 0x7c00, "the end");
    CHECK((f16_of(NAN) & 0x7fff) > 0x7c00, "not a number");
}

static void blocks_come_back(void)
{
    float x[64];
    uint8_t q8[68], q4[36];
    for (int i = 0; i < 64; i++)
        x[i] = sinf((float)i * 1.7f) * (i < 32 ? 1 : 0.01f);
    gguf_convert(GGUF_Q8_0, x, 64, q8);
    gguf_convert(GGUF_Q4_0, x, 64, q4);
    for (int i = 0; i < 64; i++) {
        int b = i / 32, at = i % 32;
        uint16_t scale;
        memcpy(&scale, q8 + 34 * b, 2);
        float step = f16_value(scale), y = step * (float)(int8_t)q8[34 * b + 2 + at];
        CHECK(fabsf(y - x[i]) <= 0.6f * step, "q8_0, element %d: %g for %g", i, y, x[i]);
        memcpy(&scale, q4 + 18 * b, 2);
        uint8_t two = q4[18 * b + 2 + at % 16];
        step = f16_value(scale);
        y = step * (float)((at < 16 ? two & 15 : two >> 4) - 8);
        CHECK(fabsf(y - x[i]) <= 1.1f * fabsf(step), "q4_0, element %d: %g for %g", i, y, x[i]);
    }
    float zeros[32] = {0};
    gguf_convert(GGUF_Q4_0, zeros, 32, q4);
    CHECK(q4[0] == 0 && q4[1] == 0 && q4[2] == 0x88, "a block of zeros");
}

static void header_is_as_described(void)
{
    static const unsigned char want[] = "GGUF\3\0\0\0"
                                        "\1\0\0\0\0\0\0\0"
                                        "\1\0\0\0\0\0\0\0"
                                        "\1\0\0\0\0\0\0\0k\4\0\0\0\7\0\0\0"
                                        "\1\0\0\0\0\0\0\0t\2\0\0\0\40\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\10\0\0\0"
                                        "\0\0\0\0\0\0\0\0";
    size_t len;
    struct gguf *g = gguf_new();
    gguf_put_u32(g, "k", 7);
    CHECK(gguf_add_tensor(g, "t", GGUF_Q8_0, 32, 2) == 0, "a tensor");
    CHECK(gguf_add_tensor(g, "u", GGUF_Q8_0, 33, 2) == -1, "half a block");
    CHECK(gguf_add_tensor(g, "a name that is longer than the sixty-three bytes that readers take", GGUF_F32,
                          1, 0) == -1,
          "a long name");
    char *head = gguf_header(g, &len);
    CHECK(head && len == 96 && memcmp(head, want, sizeof want - 1) == 0, "%zu bytes", len);
    for (size_t i = sizeof want - 1; i < len; i++)
        CHECK(head[i] == 0, "padding at %zu", i);
    free(head);
    gguf_free(g);
}

int main(void)
{
    test_begin(60);
    halves_are_nearest();
    blocks_come_back();
    header_is_as_described();
    return 0;
}
