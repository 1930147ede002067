# The service: moods, fast and CycleGAN portraits on onnxruntime, no TensorFlow and no torch. From the project's root:
#
#   pawtrait bake                                                       # the champion and the painters, into docker/baked
#   docker build -f docker/serve.Dockerfile -t pawtrait-serve .
#   docker run --rm --read-only --tmpfs /tmp -v pawtrait-state:/app/state -p 127.0.0.1:8000:8000 \
#     -e PAWTRAIT_HOSTS="127.0.0.1 localhost" pawtrait-serve serve --host 0.0.0.0 --insecure
#                                           # --insecure: without keys, as here no one else gets in
#
# --target full adds neural style transfer. docs/deploy.md has buildah, package indexes, keys and models from a registry.
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS bare
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The environment has no pip of its own: nothing that runs needs it.
RUN python -m venv --without-pip /opt/pawtrait
WORKDIR /build

# Each stage asks for its arguments: not every builder hands them on.
FROM bare AS packages
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
COPY pyproject.toml constraints.txt ./
# What is installed depends on these two files alone, and none of it is ours: an edit or another model leaves its layer as
# it is, in every image. The packages' own tests, 40 MB, stay behind.
# Bytecode is compiled afterwards, on all cores, and holds whatever the sources' times: some builders round these when they
# copy. Some packages carry templates that do not compile.
RUN mkdir -p src/pawtrait && touch README.md src/pawtrait/__init__.py \
 && python -m pip --python /opt/pawtrait/bin/python install --no-compile -c constraints.txt '.[serve]' \
 && find /opt/pawtrait/lib -depth -type d '(' -name tests -o -path '*/onnx/backend/test' ')' -exec rm -r '{}' + \
 && python -m pip --python /opt/pawtrait/bin/python uninstall --yes pawtrait \
 && rm -r build \
 && { /opt/pawtrait/bin/python -m compileall -qq -j 0 --invalidation-mode unchecked-hash /opt/pawtrait/lib || true; }

FROM packages AS packages-full
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
RUN python -m pip --python /opt/pawtrait/bin/python install --no-compile -c constraints.txt '.[neural]' \
 && python -m pip --python /opt/pawtrait/bin/python uninstall --yes pawtrait \
 && { /opt/pawtrait/bin/python -m compileall -qq -j 0 --invalidation-mode unchecked-hash /opt/pawtrait/lib || true; }

FROM bare AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
COPY pyproject.toml README.md ./
COPY src src
RUN python -m pip --python /opt/pawtrait/bin/python install --no-compile --no-deps --prefix /own . \
 && /opt/pawtrait/bin/python -m compileall -qq -j 0 --invalidation-mode unchecked-hash /own

# No model is in it before `pawtrait bake`: the service starts all the same, and says that there is none yet. The rules by which
# feedback is judged and the recipes of portraits come with the code: in a cluster there is no checkout to read them from.
FROM ${BASE} AS baked
COPY docker/baked/ /baked/
COPY params.yaml /baked/service/
RUN mkdir -p /baked/service /baked/neural && chmod -R a+rX /baked # whatever umask they were baked under

FROM ${BASE} AS ground
RUN useradd --uid 1000 --no-create-home --home-dir /tmp pawtrait \
 && mkdir -p /app/state && chown pawtrait /app/state && chmod 1777 /app/state
WORKDIR /app
# All that is written lies in /app/state, a volume; the rest may be read-only, with a tmpfs at /tmp.
ENV PATH=/opt/pawtrait/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp \
    DATABASE_URL=sqlite:////app/state/feedback.db PAWTRAIT_PICTURES=/app/state/pictures PAWTRAIT_OUTBOX=/app/state/outbox \
    PAWTRAIT_PORTRAITS=/app/state/portraits
COPY docker/from_files /usr/local/bin/
# COPY keeps modes, and a checkout under umask 077 has this for its owner alone.
RUN chmod 755 /usr/local/bin/from_files
VOLUME /app/state
USER pawtrait
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request as ask; ask.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["pawtrait"]
CMD ["serve", "--host", "0.0.0.0"]

# What changes most seldom comes first, and the models last.
FROM ground AS serve
COPY --from=packages /opt/pawtrait /opt/pawtrait
COPY --from=build /own /opt/pawtrait
COPY --from=baked /baked/service/ ./

FROM ground AS full
COPY --from=packages-full /opt/pawtrait /opt/pawtrait
COPY --from=build /own /opt/pawtrait
COPY --from=baked /baked/neural/ ./
COPY --from=baked /baked/service/ ./

# The last one is what is built where no --target is named.
FROM serve
