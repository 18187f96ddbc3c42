#!/bin/sh
# docker/base-image.sh: debian:bookworm-slim for machines that can't pull it. `make base-image` runs it.
#
# There already: nothing is done. Otherwise it is pulled; where that fails it is made from Debian's packages by debootstrap
# and slimmed as the official one is: no documentation but the copyright notices, no manual pages, no translations.
#
#   BASE_IMAGE     the name that it gets (debian:bookworm-slim)
#   DEBIAN_MIRROR  where the packages are (debootstrap's own default)
#   BASE_FORCE=1   make it even if there is one
#
# Exit status: 0 it is there, 1 it cannot be made here; the message says why.
set -eu
image=${BASE_IMAGE:-debian:bookworm-slim}

fail() {
    echo "base-image: $*" >&2
    exit 1
}

command -v docker >/dev/null 2>&1 || fail "no docker command here: install docker.io, or Docker's own packages"
said=$(docker version --format '{{.Server.Version}}' 2>&1) || fail "docker doesn't answer: ${said##*
}; start its daemon, or join the group docker"

if [ -z "${BASE_FORCE:-}" ]; then
    if docker image inspect "$image" >/dev/null 2>&1; then
        echo "base-image: $image is there"
        exit 0
    fi
    if said=$(timeout 120 docker pull "$image" 2>&1 </dev/null); then
        echo "base-image: $image was pulled"
        exit 0
    fi
    echo "base-image: $image can't be pulled ($(echo "$said" | tail -n 1)), so it is made here"
fi
command -v debootstrap >/dev/null 2>&1 || fail "$image is made by debootstrap, which is not here: apt-get install debootstrap"
[ "$(id -u)" -eq 0 ] || fail "debootstrap needs root: sudo make base-image"

work=$(mktemp -d "${TMPDIR:-/var/tmp}/medsync-base.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
root=$work/root
debootstrap --variant=minbase bookworm "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$work/log" 2>&1 || {
    tail -n 15 "$work/log" >&2
    fail "debootstrap could not make it (above); DEBIAN_MIRROR=URL takes the packages from elsewhere"
}

# What changes when packages are installed in a container: no service starts, nothing that a layer need not keep is kept.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
cat >"$root/etc/apt/apt.conf.d/docker-clean" <<'END'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
END
echo 'Acquire::Languages "none";' >"$root/etc/apt/apt.conf.d/docker-no-languages"
echo 'Acquire::GzipIndexes "true";' >"$root/etc/apt/apt.conf.d/docker-gzip-indexes"
echo 'Apt::AutoRemove::SuggestsImportant "false";' >"$root/etc/apt/apt.conf.d/docker-autoremove-suggests"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
cat >"$root/etc/dpkg/dpkg.cfg.d/docker" <<'END'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/groff/*
path-exclude /usr/share/info/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/linda/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
END

# The updates and security fixes of bookworm, from the same mirror.
mirror=$(sed -n 's/^deb \([^ ]*\) .*/\1/p' "$root/etc/apt/sources.list" | head -n 1)
cat >"$root/etc/apt/sources.list" <<END
deb $mirror bookworm main
deb $mirror bookworm-updates main
deb ${mirror%/*}/debian-security bookworm-security main
END
{
    chroot "$root" apt-get update &&
        chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get dist-upgrade -y --no-install-recommends
} >"$work/log" 2>&1 </dev/null || {
    tail -n 15 "$work/log" >&2
    fail "its packages could not be brought up to date (above)"
}

# What the official image leaves out, and what differs from one making to the next.
find "$root/usr/share/doc" ! -type d ! -name copyright -delete
find "$root/usr/share/doc" -mindepth 1 -type d -empty -delete
for folder in groff info lintian linda locale man; do
    [ ! -d "$root/usr/share/$folder" ] || find "$root/usr/share/$folder" -mindepth 1 -delete
done
find "$root/var/lib/apt/lists" "$root/var/cache" "$root/var/log" "$root/tmp" -mindepth 1 ! -type d -delete
rm -f "$root/etc/resolv.conf" "$root/etc/hostname" "$root"/var/lib/dpkg/*-old "$root"/etc/*- "$root/var/cache/ldconfig/aux-cache"
: >"$root/etc/machine-id"

epoch=$(find "$root/usr/share/doc" -name copyright -printf '%Ts\n' | sort -n | tail -n 1)
tar -C "$root" --sort=name --mtime="@$epoch" --clamp-mtime --numeric-owner -c . |
    docker import --change 'CMD ["bash"]' --message "Debian bookworm, minbase without documentation, by debootstrap" - "$image" >/dev/null ||
    fail "docker import failed"
echo "base-image: $image was made, $(docker image inspect --format '{{.Size}}' "$image" | awk '{ printf "%.0f MB", $1 / 1e6 }')"
