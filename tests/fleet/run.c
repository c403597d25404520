#include "tests/fleet/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/fleet/disk.h"
#include "tests/fleet/fault.h"
#include "tests/fleet/oracle.h"

enum {
	FAULTS_MS = 60000,
	/* What is bound by the longest of the times that things take when nothing helps: a lost word, a closed gap, an id that the bus forgets. */
	SETTLE_MS = 900000,
	LOOK_MS = 5000
};

static struct fault_list faults;

static bool run(uint64_t seed, const struct run_size *size)
{
	engine_reset(seed);
	disk_reset();
	world_reset(size->hosts, size->regions, PROBER_ENDPOINTS);
	stream_reset();
	deeds_reset();
	oracle_reset();
	hosts_reset();
	for (unsigned i = 0; i < size->hosts; i++)
		host_boot(i);
	faults_arm(&faults);
	engine_run(FAULTS_MS);
	for (uint64_t ms = LOOK_MS; ms < SETTLE_MS && !engine_is_stopped() && !oracle_settles(); ms += LOOK_MS)
		engine_run(FAULTS_MS + ms);
	if (!engine_is_stopped())
		oracle_settled();
	hosts_end();
	return oracle_verdict()[0] == '\0';
}

bool run_seed(uint64_t seed, const struct run_size *size)
{
	world_reset(size->hosts, size->regions, PROBER_ENDPOINTS);
	faults_draw(&faults, seed, FAULTS_MS);
	return run(seed, size);
}

/* ---- shrinking ---- */

/* Does it fail as it did? The first word says how. */
static bool fails_so(uint64_t seed, const struct run_size *size, const char *how)
{
	return !run(seed, size) && strncmp(oracle_verdict(), how, strcspn(how, ":")) == 0;
}

/* Leave out one after the other, as long as it fails all the same. Returns how many are left. */
static size_t leave_out(uint64_t seed, const struct run_size *size, const char *how)
{
	size_t left = faults.n;
	bool better = true;

	while (better) {
		better = false;
		for (size_t i = 0; i < faults.n; i++) {
			if (faults.list[i].left_out)
				continue;
			faults.list[i].left_out = true;
			if (fails_so(seed, size, how)) {
				left--;
				better = true;
			} else {
				faults.list[i].left_out = false;
			}
		}
	}
	return left;
}

void run_shrink(uint64_t seed, const struct run_size *size, bool tracing)
{
	char how[ORACLE_TEXT_MAX], text[FAULT_LINE_MAX];
	size_t left;

	memcpy(how, oracle_verdict(), sizeof how);
	left = leave_out(seed, size, how);
	printf("seed %" PRIu64 ": %zu of %zu faults are enough:\n", seed, left, faults.n);
	for (size_t i = 0; i < faults.n; i++)
		if (!faults.list[i].left_out)
			printf("  %s\n", fault_line(&faults.list[i], text));
	engine_tracing = tracing;
	run(seed, size);
}

void run_print_figures(void)
{
	printf("# %zu faults, %" PRIu64 " s, %" PRIu64 " turns of a relay, %" PRIu64 " messages brought (%" PRIu64
	       " again), %" PRIu64 " words (%" PRIu64 " lost), %" PRIu64 " syncs; run %016" PRIx64 "\n",
		faults.n, engine_now_ms() / 1000, host_turns, stream_totals.brought, stream_totals.again,
		stream_totals.words, stream_totals.lost, disk_syncs(), engine_hash());
}
