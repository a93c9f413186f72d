# Tritter's build. `make help` lists the targets.
#
# Every directory of sources is one archive; every pipeline/*.c is a program in
# bin/, every tools/*.c a program in tools/, every tests/unit/*_test.c a test program
# (tests/unit/NAME_test.c with tests/NAME/*.c, if any). New files are found by
# themselves. Objects live in build/<variant>/, so that variants never mix.
#
# Builds on all processors unless -j says otherwise; V=1 shows the commands.

ifeq ($(MAKELEVEL),0)
RUNS      := setup test cluster-test asan tsan fuzz bench bench-peers interop torture help      # print as they go
MAKEFLAGS += -j$(shell nproc) $(if $(filter $(RUNS),$(MAKECMDGOALS)),,--output-sync=target)
endif
BUILD      = $(MAKE) --no-print-directory --output-sync=target
SILENT    := $(findstring s,$(filter-out --%,$(firstword $(MAKEFLAGS))))
comma      := ,
say        = $(if $(V)$(SILENT),,@printf '  %-4s %s\n' '$1' '$2';)

VARIANT ?= release
B       := build/$(VARIANT)
BIN     := $(if $(filter release,$(VARIANT)),bin,$(B)/bin)
TOOLS   := $(if $(filter release,$(VARIANT)),tools,$(B)/tools)
PREFIX  ?= /usr/local
CC      := gcc
CXX     := g++

WARN     := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
release_CFLAGS  := -O2 -g $(HARDEN) -D_FORTIFY_SOURCE=3
release_LDFLAGS := -pie -Wl,-z,relro,-z,now
asan_CFLAGS     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
asan_LDFLAGS    := -fsanitize=address,undefined
tsan_CFLAGS     := -O1 -g -fsanitize=thread
tsan_LDFLAGS    := -fsanitize=thread
fuzz_CFLAGS     := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
                   -Wno-unknown-pragmas -Wno-source-uses-openmp
fuzz_LDFLAGS    := -fsanitize=fuzzer,address,undefined
ifeq ($(CI)-$(VARIANT),true-release)    # code with sanitizers in it is warned of wrongly
WARN += -Werror
endif

CPPFLAGS := -I. -isystem /usr/include/libxml2 -D_GNU_SOURCE
CFLAGS   := -std=gnu11 $(WARN) $($(VARIANT)_CFLAGS) -fopenmp
LDFLAGS  := $($(VARIANT)_LDFLAGS) -fopenmp
LDLIBS   := -Wl,--as-needed -ljansson -lzstd -llz4 -lxxhash -lpcre2-8 -lutf8proc -lz -lbz2 -llzma -ldnnl -lpng -ljpeg -lsndfile -lncursesw -lsnappy -lbrotlidec \
            -lcurl -lcrypto -lyaml -lmicrohttpd -ledit -larchive -lxml2 -lcmark-gfm-extensions -lcmark-gfm -lfasttext -lstdc++ -lpthread -lm

# Archives, those that use others first: pipeline -> kernels, formats, shm.
LIBDIRS  := tools/campaign tools/exporters tools/planner tools/reporter tools/uploader pipeline/monitor pipeline/train/hybrid pipeline/train/hybrid/rssm pipeline/train pipeline/alerts pipeline/eval pipeline/sample pipeline/sample/jinja pipeline/model \
            pipeline/tokenize pipeline/filter pipeline/media pipeline/shard pipeline/mix pipeline/fetch pipeline/demo \
            pipeline/text/convert pipeline/text/learn pipeline/text/encode pipeline/text/vocabulary pipeline/text/pretokenize \
            pipeline/stream pipeline/cluster pipeline/lib kernels kernels/reference kernels/cpu kernels/cuda shm formats/parquet formats
ARCHIVES := $(foreach d,$(LIBDIRS),$(if $(wildcard $d/*.c),$(B)/lib/$(subst /,-,$d).a))
PROGRAMS := $(patsubst pipeline/%.c,$(BIN)/%,$(wildcard pipeline/*.c))
TOOLBINS := $(patsubst tools/%.c,$(TOOLS)/%,$(wildcard tools/*.c))
TESTS    := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/*_test.c))
DEPS     := $(wildcard $(B)/*/*.d $(B)/*/*/*.d $(B)/*/*/*/*.d $(B)/*/*/*/*/*.d $(B)/*/*/*/*/*/*.d)

ifeq ($(VARIANT),fuzz)      # clang, which has no OpenMP library of its own
CC       := clang
CXX      := clang++
CFLAGS   := $(filter-out -fopenmp,$(CFLAGS))
LDFLAGS  := $(filter-out -fopenmp,$(LDFLAGS))
# clang does not know `#pragma GCC target`
$(B)/obj/pipeline/text/pretokenize/pretokenizer_v3.o: CFLAGS += -mavx2 -mbmi -mbmi2 -mlzcnt -mpopcnt
$(B)/obj/pipeline/text/pretokenize/pretokenizer_v4.o: CFLAGS += -mavx2 -mbmi -mbmi2 -mlzcnt -mpopcnt -mavx512f -mavx512bw -mavx512vl
endif

.DEFAULT_GOAL := all
.PHONY: cluster-test layers format format-check shellcheck check asan-unit mutate FORCE cuda all tests test asan tsan bench bench-peers interop torture install help clean setup
.DELETE_ON_ERROR:
.SECONDARY: $(patsubst %.c,$(B)/obj/%.o,$(wildcard pipeline/*.c tools/*.c tests/unit/*.c tests/fuzz/*.c))

# Messages between processes: a plugin that `train` opens when mpirun or srun started it, where mpicc is.
MPICC  ?= $(shell command -v mpicc)
MPI     = $(if $(filter release,$(VARIANT)),$(if $(MPICC),lib/tritter-mpi.so))
lib/tritter-mpi.so: pipeline/cluster/mpi/plugin.c pipeline/cluster/transport.h Makefile
	@mkdir -p $(@D)
	$(call say,MPI,$@)OMPI_CC="$(CC)" $(MPICC) -I. -std=gnu11 $(WARN) -O2 -g -fPIC -shared -o $@ $<

# Messages between GPUs: a second plugin, where NCCL is beside CUDA.
NCCL    = $(if $(MPI),$(if $(CUDA),$(if $(wildcard $(CUDA_HOME)/include/nccl.h),lib/tritter-nccl.so)))
NCCL_PARTS := pipeline/cluster/nccl/plugin.c pipeline/cluster/transport.h kernels/place.h
lib/tritter-nccl.so: $(NCCL_PARTS) Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -I. -isystem $(CUDA_HOME)/include -std=gnu11 $(WARN) -O2 -g -fPIC -shared -o $@ $< -L$(CUDA_HOME)/lib64 -lnccl -lcudart

all: $(PROGRAMS) $(TOOLBINS) $(MPI) $(NCCL)
	@$(if $(filter release,$(VARIANT)),$(if $(CUDA),:,echo 'built for the CPU only: $(CUDA_WHY)'),:)
tests: all $(TESTS)

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/obj/pipeline/%.cpp.o: pipeline/%.cpp Makefile
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) $(CPPFLAGS) -std=c++17 $(filter-out -std=% %-prototypes,$(CFLAGS)) -MMD -MP -c -o $@ $<

# A file that a program carries whole: symbols _binary_PATH_start and _binary_PATH_end. Assembled, not made by
# `ld -b binary`, whose objects lack the mark for IBT and SHSTK (cet.h), so that no program would have it.
embedded = _binary_$(subst -,_,$(subst .,_,$(subst /,_,$<)))
define embed
	@mkdir -p $(@D)
	$(call say,AS,$<)printf '#include <cet.h>\n.section .rodata\n.global $(embedded)_start, $(embedded)_end\n$(embedded)_start: .incbin "$<"\n$(embedded)_end:\n.section .note.GNU-stack,"",@progbits\n' | \
		$(CC) $(filter -fcf-protection,$(CFLAGS)) -x assembler-with-cpp -c -o $@ -
endef
$(B)/obj/%.html.o: %.html Makefile
	$(embed)
$(B)/obj/%.txt.o: %.txt Makefile
	$(embed)
$(B)/obj/%.json.o: %.json Makefile
	$(embed)
EMBEDDED = $(wildcard $1/*.html $1/*.json $1/data/*.txt)

define archive
$(B)/lib/$(subst /,-,$1).a: $(patsubst %.c,$(B)/obj/%.o,$(wildcard $1/*.c)) $(patsubst %,$(B)/obj/%.o,$(wildcard $1/*.cpp)) $(patsubst %,$(B)/obj/%.o,$(call EMBEDDED,$1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR,$$@)ar rcs $$@ $$^
endef
$(foreach d,$(filter-out kernels/cpu kernels/cuda,$(LIBDIRS)),$(eval $(call archive,$d)))

# The CPU kernels are compiled once for each level of the instruction set and
# chosen at run time (kernels/cpu.c). Each level is linked into one object that
# shows a single name, ops_cpu_<level>, so the copies cannot collide.
ISAS := v2 v3 v4
isa_v2 := -march=x86-64-v2
isa_v3 := -march=x86-64-v3
isa_v4 := -march=x86-64-v4 -mprefer-vector-width=512
# A sampler draws the same on every machine: it has the lowest level alone.
$(B)/obj/pipeline/model/sampler.o: override CFLAGS += $(isa_v2)
KERNEL_CFLAGS := -O3 -fno-math-errno -fno-trapping-math
define isa
$(B)/obj/kernels/cpu/$1/%.o: kernels/cpu/%.c Makefile
	@mkdir -p $$(@D)
	$$(call say,CC,$$< ($1))$(CC) $(CPPFLAGS) $(CFLAGS) $(if $(filter release,$(VARIANT)),$(KERNEL_CFLAGS)) $(isa_$1) -DOPS_TABLE=ops_cpu_$1 -MMD -MP -c -o $$@ $$<
$(B)/obj/kernels/cpu/ops_$1.o: $(patsubst kernels/cpu/%.c,$(B)/obj/kernels/cpu/$1/%.o,$(wildcard kernels/cpu/*.c))
	$$(call say,LD,$$@)ld -r -o $$@ $$^
	@objcopy --keep-global-symbol=ops_cpu_$1 $$@
endef
$(foreach i,$(ISAS),$(eval $(call isa,$i)))
$(B)/lib/kernels-cpu.a: $(foreach i,$(ISAS),$(B)/obj/kernels/cpu/ops_$i.o)
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR,$@)ar rcs $@ $^

# The CUDA backend is in the release build where an nvcc is that knows all of
# CUDA_ARCH; elsewhere none.c stands for it. The CUDA runtime is linked statically and everything else opened when
# a program starts, so that the programs run on machines without a GPU.
CUDA_ARCH ?= 80 90a 100 120
NVCC      ?= $(firstword $(shell command -v nvcc) $(wildcard /usr/local/cuda/bin/nvcc))
CUDA_KNOWN := $(if $(filter release,$(VARIANT)),$(if $(NVCC),$(shell $(NVCC) --list-gpu-code 2>/dev/null)))
CUDA_LACKS := $(filter-out $(CUDA_KNOWN),$(patsubst %a,%,$(addprefix sm_,$(CUDA_ARCH))))
CUDA       := $(if $(CUDA_KNOWN),$(if $(CUDA_LACKS),,yes))
CUDA_WHY   := $(if $(NVCC),$(NVCC) does not know $(CUDA_LACKS),there is no nvcc)
CUDA_HOME  := $(patsubst %/bin/,%,$(dir $(NVCC)))
CUDA_HOST  := $(filter-out kernels/cuda/none.c,$(wildcard kernels/cuda/*.c))
CUDA_OBJS  := $(patsubst %,$(B)/obj/%.o,$(wildcard kernels/cuda/*.cu)) \
              $(if $(CUDA_HOST),$(patsubst %.c,$(B)/obj/%.o,$(CUDA_HOST)),$(B)/obj/kernels/cuda/none.o)
ifeq ($(CUDA),yes)
LDLIBS += $(firstword $(wildcard $(CUDA_HOME)/lib64/libcudart_static.a $(CUDA_HOME)/lib/libcudart_static.a \
                                 $(CUDA_HOME)/lib/x86_64-linux-gnu/libcudart_static.a)) -ldl -lrt
$(patsubst %.c,$(B)/obj/%.o,$(CUDA_HOST)): CPPFLAGS += -isystem $(CUDA_HOME)/include -DCUDA_TARGETS='"$(CUDA_ARCH)"'
$(B)/obj/kernels/cuda/gpu.o: $(B)/cuda.config
$(B)/lib/kernels-cuda.a: $(CUDA_OBJS)
else
$(B)/lib/kernels-cuda.a: $(B)/obj/kernels/cuda/none.o
endif
$(B)/lib/kernels-cuda.a: $(B)/cuda.config
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR,$@)ar rcs $@ $(filter %.o,$^)
$(B)/obj/%.cu.o: %.cu Makefile $(B)/cuda.config
	@mkdir -p $(@D)
	$(call say,NVCC,$<)$(NVCC) -std=c++17 -O3 -I. $(foreach a,$(CUDA_ARCH),-gencode arch=compute_$a,code=sm_$a) \
		-Xcompiler -Wall,-fPIE,-fstack-protector-strong,-fcf-protection,-fno-exceptions,-fno-threadsafe-statics -MMD -MP -c -o $@ $<
# Which compiler, for which targets: what depends on it is built again when that changes.
$(B)/cuda.config: FORCE
	@mkdir -p $(@D)
	@echo '$(if $(CUDA),$(NVCC) $(CUDA_ARCH))' | cmp -s - $@ || echo '$(if $(CUDA),$(NVCC) $(CUDA_ARCH))' >$@
FORCE:
cuda:
ifeq ($(CUDA),yes)
	@+$(BUILD) all
else
	@echo 'make cuda: $(CUDA_WHY). Needed: CUDA 12.8 or newer, with nvcc on PATH or NVCC=FILE' >&2; exit 1
endif

.PHONY: cuda-report
cuda-report: cuda
	@tools/cuda-report

# The CUDA kernels, compiled for the host (tests/cuda/shim), for the tests. -fsanitize=thread puts a call before each
# access to memory; the shim has the functions called, the sanitizer itself is not linked.
CUDA_TESTS := $(wildcard tests/cuda/gpu/*.c)
SHIM_CXX   := $(CXX) -std=c++17 $(WARN:-W%prototypes=) -Wno-unknown-pragmas -g -fPIE -fno-exceptions -fno-rtti -I.
SHIM_CU    := $(SHIM_CXX) -O1 -fsanitize=thread -Itests/cuda/shim -include tests/cuda/shim/platform.cuh -x c++
SHIM_KERNELS := $(patsubst %,$(B)/obj/shim/%.o,$(wildcard kernels/cuda/*.cu tests/cuda/shim/*.cpp) tests/cuda/shim/graph.c)
SHIM_OBJS  := $(SHIM_KERNELS) $(patsubst %,$(B)/obj/shim/%.o,$(CUDA_TESTS))
SHIM_LINK   = $(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(B)/lib/kernels.a $(B)/lib/kernels-cpu.a $(LDLIBS)
tests: $(B)/tests/cuda_shim_test
$(B)/obj/shim/%.cu.o: %.cu Makefile
	@mkdir -p $(@D)
	$(call say,CXX,$< (shim))$(SHIM_CU) -MMD -MP -c -o $@ $<
$(B)/obj/shim/%.cpp.o: %.cpp Makefile
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(SHIM_CXX) -O2 -MMD -MP -c -o $@ $<
$(B)/obj/shim/%.c.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$< (shim))$(CC) $(CPPFLAGS) $(CFLAGS) -Itests/cuda/shim -MMD -MP -c -o $@ $<
$(B)/tests/cuda_shim_test: $(SHIM_OBJS) $(B)/lib/kernels.a $(B)/lib/kernels-cpu.a
	@mkdir -p $(@D)
	$(SHIM_LINK)
# tests/cli/cuda_sabotage.sh: the same with FROM.cu, a broken copy, in place of kernels/cuda/KERNEL.cu
$(FROM).o: $(FROM).cu
	$(call say,CXX,$< (shim))$(SHIM_CU) -c -o $@ $<
$(FROM): $(FROM).o $(filter-out %/$(KERNEL).cu.o,$(SHIM_OBJS))
	$(SHIM_LINK)
ifeq ($(CUDA),yes)
tests: $(B)/tests/cuda_gpu_test
$(patsubst %.c,$(B)/obj/%.o,$(CUDA_TESTS)): CPPFLAGS += -isystem $(CUDA_HOME)/include
$(B)/tests/cuda_gpu_test: $(patsubst %.c,$(B)/obj/%.o,$(CUDA_TESTS)) $(filter %.cu.o,$(CUDA_OBJS)) \
                          $(addprefix $(B)/obj/kernels/cuda/,gpu.o targets.o) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(B)/lib/kernels.a $(B)/lib/kernels-cpu.a $(LDLIBS)
# The code that calls the CUDA runtime and cuBLASLt, linked with functions that the test provides.
CUDA_CALLS := cudaStreamBeginCapture cudaStreamEndCapture cudaGraphInstantiate cudaGraphLaunch cudaGraphDestroy cudaMemcpyAsync cudaGetLastError \
              cudaMalloc cudaFree dlopen dlsym
CUDA_CALLS_TEST := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/cuda/calls/*.c))
tests: $(B)/tests/cuda_calls_test
$(CUDA_CALLS_TEST): CPPFLAGS += -isystem $(CUDA_HOME)/include
$(B)/tests/cuda_calls_test: $(CUDA_CALLS_TEST) $(addprefix $(B)/obj/kernels/cuda/,gpu.o targets.o cublaslt.o library.o)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) $(addprefix -Wl$(comma)--wrap=,$(CUDA_CALLS)) -o $@ $^ $(LDLIBS)
# cuDNN's plans, for tests/cli/cudnn_plans.sh
tests: $(B)/tests/cudnn_plans
$(B)/obj/tests/cuda/cudnn/plans.o: CPPFLAGS += -isystem $(CUDA_HOME)/include
$(B)/tests/cudnn_plans: $(B)/obj/tests/cuda/cudnn/plans.o $(addprefix $(B)/obj/kernels/cuda/,cudnn.o library.o cudnn_graph.o cudnn_attention.o)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
endif

# The whole backend over the shim: its host code, with twins of what calls the CUDA runtime and cuBLASLt.
CUDA_PARTS := $(patsubst %.c,$(B)/obj/%.o,$(filter-out $(addprefix kernels/cuda/,gpu.c cublaslt.c cudnn.c library.c sensors.c none.c),$(wildcard kernels/cuda/*.c)))
$(B)/tests/cuda_parts_test: $(B)/obj/tests/unit/cuda_parts_test.o $(addprefix $(B)/obj/kernels/cuda/,record.o targets.o nominal.o)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^
CUDA_STEP := $(B)/obj/tests/unit/cuda_step_test.o $(CUDA_PARTS) $(SHIM_KERNELS) \
             $(patsubst %,$(B)/obj/shim/tests/cuda/shim/%.c.o,gpu product cudnn)
$(B)/tests/cuda_step_shim_test: $(CUDA_STEP) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(CUDA_STEP) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LDLIBS)
tests: $(B)/tests/cuda_step_shim_test

# Programs over a device that fails when it is told to, for the scripts in tests/cli.
FAULTY := $(addprefix $(B)/tests/faulty/,train kernel-bench)
$(B)/tests/faulty/train: $(B)/obj/pipeline/train.o
$(B)/tests/faulty/kernel-bench: $(B)/obj/tools/kernel-bench.o
$(FAULTY): $(B)/obj/tests/faulty/device.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LDLIBS)
tests: $(FAULTY)
# The plugins as these programs find them: that of NCCL over a shim, which sends by MPI (tests/cuda/nccl).
FAULTY_LIBS := $(if $(MPI),$(addprefix $(B)/tests/lib/,tritter-mpi.so tritter-nccl.so))
$(B)/tests/lib/tritter-mpi.so: $(MPI)
	@mkdir -p $(@D)
	@cp $< $@
$(B)/tests/lib/tritter-nccl.so: $(NCCL_PARTS) $(wildcard tests/cuda/nccl/*) Makefile
	@mkdir -p $(@D)
	$(call say,MPI,$@)OMPI_CC="$(CC)" $(MPICC) -I. -Itests/cuda/nccl -std=gnu11 $(WARN) -O2 -g -fPIC -shared -o $@ $< tests/cuda/nccl/shim.c
tests: $(FAULTY_LIBS)

$(BIN)/%: $(B)/obj/pipeline/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LDLIBS)
$(TOOLBINS): $(TOOLS)/%: $(B)/obj/tools/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LDLIBS)
# The files in tests/NAME/ belong to NAME_test.
define parts
$(B)/tests/$1_test: $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/$1/*.c))
endef
$(foreach t,$(patsubst tests/unit/%_test.c,%,$(wildcard tests/unit/*_test.c)),$(eval $(call parts,$t)))
$(B)/tests/%: $(B)/obj/tests/unit/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LDLIBS)

# Libraries that make calls of a program fail (LD_PRELOAD), for the scripts in tests/cli and for `make torture`.
FAULT_LIBS := $(patsubst %,$(B)/tests/%.so,fault nomem escape)
ifeq ($(VARIANT),release)
tests: $(FAULT_LIBS) $(B)/tests/fault_campaign
endif
$(B)/tests/fault_campaign: tests/fault/campaign.c tests/fault/calls.h Makefile
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<
$(FAULT_LIBS): $(B)/tests/%.so: tests/fault/%.c tests/fault/calls.h Makefile
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CPPFLAGS) -std=gnu11 $(WARN) -O2 -g -fPIC -shared -o $@ $< -ldl

.PHONY: fuzz fuzzers
# Parsers of what comes from outside, under libFuzzer: tests/fuzz/NAME.c each.
FUZZ_SECONDS  ?= 30
FUZZERS       := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_ARCHIVES := $(foreach d,pipeline/monitor pipeline/filter pipeline/alerts pipeline/sample pipeline/sample/jinja pipeline/fetch pipeline/demo pipeline/media $(filter pipeline/text/%,$(LIBDIRS)) pipeline/stream pipeline/lib shm formats/parquet formats,$(B)/lib/$(subst /,-,$d).a)
# Linked as C++, for the part of the sanitizer that parts in C++ ask for.
$(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(FUZZ_ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CXX) $(LDFLAGS) -o $@ $< -Wl,--start-group $(FUZZ_ARCHIVES) -Wl,--end-group $(LDLIBS)
fuzzers: $(FUZZERS)

setup:
	@tools/setup build

test: setup
	@+$(BUILD) tests
	@BIN=$(abspath $(BIN)) TOOLS=$(abspath $(TOOLS)) TESTDIR=$(abspath $(B)/tests) tests/run

asan:
	@TEST_TIMEOUT=1500 $(MAKE) --no-print-directory VARIANT=asan test
# The unit tests alone: minutes, not the hour that all tests take under AddressSanitizer.
asan-unit: setup
	@+$(BUILD) VARIANT=asan $(patsubst tests/unit/%.c,build/asan/tests/%,$(wildcard tests/unit/*_test.c))
	@TEST_TIMEOUT=900 TESTDIR=$(abspath build/asan/tests) tests/run $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
tsan: setup
	@+$(BUILD) VARIANT=tsan build/tsan/tests/ring_test build/tsan/tests/pieces_test
	@TESTDIR=$(abspath build/tsan/tests) tests/run ring_test pieces_test
# Changes the code in small ways and looks whether the tests notice: MUTANTS of each room, drawn with SEED (an hour).
MUTANTS ?= 20
SEED    ?= 1
mutate: setup
	@tests/mutate -n $(MUTANTS) -s $(SEED)
fuzz: setup
	@tools/setup fuzz
	@+$(BUILD) VARIANT=fuzz fuzzers
	@tests/fuzz/run $(FUZZ_SECONDS)
torture: setup
	@+$(BUILD) tests
	@BIN=$(abspath $(BIN)) TOOLS=$(abspath $(TOOLS)) TESTDIR=$(abspath $(B)/tests) \
		TORTURE=10000 KILLS=200 TEST_TIMEOUT=7200 tests/run ring_test train_kill
	@BIN=$(abspath $(BIN)) TORTURE=1000 TEST_TIMEOUT=7200 tests/run hub_kill
	@BIN=$(abspath $(BIN)) TOOLS=$(abspath $(TOOLS)) TORTURE=100 TEST_TIMEOUT=7200 tests/run upload
	@BIN=$(abspath $(BIN)) TOOLS=$(abspath $(TOOLS)) TESTDIR=$(abspath $(B)/tests) tests/fault/torture
	@tools/setup torture
	@tests/ring/model all

# Checks of the text itself. ROOMS: where C and CUDA files are; SCRIPTS: what bash runs.
ROOMS      := pipeline kernels shm formats tools tests
C_FILES     = $(shell find $(ROOMS) -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cpp')
SCRIPTS     = run.sh .ci/run $(shell grep -rlIE '^\#!.*[ /]bash' tools tests) $(wildcard tests/cli/*.sh tests/cli/*.bash)
layers:
	@tools/layers
format:
	@tools/setup check
	clang-format -i $(C_FILES)
format-check:
	@tools/setup check
	@clang-format --dry-run -Werror $(C_FILES)
	@if LC_ALL=C.UTF-8 grep -nE '^.{111,}$$' $(filter-out %/unicode_ranges.c %/corpora_table.c,$(C_FILES)); then echo 'lines of more than 110 columns' >&2; exit 1; fi
shellcheck:
	@tools/setup check
	@shellcheck $(sort $(SCRIPTS))
check: layers format-check shellcheck

# Several hosts (network namespaces) and a batch system (Slurm) on this machine. Needs root; skips by name what cannot be had.
cluster-test: setup
	@tools/setup cluster
	@+$(BUILD) all
	@BIN=$(abspath $(BIN)) TOOLS=$(abspath $(TOOLS)) TEST_TIMEOUT=900 tests/run train_ranks parts hosts slurm
bench: setup
	@+$(BUILD) all
	@tools/bench
bench-peers:
	@tools/setup peers
interop: setup
	@+$(BUILD) all $(B)/tests/jinja_test $(B)/tests/chat_test
	@tools/interop
SHARE := $(DESTDIR)$(PREFIX)/share
install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	$(if $(MPI),install -D -m 755 -t $(DESTDIR)$(PREFIX)/lib/tritter $(MPI) $(NCCL))
	tools/install-pages $(SHARE) $(PROGRAMS)
clean:
	rm -rf build bin lib $(patsubst tools/%.c,tools/%,$(wildcard tools/*.c))
help:
	@echo 'make            build the programs into bin/ and tools/; V=1 shows the commands, -jN builds on N processors instead of all'
	@echo 'make cuda       the same, and an error where the CUDA backend cannot be built; CUDA_ARCH="80 90a 100 120"'
	@echo 'make cuda-report  registers, tensor-core instructions and spills of the CUDA kernels, by target'
	@echo 'make test       install what the build needs, build, run every test'
	@echo 'make interop    check files against tokenizers, tiktoken, sentencepiece, transformers, safetensors, pyarrow and others (own virtual environment)'
	@echo 'make check      make layers (draws the rooms; fails on an include that runs up), format-check, shellcheck; make format mends'
	@echo 'make cluster-test  several hosts and a batch system, made on this machine: network namespaces and Slurm (installs it; root)'
	@echo 'make bench      print the speeds of docs/results/speed.md on this machine, each beside its limit or a peer;'
	@echo '                make bench-peers first installs the peers (own virtual environment)'
	@echo 'make asan tsan  the tests under AddressSanitizer+UBSan; the ring and what threads share under ThreadSanitizer'
	@echo 'make fuzz       parsers of hostile files under libFuzzer, FUZZ_SECONDS=30 each (installs clang)'
	@echo 'make mutate     change the code in small ways and list the changes that no test notices: MUTANTS=20 a room, SEED=1 (an hour)'
	@echo 'make torture    kill -9 campaigns, every system call and allocation failing once, the model of the ring (hours)'
	@echo 'make install    PREFIX=/usr/local: programs, manual pages (man tritter-train), completion for bash, zsh and fish'
	@echo 'make clean      remove everything that was built'

-include $(DEPS)
