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
	@echo 'Pawtrait: reads the mood in a pet'\''s face, and keeps the models that do so fresh.'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo
	@echo 'Start with `make demo`. Afterwards `.venv/bin/pawtrait --help` has a command for each stage.'

setup: $(INSTALLED) ## make the environment in .venv; again when pyproject.toml, constraints.txt or its place change; GPU=1 for an NVIDIA GPU

demo: setup ## draw a data set, run the pipeline on it, register the champion, print the table; nine minutes on two cores
	@$(PY) -m pawtrait run

real: pictures-named setup ## the study's size on your pictures: make real DATA=FOLDER [WEIGHTS=FOLDER] [PAINTINGS=FOLDER] [NAME=mine]; two hours
	@$(PY) -m pipelines.real --data "$(DATA)" --weights "$(call SAID,WEIGHTS)" --paintings "$(call SAID,PAINTINGS)" \
	  --name "$(or $(call SAID,NAME),real)"

pictures-named:
	@test -n "$(call SAID,DATA)" || { echo 'make real: say where the pictures are, as in' \
	  'make real DATA="Master Folder" WEIGHTS=weights; WEIGHTS and PAINTINGS=FOLDER may be left out' >&2; exit 2; }

repro: setup ## bring every stage up to date, without registration
	@$(PY) -m pawtrait.stages fingerprint --out data/source.json --paintings data/paintings.json \
	  --weights data/weights.json
	@test -e .git || $(PY) -m dvc config --local core.no_scm true
	@PATH="$(CURDIR)/$(ENV)/bin:$$PATH" $(PY) -m dvc repro

ui: setup ## open the runs in MLflow at http://127.0.0.1:5000, another port with PORT=
	@echo 'MLflow: http://127.0.0.1:$(PORT)/#/experiments/1/runs?workflowType=machine_learning in half a minute; Ctrl-C ends it'
	@echo 'The models alone, best first: http://127.0.0.1:$(PORT)/#/experiments/1/runs?workflowType=machine_learning&searchFilter=tags.pawtrait.kind%20%3D%20%22model%22&orderByKey=metrics.%60valid_macro_f1%60&orderByAsc=false'
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false DO_NOT_TRACK=true PYTHONWARNINGS=ignore \
	  $(PY) -m mlflow ui --host 127.0.0.1 --port $(PORT)

serve: setup ## the service at http://127.0.0.1:8000, its API at /docs, another port with SERVICE_PORT=
	@$(PY) -m pawtrait serve --port $(SERVICE_PORT)

app: setup ## the web app at http://127.0.0.1:8501 with its service at :8000, other ports with APP_PORT= SERVICE_PORT=
	@$(PY) -m pawtrait.app --port $(APP_PORT) --service-port $(SERVICE_PORT)

prefect: setup ## Prefect's server, a worker and the schedules at http://127.0.0.1:4200, another port with PREFECT_PORT=
	@$(PY) -m pipelines.up --port $(PREFECT_PORT)

postgres: setup ## a PostgreSQL of one's own for MLflow, Prefect and feedback at :5433, another port with POSTGRES_PORT=
	@$(PY) -m pipelines.postgres --port $(POSTGRES_PORT)

image: setup ## the service's image with the champion in it, by Docker or buildah, named by version and data
	@$(PY) -m pipelines.images

# No bytecode is written: by sudo its folders would be root's, and nobody else could clear them or compile there.
up: $(if $(MOVED),setup) ## service, web app, MLflow, Prefect, PostgreSQL, Prometheus and Grafana in containers, by Docker Compose
	@test -n "$(PYTHON)" || { echo 'make up: Python 3.11 or 3.12 is needed; install python3.11, or say where it is:' \
	  'make up PYTHON=/path/to/python3.11' >&2; exit 2; }
	@test ! -x $(ENV)/bin/pawtrait || test ! -f data/champion.json || PYTHONDONTWRITEBYTECODE=1 $(ENV)/bin/pawtrait bake
	@$(PYTHON) -B -m pipelines.team

dvc-remote: setup ## a folder beside this one as the DVC remote, another with REMOTE=; data go there by `dvc push`
	@mkdir -p "$(PLACE)"
	@$(PY) -m dvc remote add --quiet --local --default --force storage "$(PLACE)"
	@echo 'DVC remote: $(PLACE), noted in .dvc/config.local; `dvc push` fills it, `dvc pull` in another clone reads it'

year: setup ## twelve months of retraining in twenty minutes: what happens each month, and why
	@$(PY) -m pipelines.year

test: setup ## run all tests but the slow ones, some twenty minutes in two processes; another number with JOBS=
	@$(PY) -m pytest $(SPREAD)

test-all: setup ## run all tests, the slow ones too, an hour and more; HOLDS=docs/results writes down what they counted
	@$(COUNTED) $(PY) -m pytest $(SPREAD) -m 'not alone'; ended=$$?; \
	  $(COUNTED) $(PY) -m pytest -m alone && exit $$ended

check: setup ## lint, formatting, types, import contracts
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(ENV)/bin/lint-imports --no-logo

bench: setup ## measure what is fast, beside what it replaces
	@$(PY) -m benchmarks

backup: setup ## keep feedback, pictures, ledger and MLflow in one file: make backup [TO=FILE]
	@$(ENV)/bin/pawtrait backup $(if $(TO),--to "$(TO)")

restore: setup ## bring a backup back where nothing lies yet: make restore FROM=FILE
	@test -n "$(FROM)" || { echo 'make restore: say what to bring back, as in' \
	  'make restore FROM=backups/pawtrait-2026-11-30.tar' >&2; exit 2; }
	@$(ENV)/bin/pawtrait restore "$(FROM)"

clean: ## remove the environment and the caches; data, models, runs and results stay: README says how to remove all
	rm -rf $(ENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build src/*.egg-info
	test ! -d .cache || find .cache -mindepth 1 -maxdepth 1 ! -name real ! -name "real-*" ! -name retrain ! -name checkpoints ! -name '*.lock' -exec rm -rf {} +
	find src pipelines tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo 'Kept: data/, .dvc/ with its cache of results, mlflow.db, mlruns/; of .cache the workspaces of `make real` and of the'
	@echo 'months (real…, retrain), the checkpoints of trainings that were cut off, and the locks of what may be running.'

# Bytecode is compiled here, on all cores, since some machines forbid Python to do it later (PYTHONDONTWRITEBYTECODE),
# which doubles the time of every start. Some packages carry templates that do not compile: nothing to worry about.
$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo 'make setup: Python 3.11 or 3.12 is needed, and neither python3.11 nor python3' \
	  'nor python3.12 is one; install python3.11, or say where it is: make setup PYTHON=/path/to/python3.11' >&2; exit 2; }
	@$(PYTHON) -c '$(GOOD)' || { echo 'make setup: $(PYTHON) is not Python 3.11 or 3.12' >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { v=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "make setup: $(PYTHON) cannot make environments; on Debian and Ubuntu: apt install python$$v-venv" >&2; exit 2; }
	@echo 'Installing into $(ENV) with $(PYTHON): some minutes, some gigabytes …'
	@$(if $(MOVED),test ! -L $(ENV) || rm $(ENV))
	@$(if $(MOVED),false,$(PY) -m pip --version >/dev/null 2>&1) || $(PYTHON) -m venv --clear $(ENV)
	@PIP_TARGET= PIP_PREFIX= $(PY) -m pip install --no-user -qq --disable-pip-version-check --no-compile -c constraints.txt -e '.[$(EXTRAS)]' || { \
	  echo 'make setup: pip, whose words stand above, could not install. "(from versions: none)" means that it reached no package' \
	  'index: set HTTPS_PROXY or PIP_INDEX_URL as your network wants it. "No space left" is the disk: .venv wants 5 GB with' \
	  'torch'\''s build for the CPU, some more with CUDA'\''s libraries, and pip some in TMPDIR meanwhile. Then run it again.' >&2; exit 2; }
	@$(PY) -m compileall -qq -j 0 $(ENV)/lib src || true
	@$(if $(findstring gpu,$(EXTRAS)),touch $(WITH_GPU))
	@pwd -P > $@
