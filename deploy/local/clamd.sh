# shellcheck shell=bash disable=SC2154
# Sourced by `servers`: ClamAV's daemon, with one signature of our own. The real ones
# come from the internet, take a gigabyte of memory, and find no more in a test.

# Finds the EICAR test file, and what holds it. The text is put together here, so that
# no scanner takes this script for it.
write_signature() {
    local hex
    # shellcheck disable=SC2016
    hex=$(printf '%s%s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$' 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*' |
        od -An -v -tx1 | tr -d ' \n')
    echo "Test-File:0:*:$hex" >"$1"
}

start_clamd() {
    local folder=$dev/clamd
    mkdir -p "$folder/signatures" "$folder/tmp"
    write_signature "$folder/signatures/test.ndb"
    cat >"$folder/clamd.conf" <<TEXT
Foreground yes
TCPAddr 127.0.0.1
TCPSocket $(port clamd)
DatabaseDirectory $folder/signatures
TemporaryDirectory $folder/tmp
StreamMaxLength 3M
Bytecode no
TEXT
    launch clamd "$folder" /usr/sbin/clamd --config-file="$folder/clamd.conf"
}
