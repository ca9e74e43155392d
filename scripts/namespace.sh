# For scripts that run tests in a network namespace of their own, so that neither their interfaces
# nor their addresses exist anywhere else. Sourced, with the name of what they run in `$what`.

# Where distributions keep servers, and an ordinary user's shell does not look.
export PATH="$PATH:/usr/sbin:/sbin"

# cannot REASON: ends the script. That is a failure in CI only.
cannot() {
    if [ -n "${CI:-}" ]; then
        printf '%s: cannot run: %s\n' "$what" "$1" >&2
        exit 1
    fi
    printf '%s: skipped: %s\n' "$what" "$1"
    exit 0
}

# need COMMAND PACKAGE: installs the package if the command, or the file of that name, is missing.
# Not on a machine that runs services and is not CI's, unless asked to: a time server, for one, would
# take the place of another there.
need() {
    if command -v "$1" >/dev/null || [ -e "$1" ]; then return; fi
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        cannot "$1 is missing (package $2)"
    fi
    if [ -z "${CI:-}${INSTALL:-}" ] && [ -d /run/systemd/system ]; then
        cannot "$1 is missing (package $2); with INSTALL=1 this script installs it"
    fi
    export DEBIAN_FRONTEND=noninteractive
    # A registry that does not answer once is no reason to fail.
    local attempt
    for attempt in 1 2 3; do
        if apt-get update && apt-get install --yes --no-install-recommends "$2"; then return; fi
    done >&2
    cannot "$1 is missing, and package $2 could not be installed"
}

# need_thumbv7m: a compiler for Cortex-M3. Without an installed target that is the distribution's,
# which compiles `core` from its sources.
need_thumbv7m() {
    local target=thumbv7m-none-eabi
    if rustc --print target-libdir --target "$target" 2>/dev/null | xargs -r test -d; then return; fi
    need /usr/bin/rustc rustc-web
    need /usr/bin/cargo cargo-web
    need /usr/lib/rustlib/src/rust/library/core rust-web-src
    need arm-none-eabi-ld binutils-arm-none-eabi
}

# need_namespace [OPTION...]: fills `namespace` with the words that run a command in a namespace,
# made with these further options of `unshare`.
#
# The process namespace ends with its first process, and that with unshare: unless a script is
# killed outright, nothing that it started there is left.
need_namespace() {
    [ -c /dev/net/tun ] || cannot '/dev/net/tun is missing'
    need unshare util-linux
    need ip iproute2
    namespace=(unshare --net --pid --fork --kill-child "$@")
    [ "$(id -u)" -eq 0 ] || namespace+=(--map-root-user)
    "${namespace[@]}" ip tuntap add dev probe mode tap 2>/dev/null ||
        cannot 'no right to make network namespaces and TAP interfaces'
}

# inside COMMAND...: runs the command, which begins with the words of `namespace`, and ends it with
# this script. Then comes the command in `cleanup`, if there is one.
inside() {
    "$@" &
    trap "kill -KILL $! 2>/dev/null; ${cleanup:-:}" EXIT
    local outcome=0
    wait "$!" || outcome=$?
    trap "${cleanup:-:}" EXIT
    return "$outcome"
}

# need_test LIST NAME...: ends the script if there are names and none of the tests in the list, made
# by `--list`, has one of them in its own.
need_test() {
    local list=$1 name
    shift
    [ $# -gt 0 ] || return 0
    for name; do
        if grep -q -- "$name.*: test$" <<<"$list"; then return; fi
    done
    printf '%s: no test has one of these names: %s\n' "$what" "$*" >&2
    exit 1
}
