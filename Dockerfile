FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends make
WORKDIR /src
COPY tools/deps tools/deps
RUN tools/deps run
COPY . .
RUN make install PREFIX=/usr DESTDIR=/root-of-image

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="guidepost" \
      org.opencontainers.image.description="Deployments from chat that ask before they fail" \
      org.opencontainers.image.licenses="MIT"
# tini reaps what steps leave behind; openssh-client is for targets that are reached by ssh.
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates libcjson1 libcurl4 libhiredis0.14 libmicrohttpd12 libssl3 libuv1 libwebsockets17 \
        libwebsockets-evlib-uv libyaml-0-2 \
        openssh-client redis-server tini && \
    rm -rf /var/lib/apt/lists/* && \
    groupadd --gid 10001 guidepost && \
    useradd --uid 10001 --gid 10001 --home-dir /var/lib/guidepost --create-home --shell /usr/sbin/nologin guidepost
COPY --from=build /root-of-image /
USER 10001:10001
WORKDIR /var/lib/guidepost
VOLUME /var/lib/guidepost
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["guidepost", "healthcheck"]
ENTRYPOINT ["/usr/bin/tini", "--", "guidepost"]
CMD ["up", "--config", "/etc/guidepost/guidepost.yaml"]
