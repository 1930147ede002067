# The web app, which talks to the service only. From the project's root:
#
#   docker build -f docker/app.Dockerfile -t pawtrait-app .
#   docker run --rm --read-only --tmpfs /tmp -e PAWTRAIT_SERVICE=http://service:8000 -e PAWTRAIT_APP_KEY=KEY \
#     -p 127.0.0.1:8501:8501 pawtrait-app   # KEY is the service's for it: read and feedback, made with --shared
#
# Where the service asks for none, say so: … pawtrait-app python -m pawtrait.app --host 0.0.0.0 --insecure
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS bare
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv --without-pip /opt/pawtrait
WORKDIR /build

FROM bare AS packages
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
COPY pyproject.toml constraints.txt ./
# None of it is ours: an edit leaves its layer as it is.
# Bytecode is compiled afterwards, on all cores, and holds whatever the sources' times: some builders round these when they
# copy. Some packages carry templates that do not compile.
RUN mkdir -p src/pawtrait && touch README.md src/pawtrait/__init__.py \
 && python -m pip --python /opt/pawtrait/bin/python install --no-compile -c constraints.txt '.[app]' \
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
RUN useradd --uid 1000 --no-create-home --home-dir /tmp pawtrait && mkdir /app
COPY docker/from_files /usr/local/bin/
# COPY keeps modes, and a checkout under umask 077 has this for its owner alone.
RUN chmod 755 /usr/local/bin/from_files
COPY --from=packages /opt/pawtrait /opt/pawtrait
COPY --from=build /own /opt/pawtrait
ENV PATH=/opt/pawtrait/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp \
    PAWTRAIT_SERVICE=http://127.0.0.1:8000
WORKDIR /app
USER pawtrait
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request as ask; ask.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["python", "-m", "pawtrait.app", "--host", "0.0.0.0"]
