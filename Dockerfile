# Redis with Leaflet:         docker build -t leaflet .
# The demo as a container:    docker build -t leaflet-demo --target demo .

FROM rust:1.95-bookworm AS build
# libclang: bindgen needs it to read redismodule.h. Debian keeps one version per release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libclang-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /leaflet
COPY Cargo.toml Cargo.lock redis.conf ./
COPY src src
COPY examples examples
COPY benches benches
COPY tests tests
# The project's configuration becomes the container's: the image's entry point loads every module in
# its module folder, a container listens on its own network, and /data is the volume.
RUN cargo build --release --locked --lib --example demo_workflow \
    && sed -e '/^loadmodule /d' \
        -e 's/^bind .*/bind * -::*/' \
        -e 's/^protected-mode .*/protected-mode no/' \
        -e 's|^dir .*|dir /data|' redis.conf > target/redis.conf

FROM debian:bookworm-slim AS demo
COPY --from=build /leaflet/target/release/examples/demo_workflow /usr/local/bin/
USER 65534:65534
ENTRYPOINT ["demo_workflow"]
CMD ["--url", "redis://leaflet:6379"]

# The entry point of the official image changes to the user redis by itself.
FROM redis:8.2-bookworm AS server
COPY --from=build --chmod=755 /leaflet/target/release/libleaflet.so /usr/local/lib/redis/modules/
COPY --from=build --chmod=644 /leaflet/target/redis.conf /usr/local/etc/redis/
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["redis-cli", "-e", "LEAFLET.STATS"]
CMD ["redis-server", "/usr/local/etc/redis/redis.conf"]
