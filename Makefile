# Every target works on a fresh clone with nothing but Python >= 3.11 and, for the
# kernels, a C++ compiler:
#     make demo | test | test-real | lint | docs | sanitize | clean  [PYTHON=python3.12]
PYTHON ?= python3

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip -qq --disable-pip-version-check install --editable
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal
NUMPY_TESTS := $(patsubst %,tests/test_%.py,recurrence gradients network golden \
	first_layer heads optimizers solvers training attention ctc common language_model \
	seq2seq transcriber threads)
SOURCES := pyproject.toml CMakeLists.txt $(wildcard skrnn/_kernels/*pp)
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
	$(SPHINX) -D plot_gallery=0 docs docs/_build/check

# the tests of the kernels under the address and undefined behaviour sanitizers of gcc
SANITIZED := build/sanitize
SANITIZED_TESTS := import sys, pytest; \
	sys.meta_path = [f for f in sys.meta_path if '_editable' not in type(f).__module__]; \
	sys.exit(pytest.main(['tests/test_kernels.py', 'tests/test_ctc.py']))
sanitize: .venv/.test
	$(BIN)/python -m pip -qq --disable-pip-version-check install cmake nanobind
	$(BIN)/cmake -S . -B $(SANITIZED) -DSKRNN_SANITIZE=ON -DCMAKE_BUILD_TYPE=Release \
		-DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python \
		-Dnanobind_DIR=$$($(BIN)/python -m nanobind --cmake_dir) > /dev/null
	$(BIN)/cmake --build $(SANITIZED) --parallel > /dev/null
	mkdir -p $(SANITIZED)/tree
	cp -r skrnn $(SANITIZED)/tree
	cp $(SANITIZED)/_compiled*.so $(SANITIZED)/tree/skrnn/_kernels
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
		ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
		PYTHONPATH=$(SANITIZED)/tree $(BIN)/python -P -c "$(SANITIZED_TESTS)"

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
	$(INSTALL) .
	touch $@

.venv/.test .venv/.lint .venv/.docs: .venv/.%: .venv/.created $(SOURCES)
	$(INSTALL) '.[$*]'
	touch $@
