# make run is the way in: no root, no database, no Redis and no compiler needed.
# PYTHON=python3.12 make run chooses the interpreter, PORT=8001 make run the port.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test abuse audit chaos trial recount-trial bench bench-memory bench-growth lock clean venv venv-dev

PY := .venv/bin/python
COMPILE := $(PY) -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1	/p' $(firstword $(MAKEFILE_LIST))

venv:
	@scripts/venv.sh run

venv-dev:
	@scripts/venv.sh dev

run: venv ## start the gateway; Ctrl-C stops it
	@exec .venv/bin/siang run

test: venv-dev ## style, types and all tests
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest

abuse: venv-dev ## ten thousand malformed requests to each kind of channel
	ABUSE_REQUESTS=10000 $(PY) -m pytest -n 0 tests/abuse/test_malformed.py

audit: venv-dev ## dangerous code, secrets, known holes in libraries
	$(PY) scripts/audit.py

trial: venv-dev ## ten thousand messages through a provider that fails, sent by workers that are killed
	TRIAL_MESSAGES=10000 $(PY) -m pytest -n 0 -s tests/stack/test_ten_thousand.py

recount-trial: venv-dev ## a million responses, some twice, late or changed; every tally recounted from the answers
	RECOUNT_RESPONSES=1000000 $(PY) -m pytest -n 0 -s tests/storage/test_million.py

chaos: venv-dev ## ten thousand people, two hundred faults: processes killed, servers crashed, disk full
	CHAOS_FEEDBACKS=$${CHAOS_FEEDBACKS:-10000} CHAOS_FAULTS=$${CHAOS_FAULTS:-200} CHAOS_SECONDS=$${CHAOS_SECONDS:-540} \
	CHAOS_SEED=$${CHAOS_SEED:-$$(date +%s)} $(PY) -m pytest -n 0 -s tests/chaos/test_chaos.py

bench: venv ## measure on this machine, some ten minutes
	@exec $(PY) -m bench

bench-memory: venv ## an hour of even load, for make bench to tell of
	@exec $(PY) -m bench.memory --minutes $${BENCH_MINUTES:-60}

bench-growth: venv ## up to ten million stored responses, for make bench to tell of
	@exec $(PY) -m bench.growth --most $${BENCH_RESPONSES:-10000000}

lock: venv-dev ## pin the newest libraries that fit
	CUSTOM_COMPILE_COMMAND="make lock" $(COMPILE) --upgrade -o requirements.lock requirements.in
	CUSTOM_COMPILE_COMMAND="make lock" $(COMPILE) --upgrade -o requirements-dev.lock requirements-dev.in

clean: ## remove .venv and what tools left; data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find app bench tests scripts config -name __pycache__ -type d -prune -exec rm -rf {} +
