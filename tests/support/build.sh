# Configuring and building one preset below build/. Sourced by ./run.

# build_preset PRESET [-DOPTION...] [-- TARGET...]
build_preset() {
    local preset=$1 options=() targets=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    targets=("$@")
    local dir=$build_root/$preset log=$build_root/log/build-$preset.txt
    mkdir -p "$build_root/log" 2>/dev/null && [ -w "$build_root/log" ] && { [ ! -e "$dir" ] || [ -w "$dir" ]; } ||
        die "$build_root belongs to somebody else (run once as root?): remove it, or set SSM_BUILD_DIR to another folder"
    local hint=
    [ -e "$dir/build.ninja" ] || hint=", which takes a minute the first time"
    say "Building ($preset)$hint"
    (
        flock 9 # two runs at once take turns
        build_configure "$preset" "$dir" "$log" ${options[@]+"${options[@]}"}
        build_compile "$dir" "$log" ${targets[@]+"${targets[@]}"}
    ) 9>"$build_root/log/.lock-$preset"
}

build_configure() {
    local preset=$1 dir=$2 log=$3
    shift 3
    cmake -S "$project_dir" --preset "$preset" -G Ninja -B "$dir" "$@" >"$log" 2>&1 || build_failed "$log" configuring
}

build_compile() {
    local dir=$1 log=$2
    shift 2
    local command=(cmake --build "$dir" -j "$(build_jobs)")
    [ $# -eq 0 ] || command+=(--target "$@")
    "${command[@]}" >>"$log" 2>&1 || build_failed "$log" building
}

build_failed() {
    tail -n 60 "$1" >&2
    die "$2 failed; the whole log is $1"
}

# A compiler job takes up to half a gigabyte with the sanitizers.
build_jobs() {
    local cores memory_mb
    cores=$(nproc)
    memory_mb=$(awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo)
    local by_memory=$((memory_mb / 512))
    [ "$by_memory" -ge 1 ] || by_memory=1
    echo $((cores < by_memory ? cores : by_memory))
}
