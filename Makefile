# SPDX-License-Identifier: MIT
#
# make run    installs what is missing, builds, and serves the quick-start application
# make test   does the same for every test suite
#
# Both may be repeated at any time; what is up to date is left alone.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
VENV_FT := .venv-3.14t
VENV_FASTAPI := .venv-fastapi
VENV_FASTAPI_FT := .venv-fastapi-3.14t
VENV_LINT := .venv-lint
say = @printf '\033[1m==> %s\033[0m\n'

SYSTEM_PACKAGES := build-essential clang libclang-rt-14-dev pkg-config python3-dev python3-venv \
	libhttp-parser-dev libjansson-dev libcriterion-dev

c_sources := $(shell find libturbo include -name '*.[ch]' -o -name '*.def' -o -name '*.in' -o -name '*.map' -o -name meson.build)
package_sources := $(c_sources) pyproject.toml meson.build meson_options.txt \
	$(shell find bindings/python pkgconfig -type f -not -path '*/__pycache__/*' -not -path '*/examples/*')

.PHONY: run test test-c test-sanitizers test-python test-conformance test-freethreaded lint memcheck fuzz bench format clean packages

run: $(VENV)/.package build/quickstart/libhandler.so
	$(say) 'serving bindings/python/examples/quickstart.py (Ctrl-C stops it)'
	@cd build/quickstart && PORT=$(PORT) exec ../../$(VENV)/bin/python ../../bindings/python/examples/quickstart.py

test: lint test-c test-sanitizers test-python test-conformance
	$(say) 'every suite passed'

# --- what is needed ---------------------------------------------------------

packages: build/.packages

# $(1): Debian packages
define install_packages
	@missing=$$(for p in $(1); do \
	    dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	    if ! command -v apt-get >/dev/null || [ "$$(id -u)" != 0 ]; then \
	        echo "install these packages first (or run make as root):" $$missing >&2; exit 1; fi; \
	    echo "installing:" $$missing; \
	    export DEBIAN_FRONTEND=noninteractive; \
	    apt-get update -q; \
	    apt-get install -y -q --no-install-recommends $$missing; \
	fi
	@mkdir -p build && touch $@
endef

build/.packages: Makefile
	$(say) 'system packages'
	$(call install_packages,$(SYSTEM_PACKAGES))

build/.valgrind: Makefile
	$(say) 'system packages for memcheck'
	$(call install_packages,valgrind)

$(VENV)/.tools: build/.packages tests/requirements.txt
	$(say) 'virtual environment $(VENV)'
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

$(VENV)/.package: $(VENV)/.tools $(package_sources)
	$(say) 'building and installing the Python package (about a minute)'
	PATH=$(CURDIR)/$(VENV)/bin:$$PATH $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --no-build-isolation --force-reinstall --no-deps .
	@touch $@

build/quickstart/libhandler.so: bindings/c-examples/handler.c include/turbo/plugin.h build/.packages
	@mkdir -p $(@D)
	$(CC) -O2 -shared -fPIC -Iinclude -o $@ $<

# --- C ----------------------------------------------------------------------

meson = PATH=$(CURDIR)/$(VENV)/bin:$$PATH $(VENV)/bin/meson

# $(1): build directory, $(2): compiler, $(3): more options
define configure
	@test -f $(1)/build.ninja || CC=$(2) $(meson) setup $(1) -Dwerror=true $(3)
	$(meson) compile -C $(1)
endef

test-c: $(VENV)/.tools
	$(say) 'C library and its suites, gcc'
	$(call configure,build/gcc,gcc,)
	$(meson) test -C build/gcc --print-errorlogs
	$(say) 'C library and its unit tests, clang'
	$(call configure,build/clang,clang,)
	$(meson) test -C build/clang --print-errorlogs --suite unit

test-sanitizers: $(VENV)/.tools
	$(say) 'C suites under AddressSanitizer and UndefinedBehaviorSanitizer'
	$(call configure,build/asan,gcc,-Db_sanitize=address$(comma)undefined -Db_lundef=false -Dc_args=-fno-sanitize-recover=all)
	$(meson) test -C build/asan --print-errorlogs --suite unit --suite wire --suite fuzz --suite stress --suite oom
	$(say) 'stress and allocation failures under ThreadSanitizer'
	$(call configure,build/tsan,gcc,-Db_sanitize=thread -Db_lundef=false -Dexamples=false)
	$(meson) test -C build/tsan --print-errorlogs --suite stress --suite oom

comma := ,

# Every test is a process of its own, so this takes some minutes; it is no part of `make test`, where
# AddressSanitizer looks for the same faults. What it alone finds is the use of bytes that nobody wrote.
VALGRIND := valgrind -q --trace-children=yes --exit-on-first-error=yes --error-exitcode=99 \
	--leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
	--suppressions=$(CURDIR)/tests/valgrind.supp
MEMCHECK_WIRE := handlers bodies forms
# `-t 0`: no time limits.
memcheck: $(VENV)/.tools build/.valgrind
	$(call configure,build/gcc,gcc,)
	$(say) 'unit tests and allocation failures under valgrind'
	TURBO_OOM=library $(meson) test -C build/gcc --print-errorlogs -t 0 --suite unit --suite oom --wrapper '$(VALGRIND)'
	$(say) 'a server under valgrind'
	WIRE_LAUNCHER='$(VALGRIND)' $(meson) test -C build/gcc --print-errorlogs -t 0 $(MEMCHECK_WIRE)

# --- Python -----------------------------------------------------------------

# FastAPI on uvicorn, which the parity suite compares with. What both sides use has the release of $(2).
# $(1): the environment, $(2): the one under test
define install_fastapi
	@test -x $(1)/bin/python || $(2)/bin/python -m venv $(1)
	@$(2)/bin/python -m pip --disable-pip-version-check freeze --exclude turboapi > $(1)/constraints.txt
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check \
	    -r tests/python/parity/requirements.txt -c $(1)/constraints.txt
	@touch $@
endef

$(VENV_FASTAPI)/.tools: $(VENV)/.tools tests/python/parity/requirements.txt
	$(say) 'virtual environment $(VENV_FASTAPI)'
	$(call install_fastapi,$(VENV_FASTAPI),$(VENV))

$(VENV_FASTAPI_FT)/.tools: $(VENV_FT)/.tools tests/python/parity/requirements.txt
	$(say) 'virtual environment $(VENV_FASTAPI_FT)'
	$(call install_fastapi,$(VENV_FASTAPI_FT),$(VENV_FT))

test-python: $(VENV)/.package $(VENV_FASTAPI)/.tools build/quickstart/libhandler.so
	$(say) 'Python suite'
	cd tests/python && ../../$(VENV)/bin/python -m pytest -q

# FastAPI's own test suite, by the harness beside the checkout. It fails when a test that passes in the
# baseline no longer does; more passing tests are written to it with --write-baseline.
CONFORMANCE := ../shared/conformance/run

test-conformance: $(VENV)/.tools
	$(say) "FastAPI's test suite against turboapi"
	@if [ -x $(CONFORMANCE) ]; then \
	    $(CONFORMANCE) --python $(VENV)/bin/python --path bindings/python --baseline tests/conformance/baseline.json; \
	    $(CONFORMANCE) --python $(VENV)/bin/python --mode native --baseline tests/conformance/baseline-native.json; \
	else echo 'skipped: $(CONFORMANCE) does not exist'; fi

# The interpreter: $PYTHON314T, or python3.14t on the path, or the one that the neighbouring tool builds.
find_freethreaded = if [ -n "$${PYTHON314T:-}" ]; then echo "$$PYTHON314T"; \
	elif command -v python3.14t >/dev/null; then command -v python3.14t; \
	elif [ -x ../shared/tools/python3.14t ]; then ../shared/tools/python3.14t; \
	else echo 'no python3.14t: set PYTHON314T to a free-threaded CPython 3.14' >&2; exit 1; fi

$(VENV_FT)/.tools: build/.packages tests/requirements.txt
	$(say) 'virtual environment $(VENV_FT) (building the interpreter, if needed, takes some minutes)'
	@test -x $(VENV_FT)/bin/python || { python=$$($(find_freethreaded)); "$$python" -m venv $(VENV_FT); }
	@$(VENV_FT)/bin/python -c 'import sys; sys.exit(sys._is_gil_enabled() and "this interpreter has a GIL")'
	$(VENV_FT)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

$(VENV_FT)/.package: $(VENV_FT)/.tools $(package_sources)
	$(say) 'building and installing the Python package for free-threaded Python'
	PATH=$(CURDIR)/$(VENV_FT)/bin:$$PATH $(VENV_FT)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --no-build-isolation --force-reinstall --no-deps .
	@touch $@

test-freethreaded: $(VENV_FT)/.package $(VENV_FASTAPI_FT)/.tools build/quickstart/libhandler.so
	$(say) 'Python suite, free-threaded'
	cd tests/python && ../../$(VENV_FT)/bin/python -m pytest -q

# --- checkers ---------------------------------------------------------------

$(VENV_LINT)/.tools: build/.packages tests/requirements-lint.txt
	$(say) 'virtual environment $(VENV_LINT)'
	@test -x $(VENV_LINT)/bin/python || $(PYTHON) -m venv $(VENV_LINT)
	$(VENV_LINT)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements-lint.txt
	@touch $@

lint: $(VENV_LINT)/.tools
	$(say) 'ruff, mypy and pyright'
	$(VENV_LINT)/bin/ruff check .
	$(VENV_LINT)/bin/ruff format --check .
	cd bindings/python && ../../$(VENV_LINT)/bin/mypy --config-file ../../pyproject.toml turboapi
	$(VENV_LINT)/bin/pyright --pythonpath $(VENV_LINT)/bin/python

# --- more -------------------------------------------------------------------

fuzz: $(VENV)/.tools
	PATH=$(CURDIR)/$(VENV)/bin:$$PATH fuzz/run

bench: $(VENV)/.package
	benchmarks/run

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build $(VENV) $(VENV_FT) $(VENV_FASTAPI) $(VENV_FASTAPI_FT) $(VENV_LINT)
