# syntax=docker/dockerfile:1
FROM python:3.11-slim AS build
WORKDIR /app
# Bytecode belongs into the image: its user may not write beside the modules, and every start would compile litellm anew.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_COMPILE_BYTECODE=1
COPY requirements-setup.lock requirements.lock ./
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements-setup.lock \
 && /venv/bin/uv pip install --no-cache --python /venv/bin/python --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY shared shared
COPY workers workers
COPY scheduler scheduler
COPY console console
COPY sandbox sandbox
RUN /venv/bin/uv pip install --no-cache --python /venv/bin/python --no-deps --no-build-isolation ./shared/client .

FROM python:3.11-slim
RUN useradd --create-home --home-dir /var/lib/watchkeeper --uid 10001 watchkeeper \
 && chmod 700 /var/lib/watchkeeper
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 WATCHKEEPER_HOME=/var/lib/watchkeeper WATCHKEEPER_LOG_FORMAT=json
USER watchkeeper
WORKDIR /var/lib/watchkeeper
# Processes run as pid 1's children under an init (compose: init: true), so signals and zombies are seen to.
ENTRYPOINT ["watchkeeper"]
CMD ["--help"]
