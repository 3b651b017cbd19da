# Debian packages: which group needs what, what is missing, and installing just that. Sourced by ./run.
#
# openssh-server is not among them on purpose: its installation starts an sshd on port 22 of the person's machine. The
# private sshd of the demo and the tests comes out of the same Debian package, unpacked below build/ (sshd_ensure).

packages_of_group() {
    case $1 in
    build) echo "gcc libc6-dev cmake ninja-build pkg-config libcurl4-openssl-dev libssl-dev libwslay-dev libjansson-dev" \
        "libexpat1-dev libwebsockets-dev libpam0g-dev scdoc" \
        "libssh-dev" ;; # ssm-proxy's helper: keys
    demo) echo "python3 openssh-client libwrap0 rsync git procps" ;;
    test) echo "libcmocka-dev clang libclang-rt-14-dev llvm clang-format binutils awscli python3-botocore" \
        "curl iproute2 sudo strace systemd logrotate zsh fish tmux ansible-core vim-tiny python3-jsonschema" \
        "libpam-wrapper" ;; # a client of the lab's proxy; network namespaces; shells that complete; a screen; Ansible; what judges our JSON; the node of tests/host; PAM without root
    sdk) command -v npm >/dev/null || echo "nodejs npm" ;; # tests/sdk; whatever npm there is will do
    bench) echo "libcmocka-dev ansible-core" ;;
    lint) echo "libcmocka-dev clang clang-format clang-tidy" ;;
    coverage) echo "libcmocka-dev gcovr" ;;
    esac
}

# packages_ensure GROUP...: returns with every package of the groups installed, or ends the run.
packages_ensure() {
    local group wanted=()
    for group in "$@"; do
        # shellcheck disable=SC2207 # words, by design
        wanted+=($(packages_of_group "$group"))
    done
    local missing
    missing=$(packages_missing "${wanted[@]}")
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || die "this needs Debian 12 (apt-get); elsewhere install the equivalents of: $missing"
    packages_may_install "$missing"
    # shellcheck disable=SC2086
    packages_install $missing
    # shellcheck disable=SC2086
    missing=$(packages_missing $missing)
    [ -z "$missing" ] || die "still not installed: $missing"
}

packages_missing() {
    local package state missing=()
    for package in $(printf '%s\n' "$@" | sort -u); do
        state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || state=
        [ "$state" = installed ] || missing+=("$package")
    done
    echo "${missing[*]:-}"
}

# Asks unless root or -y; says what to type when there is nobody to ask.
packages_may_install() {
    if [ "$(id -u)" -eq 0 ]; then
        say "Installing Debian packages: $1"
        return
    fi
    command -v sudo >/dev/null || die "missing packages, and no sudo here; as root: apt-get install -y $1"
    if [ "$assume_yes" = yes ]; then
        say "Installing Debian packages (sudo): $1"
        return
    fi
    [ -t 0 ] || die "missing packages; nobody to ask, so say -y, or: sudo apt-get install -y $1"
    local answer
    read -r -p "Install these Debian packages with sudo: $1 [Y/n] " answer || answer=n
    case $answer in
    '' | [Yy]*) ;;
    *) die "nothing installed; by hand: sudo apt-get install -y $1" ;;
    esac
}

apt() {
    local command=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@")
    if [ "$(id -u)" -eq 0 ]; then
        "${command[@]}" </dev/null
    elif [ -t 0 ]; then
        sudo "${command[@]}"
    else
        sudo -n "${command[@]}" </dev/null
    fi
}

packages_install() {
    local log
    log=$(mktemp)
    if ! packages_known "$@"; then
        apt update >"$log" 2>&1 || packages_failed "$log" "apt-get update"
    fi
    # Lists that are some days old name versions that the mirror no longer has: one more look, once.
    if ! apt install -y --no-install-recommends "$@" >"$log" 2>&1; then
        say "apt-get install failed; reading the package lists again"
        apt update >"$log" 2>&1 || packages_failed "$log" "apt-get update"
        apt install -y --no-install-recommends "$@" >"$log" 2>&1 || packages_failed "$log" "apt-get install"
    fi
    rm -f "$log"
}

# Whether apt's lists are there and know every package.
packages_known() {
    local package
    for package in "$@"; do
        # Into a variable: `grep -q` would close the pipe under apt-cache, which pipefail takes for a failure.
        local policy
        policy=$(apt-cache policy "$package" 2>/dev/null)
        [[ $policy == *Candidate:* && $policy != *'Candidate: (none)'* ]] || return 1
    done
}

packages_failed() {
    tail -n 20 "$1" >&2
    rm -f "$1"
    die "$2 failed (its last lines are above)"
}

# Sets SSM_SSHD to a usable sshd: the machine's own, or one unpacked from Debian's package without installing it.
# As root, sshd also wants its system user and /run/sshd, which the package would have made.
sshd_ensure() {
    local unpacked=$build_root/tools/openssh-server
    SSM_SSHD=/usr/sbin/sshd
    if [ ! -x "$SSM_SSHD" ]; then
        SSM_SSHD=$unpacked/usr/sbin/sshd
        [ -x "$SSM_SSHD" ] || sshd_unpack "$unpacked"
    fi
    export SSM_SSHD
    if [ "$(id -u)" -eq 0 ]; then
        if ! getent passwd sshd >/dev/null; then
            say "Adding the system user sshd, as Debian's openssh-server does (a root sshd refuses to run without it)"
            useradd --system --gid nogroup --no-create-home --home-dir /run/sshd --shell /usr/sbin/nologin sshd
        fi
        [ -d /run/sshd ] || install -d -m 0755 /run/sshd
    fi
}

sshd_unpack() {
    local dir=$1 download=$1.download log
    say "Unpacking Debian's openssh-server below build/ (not installed: that would start an sshd on port 22)"
    rm -rf "$dir" "$download"
    mkdir -p "$download"
    log=$(mktemp)
    # _apt cannot write here when root downloads: a notice of apt's that helps nobody, so into the log.
    if ! (cd "$download" && apt-get -q download openssh-server >"$log" 2>&1); then
        apt update >"$log" 2>&1 || packages_failed "$log" "apt-get update"
        (cd "$download" && apt-get -q download openssh-server >"$log" 2>&1) ||
            packages_failed "$log" "apt-get download openssh-server"
    fi
    rm -f "$log"
    dpkg-deb -x "$download"/openssh-server_*.deb "$dir.new"
    mv "$dir.new" "$dir"
    rm -rf "$download"
}

# The AWS SDK for JavaScript, as tests/sdk/package-lock.json pins it, below build/: a witness for how endpoints are configured.
# Sets SSM_AWS_SDK. Without npm's registry the tests that want it are skipped, for SSM_AWS_SDK_REASON.
sdk_ensure() {
    local lock=$project_dir/tests/sdk/package-lock.json log
    export SSM_AWS_SDK=$build_root/tools/aws-sdk SSM_AWS_SDK_REASON=
    cmp -s "$lock" "$SSM_AWS_SDK/installed.json" && return
    say "Installing the AWS SDK for JavaScript below build/ (npm)"
    rm -rf "$SSM_AWS_SDK"
    mkdir -p "$SSM_AWS_SDK"
    cp "$project_dir/tests/sdk/package.json" "$lock" "$SSM_AWS_SDK"
    log=$build_root/log/npm.txt
    mkdir -p "$build_root/log"
    if (cd "$SSM_AWS_SDK" && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --cache "$build_root/tools/npm" \
        --fetch-retries 1 --fetch-timeout 60000 </dev/null >"$log" 2>&1); then
        cp "$lock" "$SSM_AWS_SDK/installed.json"
    else
        SSM_AWS_SDK_REASON="npm could not fetch it: see $log"
        say "$SSM_AWS_SDK_REASON"
    fi
}
