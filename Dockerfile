# MedSync's programs on Debian: medsync, fcc-host and one executable a chaincode, in /usr/bin; what they look up is in
# /usr/share/medsync. docs/containers.md tells how it is used; `make image` builds it with the arguments below.
#
# The same commit on the same base with the same packages gives the same layers: what is written gets SOURCE_DATE_EPOCH as
# its time. Both of docker's builders take this file.
ARG BASE=debian:bookworm-slim

# ---- the build, of which only /image is kept -------------------------------------------------------------------------
FROM ${BASE} AS build
WORKDIR /src
COPY run ./
RUN ./run --yes deps
COPY . .
# libarchive as a shared library brings libxml2 and with that 36 MB of ICU, for formats that no chaincode package has; of
# the static one the linker takes tar and gzip. gRPC in each chaincode would be 6 MB for each; the shared one is here.
RUN make -j"$(nproc)" MEDSYNC_DEPS=done all FCC_GRPC='$(GRPC_LIBS)' \
        ARCHIVE_LIBS='-Wl,--gc-sections -l:libarchive.a -l:libnettle.so.8 -lz' && \
    make MEDSYNC_DEPS=done install PREFIX=/usr DESTDIR=/image
ARG SOURCE_DATE_EPOCH=0
RUN rm -rf /image/usr/include /image/usr/lib/*.a /image/usr/lib/pkgconfig /image/usr/share/man /image/usr/share/bash-completion && \
    strip --strip-unneeded /image/usr/bin/* /image/usr/lib/medsync/*.so && \
    install -D -m 644 LICENSE /image/usr/share/doc/medsync/copyright && \
    find /image -depth -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

# ---- the image ---------------------------------------------------------------------------------------------------------
FROM ${BASE}
ARG SOURCE_DATE_EPOCH=0
# Everything that this step writes after its start gets the same time, what packages bring keeps theirs. Folders come behind
# what is in them, logs are emptied (a file of the base that is deleted leaves the time of that), and what docker itself
# puts into a container stays out.
RUN set -eu; \
    start=$(date +%s); \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        libcurl4 libgrpc29 libjansson4 liblmdb0 libmicrohttpd12 libprotobuf-c1 libssl3 libyaml-0-2; \
    apt-get clean; \
    echo 'medsync:x:10001:10001:MedSync:/var/lib/medsync:/usr/sbin/nologin' >>/etc/passwd; \
    echo 'medsync:x:10001:' >>/etc/group; \
    install -d -m 755 -o 10001 -g 10001 /var/lib/medsync; \
    find /var/log /var/cache/debconf -type f -newermt "@$start" -exec truncate -s 0 {} +; \
    find /var/lib/apt/lists /tmp -mindepth 1 ! -type d -delete; \
    rm -f /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old; \
    find / -depth -xdev -newermt "@$start" ! -path /proc ! -path /sys ! -path '/dev*' ! -path /.dockerenv ! -path /etc/mtab \
        ! -path /etc/hosts ! -path /etc/hostname ! -path /etc/resolv.conf \
        -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
COPY --from=build /image/ /
# Where volumes are mounted: a new one takes its owner from here. (COPY would leave the time of the build in the folder.)
RUN cd /var/lib/medsync && \
    sed -n 's|^    domain: \(.*\)|services/\1 services/custodian.\1|p' /usr/share/medsync/network/network.yaml | \
        xargs install -d -o 10001 -g 10001 net services && \
    find /var/lib/medsync -depth -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} + && \
    touch -h -d "@$SOURCE_DATE_EPOCH" /var/lib /var
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="MedSync" \
      org.opencontainers.image.description="Hyperledger Fabric chaincode in C, and a healthcare network on it" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="debian:bookworm-slim" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# `medsync upgrade` and `rollback` go by it: what runs here is the image's
ENV MEDSYNC_IMAGE_VERSION=${VERSION}
USER 10001:10001
WORKDIR /var/lib/medsync
ENTRYPOINT ["medsync"]
CMD ["--help"]
