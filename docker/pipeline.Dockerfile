# The pipeline and its command line. From the project's root:
#
#   docker build -f docker/pipeline.Dockerfile -t pawtrait-pipeline .
#   docker run --rm pawtrait-pipeline                                        # what it can do
#   docker run --rm -v pawtrait:/home/pawtrait/work pawtrait-pipeline pawtrait run   # the demo, kept in a volume
#
# A build argument PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS lets pip find a smaller torch, without CUDA.

FROM python:3.11-slim-bookworm AS build
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/pawtrait
ENV PATH=/opt/pawtrait/bin:$PATH
WORKDIR /build
COPY pyproject.toml constraints.txt README.md ./
# What is installed depends on these lines alone; the code comes after them, so that an edit does not install it all again.
RUN mkdir -p src/pawtrait && touch src/pawtrait/__init__.py \
 && pip install --no-compile -c constraints.txt '.[pipeline]'
COPY src src
RUN pip install --no-compile --no-deps --force-reinstall . \
 && { python -m compileall -qq -j 0 /opt/pawtrait/lib || true; }

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 1000 pawtrait
COPY --from=build /opt/pawtrait /opt/pawtrait
ENV PATH=/opt/pawtrait/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER pawtrait
RUN mkdir -p /home/pawtrait/work/data /home/pawtrait/work/.dvc
WORKDIR /home/pawtrait/work
COPY --chown=pawtrait dvc.yaml params.yaml .dvcignore ./
COPY --chown=pawtrait .dvc/config .dvc/config
COPY --chown=pawtrait data/source.json data/recorded_splits.csv data/
COPY --chown=pawtrait pipelines pipelines
# DVC compares the code with what made a result, so the sources lie beside it, as in the repository.
COPY --chown=pawtrait src src
CMD ["pawtrait", "--help"]
