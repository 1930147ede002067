# The pipeline and its command line, MLflow's server, Prefect's server and worker. From the project's root:
#
#   docker build -f docker/pipeline.Dockerfile -t pawtrait-pipeline .
#   docker run --rm pawtrait-pipeline                                        # what it can do
#   docker run --rm -v pawtrait-work:/home/pawtrait/work pawtrait-pipeline pawtrait run   # the demo, kept in a volume
#
# That volume begins as this image's folder and keeps its code and dvc.yaml: a new image needs a new volume.
#
# --build-arg GPU=1 takes the CUDA builds of TensorFlow and torch (run it with --gpus all). Without it, name an index
# of torch's CPU builds in PIP_EXTRA_INDEX_URL, or a folder in PIP_FIND_LINKS: the usual index has torch with CUDA only,
# which works without a GPU as well and is some gigabytes larger.
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS bare
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv --without-pip /opt/pawtrait
WORKDIR /build

FROM bare AS packages
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
ARG GPU
COPY pyproject.toml constraints.txt ./
# What is installed depends on these two files alone, and none of it is ours: an edit leaves its layer of gigabytes as it is.
# Bytecode is compiled afterwards, on all cores, and holds whatever the sources' times: some builders round these when they
# copy. Some packages carry templates that do not compile.
RUN mkdir -p src/pawtrait && touch README.md src/pawtrait/__init__.py \
 && python -m pip --python /opt/pawtrait/bin/python install --no-compile -c constraints.txt ".[pipeline$(test "${GPU:-0}" = 0 || echo ,gpu)]" \
 && python -m pip --python /opt/pawtrait/bin/python uninstall --yes pawtrait \
 && rm -r build \
 && { /opt/pawtrait/bin/python -m compileall -qq -j 0 --invalidation-mode unchecked-hash /opt/pawtrait/lib || true; }

FROM bare AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
COPY pyproject.toml README.md ./
COPY src src
RUN python -m pip --python /opt/pawtrait/bin/python install --no-compile --no-deps --prefix /own . \
 && /opt/pawtrait/bin/python -m compileall -qq -j 0 --invalidation-mode unchecked-hash /own

FROM ${BASE}
# `pawtrait backup` calls pg_dump, which refuses a newer server than itself: Compose's is of this client's version.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends git postgresql-client >/dev/null \
 && rm -rf /var/lib/apt/lists/* \
 && git config --system --add safe.directory /project \
 && useradd --create-home --uid 1000 pawtrait \
 && mkdir -p /project /mlflow /prefect /app/state && chown pawtrait /project /mlflow /prefect /app/state \
 && chmod 1777 /mlflow /prefect /app/state # volumes begin as these; Compose runs as the owner of the checkout
COPY docker/from_files /usr/local/bin/
# COPY keeps modes, and a checkout under umask 077 has this for its owner alone.
RUN chmod 755 /usr/local/bin/from_files
COPY --from=packages /opt/pawtrait /opt/pawtrait
COPY --from=build /own /opt/pawtrait
# USER: DVC asks for a name, and the list of users has none for whoever else Compose runs as.
ENV PATH=/opt/pawtrait/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 DO_NOT_TRACK=true USER=pawtrait
USER pawtrait
RUN mkdir -p /home/pawtrait/work/data /home/pawtrait/work/.dvc
WORKDIR /home/pawtrait/work
COPY --chown=pawtrait dvc.yaml params.yaml prefect.yaml .dvcignore ./
COPY --chown=pawtrait .dvc/config .dvc/config
COPY --chown=pawtrait data/source.json data/paintings.json data/weights.json data/recorded_splits.csv data/
COPY --chown=pawtrait data/feedback/README.md data/feedback/README.md
COPY --chown=pawtrait pipelines pipelines
# DVC compares the code with what made a result, so the sources lie beside it, as in the repository.
COPY --chown=pawtrait src src
CMD ["pawtrait", "--help"]
