# syntax=docker/dockerfile:1
# Two stages: whatever installs packages stays in the first. Pin the base by digest where images are
# built for others: --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:...
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /src

# Two environments: /build has pip and the build back end, /opt/operator never sees either.
RUN python -m venv /build && python -m venv --without-pip /opt/operator

# Before the sources, so that a change of ours does not fetch the dependencies again. Wheels only:
# running somebody's setup.py would need a compiler, and trust.
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN /build/bin/pip install --require-hashes --only-binary :all: -r requirements/build.txt \
 && /build/bin/pip --python /opt/operator/bin/python install --require-hashes --only-binary :all: \
      -r requirements/runtime.txt

COPY pyproject.toml README.md LICENSE ./
COPY operator/ operator/
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /build/bin/pip --python /opt/operator/bin/python install --no-deps --no-index /wheels/*.whl

# Compiled here, because the file system of the running container is read-only. The sources cannot
# change under the byte code, so it is never checked against them.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/operator/lib

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="istio-observability-operator" \
      org.opencontainers.image.description="Wires an Istio mesh into the DataKit observability agent" \
      org.opencontainers.image.licenses="Apache-2.0"

# The base image brings pip and the wheels it would bootstrap itself from.
RUN rm -rf /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip \
      /usr/local/bin/pip*

COPY --from=build /opt/operator /opt/operator
ENV PATH=/opt/operator/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

# A number, not a name: the kubelet checks runAsNonRoot without reading the image's /etc/passwd.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["istio-observability"]
CMD ["run"]
