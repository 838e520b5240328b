# make demo   set everything up, run the shipped sample with the shipped models
# make test   set everything up, then lint, type check and tests
# make smoke  set the training up too (gigabytes of torch), then train and export each model on a few pictures
.DEFAULT_GOAL := help
.PHONY: help demo test test-slow wheel-test image docs gate smoke faults lint format results peers clean setup setup-dev train-setup
BIN := .venv/bin
TRAIN := .venv-train
# Tests of one file stay together, since they share what is expensive; the long ones come first (tests/conftest.py).
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder
# Drawings of other signs for the sets of unknown ones: package_signs of npm's mapillary_sprite_source 1.8.0; left out if empty.
DRAWINGS :=
# A classifier that was trained without some classes, and these: MODEL.onnx=CLASS,CLASS (train classifier --leave-out).
UNSEEN :=
DATA := $(or $(SIGNPIPE_DATA),../shared/data)

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

demo: .venv/.ready  ## run the shipped samples, one with its map; videos, records and review queue land in out/demo
	@$(BIN)/signpipe run samples/drive.mp4 --map samples/drive.geojson --gpx samples/drive.gpx \
		--out out/demo --review out/demo/review --overwrite
	@$(BIN)/signpipe run samples/zone.mp4 --preset world --out out/demo/zone --overwrite

test: lint  ## lint, type check and the tests, two at a time; those that take long are left to test-slow
	@$(BIN)/pytest $(PARALLEL) -m "not slow"

test-slow: .venv/.ready-dev  ## the tests that take long
	@$(BIN)/pytest $(PARALLEL) -m slow

wheel-test: .venv/.ready-dev  ## build the wheel, install it outside the checkout and use it there
	@bash scripts/wheel_test.sh $(BIN)/python

docs: .venv/.ready-dev  ## the documents with the API reference, in out/docs; any warning fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo out/docs/index.html

image: .venv/.ready  ## carry out the Dockerfile in bare Debian roots, start the image and ask for its health; needs root
	@$(BIN)/python scripts/image_test.py

gate: .venv/.ready  ## run each variant of a model beside its reference, on the sample and on photographs where they are
	@$(BIN)/signpipe models verify
	@if [ -d "$(DATA)" ]; then $(BIN)/signpipe models verify --data "$(DATA)" --images 40 --crops 2000; \
	else echo "gate: skipped on photographs, there are none in SIGNPIPE_DATA or ../shared/data"; fi

train-setup: $(TRAIN)/.ready  ## make .venv-train with what training needs: minutes, and gigabytes of torch

$(TRAIN)/.ready: pyproject.toml scripts/setup.sh
	@bash scripts/setup.sh dev,train $(TRAIN)
	@touch $@

smoke: $(TRAIN)/.ready  ## train and export each model on a few photographs; all tests of training
	@$(TRAIN)/bin/pytest $(PARALLEL) tests/lab/training

lint: .venv/.ready-dev  ## ruff, mypy and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache --no-logo

format: .venv/.ready-dev  ## let ruff put the code in order
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format -q .

# What breaks the service, without the attacks that only have to be refused.
FAULTS := test_faults or slow_request or never_reads or server_died or all_of_a_job or wait_while or held or dead_run
faults: .venv/.ready-dev  ## make each fault of the service happen, and put what was seen into the quality report
	@$(BIN)/pytest -n0 tests/serve -k "$(FAULTS)" --junitxml out/faults.xml
	@$(BIN)/python benchmarks/serve_table.py --junit out/faults.xml --json benchmarks/results/serve-table.json
	@$(BIN)/signpipe evaluate report --again --examples drawings --out benchmarks/results/quality \
		--compare benchmarks/results/robustness-plain.json --include benchmarks/results/serve-table.json
	@$(BIN)/python benchmarks/readme.py

results: .venv/.ready-dev  ## measure the models and the speed (needs the data sets), and write the README's numbers
	@$(BIN)/signpipe evaluate detection --format gtsdb --json benchmarks/results/detection-gtsdb.json
	@$(BIN)/signpipe evaluate detection --format sy32 --json benchmarks/results/detection-sy32.json
	@$(BIN)/signpipe evaluate detection --format gtsdb --model detector-fast-fp32 --json benchmarks/results/detection-gtsdb-fp32.json
	@$(BIN)/signpipe evaluate detection --format sy32 --model detector-fast-fp32 --json benchmarks/results/detection-sy32-fp32.json
	@$(BIN)/signpipe evaluate detection --format gtsdb --preset accurate --json benchmarks/results/detection-gtsdb-accurate.json
	@$(BIN)/signpipe evaluate detection --format sy32 --preset accurate --json benchmarks/results/detection-sy32-accurate.json
	@$(BIN)/signpipe evaluate detection --format gtsdb --preset world --json benchmarks/results/detection-gtsdb-world.json
	@$(BIN)/signpipe evaluate detection --format btsd --every-sign --preset world --json benchmarks/results/detection-btsd-world.json
	@$(BIN)/signpipe evaluate detection --format btsd --every-sign --json benchmarks/results/detection-btsd.json
	@$(BIN)/signpipe evaluate classification --format gtsrb --json benchmarks/results/classification-gtsrb.json
	@$(BIN)/signpipe evaluate classification --format btsd --json benchmarks/results/classification-btsd.json
	@$(BIN)/signpipe evaluate novelty $(if $(DRAWINGS),--drawings $(DRAWINGS)) $(if $(UNSEEN),--unseen $(UNSEEN)) --json benchmarks/results/novelty.json
	@$(BIN)/signpipe evaluate country --country be $(if $(DRAWINGS),--drawings $(DRAWINGS)) --json benchmarks/results/country-be.json
	@$(BIN)/signpipe evaluate figures --json benchmarks/results/figures.json
	@$(BIN)/signpipe evaluate fallback $(if $(DRAWINGS),--drawings $(DRAWINGS)) --json benchmarks/results/fallback.json
	@$(BIN)/signpipe evaluate rules --json benchmarks/results/rules.json
	@$(BIN)/signpipe evaluate drive --km 400 --leg 10 --preset world --json benchmarks/results/drive.json --html benchmarks/results/drive.html
	@$(BIN)/signpipe evaluate streaming --rates 1,2,3,5,10,30 --drives 1 --json benchmarks/results/tracking.json
	@$(BIN)/signpipe evaluate realism --json benchmarks/results/realism.json
	@$(BIN)/signpipe evaluate map --streets 40 --json benchmarks/results/map.json
	@$(BIN)/signpipe evaluate map --lidar --streets 3 --drives 3 --json benchmarks/results/map-lidar.json
	@$(BIN)/signpipe evaluate robustness --suite occlusion --boxes visible --json benchmarks/results/robustness-visible.json
	@$(BIN)/signpipe evaluate robustness --suite occlusion --crops 60 --scenes 120 --json benchmarks/results/robustness-scenes.json
	@$(BIN)/signpipe evaluate publishing --json benchmarks/results/publishing.json
	@$(BIN)/signpipe evaluate report --examples drawings --out benchmarks/results/quality --compare benchmarks/results/robustness-plain.json --include benchmarks/results/novelty.json --include benchmarks/results/figures.json --include benchmarks/results/fallback.json --include benchmarks/results/publishing.json --include benchmarks/results/serve-table.json
	@$(BIN)/signpipe bench single live throughput --frames 1000 --json benchmarks/results/bench.json
	@$(BIN)/signpipe bench sweep --over signs --over size --over roi --over threads --over precision --over preset --json benchmarks/results/sweeps.json
	@$(BIN)/signpipe bench soak --frames 10000 --json benchmarks/results/soak.json
	@$(BIN)/python benchmarks/readme.py

peers: .venv/.ready-dev  ## measure signpipe beside ultralytics and a pipeline by hand (needs the extra bench)
	@$(BIN)/python benchmarks/peers.py --json benchmarks/results/peers.json
	@$(BIN)/python benchmarks/batch.py peers --recordings 20 --frames 30 --yolo $(TRAIN)/bin/yolo --json benchmarks/results/batch-peers.json
	@$(BIN)/python benchmarks/readme.py

clean:  ## remove the environments, caches and outputs
	rm -rf .venv $(TRAIN) out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
