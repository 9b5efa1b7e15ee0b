#!/usr/bin/env bash
# The README's walk with curl alone, on a real disk image: upload it, make a machine from it, clone that ten times, write
# into one clone, read everything back, and follow in the array's counters what that cost.
#
# Against a running server:
#   VIADUCT_URL=https://127.0.0.1:8443 VIADUCT_CERTIFICATE=FILE VIADUCT_ADMIN_PASSWORD=… Tests/Clients/walk.sh
# `run.py walk` starts a server of its own. VIADUCT_LONG=1 puts 256 MiB of random data into the image instead of 128.
set -euo pipefail
unset CURL_CA_BUNDLE REQUESTS_CA_BUNDLE SSL_CERT_FILE
export PATH="$PATH:/usr/sbin:/sbin"

: "${VIADUCT_URL:?the address of the server}" "${VIADUCT_CERTIFICATE:?the PEM file to trust}"
: "${VIADUCT_ADMIN_PASSWORD:?the administrator’s password}"
random_mib=$([[ ${VIADUCT_LONG:-} == 1 ]] && echo 256 || echo 128)
clones=10
mib=$((1024 * 1024))

folder=$(mktemp -d)
token=
step='the walk begins'

# Reporting

ended() {
    local code=$?
    if ((code != 0)); then
        echo "FAIL $step"
        sed 's/^/     /' "$folder/answer" 2>/dev/null | head -c 2000 || true
        echo
    fi
    rm -rf "$folder"
    exit $code
}
trap ended EXIT
begin() { step=$1; }
ok() { echo "ok   $step"; }
fail() { echo "     $*"; return 1; }
# equal WHAT GOT WANTED
equal() { [[ $2 == "$3" ]] || fail "$1 is $2, not $3"; }
# between WHAT GOT LEAST MOST
between() { (($2 >= $3 && $2 <= $4)) || fail "$1 is $2, not within $3 and $4"; }

# Calls

curl_quietly() { curl --silent --show-error --cacert "$VIADUCT_CERTIFICATE" "$@"; }

# call STATUS METHOD PATH [CURL-OPTIONS]: the answer's body on standard output, if the status is the wanted one
call() {
    local wanted=$1 method=$2 path=$3 status
    shift 3
    status=$(curl_quietly --request "$method" --header "vmware-api-session-id: $token" \
        --output "$folder/answer" --write-out '%{http_code}' "$@" "$VIADUCT_URL$path")
    [[ $status == "$wanted" ]] || { echo "     $method $path: $status, wanted $wanted" >&2; return 1; }
    cat "$folder/answer"
}
post() { call "$1" POST "$2" --header 'Content-Type: application/json' --data "$3"; }

# file_path PATH: where a file of the datastore is
file_path() { echo "/folder/$1?dcPath=$(jq -rn --arg x "$datacenter" '$x|@uri')&dsName=$(jq -rn --arg x "$datastore" '$x|@uri')"; }
digest_of() {
    curl_quietly --fail --header "vmware-api-session-id: $token" "$VIADUCT_URL$(file_path "$1")" | sha256sum | cut -d' ' -f1
}
statistics() { call 200 GET /api/viaduct/array/statistics; }
used_bytes() { statistics | jq .pool.allocated; }
# counter PRIMITIVE: commands served so far
counter() { statistics | jq ".total.$1.commands"; }
# disk_file MACHINE: path of its first disk within the datastore
disk_file() {
    call 200 GET "/api/vcenter/vm/$1" | jq -r '[.disks[]][0].backing.vmdk_file' | sed 's/^\[[^]]*\] *//'
}

# The walk

begin 'log in'
token=$(curl_quietly --fail --request POST --user "administrator@vsphere.local:$VIADUCT_ADMIN_PASSWORD" \
    "$VIADUCT_URL/api/session" | jq -r .)
[[ -n $token ]]
ok

begin 'list: machines, datacenter, datastore, folder, resource pool'
call 200 GET /api/vcenter/vm >/dev/null
datacenter=$(call 200 GET /api/vcenter/datacenter | jq -r '.[0].name')
datacenter_id=$(call 200 GET /api/vcenter/datacenter | jq -r '.[0].datacenter')
datastore=$(call 200 GET "/api/vcenter/datastore?datacenters=$datacenter_id" | jq -r '.[0].name')
datastore_id=$(call 200 GET "/api/vcenter/datastore?datacenters=$datacenter_id" | jq -r '.[0].datastore')
vm_folder=$(call 200 GET "/api/vcenter/datacenter/$datacenter_id" | jq -r .vm_folder)
pool=$(call 200 GET "/api/vcenter/resource-pool?datacenters=$datacenter_id" | jq -r '.[0].resource_pool')
ok

begin "make a disk image of 1 GiB: ext4 with this project's files and $random_mib MiB of random data"
mkdir "$folder/tree"
cp -r "$(dirname "$0")/../../Sources" "$(dirname "$0")/../../README.md" "$folder/tree/"
head -c $((random_mib * mib)) /dev/urandom >"$folder/tree/random"
truncate -s 1G "$folder/image"
mkfs.ext4 -q -F -d "$folder/tree" "$folder/image"
original=$(sha256sum <"$folder/image" | cut -d' ' -f1)
ok

begin 'upload it'
used_empty=$(used_bytes)
call 201 PUT "$(file_path images/debian.vmdk)" --upload-file "$folder/image" >/dev/null
equal 'the digest of the upload' "$(digest_of images/debian.vmdk)" "$original"
used_uploaded=$(used_bytes)
between 'growth of the pool by the upload' $((used_uploaded - used_empty)) $((random_mib * mib)) $((1024 * mib + 32 * mib))
ok

begin 'create a machine whose disk it is'
machine=$(post 201 /api/vcenter/vm "$(jq -n --arg folder "$vm_folder" --arg pool "$pool" --arg datastore "$datastore_id" \
    --arg file "[$datastore] images/debian.vmdk" \
    '{guest_OS: "DEBIAN_12_64", name: "walk",
      placement: {folder: $folder, resource_pool: $pool, datastore: $datastore},
      disks: [{backing: {type: "VMDK_FILE", vmdk_file: $file}}]}')" | jq -r .)
equal 'the capacity of its disk' "$(call 200 GET "/api/vcenter/vm/$machine" | jq '[.disks[]][0].capacity')" $((1024 * mib))
post 204 "/api/vcenter/vm/$machine/power?action=start" '' >/dev/null
post 204 "/api/vcenter/vm/$machine/power?action=stop" '' >/dev/null
ok

begin "clone it $clones times, by the array"
copies_before=$(counter full_copy)
locks_before=$(counter hardware_assisted_locking)
copies=()
for number in $(seq "$clones"); do
    copies+=("$(post 200 '/api/vcenter/vm?action=clone' "{\"source\": \"$machine\", \"name\": \"walk-$number\"}" | jq -r .)")
done
used_cloned=$(used_bytes)
between 'growth of the pool by the clones' $((used_cloned - used_uploaded)) 0 $((32 * mib))
between 'EXTENDED COPY commands' $(($(counter full_copy) - copies_before)) "$clones" 1000000
between 'COMPARE AND WRITE commands' $(($(counter hardware_assisted_locking) - locks_before)) "$clones" 1000000
ok

begin 'write 8 MiB into the third clone'
written=$(disk_file "${copies[2]}")
head -c $((8 * mib)) /dev/urandom >"$folder/change"
first=$((512 * mib))
call 200 PUT "$(file_path "$written")" --upload-file "$folder/change" \
    --header "Content-Range: bytes $first-$((first + 8 * mib - 1))/$((1024 * mib))" >/dev/null
between 'growth of the pool by the write' $(($(used_bytes) - used_cloned)) $((8 * mib)) $((24 * mib))
dd if="$folder/change" of="$folder/image" bs=1M seek=512 conv=notrunc status=none
changed=$(sha256sum <"$folder/image" | cut -d' ' -f1)
ok

begin 'download all: the changed clone has the change, every other and the original are as they were'
equal 'the digest of the original' "$(digest_of images/debian.vmdk)" "$original"
for number in $(seq "$clones"); do
    expected=$([[ $number == 3 ]] && echo "$changed" || echo "$original")
    equal "the digest of clone $number" "$(digest_of "$(disk_file "${copies[number - 1]}")")" "$expected"
done
ok

begin 'the file system of a clone is whole'
curl_quietly --fail --header "vmware-api-session-id: $token" --output "$folder/clone" \
    "$VIADUCT_URL$(file_path "$(disk_file "${copies[0]}")")"
e2fsck -fn "$folder/clone" >/dev/null 2>&1
debugfs -R 'cat README.md' "$folder/clone" 2>/dev/null | cmp - "$folder/tree/README.md"
ok

begin 'delete everything: the pool is as full as before'
unmaps_before=$(counter unmap)
for one in "${copies[@]}" "$machine"; do
    call 204 DELETE "/api/vcenter/vm/$one" >/dev/null
done
# A machine's disks go with it, as in vSphere; the image was one.
curl_quietly --output /dev/null --request DELETE --header "vmware-api-session-id: $token" "$VIADUCT_URL$(file_path images/debian.vmdk)"
between 'UNMAP commands' $(($(counter unmap) - unmaps_before)) 1 1000000
between 'what is left in the pool' $(($(used_bytes) - used_empty)) $((-1024 * mib)) $((16 * mib))
ok

begin 'log out; the token is refused from then on'
call 204 DELETE /api/session >/dev/null
call 401 GET /api/vcenter/vm >/dev/null
ok
