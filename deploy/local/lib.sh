# shellcheck shell=bash disable=SC2034
# Sourced by the scripts of this folder: where things are, free ports, and
# processes that stay in the background and are found again by a later run.
#
# Everything that these scripts write lies in .dev/ of this checkout:
#   ports/NAME     the port that NAME listens on
#   run/NAME.pid   process id and start time of NAME
#   log/NAME.log   what NAME printed since it was last started

shopt -s inherit_errexit
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
scripts=$root/deploy/local
dev=$root/.dev
mkdir -p "$dev/ports" "$dev/run" "$dev/log"

say() { echo "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

# Ends the script unless there is a Rust toolchain, the one thing not installed here.
require_cargo() {
    PATH=$PATH:$HOME/.cargo/bin
    command -v cargo >/dev/null ||
        fail "A Rust toolchain is needed and cargo was not found: see https://rustup.rs (rust-toolchain.toml names the version)."
}

# Waits until no other run of this script works on the same things. The lock
# ends with the script: `launch` keeps it from what stays in the background.
lock() {
    exec 9>"$dev/$1.lock"
    flock 9
}

# --- Ports -------------------------------------------------------------------

port() {
    [[ -s $dev/ports/$1 ]] || fail "no port is known for $1: run deploy/local/servers up"
    cat "$dev/ports/$1"
}

listening() { (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# ask PORT TEXT LENGTH: the first LENGTH characters of PORT's answer to TEXT,
# which may have escapes. Fails when less comes within some seconds.
ask() {
    local answer
    { printf '%b' "$2" >&3 && IFS= read -r -t 5 -N "$3" -u 3 answer; } 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf '%s' "$answer"
} 2>/dev/null

# Remembers a free port for NAME, which is not running. It keeps the one it had
# unless somebody else took that meanwhile. Ports stay below 32768, where the
# kernel's own choice begins: a wait loop up there can connect to itself.
choose_port() {
    local file=$dev/ports/$1 number=''
    if [[ -e $file ]]; then number=$(<"$file"); fi
    while [[ ! $number =~ ^[0-9]+$ ]] || listening "$number" || chosen_by_another "$1" "$number"; do
        number=$((10000 + RANDOM % 22000))
    done
    echo "$number" >"$file"
}

chosen_by_another() {
    grep -lsx "$2" "$dev"/ports/* | grep -qv "/$1\$"
}

# --- Processes ---------------------------------------------------------------

# The start time of process PID, which with its number names one process for
# good: numbers are used again. Nothing when it has ended (Z: not yet reaped).
start_time() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    # The second field is a name in brackets that may hold anything.
    read -ra stat <<<"${stat##*) }"
    [[ ${stat[0]} != Z ]] && echo "${stat[19]}"
}

# The id of the process launched as NAME, if that very process still runs.
pid_of() {
    local pid born
    { read -r pid born <"$dev/run/$1.pid"; } 2>/dev/null || return 1
    [[ -n $born && $(start_time "$pid") == "$born" ]] && echo "$pid"
}

running() { pid_of "$1" >/dev/null; }

# launch NAME FOLDER COMMAND…: starts it in the background, in a session of its
# own (Ctrl-C in this terminal is not for it), with FOLDER as working directory.
# The child writes its own record, so that there is no moment without one.
launch() {
    local name=$1 folder=$2 record=$dev/run/$1.pid
    shift 2
    rm -f "$record"
    (
        cd "$folder" || exit
        pid=$BASHPID # inside $(…) it would be another one
        echo "$pid $(start_time "$pid")" >"$record"
        exec setsid "$@"
    ) </dev/null >"$dev/log/$name.log" 2>&1 9>&- &
    while [[ ! -s $record ]] && kill -0 $! 2>/dev/null; do sleep 0.01; done
}

# wait_until NAME SECONDS CHECK…: returns once CHECK succeeds; fails when the
# process of NAME ends first, or the time is over.
wait_until() {
    local name=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@"; do
        running "$name" && ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
    running "$name"
}

# stop SIGNAL NAME…: asks all of them at once, then waits for each; what has not
# ended after half a minute is killed.
stop() {
    local signal=$1 name pid deadline=$((SECONDS + 30))
    shift
    for name in "$@"; do
        if pid=$(pid_of "$name"); then kill -s "$signal" "$pid" || true; fi
    done
    for name in "$@"; do
        while pid=$(pid_of "$name"); do
            if ((SECONDS >= deadline)); then kill -s KILL "$pid" || true; fi
            sleep 0.05
        done
        rm -f "$dev/run/$name.pid"
    done
}

# Ends the script with the last lines that NAME printed.
fail_with_log() {
    say "$1 failed; the end of $dev/log/$1.log:"
    tail -n 20 "$dev/log/$1.log" >&2
    exit 1
}

# export_line NAME VALUE: a line that a shell reads back.
export_line() { printf "export %s='%s'\n" "$1" "${2//\'/\'\\\'\'}"; }
