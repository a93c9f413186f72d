# cuDNN compiles our graphs of attention, forward and backward, for each GPU that we build for, into one fused kernel each. No GPU is
# needed: it is told what GPU to compile for, and the driver that it wants is one whose calls do nothing.
set -eu
plans=$TESTDIR/cudnn_plans
[ -x "$plans" ] || { echo 'the CUDA backend is not in this build'; exit 77; }
stub=
for dir in "$(dirname "$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)")/.." /usr/local/cuda; do
    for lib in "$dir"/lib*/stubs/libcuda.so; do [ ! -e "$lib" ] || stub=$lib; done
done
[ -n "$stub" ] || { echo 'no libcuda.so to link with in the CUDA toolkit'; exit 77; }

{
    echo '#include <stdio.h>'
    nm -D --defined-only "$stub" | awk '$3 ~ /^cu/ && $3 !~ /^cu(Init|DriverGetVersion|Library(LoadData|GetKernel))$/ { print "int " $3 "(void) { return 0; }" }'
    echo 'int cuInit(unsigned flags) { return 100; }'           # no device
    echo 'int cuDriverGetVersion(int *version) { *version = 13000; return 0; }'
    echo 'int cuLibraryLoadData(void **library) { *library = library; return 0; }'
    # shellcheck disable=SC2028  # C's \n
    echo 'int cuLibraryGetKernel(void **kernel, void *library, const char *name) { *kernel = library; printf("  %s\n", name); return 0; }'
} >driver.c
mkdir driver
gcc -w -fno-builtin -shared -fPIC -Wl,-soname,libcuda.so.1 -o driver/libcuda.so.1 driver.c

code=0
LD_LIBRARY_PATH=$PWD/driver${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$plans" >log 2>&1 || code=$?
cat log
[ $code -ne 77 ] || exit 77
[ $code -eq 0 ] || { echo 'a graph is not taken'; exit 1; }
[ "$(grep -c 'bytes of workspace' log)" = 16 ] || { echo 'not all were compiled'; exit 1; }
[ "$(grep -c '^  .*flash_fprop.*' log)" = 8 ] && [ "$(grep -c '^  .*flash_bprop.*' log)" = 8 ] || { echo 'not one fused kernel each'; exit 1; }
for target in 90 100; do        # those with kernels of their own, not the ones of sm_80
    [ "$(grep -A1 "^  .*sm${target}_flash" log | grep -c "^sm_$target")" = 4 ] || { echo "sm_$target: other kernels"; exit 1; }
done
