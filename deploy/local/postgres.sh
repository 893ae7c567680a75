# shellcheck shell=bash disable=SC2154
# Sourced by `servers`: private PostgreSQL. `pg` is durable and holds the data of
# the system; `pg-test` never waits for the disk and holds what tests throw away;
# `pg-faults` is durable, has few connections, and is broken on purpose. All let in anybody on this machine, as superuser `postroom`.

# The newest PostgreSQL that is installed.
pg_bin() { dirname "$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)"; }

# PostgreSQL refuses to run as root: then it is the package's own user.
as_pg_user=()
if [[ $EUID -eq 0 ]]; then as_pg_user=(setpriv --reuid=postgres --regid=postgres --init-groups); fi

# Sets pg_home, the folder of the data folders. It is in .dev/, or outside when
# the package's user cannot enter the checkout (below /root for one).
find_pg_home() {
    pg_home=$dev/postgres
    mkdir -p "$pg_home"
    [[ $EUID -eq 0 ]] || return 0
    if ! "${as_pg_user[@]}" test -x "$pg_home"; then
        pg_home=/var/tmp/postroom-$(sha256sum <<<"$root" | cut -c 1-12)
        # Data outlives a removed .dev/, but the keys to it do not.
        if [[ ! -e $dev/postgres/is-outside ]]; then rm -rf "$pg_home"; fi
        mkdir -p "$pg_home"
        [[ ! -L $pg_home && $(stat -c %U "$pg_home") =~ ^(root|postgres)$ ]] || fail "$pg_home belongs to somebody else"
        echo "$pg_home" >"$dev/postgres/is-outside"
    fi
    chown postgres "$pg_home"
}

# start_postgres NAME INITDB_OPTION…, where NAME is pg, pg-test or pg-faults
start_postgres() {
    local name=$1 bin data options=()
    bin=$(pg_bin)
    find_pg_home
    # One folder per major version: another one cannot read it.
    data=$pg_home/$name-$(basename "$(dirname "$bin")")
    if [[ $name == pg-test ]]; then
        options=(-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=300)
    elif [[ $name == pg-faults ]]; then
        options=(-c max_connections=80)
    else
        # Checkpoints rarely, since each has every page written whole to the log once more; and
        # the log's files are kept for the next ones, since making one holds up all commits.
        options=(-c max_connections=200 -c shared_buffers=512MB -c max_wal_size=4GB
            -c min_wal_size=2GB -c checkpoint_timeout=15min -c wal_compression=on -c jit=off)
    fi
    if [[ ! -e $data ]]; then
        # Named so only when complete: an interrupted initdb leaves nothing behind that counts.
        rm -rf "$data.new"
        "${as_pg_user[@]}" "$bin/initdb" -D "$data.new" -U postroom -A trust -E UTF8 --locale=C.UTF-8 >"$dev/log/initdb.log" 2>&1 ||
            fail "initdb failed: see $dev/log/initdb.log"
        mv "$data.new" "$data"
    fi
    drop_stale_lock "$data"
    # No socket file: its path may be too long in a deep checkout.
    launch "$name" / "${as_pg_user[@]}" "$bin/postgres" -D "$data" -p "$(port "$name")" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c timezone=UTC "${options[@]}"
}

# After a kill the lock file stays. PostgreSQL sees through it, except when its
# process number meanwhile belongs to another process of the same user.
drop_stale_lock() {
    local pid
    { read -r pid <"$1/postmaster.pid"; } 2>/dev/null || return 0
    if ! grep -qsF -- "$1" "/proc/$pid/cmdline"; then rm -f "$1/postmaster.pid"; fi
}

pg_query() { "$(pg_bin)/psql" -XAtq -d "$(pg_url "$1" postgres)?connect_timeout=2" -c "$2" 2>/dev/null; }

pg_answers() { [[ $(pg_query "$1" 'select 1') == 1 ]]; }

pg_url() { echo "postgresql://postroom@127.0.0.1:$(port "$1")/$2"; }

# Creates the system's database where it is missing.
create_database() {
    [[ $(pg_query pg "select 1 from pg_database where datname = 'postroom'") == 1 ]] ||
        pg_query pg 'create database postroom'
}

wipe_postgres() { rm -rf "${pg_home:?}/$1"-*; }
