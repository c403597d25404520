#!/bin/sh
# make fuzz: builds the libraries once with clang's coverage and sanitizers beside this build, then runs each target for a
# bounded time from its corpus. usage: run.sh SECONDS [TARGET…]; needs clang-14 and libclang-rt-14-dev.
set -eu
seconds=$1
shift
source=$(cd "$(dirname "$0")/../.." && pwd)
build=$PWD/fuzz-build
cc=${FUZZ_CC:-clang-14}
flags="-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
mkdir -p "$build" fuzz-findings
cd "$build"
[ -f Makefile ] || "$source/configure" CC="$cc" CFLAGS="$flags" >configure.log 2>&1
archives="libdaemon.a libworker.a libpacket.a libabuse.a libdecide.a libcontrol.a libprobe.a libhealth.a libgeo.a libzones.a libbase.a"
make -j"$(nproc)" $archives >make.log 2>&1 || { tail -n 20 make.log; exit 1; }
libraries="$(pkg-config --libs ldns libmaxminddb jansson libcyaml yaml-0.1 liburcu-qsbr libcares libcurl) -lm -lpthread"
failed=0
for target in ${*:-$(cd "$source/tests/fuzz" && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')}; do
	name=fuzz_$target
	extra=""
	[ "$target" = packet ] && extra="$source/tests/unit/packet_world.c $source/tests/unit/message.c"
	# shellcheck disable=SC2086
	$cc -std=gnu17 -D_GNU_SOURCE -I"$source" -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		"$source/tests/fuzz/$name.c" $extra -Wl,--start-group $archives -Wl,--end-group $libraries -o "$name"
	mkdir -p "corpus-$target"
	cp -n "$source/tests/fuzz/corpus/$target/"* "corpus-$target/" 2>/dev/null || true
	echo "== $name for $seconds s"
	./"$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix=../fuzz-findings/"$target"- "corpus-$target" >"$name.log" 2>&1 || failed=1
	grep -E 'stat::number_of_executed_units|SUMMARY|ERROR' "$name.log" || tail -n 3 "$name.log"
done
exit $failed
