# A broken kernel fails cuda_shim_test: each case breaks a copy of one kernel by a sed script and runs the tests of its op.
set -eu
unset MAKEFLAGS MAKELEVEL MFLAGS

# sabotage KERNEL OP SED-SCRIPT
sabotage() {
    sed "$3" "$ROOT/kernels/cuda/$1.cu" >"$1.cu"
    if cmp -s "$1.cu" "$ROOT/kernels/cuda/$1.cu"; then
        echo "$1: '$3' changes nothing"
        exit 1
    fi
    rm -f "$1" "$1.o"
    make -s -C "$ROOT" FROM="$PWD/$1" KERNEL="$1" "$PWD/$1" >log 2>&1 || { cat log; exit 1; }
    if "./$1" "$2" >log 2>&1; then
        echo "$1: '$3' passes the tests"
        exit 1
    fi
    grep -Eq '^shim: |CHECK' log || { cat log; exit 1; }
    echo "$1: '$3': $(head -n 1 log)"
}

# a dropped barrier, in what the kernels share
sed '/^DEVICE float block_max/,/^}/s/__syncthreads();//' "$ROOT/kernels/cuda/common.cuh" >common.cuh
if cmp -s common.cuh "$ROOT/kernels/cuda/common.cuh"; then echo 'common.cuh: nothing to drop'; exit 1; fi
sabotage cross_entropy cross_entropy "s|\"kernels/cuda/common.cuh\"|\"$PWD/common.cuh\"|"
sabotage swiglu swiglu '/forward_kernel/,/^}/s/2 \* F + c/F + c/'                                # a wrong stride
sabotage rmsnorm rmsnorm '/dg_kernel/,/^}/s/__syncthreads();//'
sabotage rmsnorm rmsnorm 's/blockIdx.y \* rows, end/blockIdx.y * rows + 1, end/'                # a row left out
sabotage gemv gemv 's/await_previous();//'                                                       # reads what is still being computed
sabotage gemv gemv '/^    if (o >= O)/,+1d; s/^    await_previous/    if (o >= O)\n        return;\n&/'      # ends before those before it have
sabotage gemv gemv 's/STRIP = WARP \* VEC/STRIP = WARP * VEC * 2/'                                # a wrong stride
sabotage qk_norm_rope qk_norm_rope '/void sum_groups/,/^}/s/__syncthreads();//'                  # another warp's sums are read too early
sabotage embedding embedding '/count_digits/,/^}/s/__syncwarp();//'
sabotage attention attention '/next < to/,/^    }/s/__syncthreads();//'                          # one tile overwrites another in use
sabotage attention attention 's/cp_async_wait<0>();//'                                           # reads what has not arrived
sabotage attention_backward attention 's/at.out + w.q0 \* at.out_row/at.out + w.q0 * at.qk_row/'
sabotage vector vectors '/normalise_kernel/,/^}/s/__syncthreads();//'
sabotage attention_backward attention '/their place is free/d'                                   # keys are loaded over queries still to be read
sabotage fp8 fp8 '/quantise_kernel/,/^}/s/__syncthreads();//'                                    # the transpose is read before it is whole
sabotage fp8 fp8 's/> 0x600000/> 0x700000/'                                                      # a scale too large: values saturate
