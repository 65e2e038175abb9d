# make run: install, run the quick suite, write records and one page.   make test: every check.   make pages: example reports.
# Both install once; a second call installs nothing again.
PYTHON ?= python3
VENV ?= .venv
OUT ?= out
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: run test pages clean
.DEFAULT_GOAL := run

run: $(VENV)/.installed
	@cat $(VENV)/.left-out
	@mkdir -p $(OUT); file=$(OUT)/$$(hostname)-$$(date -u +%Y%m%dT%H%M%S).jsonl; \
	$(BIN)/ngtbench run --suite quick --output $$file; code=$$?; \
	if [ -s $$file ]; then $(BIN)/ngtbench report $$file --html $(OUT) || exit $$?; fi; exit $$code

test: $(VENV)/.installed $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/ngtbench check hardware
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/end_to_end tests/contracts tests/unit
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/conformance

# An example of a report from the records in reports/baselines, and a demonstration of several machines that do not exist.
pages: $(VENV)/.installed
	$(BIN)/python reports/synthetic/make.py $(OUT)/synthetic
	$(BIN)/ngtbench report $(OUT)/synthetic --html $(OUT)/demonstration
	$(BIN)/ngtbench report reports/baselines --html $(OUT)/example

# The core must install; a group that does not (no wheel for this processor, say) is left out and said.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ngtbench needs Python 3.11 or newer: set PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "python3-venv is missing: apt install python3-venv"; exit 2; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV)"
	@$(PIP) --editable .
	@rm -f $(VENV)/.left-out; for group in report cpu torch onnx ml tensors scheduling fpga; do \
	  $(PIP) --editable ".[$$group]" 2>$(VENV)/.pip.log || \
	  echo "left out: group '$$group' did not install: $$(grep -m1 -i error $(VENV)/.pip.log)" >> $(VENV)/.left-out; done
	@touch $(VENV)/.left-out $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP) --editable ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) $(OUT) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
