# How to set up, test and try dolma. `make help` lists the targets.
#
# Everything happens below this folder: the virtual environment in .venv, the Rust build in target.
# Steps leave a stamp and are repeated only when what they depend on has changed.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# rustup puts its programs here, and not every shell's PATH knows.
export PATH := $(HOME)/.cargo/bin:$(PATH)

PYTHON ?= python3
VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUST := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
ENGINE := Cargo.toml Cargo.lock pyproject.toml $(shell find src -name '*.rs')

# maturin and pyo3 look at these, and must find this environment and no other.
export VIRTUAL_ENV := $(VENV)
export PYO3_PYTHON := $(BIN)/python
unexport CONDA_PREFIX

# Arguments of single targets.
DOCUMENTS ?=
BENCH_ARGS ?=
PYTEST_ARGS ?=

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-10s %s\n' "$$name" "$$text"; done

$(BIN)/maturin: | pyproject.toml
	@scripts/check_tools.sh "$(PYTHON)" "$(RUST)" ""
	"$(PYTHON)" -m venv "$(VENV)"
	$(PIP) 'maturin>=1.9.4,<2'

# The engine in release mode, with the Python package beside it (editable), compiled as an installed one
# would be: where Python is told to write no bytecode, every start would compile it.
$(VENV)/.engine: $(BIN)/maturin $(ENGINE)
	@scripts/check_tools.sh "$(BIN)/python" "$(RUST)" ""
	$(BIN)/maturin develop --release --locked
	$(BIN)/python -m compileall -q python/dolma
	@touch $@

# What tests and linters need, from the dependency groups of pyproject.toml.
$(VENV)/.groups: $(BIN)/maturin pyproject.toml
	@scripts/check_tools.sh "$(BIN)/python" "$(RUST)" lint
	$(BIN)/python scripts/requirements.py test lint > $(VENV)/requirements.txt
	$(PIP) -r $(VENV)/requirements.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/.groups $(VENV)/.engine ## Make .venv, build the engine, install what tests need

.PHONY: demo
demo: $(VENV)/.engine ## Tag, dedupe and mix the sample in data/sample; output goes to demo/
	@mkdir -p demo
	@[ -d demo/documents ] || { rm -rf demo/.documents; cp -R data/sample/documents demo/.documents && mv demo/.documents demo/documents; }
	$(BIN)/dolma run -c configs/quickstart.yaml

.PHONY: test
test: setup ## Run formatters, linters, and the Rust and Python tests
	cargo fmt --check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cargo clippy --locked --all-targets --features python -- -D warnings
	cargo test --locked
	$(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: format
format: setup ## Format the code and mend what linters can mend
	cargo fmt
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: docs
docs: $(VENV)/.engine ## Fill in the tables of README.md and docs/ that are derived from the code
	$(BIN)/python scripts/generate_docs.py

.PHONY: bench
bench: setup ## Compare with the published dolma: make bench DOCUMENTS='/data/*.jsonl.gz'
	@[ -n "$(DOCUMENTS)" ] || { echo "bench: name documents: make bench DOCUMENTS='/data/*.jsonl.gz'" >&2; exit 2; }
	$(BIN)/python tests/bench/bench.py --documents "$(DOCUMENTS)" $(BENCH_ARGS)

.PHONY: wheel
wheel: $(BIN)/maturin ## Build a wheel into dist/ (abi3: one for all Pythons from 3.10 on)
	$(BIN)/maturin build --release --locked --strip --out dist

.PHONY: clean
clean: ## Remove everything that was built or written here
	rm -rf demo dist build target "$(VENV)" .cache .pytest_cache .ruff_cache .mypy_cache .hypothesis
	rm -f python/dolma/_core*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
