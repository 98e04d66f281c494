# `make demo` sets everything up and runs the main job; `make test` passes the tests.
SHELL := /bin/bash
PYTHON ?= python3.11
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/anabranch
UV_VERSION := 0.13.9
UV := $(CACHE)/uv-$(UV_VERSION)/bin/uv
JARS := connectors/anabranch/connectors/jars
PLUGINS := connectors/anabranch/connectors/plugins
# Else Maven ends its output with escape codes, though it was told not to colour it.
export MAVEN_OPTS := -Djansi.noreset=true $(MAVEN_OPTS)
MVN := mvn -B -q -f connectors/java/pom.xml
JAVA_SOURCES := $(shell find connectors/java -path '*/src/main/*' -type f -o -name pom.xml -path 'connectors/java/*' 2>/dev/null)
DEMO_ARGS ?=

.PHONY: help setup demo test test-long lint bench clean

help: ## Lists the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(UV):
	@echo "setting up uv $(UV_VERSION) in $(CACHE)"
	$(PYTHON) -m venv $(CACHE)/uv-$(UV_VERSION)
	$(CACHE)/uv-$(UV_VERSION)/bin/pip install -q uv==$(UV_VERSION)

.venv/.ready: pyproject.toml uv.lock hatch_build.py | $(UV)
	@echo "setting up Python's packages in .venv; the first time some hundred MB are downloaded"
	$(UV) sync -q --locked --python $(PYTHON)
	@touch $@

$(JARS)/.ready: $(JAVA_SOURCES)
	@echo "building the jars; the first time Maven downloads what they need, which takes a minute or two"
	$(MVN) package -DskipTests
	@touch $@

setup: .venv/.ready $(JARS)/.ready ## Makes the virtual environment and the jars.

demo: setup ## Runs the main job on real brokers and prints the verdict; DEMO_ARGS="--fault pause" gives options.
	.venv/bin/anabranch demo $(DEMO_ARGS)

lint: .venv/.ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

# Two modules and three files at a time, also on two cores: tests wait for brokers more than they compute.
# Files in their own order: those with few tests, which xdist would leave for the end, are the ones that
# take long.
test: setup lint ## Passes the tests that are quick enough for each change.
	$(MVN) -T 2 verify
	.venv/bin/pytest -q -n 3 --dist loadfile --no-loadscope-reorder --durations 20

test-long: setup ## Passes the tests that wait longer than 30 s; as root on Debian, since one brings a Docker engine up.
	$(MVN) verify -Dsurefire.quick= -Dexcluded.test.groups= -Dgroups=long -Dsurefire.failIfNoSpecifiedTests=false
	.venv/bin/pytest -q -m long -n 2 --dist loadfile --no-loadscope-reorder

bench: setup ## Runs the benchmarks.
	.venv/bin/python benchmarks/run.py $(BENCH_ARGS)

clean: ## Removes what was built.
	rm -rf .venv dist $(JARS) $(PLUGINS)
	$(MVN) clean
