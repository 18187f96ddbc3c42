#!/bin/sh
# docker/image.sh: builds MedSync's image, with the commit in its labels and the commit's time in its layers. `make image`
# runs it, with the version. Arguments go to `docker build`.
#
#   MEDSYNC_IMAGE  its name (medsync:VERSION)
#   BASE_IMAGE     what it is built on (debian:bookworm-slim)
set -eu
cd "$(dirname "$0")/.."
version=${VERSION:?say which version, as make image does}
image=${MEDSYNC_IMAGE:-medsync:$version}

BASE_FORCE='' docker/base-image.sh
# outside of a clone there is no commit: then everything is of 1970, and still the same each time
revision=$(git rev-parse HEAD 2>/dev/null) || revision=unknown
epoch=$(git log -1 --format=%ct 2>/dev/null) || epoch=0
[ -z "$(git status --porcelain 2>/dev/null)" ] || revision=$revision-dirty
docker build --tag "$image" \
    --build-arg BASE="${BASE_IMAGE:-debian:bookworm-slim}" \
    --build-arg VERSION="$version" \
    --build-arg REVISION="$revision" \
    --build-arg CREATED="$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)" \
    --build-arg SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$epoch}" \
    "$@" .
echo "image: $image, $(docker image inspect --format '{{.Size}}' "$image" | awk '{ printf "%.0f MB", $1 / 1e6 }')"
