# One image for API, workers, beat and migrations; docker-compose.yml starts them.
FROM python:3.12-slim AS build
# Without further words pip takes torch with everything for GPUs, several gigabytes that a desk on CPUs never
# uses. PyTorch's makers keep a second index with builds for CPUs alone; give its address as the build argument
# EXTRA_INDEX and pip prefers the CPU build, because its version (the same number, then "+cpu") counts as newer.
ARG EXTRA_INDEX=""
WORKDIR /src
COPY pyproject.toml README.md constraints.txt ./
COPY frostdesk frostdesk
COPY agent agent
COPY skills skills
COPY workers workers
COPY migrations migrations
COPY web web
RUN python -m venv /opt/frostdesk \
    && /opt/frostdesk/bin/pip install --no-cache-dir ${EXTRA_INDEX:+--extra-index-url "$EXTRA_INDEX"} \
        --constraint constraints.txt .

FROM python:3.12-slim
RUN useradd --create-home --uid 1000 frostdesk && install --directory --owner frostdesk --mode 0700 /data
COPY --from=build /opt/frostdesk /opt/frostdesk
ENV PATH=/opt/frostdesk/bin:$PATH FROSTDESK_DATA=/data FROSTDESK_HOST=0.0.0.0 PYTHONUNBUFFERED=1
USER frostdesk
WORKDIR /home/frostdesk
VOLUME /data
EXPOSE 8710
ENTRYPOINT ["frostdesk"]
CMD ["api"]
