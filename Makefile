# The two commands are `make demo` and `make test`. Both install what is missing, build, and can be repeated at no cost.
PRESET ?= release
BUILD  := build/$(PRESET)
JOBS   ?= $(shell nproc)

.PHONY: all setup build test demo install package clean

all: build

setup:
	@sh tools/install_dependencies.sh

build: setup
	@mkdir -p build
	@[ -f $(BUILD)/build.ninja ] || cmake --preset $(PRESET)
	@cmake --build $(BUILD) -j $(JOBS)

test: build
	@ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

demo: build
	@sh examples/demo.sh $(BUILD)/sardonyx

install: build
	@cmake --install $(BUILD)

package: build
	@cd $(BUILD) && cpack

clean:
	rm -rf build
