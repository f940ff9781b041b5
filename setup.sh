# Read by ./graphrun and ./test: installs packages, configures, builds. Knows nothing of what it builds.
# Standard output belongs to the program, so all of this speaks on standard error, and only when there is need.
# The caller sets `root`, the folder of the checkout, and `who`, its own name.

cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

say() { echo "$who: $*" >&2; }

# Runs a command in silence, its output in the file $1; shows the end of it where the command fails.
quietly() {
    log=$1
    shift
    if "$@" </dev/null >"$log" 2>&1; then return 0; fi
    tail -n 60 "$log" >&2
    say "failed: $*"
    say "all of its output: $log"
    return 1
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# need KINDS FOLDER: the packages of packages.txt whose first word is among KINDS are there afterwards. What was found
# once is not looked for again until packages.txt changes.
need() {
    stamp=$2/packages-$(echo "$1" | tr ' ' -)
    [ "$stamp" -nt "$root/packages.txt" ] && return 0
    wanted=$(awk -v kinds=" $1 " '!/^#/ && NF && index(kinds, " " $1 " ") {print $2}' "$root/packages.txt")
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say "not a Debian system, so nothing is installed. What is needed (Debian's names):"
        echo "$wanted" | sed 's/^/    /' >&2
        say "when all of it is there: cmake -B build && cmake --build build, then build/graphrun"
        return 1
    fi
    found=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p')
    missing=$(echo "$wanted" | while read -r p; do echo "$found" | grep -qxF "$p" || echo "$p"; done)
    if [ -n "$missing" ]; then
        if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
            say "packages are missing and there is no sudo. As root: apt-get install" $missing
            return 1
        fi
        say "installing" $missing
        export DEBIAN_FRONTEND=noninteractive
        [ "$(id -u)" = 0 ] || { [ -t 0 ] && sudo -v; }    # asks for the password before the output is hidden
        quietly "$2/install.log" as_root apt-get update &&
            quietly "$2/install.log" as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y --no-install-recommends $missing || return 1
    fi
    : >"$stamp"
}

folder_of() { if [ "$1" = release ]; then echo "$root/build"; else echo "$root/build-$1"; fi; }

# build PRESET TARGET: configures the folder of a preset of CMakePresets.json if that was not done, then brings TARGET
# up to date.
build() {
    into=$(folder_of "$1")
    mkdir -p "$into" || return 1
    # A checkout that was moved or copied takes its build folder along, which CMake refuses.
    if [ -f "$into/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$into/CMakeCache.txt"; then
        rm -rf "$into/CMakeCache.txt" "$into/CMakeFiles"
    fi
    if [ ! -f "$into/CMakeCache.txt" ] || { [ ! -f "$into/build.ninja" ] && [ ! -f "$into/Makefile" ]; }; then
        generator=
        command -v ninja >/dev/null && generator=-GNinja
        quietly "$into/configure.log" cmake -S "$root" --preset "$1" $generator || return 1
    fi
    quietly "$into/build.log" cmake --build "$into" --parallel "$cores" --target "$2"
}
