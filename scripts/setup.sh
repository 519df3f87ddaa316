# SPDX-License-Identifier: MIT
# setup.sh - sourced by ./start and ./check: installs the Debian packages that are missing, and says which.

say() { printf '%s\n' "$*" >&2; }

die() {
    say "riacho: $*"
    exit 1
}

# The words of the command that may install packages: nothing for root, sudo for others.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "packages are missing and can only be installed by root: run this once as root, or install sudo. Missing: $missing"
    fi
}

installed() { dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

# ensure_packages NAME...: a second call with everything there costs a few milliseconds.
ensure_packages() {
    missing=
    for package in "$@"; do
        installed "$package" || missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    command -v apt-get >/dev/null 2>&1 || die "this needs Debian 12 or 13 (apt-get is not here). Install by hand:$missing"
    say "riacho: installing:$missing"
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || {
        say "riacho: refreshing the list of packages"
        as_root apt-get update -qq || die "apt-get update failed; is the network there? Run this again when it is."
        # shellcheck disable=SC2086
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2 ||
            die "apt-get could not install:$missing"
    }
}

build_packages="build-essential cmake ninja-build pkg-config librocksdb-dev libulfius-dev libcurl4-gnutls-dev libjansson-dev libavro-dev
 libfyaml-dev libxxhash-dev liblz4-dev libgnutls28-dev libmicrohttpd-dev libcmocka-dev"
check_packages="clang clang-format llvm libclang-rt-dev python3 python3-venv prometheus curl git ccache procps"

# Debian names the compiler runtime after its version.
clang_runtime() { apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p' | head -n 1; }

# build_preset NAME [TARGET...]: configures once, then builds what changed.
build_preset() {
    preset=$1
    shift
    if [ ! -f "build/$preset/build.ninja" ]; then
        say "riacho: configuring build/$preset"
        cmake --preset "$preset" >"/tmp/riacho-configure-$preset.$$" 2>&1 || {
            cat "/tmp/riacho-configure-$preset.$$" >&2
            rm -f "/tmp/riacho-configure-$preset.$$" "build/$preset/build.ninja"
            die "configuring build/$preset failed (above)"
        }
        rm -f "/tmp/riacho-configure-$preset.$$"
    fi
    say "riacho: building build/$preset"
    if [ $# -gt 0 ]; then ninja --quiet -C "build/$preset" "$@" >&2; else ninja --quiet -C "build/$preset" >&2; fi ||
        die "building build/$preset failed (above)"
}
