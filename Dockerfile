# syntax=docker/dockerfile:1

# Build: the toolchain, the headers, and a program that carries the Swift libraries in itself.
FROM swift:6.3-bookworm AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libssl-dev libargon2-dev zlib1g-dev libsqlite3-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
# Dependencies first: they are fetched again only when the manifest changes.
COPY Package.swift ./
RUN swift package resolve
COPY . .
RUN swift build --configuration release --static-swift-stdlib --product viaduct \
    && install -D --strip .build/release/viaduct /install/usr/local/bin/viaduct

# Run: OpenSSL, Argon2, zlib and SQLite come from Debian, so that their security updates reach us with a rebuild of this stage.
FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl libssl3 libargon2-1 libsqlite3-0 libstdc++6 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 8443 --user-group --home-dir /data --shell /usr/sbin/nologin viaduct \
    && install -d -o viaduct -g viaduct -m 0700 /data
COPY --from=build /install/ /
COPY config/ /etc/viaduct/
USER 8443:8443
VOLUME /data
EXPOSE 8443
STOPSIGNAL SIGTERM
# The container asks itself, whatever certificate it was given: --insecure.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["curl", "--silent", "--fail", "--insecure", "--output", "/dev/null", "https://127.0.0.1:8443/health/live"]
ENTRYPOINT ["viaduct"]
CMD ["serve", "--data-directory", "/data", "--listen", "[::]:8443"]
