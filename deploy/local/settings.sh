# shellcheck shell=bash disable=SC2154
# Sourced by `system`: what its processes read from the environment. Secrets are
# made once and kept in .dev/secrets; all settings are in .dev/settings, and with
# the keys of the demo service in .dev/env. Only their owner can read the three.

# Whether VARIABLE names a server that is not our SERVER (whose address is there
# in a shell that has read .dev/env).
given() { [[ -n ${!1-} && ${!1} != *"127.0.0.1:$(cat "$dev/ports/$2" 2>/dev/null)/"* ]]; }

# The servers that nobody gave, the slowest first.
private_servers() {
    given CELERY_BROKER_URL rabbitmq || echo rabbitmq
    given SQLALCHEMY_DATABASE_URI pg || echo pg
    given REDIS_URL redis || echo redis
}

# address VARIABLE SERVER: the given one, or the private one's.
address() {
    local value=${!1-}
    if ! given "$1" "$2"; then value=$(eval "$("$scripts/servers" env system)" && echo "${!1}"); fi
    export_line "$1" "$value"
}

# Writes .dev/settings.new, in a subshell for its umask.
write_settings() (
    umask 077
    [[ -s $dev/secrets ]] || write_secrets
    grep -q TOKEN_SECRET_KEY "$dev/secrets" ||
        export_line TOKEN_SECRET_KEY "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')" >>"$dev/secrets"
    settings >"$dev/settings.new"
)

write_secrets() {
    local name
    for name in SECRET_KEY DANGEROUS_SALT ADMIN_CLIENT_SECRET RECEIPTS_PASSWORD POSTROOM_FIXTURES_CALLBACK_TOKEN; do
        export_line "$name" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
    done >"$dev/secrets.new"
    mv "$dev/secrets.new" "$dev/secrets"
}

settings() {
    local api stub
    api=http://127.0.0.1:$(port api)
    stub=http://127.0.0.1:$(port stub)
    # shellcheck source=/dev/null
    source "$dev/secrets"
    cat "$dev/secrets"
    address SQLALCHEMY_DATABASE_URI pg
    address CELERY_BROKER_URL rabbitmq
    address REDIS_URL redis
    export_line NOTIFY_ENVIRONMENT development
    export_line API_URL "$api"
    export_line API_HOST_NAME "$api"
    export_line API_HOST_NAME_INTERNAL "$api"
    export_line ADMIN_BASE_URL http://localhost:6012
    export_line INTERNAL_CLIENT_API_KEYS "{\"notify-admin\": [\"$ADMIN_CLIENT_SECRET\"]}"
    export_line NOTIFY_EMAIL_DOMAIN postroom.example
    export_line FROM_NUMBER Postroom
    export_line POSTROOM_CALLBACK_ALLOW_PRIVATE 1
    export_line POSTROOM_OBJECTS "$dev/objects"

    # The stub, and the providers that it stands in for.
    export_line STUB_URL "$stub"
    export_line POSTROOM_STUB_PORT "$(port stub)"
    export_line POSTROOM_STUB_SNS_EVENTS_URL "$api/notifications/email/ses"
    export_line MMG_URL "$stub/mmg"
    export_line MMG_API_KEY stub
    export_line MMG_RECEIPT_URL "$api/notifications/sms/mmg"
    export_line MMG_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS "[\"receipts\", \"$RECEIPTS_PASSWORD\"]"
    export_line MMG_INBOUND_SMS_USERNAME '["receipts"]'
    export_line MMG_INBOUND_SMS_AUTH "[\"$RECEIPTS_PASSWORD\"]"
    export_line FIRETEXT_URL "$stub/firetext"
    export_line FIRETEXT_API_KEY stub
    export_line FIRETEXT_RECEIPT_URL "$api/notifications/sms/firetext"
    export_line FIRETEXT_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS "[\"receipts\", \"$RECEIPTS_PASSWORD\"]"
    export_line AWS_ENDPOINT_URL_SESV2 "$stub"
    export_line AWS_ACCESS_KEY_ID stub
    export_line AWS_SECRET_ACCESS_KEY stub
    export_line POSTROOM_SNS_TOPIC_ARNS arn:aws:sns:eu-west-1:000000000000:ses-events
    export_line POSTROOM_SNS_CERT_URL_PREFIX "$stub/sns/"
}

load() {
    # shellcheck source=/dev/null
    source "$1"
}
