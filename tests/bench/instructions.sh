#!/bin/sh
# Instructions that one query takes outside of the kernel, a stage at a time and then a whole batch for each load, counted by
# valgrind: exact, and the same on a busy machine. usage: instructions.sh PACKET-BENCH; GEO=FILE[,FILE] in the environment
set -eu
bench=$1
rounds=20 queries=1024
if ! command -v valgrind >/dev/null; then
	echo "instructions.sh: valgrind is missing (apt-get install valgrind)" >&2
	exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# count STAGE LOAD: the rounds measured, and those that warm up before them
count() {
	valgrind --tool=callgrind --toggle-collect='measure*' --callgrind-out-file="$work/out" "$bench" $rounds "$1" "$2" \
		>"$work/log" 2>&1 || {
		tail -n 5 "$work/log" >&2
		exit 1
	}
	awk -v queries=$((queries * (rounds + rounds / 10 + 1))) '/^(summary|totals):/ { n = $2 } END { printf "%d", n / queries }' \
		"$work/out"
}

echo "instructions a query"
for stage in parse find locate decide spill reply limit whole batch; do
	printf '%-16s %-10s %6s\n' "steered, ECS" $stage "$(count $stage 'steered, ECS')"
done
for load in "steered, EDNS" "steered, plain" static nxdomain referral; do
	printf '%-16s %-10s %6s\n' "$load" batch "$(count batch "$load")"
done
