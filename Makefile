.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV)/installed ## Install and run everything here, with the demo desk
	@$(BIN)/frostdesk up --demo

test: $(VENV)/installed-dev ## Run the whole test suite, in two processes
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

test-benches: $(VENV)/installed-dev ## Try the longer benches on small data, and tune two of the shipped prompts anew
	OMP_NUM_THREADS=2 $(BIN)/pytest tests/benches

test-faults: $(VENV)/installed-dev ## Kill parts of a running installation at random: ROUNDS=20 SEED=0
	OMP_NUM_THREADS=2 FAULT_ROUNDS=$(or $(ROUNDS),20) FAULT_SEED=$(or $(SEED),0) $(BIN)/pytest -s -q tests/faults

check: $(VENV)/installed-dev ## Lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

demo-prompts: $(VENV)/installed ## Tune the demo desk's shipped prompts anew
	$(BIN)/python -m workers.demo_prompts

bench-skills: $(VENV)/installed-dev ## Measure the skill table: DATA=folder ONLY=row SEEDS=3
	$(BIN)/python bench/skill_table.py $(if $(DATA),--data $(DATA)) $(addprefix --only ,$(ONLY)) $(if $(SEEDS),--seeds $(SEEDS))

bench-speed: $(VENV)/installed-dev ## Measure speed and scale against peft, transformers and empty endpoints: QUICK=1 ONLY=row DATA=folder
	$(BIN)/python bench/speed_table.py $(if $(QUICK),--quick) $(addprefix --only ,$(ONLY)) $(if $(DATA),--data $(DATA))

bench-learning: $(VENV)/installed-dev ## How fast a new desk learns, by our queue and by lot: DATA=folder ONLY=set SEEDS=1
	$(BIN)/python bench/learning.py $(if $(DATA),--data $(DATA)) $(addprefix --only ,$(ONLY)) $(if $(SEEDS),--seeds $(SEEDS))

$(VENV)/installed: pyproject.toml constraints.txt $(wildcard web/*.*)
	@PYTHON="$(PYTHON)" sh .ci/venv "$(VENV)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	@if command -v npm >/dev/null; then npm --prefix web ci --silent --no-audit --no-fund; else echo "npm is not installed: tests with JavaScript clients are skipped"; fi
	@touch $@

.PHONY: help run test test-benches test-faults check demo-prompts bench-skills bench-speed bench-learning
