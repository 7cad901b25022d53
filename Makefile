# Every target works on a fresh clone; `make help` lists them.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
BIN := .venv/bin

.PHONY: help up doctor dev images test test-compose test-kokoro test-vllm check fmt lock bench bench-tts clean python

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

up: python  ## the whole stack on this machine, embedded engines (HOST=, PORT=)
	@$(PYTHON) bootstrap.py cli
	@exec $(BIN)/parley up --host $(HOST) --port $(PORT) $(ARGS)

dev: python  ## the environment for development in .venv
	@$(PYTHON) bootstrap.py dev

test: dev tests/contract/node/node_modules  ## the whole test suite with coverage, on all cores
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --ignore tests/compose --ignore tests/images \
		--cov --cov-report=term --no-cov-on-fail $(ARGS)
	@$(BIN)/python -m pytest tests/compose tests/images

test-kokoro: python  ## the tests of kokoro in .venv-kokoro: torch is large
	@$(PYTHON) bootstrap.py kokoro
	@.venv-kokoro/bin/python -m pytest tests/tts_kokoro $(ARGS)

test-vllm: python  ## the tests of the real vLLM, on a CPU, in .venv-vllm
	@$(PYTHON) bootstrap.py vllm
	@.venv-vllm/bin/python -m pytest tests/vllm $(ARGS)

test-compose: dev  ## the containers' tests; without Docker those that need none
	@$(BIN)/python -m pytest tests/compose tests/images $(ARGS)

images:  ## the images of the demo stack
	@REVISION=$$(git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null || echo unknown) \
		ALLOW_ANONYMOUS=true docker compose -f docker-compose.yml -f compose.demo.yml --profile calls build --quiet

doctor: python  ## what keeps a stack from working on this machine
	@$(PYTHON) bootstrap.py cli
	@exec $(BIN)/parley doctor $(ARGS)

check: dev  ## format, lint, types, import arrows
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

fmt: dev  ## format and fix what can be fixed
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

lock: dev  ## resolve the lock files again (ARGS=--upgrade for newer versions)
	@PATH="$(CURDIR)/$(BIN):$$PATH" requirements/lock $(ARGS)

bench: dev  ## measure everything that has a goal, but for bench-tts
	@suites="kit stack stt llm ws gateway turn"; \
	if docker info >/dev/null 2>&1; then suites="$$suites compose compose-build"; \
	else echo "bench: no Docker engine answers: compose and compose-build are left out." >&2; fi; \
	for suite in $$suites; do $(BIN)/parley bench $$suite || failed=1; done; exit $${failed:-0}

bench-tts: python  ## measure Kokoro in .venv-kokoro: torch is large
	@$(PYTHON) bootstrap.py kokoro
	@.venv-kokoro/bin/parley bench tts $(ARGS)

clean:  ## remove what was installed and measured
	rm -rf .venv .venv-kokoro .venv-vllm tests/contract/node/node_modules .coverage* .mypy_cache .ruff_cache .pytest_cache

python:
	@command -v $(PYTHON) >/dev/null || { echo "parley: install Python 3.11 or 3.12, then run this again." >&2; exit 1; }

tests/contract/node/node_modules: tests/contract/node/package-lock.json
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --prefix tests/contract/node --no-audit --no-fund --silent
	@touch $@
