# The server as a container: a static binary and the certificates of authorities.
#
#   docker build -t pagerduty-mcp-server .
#   docker run --rm -p 8000:8000 pagerduty-mcp-server --allowed-host localhost
#   docker run --rm -i --env PAGERDUTY_API_TOKEN pagerduty-mcp-server --transport stdio
#
# Options override those of the entry point.

FROM rust:1.95-alpine AS build
WORKDIR /src
COPY build.rs Cargo.toml Cargo.lock rustfmt.toml clippy.toml README.md LICENSE ./
COPY src ./src
COPY crates ./crates
# The tests are not included, but the targets of the manifest have to exist.
COPY benches ./benches
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked --bin pagerduty-mcp-server && cp target/dist/pagerduty-mcp-server /server

# This image has CA certificates, a non-root user, and no shell.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /server /pagerduty-mcp-server
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["/pagerduty-mcp-server", "--transport", "http", "--host", "0.0.0.0", "--port", "8000", "--log-format", "json"]
