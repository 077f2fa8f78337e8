# `make demo` and `make test` make the environment they need; `make help` lists the rest.

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready

PROMPT ?= It was a dark night, and the old house

.DEFAULT_GOAL := help
.PHONY: help demo test slow lint format types bench constraints clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || { \
	  echo "sortilege needs Python 3.11 or newer, and '$(PYTHON)' is none: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet -c constraints.txt hatchling editables
	$(RUN) -m pip install --quiet -c constraints.txt --no-build-isolation -e ".[all,dev]"
	@touch $@

# One thread: the model is too small to gain from more, and on a busy machine threads that wait for each other cost much.
demo: export OMP_NUM_THREADS = 1
demo: $(READY) ## language models write: under adaptive Dirichlet sampling, and within bounds
	@echo 'The bundled model tiny-ar goes on from "$(PROMPT)", under adaptive Dirichlet sampling (shades: surprisal):'
	@$(VENV)/bin/sortilege generate "$(PROMPT)" --seed 1 --max-new-tokens 120 --color surprisal
	@echo; echo 'The same under locally typical sampling:'
	@$(VENV)/bin/sortilege generate "$(PROMPT)" --seed 1 --max-new-tokens 60 --color surprisal --sampler locally-typical
	@echo; echo 'The bundled diffusion model tiny-mdlm, searched for text that is positive (sentiment >= 0.5) and easy to read (grade <= 5):'
	@$(VENV)/bin/sortilege search "$(PROMPT)" --bound "sentiment >= 0.5" --bound "readability <= 5" --property perplexity --seed 1 --length 64 --steps 64

test: $(READY) ## every test but the slow ones, on all cores
	$(RUN) -m pytest -n auto

slow: $(READY) ## the slow tests, minutes each
	$(RUN) -m pytest -n auto -m slow

lint: $(READY) ## check style and formatting
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(READY) ## repair style and formatting
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

types: $(READY) ## check the types of src/, strictly
	$(RUN) -m pyright --pythonpath $(RUN)

bench: $(READY) ## speed beside transformers' samplers and the original fit
	$(RUN) -m benchmarks

constraints: ## write constraints.txt anew from the newest versions that install
	rm -rf build/constraints
	$(PYTHON) -m venv build/constraints
	build/constraints/bin/pip install --quiet hatchling editables
	build/constraints/bin/pip install --quiet --no-build-isolation -e ".[all,dev]"
	grep '^#' constraints.txt > build/constraints.txt
	build/constraints/bin/pip freeze --exclude-editable | sed 's/+cpu//' >> build/constraints.txt
	mv build/constraints.txt constraints.txt

clean: ## remove the environment and everything built
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
