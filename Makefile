# Thin: CMake builds. Each target works alone and first on a bare Debian 12; a second run is quick.
BUILD ?= build
JOBS ?= $(shell nproc)

PREFIX ?= /usr/local

.PHONY: all setup setup-check build demo install deb wheel test sanitize arm64 fuzz bench format check-format clean
all: build

setup: ## install the Debian packages that are missing
	@sh cmake/setup.sh

setup-check: ## and those that only the tests need: clang, cppcheck
	@sh cmake/setup.sh check

build: setup ## the library and the program: build/gad
	@sh cmake/build.sh $(BUILD) $(JOBS)

demo: build ## inspect the sample images
	@sh cmake/demo.sh $(BUILD)

install: build ## headers, library, program, models, man pages and completion into PREFIX (/usr/local); DESTDIR works
	@cmake --install $(BUILD) --prefix $(PREFIX)

deb: build ## Debian packages: build/gad_*.deb, build/gad-mpi_*.deb for training under mpirun, build/gad-cuda_*.deb for GPUs
	@cd $(BUILD) && cpack -G DEB >deb.log 2>&1 || { cat deb.log >&2; exit 1; }
	@ls $(BUILD)/*.deb

wheel: build ## for Python: build/gad-*.whl, the module and the library
	@python3 packaging/wheel.py $(BUILD)

test: setup-check build ## every test, in the normal and in the sanitizer build; cppcheck; clang and short fuzzing
	@sh cmake/test.sh $(BUILD) $(JOBS)

sanitize: setup-check ## every test under AddressSanitizer and UndefinedBehaviorSanitizer
	@sh cmake/build.sh $(BUILD)-sanitize $(JOBS) -DGAD_SANITIZE=ON -DCMAKE_BUILD_TYPE=Debug
	@sh cmake/run_tests.sh $(BUILD)-sanitize $(JOBS)

arm64: setup-check ## the kernels of 64-bit ARM, cross-built, against the reference under qemu
	@sh cmake/arm64.sh $(BUILD)-arm64 $(JOBS)

peers: build ## gad serve in a real browser and with the OpenAI client; afterwards make test runs them too
	@sh cmake/peers.sh $(BUILD) setup

fuzz: setup-check ## each fuzz target for FUZZ_SECONDS (60)
	@sh cmake/fuzz.sh $(BUILD)-fuzz $(JOBS)

bench: build ## speed of the engine on this machine, against its measured limits
	@$(BUILD)/gad speed --limits

format: ## clang-format over all sources
	@clang-format -i $$(git ls-files '*.c' '*.h')

check-format:
	@clang-format --dry-run --Werror $$(git ls-files '*.c' '*.h')

clean:
	rm -rf $(BUILD) $(BUILD)-sanitize $(BUILD)-fuzz
