# Siang in one image: web, workers, upkeep and commands. docs/deploy.md says how to use it.
FROM python:3.12-slim-bookworm AS build
WORKDIR /srv/siang
COPY requirements.lock ./
COPY scripts/venv.py scripts/venv.sh scripts/
# Wheels alone, each with its hash: nothing is compiled, here or later.
RUN PYTHON=python3 scripts/venv.sh run && rm -f .venv/pip.log
COPY worker.py Procfile LICENSE ./
COPY config config
COPY app app
RUN .venv/bin/python -m compileall -q app worker.py

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/siang --create-home siang \
    && chmod 700 /var/lib/siang
COPY --from=build /srv/siang /srv/siang
WORKDIR /srv/siang
ENV PATH=/srv/siang/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SIANG_HOME=/var/lib/siang \
    SIANG_HOST=0.0.0.0 \
    SIANG_LOG=json \
    PORT=8000
USER 10001:10001
VOLUME /var/lib/siang
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT []
CMD ["siang", "serve"]
