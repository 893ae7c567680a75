# shellcheck shell=bash disable=SC2154
# Sourced by `servers`: private RabbitMQ. The system uses the virtual host
# `postroom`, tests use `/` with queue names of their own, and tests that need a
# broker to themselves borrow one of `test-1` … `test-24`.

rabbitmq=$dev/rabbitmq
test_vhosts=(test-{1..24})

start_rabbitmq() {
    mkdir -p "$rabbitmq"
    echo '[].' >"$rabbitmq/enabled_plugins"
    write_definitions >"$rabbitmq/definitions.json"
    cat >"$rabbitmq/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$(port rabbitmq)
definitions.import_backend = local_filesystem
definitions.local.path = $rabbitmq/definitions.json
definitions.skip_if_unchanged = true
log.console = true
log.console.level = warning
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 1GB
CONF
    start_epmd
    # Each path is given: the defaults are the machine's own instance. HOME holds
    # the cookie. RUNNING_UNDER_SYSTEMD lets the script become the broker instead
    # of waiting for it as a second process.
    launch rabbitmq "$rabbitmq" env \
        HOME="$rabbitmq" LC_ALL=C.UTF-8 RUNNING_UNDER_SYSTEMD=true \
        ERL_EPMD_PORT="$(port epmd)" ERL_EPMD_ADDRESS=127.0.0.1 \
        RABBITMQ_NODENAME="postroom-$(sha256sum <<<"$root" | cut -c 1-8)@localhost" \
        RABBITMQ_DIST_PORT="$(port rabbitmq-dist)" \
        RABBITMQ_CONFIG_FILE="$rabbitmq/rabbitmq.conf" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$rabbitmq/advanced.config" \
        RABBITMQ_CONF_ENV_FILE="$rabbitmq/rabbitmq-env.conf" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$rabbitmq/enabled_plugins" \
        RABBITMQ_FEATURE_FLAGS_FILE="$rabbitmq/feature_flags" \
        RABBITMQ_GENERATED_CONFIG_DIR="$rabbitmq/generated" \
        RABBITMQ_MNESIA_BASE="$rabbitmq/mnesia" \
        RABBITMQ_LOG_BASE="$rabbitmq" RABBITMQ_LOGS=- \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
        /usr/lib/rabbitmq/bin/rabbitmq-server
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

# Read by the broker at each start. With such a file it creates no default user:
# the hash is of `guest`, as salt + sha256(salt + password) in base64.
write_definitions() {
    local vhosts='' permissions='' vhost
    for vhost in / postroom "${test_vhosts[@]}"; do
        vhosts+=",{\"name\":\"$vhost\"}"
        permissions+=",{\"user\":\"guest\",\"vhost\":\"$vhost\",\"configure\":\".*\",\"write\":\".*\",\"read\":\".*\"}"
    done
    cat <<JSON
{"users": [{"name": "guest", "tags": ["administrator"],
  "hashing_algorithm": "rabbit_password_hashing_sha256",
  "password_hash": "cG9zdLa49h3ivkvcf0K8gM14rU0FnGMXixCvRM4GhVZROpmI"}],
 "vhosts": [${vhosts#,}],
 "permissions": [${permissions#,}]}
JSON
}

# A broker answers the protocol header with a frame of type 1, and only when it
# has booted; something else at that port would answer otherwise.
rabbitmq_answers() { [[ $(ask "$(port rabbitmq)" 'AMQP\0\0\011\001' 1) == $'\001' ]]; }
