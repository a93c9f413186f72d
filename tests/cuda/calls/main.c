#include "tests/check.h"
#include "tests/cuda/calls/calls.h"

int main(void)
{
    test_begin(10);
    test_products();
    test_recordings();
    return 0;
}
