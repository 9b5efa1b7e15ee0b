#!/bin/bash
# Measures `viaduct serve` with 1,000 virtual machines against nginx, which answers the same bytes from memory.
#
#   Tests/Benchmarks/run-viaduct.sh [ROUNDS] [CASE…]     cases: session vm list handshake (all if none is named)
#
# Every request to viaduct carries a session and is routed, authenticated, authorised and encoded. Needs what run.sh
# needs, and jq.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=${1:-3}
shift || true
cases=("$@")
((${#cases[@]})) || cases=(session vm list handshake)
out=${OUT:-$here/out}
build=${BUILD:-$root/.build}
data=$(mktemp -d)
mkdir -p "$out"
binary=${VIADUCT:-}
if [ -z "$binary" ]; then
    (cd "$root" && swift build -c release --product viaduct --scratch-path "$build")
    binary=$build/release/viaduct
fi

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
    -keyout "$out/key.pem" -out "$out/certificate.pem" 2>/dev/null
sed '/^virtual_machines:/d' "$root/config/inventory/demo.yaml" > "$data/seed.yaml"
cat >> "$data/seed.yaml" <<'SEED'
virtual_machines:
  - name: machine-#
    count: 1000
    cpu_count: 2
    memory_mib: 4096
    powered_on: true
SEED

ulimit -n "$(ulimit -Hn)"
launch() {
    setsid bash -c 'echo -19 > /proc/self/autogroup 2>/dev/null || true; exec taskset -c 0 "$@"' launch "$@" &
}
password=Benchmark-1-only
VIADUCT_ADMIN_PASSWORD=$password launch "$binary" serve --data-directory "$data/data" --listen 127.0.0.1:18443 \
    --set inventory.seed="$data/seed.yaml" --set tls.certificate="$out/certificate.pem" \
    --set tls.private_key="$out/key.pem" --set server.event_loops=1 --set log.access=false \
    --set server.connections_per_address=20000
ours=$!
theirs=
trap 'kill $ours $theirs 2>/dev/null; rm -rf "$data"' EXIT
until curl -sfk https://127.0.0.1:18443/health/ready > /dev/null; do
    kill -0 $ours
    sleep 0.5
done
token=$(curl -sk -u "administrator@vsphere.local:$password" -X POST https://127.0.0.1:18443/api/session | jq -r .)
ask() { curl -sfk -H "vmware-api-session-id: $token" "https://127.0.0.1:18443$1"; }
ask /api/session > "$out/session.json"
ask /api/vcenter/vm > "$out/vms.json"
machine=$(jq -r '.[0].vm' "$out/vms.json")
ask "/api/vcenter/vm/$machine" > "$out/vm.json"

# The same bytes on the wire: also the fields that every answer of viaduct carries.
cat > "$out/small.conf" <<CONF
add_header Cache-Control no-store;
add_header X-Content-Type-Options nosniff;
add_header Strict-Transport-Security max-age=31536000;
add_header X-Request-Id \$request_id;
location = /api/session { return 200 '$(cat "$out/session.json")'; }
location = /api/vcenter/vm { alias $out/vms.json; output_buffers 2 256k; }
location = /api/vcenter/vm/$machine { return 200 '$(cat "$out/vm.json")'; }
CONF
sed "s|@OUT@|$out|g" "$here/nginx.conf.in" > "$out/nginx.conf"
launch /usr/sbin/nginx -p "$out" -c "$out/nginx.conf"
theirs=$!
until curl -sfk https://127.0.0.1:18444/api/session > /dev/null; do sleep 0.1; done
for path in /api/session /api/vcenter/vm "/api/vcenter/vm/$machine"; do
    cmp <(ask "$path") <(curl -sfk "https://127.0.0.1:18444$path") || echo "$path differs: it contains something that moves"
done

python3 "$here/measure.py" --rounds "$rounds" --csv "$out/results-viaduct.csv" \
    --server "viaduct:18443:$ours" --server "nginx:18444:$theirs" --header "vmware-api-session-id: $token" \
    --path session=/api/session --path "vm=/api/vcenter/vm/$machine" --path list=/api/vcenter/vm \
    --path handshake=/api/session "${cases[@]}"
