#!/usr/bin/env bash
# redis-cli in the modes that tests/redis_clients.rs does not use: what it reads and prints, reports
# on keys, statistics, latencies, MONITOR, and what it does when the server goes away.
set -euo pipefail

cli() { redis-cli -p "$port" "$@"; }
fail() { echo "$1"; exit 1; }
# Fails unless the text has a line that matches.
has() { grep -q -- "$2" <<<"$1" || fail "no line is like '$2': $1"; }

port=$1
folder=$(mktemp -d)
trap 'rm -r "$folder"; kill $(jobs -p) 2>/dev/null || true' EXIT

# Every byte, through -x and back.
for byte in {0..255}; do printf '%b' "\\0$(printf '%o' "$byte")"; done >"$folder/bytes"
[ "$(stat -c %s "$folder/bytes")" = 256 ]
cli -x set bytes <"$folder/bytes" | grep -qx OK
cli get bytes | head -c 256 | cmp - "$folder/bytes"
has "$(cli --no-raw get bytes)" '"\\x00\\x01\\x02'
has "$(cli --csv mset a 1 b '2,"')" '^OK$\|^"OK"$'
has "$(cli --csv mget a b none)" '^"1","2,\\"",NULL$'
has "$(cli --json mget a none)" '^\["1",null\]$'
has "$(cli -u "redis://127.0.0.1:$port/3" set there x)" '^OK$'
has "$(cli -n 3 keys '*')" '^there$'
has "$(cli -r 3 -i 0.01 incr n | tail -n 1)" '^3$'

# Expiry.
has "$(cli set short x px 100)" '^OK$'
for _ in {1..500}; do [ -n "$(cli get short)" ] || break; sleep 0.02; done
[ -z "$(cli get short)" ] || fail "a key outlives its expiry"

# Several commands of one connection, among them a transaction.
has "$(printf 'multi\nset a 5\nincr a\nexec\n' | cli)" '^6$'

# Reports on all keys.
cli set large "$(printf 'x%.0s' {1..5000})" >/dev/null
for report in --bigkeys --memkeys; do
    printed=$(cli "$report")
    has "$printed" '^Biggest string found .*large'
    has "$printed" '^5 strings with '
done
has "$(cli --scan --pattern 'la*')" '^large$'
has "$(cli --scan --quoted-pattern '"\x6ca*"')" '^large$'

# Statistics go on until the program is stopped; latencies are measured for a moment.
has "$(stdbuf -oL redis-cli -p "$port" --stat -i 0.1 | head -n 4 || true)" '^6  *[0-9.]*[KMG] '
has "$(cli --raw -i 0.2 --latency)" '^[0-9]* [0-9]* [0-9.]* [0-9]*$'
has "$(cli --csv -i 0.2 --latency)" '^[0-9]*,[0-9]*,[0-9.]*,[0-9]*$'

# MONITOR shows what another client does.
cli monitor >"$folder/monitored" &
until grep -q OK "$folder/monitored"; do sleep 0.01; done
cli set 'seen by "MONITOR"' x >/dev/null
for _ in {1..500}; do ! grep -q 'MONITOR' "$folder/monitored" || break; sleep 0.02; done
has "$(cat "$folder/monitored")" '^[0-9.]* \[0 127[0-9.:]*\] "set" "seen by \\"MONITOR\\"" "x"$'

# One that is connected when the server is killed connects again.
mkfifo "$folder/commands"
cli <"$folder/commands" >"$folder/replies" 2>&1 &
exec 3>"$folder/commands"
echo 'get n' >&3
until grep -q 3 "$folder/replies"; do sleep 0.01; done
"$KVS_RESTART" 3>&-
printf 'incr n\nincr n\n' >&3
exec 3>&-
wait $!
has "$(tail -n 1 "$folder/replies")" '^[45]$'
cli get bytes | head -c 256 | cmp - "$folder/bytes"
