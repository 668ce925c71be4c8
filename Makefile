# Every target works on a fresh clone with nothing but Python >= 3.11 and, for the
# kernels, a C++ compiler:
#     make demo | test | test-real | lint | docs | sanitize | clean  [PYTHON=python3.12]
PYTHON ?= python3

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip -qq --disable-pip-version-check install
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal
NUMPY_TESTS := $(patsubst %,tests/test_%.py,recurrence gradients network golden \
	first_layer heads optimizers training attention ctc common language_model \
	seq2seq transcriber threads)
CPP := $(wildcard skrnn/_kernels/*pp skrnn/_kernels/cells/*pp)
SOURCES := pyproject.toml CMakeLists.txt $(CPP)
CPP_TESTS := $(wildcard tests/cpp/*pp)
SPHINX := $(BIN)/sphinx-build --quiet --fail-on-warning

.PHONY: demo test test-real lint docs sanitize clean
.NOTPARALLEL:
.SILENT:

demo: .venv/.package
	$(BIN)/python examples/demo.py

# without the kernels what depends on them, then everything with them
test: .venv/.test
	SKRNN_KERNELS=numpy $(PYTEST) $(NUMPY_TESTS)
	$(PYTEST)

# everything on real data, what trains for long included
test-real: .venv/.test
	$(BIN)/python -m pytest -m "" tests/real

# the docs without running the examples, which `make test` runs
lint: .venv/.lint .venv/.docs
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/clang-format --dry-run --Werror $(CPP) $(CPP_TESTS)
	$(CLANG_TIDY) skrnn/_kernels/dispatch.cpp -- $(CPP_OPTIONS) -DSKRNN_ISA=baseline
	$(CLANG_TIDY) skrnn/_kernels/threads.cpp skrnn/_kernels/memory.cpp \
		-- $(CPP_OPTIONS)
	$(SPHINX) -D plot_gallery=0 docs docs/_build/check

CLANG_TIDY := $(BIN)/clang-tidy --quiet
CPP_OPTIONS := -std=c++20 -Wall -Wextra

# The tests of the kernels, their threads and CTC under the sanitizers of gcc: of
# addresses and undefined behaviour, and then of threads. Before that: no function is
# in the objects of two instruction sets, for the linker would keep one of the two.
KERNEL_TESTS := tests/test_kernels.py tests/test_kernel_arguments.py tests/test_ctc.py
SANITIZED_TESTS = import sys, pytest; \
	sys.meta_path = [f for f in sys.meta_path if '_editable' not in type(f).__module__]; \
	sys.exit(pytest.main('$(KERNEL_TESTS) -q --capture=sys $(5)'.split()))
SANITIZED = build/$(1)/tree
define sanitize
	$(BIN)/cmake -S . -B build/$(1) -DSKRNN_SANITIZE=$(2) -DCMAKE_BUILD_TYPE=Release \
		-DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python \
		-Dnanobind_DIR=$$($(BIN)/python -m nanobind --cmake_dir) > /dev/null
	$(BIN)/cmake --build build/$(1) --parallel 2 > /dev/null
	for object in $$(find build/$(1) -name dispatch.cpp.o); do \
		nm --defined-only $$object | awk '$$2 ~ /^[VWu]$$/ && $$3 ~ /^_Z/ {print $$3}' | sort -u; \
	done | sort | uniq -d | c++filt > build/$(1)/shared
	if [ -s build/$(1)/shared ]; then \
		echo "In the objects of several instruction sets:"; cat build/$(1)/shared; exit 1; \
	fi
	mkdir -p $(SANITIZED)
	rm -rf $(SANITIZED)/skrnn
	cp -r skrnn $(SANITIZED)
	cp build/$(1)/_compiled*.so $(SANITIZED)/skrnn/_kernels
	g++ -std=c++20 -g -pthread -fsanitize=$(2) tests/cpp/threads_test.cpp \
		skrnn/_kernels/threads.cpp -o build/$(1)/threads_test
	$(4) build/$(1)/threads_test sanitized
	LD_PRELOAD="$(foreach library,$(3),$$(gcc -print-file-name=$(library)))" \
		PYTHONPATH=$(SANITIZED) $(4) $(BIN)/python -P -c "$(SANITIZED_TESTS)"
endef
sanitize: .venv/.test
	$(INSTALL) cmake nanobind
	$(call sanitize,address,address$(comma)undefined,libasan.so libubsan.so,$(ASAN))
	$(call sanitize,thread,thread,libtsan.so libstdc++.so,$(TSAN),--deselect tests/$(FORK))

comma := ,
# The thread sanitizer does not follow the threads of forked processes.
FORK := test_kernels.py::test_a_forked_process_has_threads_of_its_own
ASAN := ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 \
	LSAN_OPTIONS=suppressions=$(CURDIR)/tests/cpp/leaks.txt:print_suppressions=0
# numpy's BLAS is not compiled for the thread sanitizer, which cannot see its locks.
TSAN := TSAN_OPTIONS=exitcode=66 OPENBLAS_NUM_THREADS=1

docs: .venv/.docs
	$(SPHINX) docs docs/_build/html

clean:
	rm -rf .venv .hypothesis .pytest_cache .ruff_cache build dist
	rm -rf docs/_build docs/api docs/auto_examples
	find . -name __pycache__ -prune -exec rm -rf {} +

# A stamp in .venv says what is installed there.
.venv/.created:
	$(PYTHON) -m venv --clear .venv
	touch $@

.venv/.package: .venv/.created $(SOURCES)
	$(INSTALL) --editable .
	touch $@

# The dependencies of an extra alone: the package is built once.
EXTRA := import sys, tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
	print(*project['optional-dependencies'][sys.argv[1]], sep='\n')
.venv/.test .venv/.lint .venv/.docs: .venv/.%: .venv/.package
	$(BIN)/python -c "$(EXTRA)" $* > $@.txt
	$(INSTALL) --requirement $@.txt
	touch $@
