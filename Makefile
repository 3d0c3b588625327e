# The two commands are `make demo` and `make test`. Both install what is missing, build, and can be repeated at no cost.
PRESET ?= release
PREFIX ?= /usr/local
JOBS   ?= $(shell nproc)
BUILD  := build/$(PRESET)

.PHONY: all setup configure build test sanitize sanitize-suite bench demo install package clean

all: build

setup:
	@sh tools/install_dependencies.sh

configure: setup
	@[ -f $(BUILD)/build.ninja ] || cmake --preset $(PRESET)

build: configure
	@cmake --build $(BUILD) -j $(JOBS)

test: build
	@ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

# The tests again under AddressSanitizer and UndefinedBehaviorSanitizer, and a short run of every fuzz target.
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?= 20000
SANITIZER_PACKAGES := clang libclang-rt-14-dev llvm
sanitize:
	@sh tools/install_dependencies.sh $(SANITIZER_PACKAGES)
	@$(MAKE) --no-print-directory test PRESET=fuzz
	@sh fuzz/run.sh build/fuzz $(FUZZ_SECONDS) $(FUZZ_RUNS)

# The part of it that every change must pass: the operator suite (all kernels, on all instruction sets) and the file formats. What
# computes and what reads bytes is compiled with the sanitizers, the rest without.
sanitize-suite:
	@sh tools/install_dependencies.sh $(SANITIZER_PACKAGES)
	@[ -f build/suite/build.ninja ] || cmake --preset suite
	@cmake --build build/suite -j $(JOBS) --target operator_suite sardonyx_formats_test
	@ctest --test-dir build/suite --output-on-failure -j $(JOBS) -E '^operators/table$$' -R '^(operators/|formats)'

# Beside other engines: docs/bench.md.
bench: configure
	@cmake --build $(BUILD) -j $(JOBS) --target sardonyx_program
	@sh tools/bench.sh $(BUILD)/sardonyx

# The program alone: its tests take as long to compile as it does.
demo: configure
	@cmake --build $(BUILD) -j $(JOBS) --target sardonyx_program
	@sh examples/demo.sh $(BUILD)/sardonyx

install: build
	@cmake --install $(BUILD) --prefix $(PREFIX)

# A .deb and a .tar.gz, in build/PRESET/packages.
package: build
	@sh tools/install_dependencies.sh dpkg-dev file
	@cd $(BUILD) && cpack

clean:
	rm -rf build
