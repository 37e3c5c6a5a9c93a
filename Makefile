# `make` alone lists the targets. Every path is relative, so the checkout may stand in a folder
# whose name has spaces. Works with GNU make 3.81 and newer.

PYTHON ?= python3
IMAGE  ?= istio-observability-operator:0.1.0
ARGS   ?=

VENV := .venv
PY   := $(VENV)/bin/python
LOCKS := requirements/runtime.txt requirements/build.txt requirements/dev.txt
CRD  := crds/istio-observability.dev_istioobservabilities.yaml
REFERENCE := docs/reference.md
METRICS := docs/metrics.md

# The environment is complete when the file named after its content exists. It is written last, so
# an interrupted `make venv` starts again; it also changes with the folder, which installed scripts name.
LOCK_ID := $(shell { pwd; cat $(LOCKS); sed -n '/^\[project/,/^\[tool/p' pyproject.toml; } | cksum | tr -d ' \t')
READY   := $(VENV)/.complete-$(LOCK_ID)

PYTEST := $(PY) -m pytest
NO_CLUSTER := not control_plane and not istio and not kind

.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help venv lock generate verify golden check vectors test test-unit test-control-plane test-kind \
        control-plane bench try demo image clean

##@ First steps
help: ## List the targets and the variables
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-20s %s\n", $$1, $$2} \
	  /^#  [A-Z_]+[= ]/ {sub(/^#/, ""); print}' Makefile
	@echo

try: $(READY) ## Show what one resource would change, on recorded manifests (a minute, no Go, no cluster)
	@$(PY) -m dev.try_it $(ARGS)

demo: $(READY) ## Wire Istio, DataKit and bookinfo on a local control plane, then undo it (15 minutes the first time)
	@$(PY) -m dev.demo $(if $(filter-out 0,$(KEEP)),--keep) $(if $(filter-out 0,$(YES)),--yes) \
	  $(if $(CLUSTER),--cluster "$(CLUSTER)") $(if $(DELIVERY),--delivery "$(DELIVERY)") $(ARGS)

##@ While developing
venv: $(READY) ## Create .venv from the hash-locked requirements; again whenever they change
	@echo "$(VENV) is ready: $$($(PY) --version), $$(ls -d $(VENV)/lib/python*/site-packages/*.dist-info | wc -l | tr -d ' ') packages"

check: $(READY) verify ## Format, lint, types, import contracts, generated files (seconds)
	@echo "format"; $(PY) -m ruff format --check --quiet . \
	  || { echo "make check: not formatted; run $(PY) -m ruff format ." >&2; exit 1; }
	@echo "lint"; $(PY) -m ruff check --quiet .
	@echo "types"; $(PY) -m mypy --no-error-summary
	@echo "import contracts"; contracts=$$($(VENV)/bin/lint-imports --no-logo 2>&1) \
	  || { echo "$$contracts" >&2; exit 1; }

vectors: $(READY) ## What the real agent did against our rules: make vectors VECTORS=DIR [CAPTURES=DIR]
	@$(PY) -m dev.vectors "$(or $(VECTORS),tests/datakit/vectors)" $(if $(CAPTURES),--captures "$(CAPTURES)")

test-unit: $(READY) ## Everything that needs no cluster (seconds)
	@$(PYTEST) -q -m "$(NO_CLUSTER)" $(ARGS)

test-control-plane: control-plane ## The operator on a real API server and a real istiod
	@$(PYTEST) -q -m "control_plane or istio" $(ARGS)

test: control-plane ## All of the above: unit, golden and control-plane tests
	@$(PYTEST) -q -m "not kind" $(ARGS)

test-kind: $(READY) ## The tests that need a container engine; skipped, with the reason, without one
	@if [ ! -d tests/kind ]; then echo "test-kind: skipped, there are no such tests yet"; \
	elif docker info >/dev/null 2>&1 || podman info >/dev/null 2>&1; then $(PYTEST) -q -m kind tests/kind $(ARGS); \
	else echo "test-kind: skipped, neither docker nor podman answers on this machine"; fi

bench: $(if $(findstring --on-paper,$(ARGS)),$(READY),control-plane) ## Memory and time for 6, 100 and 1,000 Deployments beside a plain HTTP loop
	@$(PY) -m bench $(ARGS)

##@ Generated files
generate: $(READY) ## Write the CRD, its reference page and the page of metrics again
	@$(PY) -m istio_observability.model.crd > $(CRD).new && mv $(CRD).new $(CRD)
	@$(PY) -m istio_observability.model.reference > $(REFERENCE).new && mv $(REFERENCE).new $(REFERENCE)
	@$(PY) -m istio_observability.istio.metrics_page > $(METRICS).new && mv $(METRICS).new $(METRICS)
	@echo "$(CRD), $(REFERENCE) and $(METRICS) written"

verify: $(READY) ## Fail where a committed file is not what the code generates
	@echo "generated files"; $(PY) -m istio_observability.model.crd | cmp -s - $(CRD) \
	  || { echo "make verify: $(CRD) is not what the models say; run make generate and commit it" >&2; exit 1; }
	@$(PY) -m istio_observability.model.reference | cmp -s - $(REFERENCE) \
	  || { echo "make verify: $(REFERENCE) is not what the models say; run make generate and commit it" >&2; exit 1; }
	@$(PY) -m istio_observability.istio.metrics_page | cmp -s - $(METRICS) \
	  || { echo "make verify: $(METRICS) is not what the catalogue says; run make generate and commit it" >&2; exit 1; }

golden: $(READY) ## Rewrite the golden files; say in the commit which workloads the change restarts
	@UPDATE_GOLDEN=1 $(PYTEST) -q -m "$(NO_CLUSTER)" $(ARGS)
	@git --no-pager diff --stat -- tests || true

lock: $(READY) ## Resolve the dependencies again and write requirements/*.txt with hashes
	@echo "resolving (half a minute)"
	@export CUSTOM_COMPILE_COMMAND="make lock"; unset PIP_FIND_LINKS; \
	lock() { $(PY) -m piptools compile --quiet --generate-hashes --strip-extras --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links "$$@"; }; \
	lock -o requirements/runtime.txt pyproject.toml && \
	lock -o requirements/build.txt requirements/build.in && \
	lock --allow-unsafe -c requirements/runtime.txt -c requirements/build.txt \
	  -o requirements/dev.txt pyproject.toml requirements/dev.in
	@echo "requirements/ written; upgrade one package with: $(PY) -m piptools compile -P NAME ..."

##@ Building and cleaning
control-plane: $(READY) ## Build etcd, the API server, KWOK and istiod from Go modules (15 minutes once, cached)
	@$(if $(TEST_KUBECONFIG),echo "using the cluster of TEST_KUBECONFIG",$(PY) -m dev.control_plane build)

image: ## Build the container image with docker or podman
	@engine=$$(command -v docker || command -v podman) || { echo "make image: needs docker or podman" >&2; exit 1; }; \
	"$$engine" build -t "$(IMAGE)" .

clean: ## Remove .venv, caches and build results (not the cached control plane, which is outside the checkout)
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find operator tests dev bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	@echo "clean"

##@ Variables
#  PYTHON               interpreter that .venv is made with, 3.11 or newer (default python3)
#  ARGS                 more arguments for the command behind a target: make test-unit ARGS="-k zipkin"
#  KEEP=1               demo: leave the cluster up and tell how to look around
#  CLUSTER=FILE         demo: use the cluster of this kubeconfig; prints the context and asks first
#  YES=1                demo: do not ask
#  DELIVERY=KIND        demo: PodTemplate (default) or Pod
#  VECTORS=DIR          vectors: directory of recorded cases (default tests/datakit/vectors)
#  CAPTURES=DIR         vectors, tests: directory of recorded expositions
#  TEST_KUBECONFIG      tests: use this cluster instead of building a control plane
#  IMAGE                image: name and tag

# A dangling interpreter (Python was upgraded under it) makes the environment unusable, stamp or not.
ifeq ($(wildcard $(PY)),)
.PHONY: $(READY)
endif

$(READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make venv: $(PYTHON) is $$($(PYTHON) --version 2>&1 | tail -n 1); Python 3.11 or newer is needed; install one or run make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "creating $(VENV) (about a minute)"
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "make venv: $(PYTHON) -m venv failed; on Debian and Ubuntu install python3-venv" >&2; exit 1; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements/dev.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
	@touch $@
