/* fleet - many hosts of many regions in one process, with a clock, a network and disks that are simulated, and code that is not: gslb-relay's
 * log, turn and overrides, gslb-health's votes and verdicts, gslbd's decision. A seed gives a run: the same one each time.
 *
 *   fleet                                                                   some hundred seeds, as TAP, within a bounded time
 *   fleet --seeds N [--from SEED] [--jobs N] [--hosts N] [--regions N]      many, with progress; exit 1 when one of them fails
 *   fleet --seed N [--trace] [--shrink] [--hosts N] [--regions N]           one; --shrink: with the fewest faults that still fail */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fleet/disk.h"
#include "tests/fleet/oracle.h"
#include "tests/fleet/run.h"
#include "tests/fleet/world.h"

enum { CHECK_SEEDS = 100, CHECK_S = 30, CHECK_LEAST = 10, PROGRESS_S = 10 };

static struct options {
	uint64_t seed, from, seeds;
	unsigned jobs;
	struct run_size size;
	bool one, shrink;
} options = { .from = 1, .size = { .hosts = 12, .regions = 5 }, .jobs = 1 };

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* ---- one ---- */

static int run_one(void)
{
	bool tracing = engine_tracing, good;

	engine_tracing = tracing && !options.shrink;
	good = run_seed(options.seed, &options.size);
	if (!good && options.shrink)
		run_shrink(options.seed, &options.size, tracing);
	printf("seed %" PRIu64 ": %s\n", options.seed, good ? "all holds" : oracle_verdict());
	run_print_figures();
	return good ? 0 : 1;
}

/* ---- many ---- */

struct tally {
	uint64_t seed;
	char verdict[ORACLE_TEXT_MAX];
};

/* A worker takes each jobs-th seed. */
static void work(unsigned job, int to)
{
	for (uint64_t i = job; i < options.seeds; i += options.jobs) {
		struct tally tally = { .seed = options.from + i };

		run_seed(tally.seed, &options.size);
		snprintf(tally.verdict, sizeof tally.verdict, "%s", oracle_verdict());
		if (write(to, &tally, sizeof tally) != sizeof tally)
			_exit(2);
	}
	_exit(0);
}

static void say_progress(uint64_t done, uint64_t failed)
{
	static time_t began, said;
	time_t now = seconds();

	began = began == 0 ? now : began;
	if (done < options.seeds && now < said + PROGRESS_S)
		return;
	said = now;
	printf("# %" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " failed, %ld s\n", done, options.seeds, failed,
		(long)(now - began));
	fflush(stdout);
}

static int run_many(void)
{
	uint64_t done = 0, failed = 0;
	struct tally tally;
	int pipes[2];

	if (pipe(pipes) != 0)
		return 2;
	fflush(stdout);
	for (unsigned i = 0; i < options.jobs; i++)
		if (fork() == 0)
			work(i, pipes[1]);
	close(pipes[1]);
	say_progress(0, 0);
	while (read(pipes[0], &tally, sizeof tally) == sizeof tally) {
		done++;
		if (tally.verdict[0] != '\0') {
			failed++;
			printf("seed %" PRIu64 ": %s\n", tally.seed, tally.verdict);
		}
		say_progress(done, failed);
	}
	while (wait(NULL) > 0)
		;
	if (done < options.seeds)
		printf("a worker ended early\n");
	if (failed > 0)
		printf("tests/fleet/fleet --seed N --shrink --trace shows one of them\n");
	return failed > 0 || done < options.seeds ? 1 : 0;
}

/* ---- as a test ---- */

static bool is_same_again(uint64_t seed)
{
	uint64_t hash;

	run_seed(seed, &options.size);
	hash = engine_hash();
	run_seed(seed + 1, &options.size);
	run_seed(seed, &options.size);
	return engine_hash() == hash;
}

/* That found a fault once, far behind those that are run each time. 60: an old copy of a log gave numbers away twice; 9807: and a full disk kept
 * it from beginning anew. */
static const uint64_t found_once[] = { 60, 9807 };

static bool run_known(void)
{
	bool good = true;

	for (size_t i = 0; i < COUNT_OF(found_once); i++) {
		if (run_seed(found_once[i], &options.size))
			continue;
		good = false;
		printf("# seed %" PRIu64 ": %s\n", found_once[i], oracle_verdict());
	}
	printf("%s 3 - seeds that found a fault find it no more\n", good ? "ok" : "not ok");
	return good;
}

/* As many as there is time for. */
static int run_check(void)
{
	time_t until = seconds() + CHECK_S;
	uint64_t seed = 1, failed = 0;
	bool same;

	printf("1..3\n");
	for (; seed <= CHECK_SEEDS && (seed <= CHECK_LEAST || seconds() < until); seed++) {
		if (run_seed(seed, &options.size))
			continue;
		failed++;
		printf("# seed %" PRIu64 ": %s\n", seed, oracle_verdict());
	}
	printf("%s 1 - %" PRIu64 " seeds of faults: what the fleet promises holds\n", failed == 0 ? "ok" : "not ok",
		seed - 1);
	same = is_same_again(7);
	printf("%s 2 - the same seed gives the same run\n", same ? "ok" : "not ok");
	return run_known() && failed == 0 && same ? 0 : 1;
}

/* ---- options ---- */

static bool take_option(int which, const char *value)
{
	uint64_t number = value != NULL ? strtoull(value, NULL, 10) : 0;

	switch (which) {
	case 's':
		options.one = true;
		options.seed = number;
		return true;
	case 'n':
		options.seeds = number;
		return number > 0;
	case 'f':
		options.from = number;
		return true;
	case 'j':
		options.jobs = (unsigned)number;
		return number > 0 && number <= 256;
	case 'h':
		options.size.hosts = (unsigned)number;
		return number > 1 && number <= ENGINE_HOSTS_MAX;
	case 'r':
		options.size.regions = (unsigned)number;
		return number > 1 && number <= REGIONS_MAX;
	case 't':
		engine_tracing = true;
		return true;
	case 'k':
		options.shrink = true;
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "from", required_argument, NULL, 'f' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "hosts", required_argument, NULL, 'h' },
		{ "regions", required_argument, NULL, 'r' },
		{ "trace", no_argument, NULL, 't' },
		{ "shrink", no_argument, NULL, 'k' },
		{ 0 },
	};
	int got;

	while ((got = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (!take_option(got, optarg)) {
			fprintf(stderr, "fleet: see the head of tests/fleet/fleet.c for what it takes\n");
			return 2;
		}
	log_setup("fleet", (enum log_level)0);
	disk_setup();
	if (options.one)
		return run_one();
	return options.seeds > 0 ? run_many() : run_check();
}
