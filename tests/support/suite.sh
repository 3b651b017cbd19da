# ./run test, lint, fuzz and coverage. Sourced by ./run. What passed, failed or was skipped is collected as JUnit (ctest)
# and as "pass|fail|skip<TAB>name<TAB>reason" lines (everything else), and counted at the end by summary.py.

suite_fuzz_seconds=5

suite_test() {
    [ $# -eq 0 ] || die "./run test takes no arguments; single tests: ctest --test-dir build/dev -R NAME"
    packages_ensure build demo test sdk
    sshd_ensure
    sdk_ensure
    suite_begin
    build_preset release -DBUILD_TESTING=OFF # as packaged: other optimisation, other warnings
    build_preset dev
    build_preset asan
    build_preset fuzz -- fuzzers
    suite_ctest dev
    suite_ctest asan -L 'unit|asan'
    suite_fuzz_all "$suite_fuzz_seconds"
    suite_format
    suite_man_pages
    suite_end
}

# Runs a command in a process group of its own and waits for it; when we are told to end, so is the group.
suite_child() {
    setsid "$@" </dev/null &
    suite_child_pid=$!
    wait "$suite_child_pid"
}

suite_interrupted() {
    trap '' INT TERM HUP
    [ -z "${suite_child_pid:-}" ] || kill -TERM -- "-$suite_child_pid" 2>/dev/null || true
    wait
    die "interrupted"
}

suite_begin() {
    trap suite_interrupted INT TERM HUP
    suite_log=$build_root/log
    suite_results=$suite_log/results.txt
    mkdir -p "$suite_log"
    rm -f "$suite_log"/junit-*.xml
    : >"$suite_results"
}

# Prints the closing line; the exit status is whether anything failed.
suite_end() {
    local junit found=()
    for junit in "$suite_log"/junit-*.xml; do
        [ ! -e "$junit" ] || found+=("$junit")
    done
    python "$support_dir/summary.py" "$suite_results" ${found[@]+"${found[@]}"}
}

suite_record() {
    printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}" >>"$suite_results"
    printf '%-4s  %s%s\n' "$1" "$2" "${3:+: $3}"
}

# suite_ctest PRESET [CTEST OPTION...]
suite_ctest() {
    local preset=$1 junit=$suite_log/junit-$1.xml
    shift
    say "Tests ($preset)"
    # Its exit status says only that something failed: what, the JUnit file tells.
    # Twice as many as processors, because many tests wait more than they work.
    suite_child ctest --test-dir "$build_root/$preset" -j $((2 * $(nproc))) --output-on-failure --no-tests=error \
        --output-junit "$junit" "$@" || true
    [ -s "$junit" ] || suite_record fail "ctest ($preset)" "no result file"
}

suite_fuzz_all() {
    local seconds=$1 dir=$build_root/fuzz/bin target found=no
    say "Fuzzing each target for $seconds s"
    for target in "$dir"/fuzz_*; do
        [ -x "$target" ] || continue
        found=yes
        suite_fuzz_one "$target" "$seconds"
    done
    [ $found = yes ] || suite_record fail fuzz "no target was built"
}

# A new corpus entry stays in build/, a crash is a file there too, named at the end of the log.
suite_fuzz_one() {
    local target=$1 seconds=$2 name log
    name=$(basename "$target")
    log=$suite_log/$name.txt
    local work=$build_root/fuzz/corpus/$name seeds=$project_dir/tests/fuzz/corpus/${name#fuzz_}
    mkdir -p "$work"
    local corpus=("$work") words=$project_dir/tests/fuzz/dictionary/${name#fuzz_} options=()
    [ ! -d "$seeds" ] || corpus+=("$seeds")
    [ ! -e "$words" ] || options+=(-dict="$words")
    if suite_child "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$suite_log/$name-" ${options[@]+"${options[@]}"} "${corpus[@]}" >"$log" 2>&1; then
        suite_record pass "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
    else
        tail -n 40 "$log" >&2
        suite_record fail "$name" "see $log"
    fi
}

suite_sources() {
    local room
    for room in common proxy pam_ssm tests; do
        [ ! -d "$project_dir/$room" ] || find "$project_dir/$room" -name '*.[ch]' -print0
    done
}

suite_format() {
    local log=$suite_log/clang-format.txt
    say "Format"
    if suite_sources | xargs -0 clang-format --dry-run -Werror >"$log" 2>&1; then
        suite_record pass clang-format
    else
        grep -m 20 'error:' "$log" >&2 || head -n 20 "$log" >&2
        suite_record fail clang-format "clang-format -i on the files above"
    fi
}

suite_man_pages() {
    local source page
    say "Manual pages"
    for source in "$project_dir"/docs/man/*.scd; do
        page=$(basename "$source" .scd)
        if [ -s "$build_root/dev/man/$page" ]; then
            suite_record pass "man page $page"
        else
            suite_record fail "man page $page" "not built: is it in docs/man/CMakeLists.txt?"
        fi
    done
}

# suite_fuzz [SECONDS [TARGET...]]
suite_fuzz() {
    local seconds=${1:-60} target
    [ $# -eq 0 ] || shift
    packages_ensure build demo test
    suite_begin
    build_preset fuzz -- fuzzers
    if [ $# -eq 0 ]; then
        suite_fuzz_all "$seconds"
    else
        for target in "$@"; do
            [ -x "$build_root/fuzz/bin/$target" ] || die "no fuzz target $target"
            suite_fuzz_one "$build_root/fuzz/bin/$target" "$seconds"
        done
    fi
    suite_end
}

# clang-tidy wants clang's own command lines: configured, never built.
suite_lint() {
    packages_ensure build demo lint
    suite_begin
    suite_format
    say "clang-tidy (takes some minutes)"
    cmake -S "$project_dir" --preset dev -G Ninja -B "$build_root/lint" -DCMAKE_C_COMPILER=clang -DSSM_FUZZ=ON \
        >"$suite_log/configure-lint.txt" 2>&1 || build_failed "$suite_log/configure-lint.txt" configuring
    local log=$suite_log/clang-tidy.txt
    # Only files that the build knows: each has a command line in compile_commands.json. One file a process: with several,
    # clang-tidy 14 takes the va_list of common/log.c for uninitialised.
    if sed -n 's/^  "file": "\(.*\)",\{0,1\}$/\1/p' "$build_root/lint/compile_commands.json" | sort -u |
        xargs -P "$(nproc)" -n 1 clang-tidy -p "$build_root/lint" --quiet >"$log" 2>&1; then
        suite_record pass clang-tidy
    else
        grep -E '(error|warning):' "$log" | sort -u >&2 || tail -n 20 "$log" >&2
        suite_record fail clang-tidy "see $log"
    fi
    suite_end
}

# suite_coverage [LABELS]: measures what the tests with these labels (a regular expression, as of ctest -L) execute.
suite_coverage() {
    local labels=${1:-unit|integration|e2e}
    packages_ensure build demo test sdk coverage
    sshd_ensure
    sdk_ensure
    suite_begin
    build_preset coverage
    find "$build_root/coverage" -name '*.gcda' -delete
    suite_ctest coverage -L "$labels"
    suite_coverage_report "$build_root/coverage/report"
    suite_end
}

suite_coverage_report() {
    local report=$1 log=$suite_log/gcovr.txt name verdict figure
    say "Coverage"
    mkdir -p "$report"
    if ! gcovr -r "$project_dir" --object-directory "$build_root/coverage" --exclude 'tests/' --exclude 'build/' \
        --gcov-ignore-parse-errors --html-details "$report/index.html" --json-summary "$report/summary.json" \
        >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        suite_record fail gcovr "see $log"
        return
    fi
    python "$support_dir/coverage.py" "$report/summary.json" "$report/verdicts.txt"
    while IFS=$'\t' read -r name verdict figure; do
        suite_record "$verdict" "$name" "$figure"
    done <"$report/verdicts.txt"
    say "Line by line: $report/index.html"
}
