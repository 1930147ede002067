# Everything starts here: `make` lists what there is to do. It needs Python 3.11 or 3.12, git and make.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo real repro ui app prefect postgres dvc-remote year test test-all check bench backup restore clean pictures-named up serve image

PORT ?= 5000
PREFECT_PORT ?= 4200
APP_PORT ?= 8501
SERVICE_PORT ?= 8000
POSTGRES_PORT ?= 5433
REMOTE ?= ../dvc-remote
PLACE = $(patsubst ~/%,$(HOME)/%,$(REMOTE))
JOBS ?= 2
COUNTED = $(if $(HOLDS),PAWTRAIT_HOLDS="$(HOLDS)")
SPREAD = -n $(JOBS) --no-loadscope-reorder
# What stands on make's command line: a shell may export the same names, as WSL does NAME.
SAID = $(if $(findstring command,$(origin $1)),$($1))
GOOD = import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))
PYTHON ?= $(shell for p in python3.11 python3 python3.12; do $$p -c '$(GOOD)' 2>/dev/null && { echo $$p; break; }; done)
ENV := .venv
PY := $(ENV)/bin/python
INSTALLED := $(ENV)/installed

# An environment knows the folder it was made in. In a copied checkout it would run the first one's code, in a moved one
# nothing at all; so its note says which that was, and where it is not this one all of it is made anew. Of a link to another
# checkout's environment the link alone goes: `venv --clear` would empty what it leads to.
ifneq "$(or $(shell cat $(INSTALLED) 2>/dev/null),$(CURDIR))" "$(CURDIR)"
MOVED := moved
.PHONY: $(INSTALLED)
endif

# GPU=1 takes CUDA's libraries for TensorFlow too; an environment that has them keeps them up to date without being told.
WITH_GPU := $(ENV)/with-gpu
ASKED := $(filter-out 0,$(call SAID,GPU))
EXTRAS := dev$(if $(ASKED)$(wildcard $(WITH_GPU)),$(shell printf ,gpu))
ifneq "$(ASKED)" ""
ifeq "$(wildcard $(WITH_GPU))" ""
.PHONY: $(INSTALLED)
endif
endif

help: ## list these commands
	@echo 'Pawtrait reads the mood in a pet'\''s face, paints its portrait, and keeps the models fresh.'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo
	@echo 'Start with `make demo`. Then `.venv/bin/pawtrait --help` lists a command for each stage.'

setup: $(INSTALLED) ## make the environment in .venv, or renew it where it is out of date; GPU=1 for an NVIDIA GPU

demo: setup ## draw a data set, run the pipeline on it, register the champion, print the results; nine minutes on two cores
	@$(PY) -m pawtrait run

real: pictures-named setup ## run the pipeline at full size on your pictures: make real DATA=FOLDER [WEIGHTS=FOLDER] [PAINTINGS=FOLDER] [NAME=mine]; two hours
	@$(PY) -m pipelines.real --data "$(DATA)" --weights "$(call SAID,WEIGHTS)" --paintings "$(call SAID,PAINTINGS)" \
	  --name "$(or $(call SAID,NAME),real)"

pictures-named:
	@test -n "$(call SAID,DATA)" || { echo 'make real: DATA is missing; say where the pictures are, for example' \
	  'make real DATA="Master Folder" WEIGHTS=weights; WEIGHTS and PAINTINGS=FOLDER are optional' >&2; exit 2; }

repro: setup ## run every stage that is out of date; register nothing
	@$(PY) -m pawtrait.stages fingerprint --out data/source.json --paintings data/paintings.json \
	  --weights data/weights.json
	@test -e .git || $(PY) -m dvc config --local core.no_scm true
	@PATH="$(CURDIR)/$(ENV)/bin:$$PATH" $(PY) -m dvc repro

ui: setup ## show the runs in MLflow at http://127.0.0.1:5000 (PORT= for another port)
	@echo 'MLflow: http://127.0.0.1:$(PORT)/#/experiments/1/runs?workflowType=machine_learning in half a minute; Ctrl-C stops it'
	@echo 'The models alone, best first: http://127.0.0.1:$(PORT)/#/experiments/1/runs?workflowType=machine_learning&searchFilter=tags.pawtrait.kind%20%3D%20%22model%22&orderByKey=metrics.%60valid_macro_f1%60&orderByAsc=false'
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false DO_NOT_TRACK=true PYTHONWARNINGS=ignore \
	  $(PY) -m mlflow ui --host 127.0.0.1 --port $(PORT)

serve: setup ## run the service at http://127.0.0.1:8000, its API at /docs (SERVICE_PORT= for another port)
	@$(PY) -m pawtrait serve --port $(SERVICE_PORT)

app: setup ## run the web app at http://127.0.0.1:8501 and its service at :8000 (APP_PORT= SERVICE_PORT= for other ports)
	@$(PY) -m pawtrait.app --port $(APP_PORT) --service-port $(SERVICE_PORT)

prefect: setup ## run Prefect's server, a worker and the schedules at http://127.0.0.1:4200 (PREFECT_PORT= for another port)
	@$(PY) -m pipelines.up --port $(PREFECT_PORT)

postgres: setup ## run a PostgreSQL for MLflow, Prefect and feedback at :5433 (POSTGRES_PORT= for another port)
	@$(PY) -m pipelines.postgres --port $(POSTGRES_PORT)

image: setup ## build the service's image with the champion in it, with Docker or buildah
	@$(PY) -m pipelines.images

# No bytecode is written: by sudo its folders would be root's, and nobody else could clear them or compile there.
up: $(if $(MOVED),setup) ## run service, web app, MLflow, Prefect, PostgreSQL, Prometheus and Grafana with Docker Compose
	@test -n "$(PYTHON)" || { echo 'make up: found no Python 3.11 or 3.12; install python3.11, or say where it is:' \
	  'make up PYTHON=/path/to/python3.11' >&2; exit 2; }
	@test ! -x $(ENV)/bin/pawtrait || test ! -f data/champion.json || PYTHONDONTWRITEBYTECODE=1 $(ENV)/bin/pawtrait bake
	@$(PYTHON) -B -m pipelines.team

dvc-remote: setup ## make ../dvc-remote the DVC remote, which `dvc push` fills (REMOTE= for another folder)
	@mkdir -p "$(PLACE)"
	@$(PY) -m dvc remote add --quiet --local --default --force storage "$(PLACE)"
	@echo 'DVC remote: $(PLACE), set in .dvc/config.local; fill it with `dvc push`, read it in another clone with `dvc pull`'

year: setup ## simulate twelve months of retraining in twenty minutes, and say what happened and why
	@$(PY) -m pipelines.year

test: setup ## run the quick tests, some twenty minutes in two processes (JOBS= for another number)
	@$(PY) -m pytest $(SPREAD)

test-all: setup ## run all tests, the slow ones too, over an hour; HOLDS=docs/results saves what they measured
	@$(COUNTED) $(PY) -m pytest $(SPREAD) -m 'not alone'; ended=$$?; \
	  $(COUNTED) $(PY) -m pytest -m alone && exit $$ended

check: setup ## check lint, formatting, types, import contracts
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(ENV)/bin/lint-imports --no-logo

bench: setup ## measure how fast it is, beside what it replaces
	@$(PY) -m benchmarks

backup: setup ## save feedback, pictures, ledger and MLflow to one file: make backup [TO=FILE]
	@$(ENV)/bin/pawtrait backup $(if $(TO),--to "$(TO)")

restore: setup ## restore a backup to an empty place: make restore FROM=FILE
	@test -n "$(FROM)" || { echo 'make restore: FROM is missing; say which backup, for example' \
	  'make restore FROM=backups/pawtrait-2026-11-30.tar' >&2; exit 2; }
	@$(ENV)/bin/pawtrait restore "$(FROM)"

clean: ## remove the environment and the caches; data, models, runs and results stay (README: how to remove all)
	rm -rf $(ENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build src/*.egg-info
	test ! -d .cache || find .cache -mindepth 1 -maxdepth 1 ! -name real ! -name "real-*" ! -name retrain ! -name checkpoints ! -name '*.lock' -exec rm -rf {} +
	find src pipelines tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo 'Kept: data/, .dvc/ with its cache, mlflow.db, mlruns/; in .cache the workspaces of `make real` and the months'
	@echo '(real…, retrain), checkpoints of unfinished trainings, and the locks of what may be running.'

# Bytecode is compiled here, on all cores, since some machines forbid Python to do it later (PYTHONDONTWRITEBYTECODE),
# which doubles the time of every start. Some packages carry templates that do not compile: nothing to worry about.
$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo 'make setup: found no Python 3.11 or 3.12 as python3.11, python3 or python3.12;' \
	  'install python3.11, or say where it is: make setup PYTHON=/path/to/python3.11' >&2; exit 2; }
	@$(PYTHON) -c '$(GOOD)' || { echo 'make setup: $(PYTHON) is not Python 3.11 or 3.12' >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { v=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "make setup: $(PYTHON) cannot make environments; on Debian and Ubuntu: apt install python$$v-venv" >&2; exit 2; }
	@echo 'Installing into $(ENV) with $(PYTHON): a few minutes, a few gigabytes …'
	@$(if $(MOVED),test ! -L $(ENV) || rm $(ENV))
	@$(if $(MOVED),false,$(PY) -m pip --version >/dev/null 2>&1) || $(PYTHON) -m venv --clear $(ENV)
	@PIP_TARGET= PIP_PREFIX= $(PY) -m pip install --no-user -qq --disable-pip-version-check --no-compile -c constraints.txt -e '.[$(EXTRAS)]' || { \
	  echo 'make setup: pip failed; its error is above. "(from versions: none)": it reached no package index, so set HTTPS_PROXY' \
	  'or PIP_INDEX_URL for your network. "No space left": .venv needs 5 GB with torch'\''s build for the CPU, more with CUDA'\''s' \
	  'libraries, and pip needs room in TMPDIR. Then run it again.' >&2; exit 2; }
	@$(PY) -m compileall -qq -j 0 $(ENV)/lib src || true
	@$(if $(findstring gpu,$(EXTRAS)),touch $(WITH_GPU))
	@pwd -P > $@
