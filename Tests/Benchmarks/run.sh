#!/bin/bash
# Measures the server against nginx with the same bytes, certificate and client, interleaved in one run.
#
#   Tests/Benchmarks/run.sh [ROUNDS] [CASE…]      cases: small list handshake idle stream (all if none is named)
#
# Needs nginx, wrk, openssl, curl and python3 (apt-get install -y nginx wrk), and two processors: the servers take
# turns on the first, the clients use the second. Results go to standard output and to out/results.csv.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rounds=${1:-3}
shift || true
out=${OUT:-$here/out}
build=${BUILD:-$here/.build}
mkdir -p "$out"
cd "$here"

swift build -c release --scratch-path "$build"

[ -e "$out/key.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
    -subj /CN=localhost -keyout "$out/key.pem" -out "$out/certificate.pem" 2>/dev/null
python3 "$here/bytes.py" "$out"

sed "s|@OUT@|$out|g" "$here/nginx.conf.in" > "$out/nginx.conf"
# A file in memory for the long download, all zeros.
stream=/dev/shm/viaduct-benchmark
mkdir -p "$stream"
truncate -s 4G "$stream/stream"

ulimit -n "$(ulimit -Hn)"
# A session of its own, first in line for its processor: other work on the machine must not decide the result.
launch() {
    setsid bash -c 'echo -19 > /proc/self/autogroup 2>/dev/null || true; exec taskset -c 0 "$@"' launch "$@" &
}
launch "$build/release/benchmark-server" 18443 "$out/certificate.pem" "$out/key.pem" "$out/small.json" "$out/list.json" 1
ours=$!
launch /usr/sbin/nginx -p "$out" -c "$out/nginx.conf"
theirs=$!
trap 'kill $ours $theirs 2>/dev/null; rm -rf "$stream"' EXIT
for port in 18443 18444; do
    until curl -sk "https://127.0.0.1:$port/small" > "$out/answer-$port"; do sleep 0.1; done
    curl -sk "https://127.0.0.1:$port/list" >> "$out/answer-$port"
done
cmp "$out/answer-18443" "$out/answer-18444"

python3 "$here/measure.py" --rounds "$rounds" --csv "$out/results.csv" \
    --server "viaduct:18443:$ours" --server "nginx:18444:$theirs" "$@"
