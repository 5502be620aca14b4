# Everything a newcomer or CI runs. Needs Python 3.11 or newer and make; the rest is installed into .venv.
SHELL := bash
.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 8000
SHOP ?= own
BIN := .venv/bin
RUN := $(BIN)/python -m
PINS := $(if $(LIGHT),requirements-light.txt,requirements.txt)
# The full set serves LIGHT=1 as well, so either stamp will do for it.
READY := .venv/.ready-$(if $(LIGHT),light,full)
CHINESE := coldrec/locale/zh_Hans/LC_MESSAGES/django.po
TEST_ENV := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: help setup demo test check format lint services services-stop node screenshots bench-quality bench-speed bench-language bench-faults messages clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(READY) ## Make .venv and install the pinned requirements (LIGHT=1 leaves the learning extras out)

$(READY): $(PINS)
	@PYTHON="$(PYTHON)" PINS="$(PINS)" bash .ci/setup
	@touch $@ $(if $(LIGHT),,.venv/.ready-light)

demo: setup ## Set up the demo shop and serve it (SHOP=complete_journey, PORT=8000, LIGHT=1)
	@$(BIN)/python manage.py demo --shop $(SHOP) --port $(PORT) $(if $(LIGHT),--light)

test: setup check ## All checks, then the tests on SQLite and, where a server answers, on PostgreSQL
	@$(TEST_ENV) $(RUN) pytest -q
	@if [ -n "$$POSTGRES_URL" ]; then echo "The same on PostgreSQL:"; DATABASE_URL="$$POSTGRES_URL" $(TEST_ENV) $(RUN) pytest -q tests; \
	elif [ -n "$$COLDREC_REQUIRE_SERVICES" ]; then echo "COLDREC_REQUIRE_SERVICES is set but POSTGRES_URL is not." >&2; exit 1; \
	else echo "No POSTGRES_URL: the tests ran on SQLite alone (make services starts a server)."; fi

check: setup lint ## Linters, types, import rules, migrations
	@$(RUN) mypy
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache
	@DJANGO_SETTINGS_MODULE=tests.settings $(RUN) django makemigrations --check --dry-run
	@DJANGO_SETTINGS_MODULE=shop_demo.settings $(RUN) django makemigrations --check --dry-run

lint: setup
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .

format: setup ## Put the code into the house form
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

services: ## Start Redis, PostgreSQL and Neo4j on loopback under var/services
	@bash .ci/services start

services-stop: ## Stop them
	@bash .ci/services stop

node: tests/node/node_modules/.package-lock.json ## Install what the tests need of Node (a TypeScript client, axe)

tests/node/node_modules/.package-lock.json: tests/node/package-lock.json
	@npm ci --prefix tests/node --no-audit --no-fund
	@touch $@

screenshots: setup ## Take the pictures in docs/images (needs Chromium)
	@$(TEST_ENV) $(RUN) tests.browser.screenshots

bench-quality: setup ## Lists against tuned peers (DATA=DIR for other data sets)
	@$(RUN) benchmarks.quality $(if $(DATA),--data $(DATA)) $(ARGS)

bench-speed: setup ## Serving, ingest and fit, as ratios in one run
	@$(RUN) benchmarks.speed $(ARGS)

bench-language: setup ## What a shop's own language model adds to new items and to search
	@$(RUN) benchmarks.language $(ARGS)

bench-faults: setup ## Damage, duplicates, fuzzing and emptiness
	@$(RUN) benchmarks.faults $(ARGS)

messages: setup ## Gather and compile the translations
	@cd coldrec && ../$(RUN) django makemessages -l zh_Hans --no-obsolete --no-wrap --add-location file
	@sed -i.old '/^"POT-Creation-Date:/d' $(CHINESE) && rm $(CHINESE).old
	@for place in coldrec shop_demo; do (cd $$place && ../$(RUN) django compilemessages) || exit 1; done

clean: ## Remove .venv and what the demo made
	@rm -rf .venv var
