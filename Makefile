# make demo   set everything up, run the shipped sample with the shipped models
# make test   set everything up, then lint, type check and tests
.DEFAULT_GOAL := help
.PHONY: help demo test lint format clean setup setup-dev
BIN := .venv/bin

help:  ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready  ## make .venv and install signpipe with what it needs

.venv/.ready: pyproject.toml scripts/setup.sh
	@bash scripts/setup.sh
	@touch $@

.venv/.ready-dev: pyproject.toml scripts/setup.sh
	@bash scripts/setup.sh dev
	@touch .venv/.ready $@

setup-dev: .venv/.ready-dev

demo: .venv/.ready  ## run the shipped sample; the annotated video and the records land in out/demo
	@$(BIN)/signpipe run samples/drive.mp4 --out out/demo

test: lint  ## lint, type check and all tests
	@$(BIN)/pytest

lint: .venv/.ready-dev  ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: .venv/.ready-dev  ## let ruff put the code in order
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format -q .

clean:  ## remove the environment, caches and outputs
	rm -rf .venv out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
