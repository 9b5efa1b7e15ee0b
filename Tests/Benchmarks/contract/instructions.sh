#!/bin/bash
# Instructions per call of each case, counted by valgrind: the difference of two runs, so that the start does not count.
# Usage: instructions.sh BINARY
set -euo pipefail
binary=$(mktemp)
trap 'rm -f "$binary"' EXIT
# valgrind cannot read the debug information of this compiler.
objcopy --strip-debug "$1" "$binary"
chmod +x "$binary"

count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" "$1" "$2" 2>&1 | awk '/Collected/ { print $4 }'
}

for row in session:1000:3000 vm:1000:3000 list:5:25 input:1000:6000 encode:1000:3000; do
    IFS=: read -r name few many <<<"$row"
    echo "$name: $((($(count "$name" "$many") - $(count "$name" "$few")) / (many - few))) instructions"
done
