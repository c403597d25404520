#!/bin/sh
# make fuzz: builds the libraries once with clang's coverage and sanitizers beside this build, then runs each target for a
# bounded time. usage: run.sh SECONDS CORPUS [TARGET…]; needs clang-14 and libclang-rt-14-dev.
# CORPUS is "kept" (the tree's, and what earlier runs added to it here) or "empty"; dict/TARGET has words of a target's language,
# which help either. Prints a line a target. A finding stays in fuzz-findings/, and makes the exit status 1.
set -eu
seconds=$1 corpus=$2
shift 2
case $corpus in
kept | empty) ;;
*)
	echo "run.sh: $corpus: the corpus is kept or empty" >&2
	exit 2
	;;
esac
source=$(cd "$(dirname "$0")/../.." && pwd)
build=$PWD/fuzz-build
cc=${FUZZ_CC:-clang-14}
flags="-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
mkdir -p "$build" fuzz-findings
cd "$build"
[ -f Makefile ] || "$source/configure" CC="$cc" CFLAGS="$flags" >configure.log 2>&1 || { tail -n 5 configure.log; exit 1; }
archives="librelay.a libdaemon.a libdrill.a libworker.a libpacket.a libabuse.a libdecide.a libcontrol.a libprobe.a libhealth.a libgeo.a libzones.a libbase.a"
make -j"${FUZZ_JOBS:-$(nproc)}" $archives >make.log 2>&1 || { tail -n 20 make.log; exit 1; }
libraries="$(pkg-config --libs ldns libmaxminddb jansson libcyaml yaml-0.1 liburcu-qsbr libcares libcurl sqlite3 hiredis libnats libcrypto libmicrohttpd) -lm -lpthread"

build_target() {
	extra=""
	[ "$1" = packet ] && extra="$source/tests/unit/packet_world.c $source/tests/unit/message.c"
	# shellcheck disable=SC2086
	$cc -std=gnu17 -D_GNU_SOURCE -I"$source" -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		"$source/tests/fuzz/fuzz_$1.c" $extra -Wl,--start-group $archives -Wl,--end-group $libraries -o "fuzz_$1"
}

# The folder that the target begins with.
prepare_corpus() {
	if [ "$corpus" = empty ]; then
		rm -rf "empty-$1"
		mkdir "empty-$1"
		echo "empty-$1"
	else
		mkdir -p "corpus-$1"
		cp -n "$source/tests/fuzz/corpus/$1/"* "corpus-$1/" 2>/dev/null || true
		echo "corpus-$1"
	fi
}

# "name seconds executions coverage inputs", from what libFuzzer logged
figures() {
	awk -v name="$1" -v seconds="$seconds" '
		/cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "corp:") inputs = $(i + 1) } }
		/^stat::number_of_executed_units/ { runs = $2 }
		END { printf "%-8s %5d s %11d executions, coverage %6d, %s inputs", name, seconds, runs, cov, inputs }' "fuzz_$1.log"
}

failed=0
for target in ${*:-$(cd "$source/tests/fuzz" && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')}; do
	build_target "$target"
	folder=$(prepare_corpus "$target")
	status=0 dict=$source/tests/fuzz/dict/$target
	# shellcheck disable=SC2046
	./fuzz_"$target" $([ -f "$dict" ] && echo "-dict=$dict") -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix=../fuzz-findings/"$target"- "$folder" >fuzz_"$target".log 2>&1 || status=$?
	if [ $status -eq 0 ] && grep -q '^stat::number_of_executed_units' fuzz_"$target".log; then
		echo "$(figures "$target"): no finding"
	else
		failed=1
		echo "$(figures "$target"): FINDING (all of it: $build/fuzz_$target.log)"
		grep -E 'SUMMARY|ERROR|Assertion|runtime error|Test unit written' fuzz_"$target".log || tail -n 5 fuzz_"$target".log
	fi
done
exit $failed
