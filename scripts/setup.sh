# SPDX-License-Identifier: MIT
# setup.sh - sourced by ./start and ./check: installs the Debian packages that are missing, and says which.
#
# RIACHO_KAFKA=OFF builds without Kafka, RIACHO_RDKAFKA=system with the system's librdkafka (cmake/librdkafka.cmake), RIACHO_ROCKSDB=pinned
# with a RocksDB built from source (cmake/rocksdb.cmake).

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
rdkafka_packages="libssl-dev libzstd-dev zlib1g-dev"
check_packages="clang clang-format llvm libclang-rt-dev python3 python3-venv prometheus curl git ccache procps"

# Debian names the compiler runtime after its version.
clang_runtime() { apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p' | head -n 1; }

# with_kafka: whether this build has Kafka.
with_kafka() {
    case ${RIACHO_KAFKA:-ON} in
    [Oo][Ff][Ff] | 0 | [Nn][Oo] | [Ff][Aa][Ll][Ss][Ee]) return 1 ;;
    esac
}

# ensure_rdkafka plain|thread: librdkafka is there, with what it is built from. A second call costs a tenth of a second.
ensure_rdkafka() {
    with_kafka || return 0
    if [ "${RIACHO_RDKAFKA:-pinned}" = system ]; then
        ensure_packages librdkafka-dev
        return
    fi
    # shellcheck disable=SC2086
    ensure_packages $rdkafka_packages
    third_party/librdkafka/build --cached "$1" >/dev/null && return
    # Whoever has an npm of another source keeps it.
    command -v npm >/dev/null 2>&1 || ensure_packages nodejs npm
    third_party/librdkafka/build "$1" >/dev/null || exit 1
}

# ensure_rocksdb: the pinned RocksDB is there, if it is asked for.
ensure_rocksdb() {
    [ "${RIACHO_ROCKSDB:-system}" = pinned ] || return 0
    third_party/rocksdb/build --cached >/dev/null && return
    # Whoever has a cargo of another source keeps it.
    command -v cargo >/dev/null 2>&1 || ensure_packages cargo
    third_party/rocksdb/build >/dev/null || exit 1
}

# ensure_kafka: a real Kafka for the tests is there. A second call costs a fifth of a second.
ensure_kafka() {
    ensure_packages openssl
    command -v java >/dev/null 2>&1 || ensure_packages default-jre-headless
    tests/kafka/fetch --cached >/dev/null && return
    command -v mvn >/dev/null 2>&1 || ensure_packages maven
    tests/kafka/fetch >/dev/null || exit 1
}

# build_preset NAME [TARGET...]: configures once, or again when the environment chooses another library; then builds what changed.
build_preset() {
    preset=$1
    shift
    case $preset in tsan) ensure_rdkafka thread ;; *) ensure_rdkafka plain ;; esac
    ensure_rocksdb
    if [ ! -f "build/$preset/build.ninja" ] || [ -n "${RIACHO_KAFKA:-}${RIACHO_RDKAFKA:-}${RIACHO_ROCKSDB:-}" ]; then
        say "riacho: configuring build/$preset"
        cmake --preset "$preset" ${RIACHO_KAFKA:+-D "RIACHO_KAFKA=$RIACHO_KAFKA"} ${RIACHO_RDKAFKA:+-D "RIACHO_RDKAFKA=$RIACHO_RDKAFKA"} \
            ${RIACHO_ROCKSDB:+-D "RIACHO_ROCKSDB=$RIACHO_ROCKSDB"} \
            >"/tmp/riacho-configure-$preset.$$" 2>&1 || {
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
