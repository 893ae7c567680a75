# shellcheck shell=bash disable=SC2154
# Sourced by `servers`: private RabbitMQ. `rabbitmq` is for everything: the system
# uses its virtual host `postroom`, measurements use `bench`, tests use `/` with
# queue names of their own, and tests that need a broker to themselves borrow one
# of `test-1` … `test-24`. `rabbitmq-soak` and `rabbitmq-faults` are
# those that the soak and the faults kill.

test_vhosts=(test-{1..24})

# start_rabbitmq NAME
start_rabbitmq() {
    local home=$dev/$1
    mkdir -p "$home"
    echo '[].' >"$home/enabled_plugins"
    write_definitions "$home/definitions"
    cat >"$home/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$(port "$1")
definitions.import_backend = local_filesystem
definitions.local.path = $home/definitions
definitions.skip_if_unchanged = true
log.console = true
log.console.level = warning
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 4GB
CONF
    start_epmd
    rabbitmq_settings "$1"
    # RUNNING_UNDER_SYSTEMD lets the script become the broker instead of waiting
    # for it as a second process.
    launch "$1" "$home" env "${settings[@]}" RUNNING_UNDER_SYSTEMD=true \
        RABBITMQ_DIST_PORT="$(port "$1-dist")" \
        RABBITMQ_CONFIG_FILE="$home/rabbitmq.conf" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$home/advanced.config" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$home/enabled_plugins" \
        RABBITMQ_FEATURE_FLAGS_FILE="$home/feature_flags" \
        RABBITMQ_GENERATED_CONFIG_DIR="$home/generated" \
        RABBITMQ_MNESIA_BASE="$home/mnesia" \
        RABBITMQ_LOG_BASE="$home" RABBITMQ_LOGS=- \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
        /usr/lib/rabbitmq/bin/rabbitmq-server
}

# Sets `settings`: what a broker and its tools need to find each other. Each path
# is given, here and above: the defaults are the machine's own instance. HOME holds
# the cookie.
rabbitmq_settings() {
    settings=(
        HOME="$dev/$1" LC_ALL=C.UTF-8
        ERL_EPMD_PORT="$(port epmd)" ERL_EPMD_ADDRESS=127.0.0.1
        RABBITMQ_NODENAME="${1/rabbitmq/postroom}-$(sha256sum <<<"$root" | cut -c 1-8)@localhost"
        RABBITMQ_CONF_ENV_FILE="$dev/$1/rabbitmq-env.conf"
    )
}

# rabbitmqctl NAME ARGUMENT…: an operator's command for that broker.
rabbitmqctl() {
    rabbitmq_settings "$1"
    shift
    env "${settings[@]}" /usr/lib/rabbitmq/bin/rabbitmqctl "$@"
}

# Erlang's name daemon. The broker would start one that nobody ends.
start_epmd() {
    if running epmd; then return; fi
    end_epmd
    choose_port epmd
    launch epmd / epmd -port "$(port epmd)" -address 127.0.0.1
    wait_until epmd 10 listening "$(port epmd)" || fail_with_log epmd
}

# Ours, or the one that a broker put in its place when ours was killed. A daemon
# that still serves a broker refuses.
end_epmd() {
    stop TERM epmd
    if [[ -s $dev/ports/epmd ]]; then
        ERL_EPMD_PORT=$(port epmd) timeout 5 epmd -kill >/dev/null 2>&1 || true
    fi
}

# write_definitions FOLDER: its files are read by the broker at each start, in the order
# of their names. With such files it creates no default user: the hash is of `guest`, as
# salt + sha256(salt + password) in base64. Each virtual host gets what production gets.
# Where measured, queues are as RabbitMQ 4 has them: with Debian's 3.10 a queue that has
# filled would make whoever publishes wait for its garbage collection.
write_definitions() {
    local vhosts='' permissions='' vhost
    local modern='{"vhost": "bench", "name": "lazy", "pattern": ".*", "apply-to": "queues",
        "definition": {"queue-mode": "lazy", "queue-version": 2}}'
    rm -rf "$1" && mkdir "$1"
    for vhost in / postroom bench "${test_vhosts[@]}"; do
        vhosts+=",{\"name\":\"$vhost\"}"
        permissions+=",{\"user\":\"guest\",\"vhost\":\"$vhost\",\"configure\":\".*\",\"write\":\".*\",\"read\":\".*\"}"
        sed "s|\"vhost\": \"/\"|\"vhost\": \"$vhost\"|" "$root/deploy/rabbitmq.json" >"$1/2-${vhost//\//default}.json"
    done
    cat >"$1/1-users.json" <<JSON
{"users": [{"name": "guest", "tags": ["administrator"],
  "hashing_algorithm": "rabbit_password_hashing_sha256",
  "password_hash": "cG9zdLa49h3ivkvcf0K8gM14rU0FnGMXixCvRM4GhVZROpmI"}],
 "vhosts": [${vhosts#,}],
 "permissions": [${permissions#,}],
 "policies": [$modern, ${modern//bench/postroom}]}
JSON
}

# A broker answers the protocol header with a frame of type 1, and only when it
# has booted; something else at that port would answer otherwise.
rabbitmq_answers() { [[ $(ask "$(port "$1")" 'AMQP\0\0\011\001' 1) == $'\001' ]]; }
