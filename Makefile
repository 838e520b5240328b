# make demo   set everything up, run the shipped sample with the shipped models
# make test   set everything up, then lint, type check and tests
.DEFAULT_GOAL := help
.PHONY: help demo test lint format results clean setup setup-dev
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

results: .venv/.ready-dev  ## measure the models and the speed (needs the data sets), and write the README's numbers
	@$(BIN)/signpipe evaluate detection --format gtsdb --json benchmarks/results/detection-gtsdb.json
	@$(BIN)/signpipe evaluate detection --format sy32 --json benchmarks/results/detection-sy32.json
	@$(BIN)/signpipe evaluate detection --format gtsdb --model detector-fast-fp32 --json benchmarks/results/detection-gtsdb-fp32.json
	@$(BIN)/signpipe evaluate detection --format sy32 --model detector-fast-fp32 --json benchmarks/results/detection-sy32-fp32.json
	@$(BIN)/signpipe evaluate classification --format gtsrb --json benchmarks/results/classification-gtsrb.json
	@$(BIN)/python benchmarks/speed.py --json benchmarks/results/speed.json
	@$(BIN)/python benchmarks/speed.py --soak 10000 --json benchmarks/results/memory.json
	@$(BIN)/python benchmarks/readme.py

clean:  ## remove the environment, caches and outputs
	rm -rf .venv out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
