# One command per habit. `make` alone lists them.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN = .venv/bin
PORT ?= 7860
PIP_ARGS ?=
TESTS ?=

help:                ## this list
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  *##' Makefile | sed 's/:.*##/\t/' | expand -t 16

start: install       ## install what is needed and open the studio on http://127.0.0.1:7860
	$(BIN)/huafang serve --open --port $(PORT)

install: .venv/installed   ## make .venv with Huafang in it

.venv/installed: pyproject.toml hatch_build.py
	@test -n "$(PYTHON)" || { echo "Huafang needs Python 3.11 or newer; none was found. Name one: make start PYTHON=/path/to/python"; exit 1; }
	@echo "Installing Huafang into .venv: one to three minutes, about 2 GB on disk"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e '.[networks]'
	@touch $@

.venv/developed: .venv/installed
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -e '.[dev,bench,postgres,networks]'
	@touch $@

test: .venv/developed chromium check web-test   ## everything a machine without a GPU can check
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(TESTS)

test-slow: .venv/developed chromium   ## the long tests: soak, big pictures
	$(BIN)/python -m pytest -m slow

coverage: .venv/developed   ## branch coverage of src/huafang by the fast tests; fails under 90 %
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --cov --cov-report=term:skip-covered $(TESTS)

lock: .venv/developed    ## write the installed versions to requirements.lock; install them with make install PIP_ARGS="-c requirements.lock"
	$(BIN)/python -m pip freeze --disable-pip-version-check --exclude huafang --exclude pip | sed 's/+cpu//' | sort -f > requirements.lock

check: .venv/developed   ## lint, format, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

web:                 ## build the web studio's pages (needs Node.js 20.19 or newer)
	cd web && npm ci --no-audit --no-fund && npm run build
	rm -rf src/huafang/static && cp -r web/dist src/huafang/static

web-test:            ## lint and unit tests of the web studio
	@if command -v npm >/dev/null 2>&1; then cd web && { test -d node_modules || npm ci --no-audit --no-fund; } && npm run lint && npm test; \
	else echo "no Node.js on this machine: the web studio's linter and unit tests are left out (its browser tests run all the same)"; fi

chromium:
	@if command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1; then :; \
	elif command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ]; then \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null; } \
		|| echo "chromium could not be installed: the browser tests will be skipped"; \
	else echo "no Chromium here, and only root can install it with apt: the browser tests will be skipped. Install it with: sudo apt-get install chromium fonts-noto-cjk"; fi

docs: install        ## write again what the docs take from the program: tables of parameters, --help
	$(BIN)/python tools/docs.py

emoji-data: .venv/installed   ## fetch and render the pictures of things that the built-in model is trained on (needs Node.js)
	@$(BIN)/python -c "import resvg_py" 2>/dev/null || $(BIN)/python -m pip install --quiet $(PIP_ARGS) -e '.[data]'
	$(BIN)/python tools/emoji_data.py

# any_style.py and mini.py measure pictures, not speed, and want weights and an hour: their first lines say how they are run.
BENCHES = filters strokes house gatys styles cap_vstnet

bench: .venv/developed   ## our speed against named peers, in one run each; results in benchmarks/results
	@for name in $(BENCHES); do echo "== $$name" && $(BIN)/python benchmarks/$$name.py || exit 1; done
	$(BIN)/python tools/docs.py

bench-gpu: .venv/developed   ## the same on an accelerator
	$(BIN)/python -m pytest -m gpu

clean:               ## remove what can be made again
	rm -rf .venv web/node_modules web/dist src/huafang/static .mypy_cache .ruff_cache .pytest_cache

.PHONY: help start install test test-slow coverage lock check web web-test chromium docs emoji-data bench bench-gpu clean
