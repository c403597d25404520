/* simulation - the real detector over days and many endpoints, with a clock of its own. How soon it sees what fails; how often
 * it is wrong on a path that loses probes, beside what arithmetic says and beside a plain count of three; how often a flapping
 * backend changes an answer. The dice are fixed, so a run is the same everywhere.
 *
 *   simulation [ENDPOINTS [HOURS]]      for the false alarms; 10000 and 24 are what the manual's figures rest on */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "health/health.h"
#include "tests/health/chain.h"

enum { INTERVAL_MS = 5000, MEAN_INTERVAL_MS = 4750, TIMEOUT_MS = 2000, RUNS = 1000, HOUR_MS = 3600 * 1000 };

static const struct detector_rule defaults = { .rise = 2, .fall = 3, .interval_ms = INTERVAL_MS };

static unsigned ntests, nfailed;

static void ok(bool good, const char *sentence)
{
	printf("%s %u - %s\n", good ? "ok" : "not ok", ++ntests, sentence);
	nfailed += !good;
}

/* One endpoint and its prober. */
struct run {
	struct detector detector;
	uint64_t now_ms;
	struct dice dice;
};

static bool chance(struct run *run, double p)
{
	return (double)(dice_next(&run->dice) >> 11) * 0x1p-53 < p;
}

/* Exponentially distributed. */
static uint64_t random_ms(struct run *run, double mean_s)
{
	return (uint64_t)(-log(1 - (double)(dice_next(&run->dice) >> 11) * 0x1p-53) * mean_s * 1000) + 1;
}

/* The next result; then the clock stands at the start of the next probe. True when the state changed. */
static bool probe(struct run *run, enum probe_result result)
{
	const struct observation seen = { result, result == PROBE_TIMEOUT ? TIMEOUT_MS : 1 };
	uint32_t next_ms;
	bool changed;

	run->now_ms += seen.took_ms;
	changed = detector_step(&run->detector, &defaults, &seen, run->now_ms, &next_ms);
	run->now_ms += next_ms;
	return changed;
}

/* The engine shortens plain intervals by up to ten per cent. */
static void vary(struct run *run)
{
	run->now_ms -= dice_below(&run->dice, INTERVAL_MS / 10 + 1);
}

/* ---- how soon ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* From the failure, at one of RUNS moments spread over the mean interval, to the verdict. */
static double detection_s(unsigned number, double loss, enum probe_result how)
{
	struct run run = { .dice = { 100 + number }, .now_ms = HOUR_MS };
	uint64_t fails_ms;

	for (unsigned i = 0; i < 5000 || run.detector.doubt || run.detector.state != HEALTH_UP; i++)
		probe(&run, chance(&run, loss) ? PROBE_TIMEOUT : PROBE_OK);
	fails_ms = run.now_ms - INTERVAL_MS + MEAN_INTERVAL_MS * (2 * number + 1) / (2 * RUNS);
	vary(&run);
	while (run.detector.state != HEALTH_DOWN) {
		bool reached = run.now_ms < fails_ms && !chance(&run, loss);

		probe(&run, reached ? PROBE_OK : run.now_ms < fails_ms ? PROBE_TIMEOUT : how);
	}
	return (double)(run.detector.since_ms - fails_ms) / 1000;
}

static void detections(double loss, enum probe_result how, double median_at_most_s, double at_most_s)
{
	double took_s[RUNS], median_s;
	char sentence[160];

	for (unsigned i = 0; i < RUNS; i++)
		took_s[i] = detection_s(i, loss, how);
	qsort(took_s, RUNS, sizeof *took_s, compare);
	median_s = (took_s[RUNS / 2 - 1] + took_s[RUNS / 2]) / 2;
	snprintf(sentence, sizeof sentence,
		"%s, path that loses %.0f %%: down after %.2f s (median of %d; %.2f to %.2f), at most %.1f and %.1f",
		how == PROBE_TIMEOUT ? "black hole" : "connect refused", loss * 100, median_s, RUNS, took_s[0],
		took_s[RUNS - 1], median_at_most_s, at_most_s);
	ok(median_s <= median_at_most_s && took_s[RUNS - 1] <= at_most_s, sentence);
}

/* ---- how often wrong ---- */

/* fall=3 and rise=2 and nothing else, on the same results. */
struct plain {
	unsigned streak;
	bool down;
};

static bool plain_step(struct plain *plain, bool good)
{
	plain->streak = good == plain->down ? plain->streak + 1 : 0;
	if (plain->streak < (plain->down ? 2u : 3u))
		return false;
	plain->streak = 0;
	plain->down = !plain->down;
	return plain->down;
}

struct alarms {
	uint64_t probes, adaptive, plain;
};

static void live(unsigned number, double loss, uint64_t until_ms, struct alarms *alarms)
{
	struct run run = { .dice = { number + 1 }, .now_ms = number % INTERVAL_MS };
	struct plain plain = { 0 };

	until_ms += run.now_ms;
	while (run.now_ms < until_ms) {
		bool lost = chance(&run, loss);

		alarms->probes++;
		alarms->plain += plain_step(&plain, !lost);
		alarms->adaptive += probe(&run, lost ? PROBE_TIMEOUT : PROBE_OK) && run.detector.state == HEALTH_DOWN;
	}
}

static bool agrees(uint64_t counted, double computed)
{
	return (double)counted <= 2 * computed && (double)counted >= computed / 2;
}

static void false_alarms(double loss, unsigned endpoints, unsigned hours)
{
	struct alarms alarms = { 0 };
	double adaptive, plain;
	char sentence[200];

	for (unsigned i = 0; i < endpoints; i++)
		live(i, loss, (uint64_t)hours * HOUR_MS, &alarms);
	adaptive = chain_adaptive(loss, defaults.fall) * (double)alarms.probes;
	plain = chain_plain(loss, defaults.fall) * (double)alarms.probes;
	printf("# %u endpoints, %u hours, %.0f %% of the probes lost: %llu probes\n", endpoints, hours, loss * 100,
		(unsigned long long)alarms.probes);
	snprintf(sentence, sizeof sentence, "false alarms: %llu, computed %.1f", (unsigned long long)alarms.adaptive,
		adaptive);
	ok(agrees(alarms.adaptive, adaptive), sentence);
	snprintf(sentence, sizeof sentence, "false alarms of a plain fall=3 in the same run: %llu, computed %.1f",
		(unsigned long long)alarms.plain, plain);
	ok(agrees(alarms.plain, plain), sentence);
	snprintf(sentence, sizeof sentence, "%.1f times fewer than the plain count, at least 10",
		(double)alarms.plain / (double)(alarms.adaptive > 0 ? alarms.adaptive : 1));
	ok(alarms.plain >= 10 * alarms.adaptive, sentence);
}

/* Losses are no dice: they come in bursts, and what is lost within one may be three probes. Nothing is asserted: a burst that is
 * longer than three timeouts is an outage, and is called one. */
static void bursts(double burst_s, double loss, unsigned endpoints)
{
	struct alarms alarms = { 0 };

	for (unsigned i = 0; i < endpoints; i++) {
		struct run run = { .dice = { i + 1 }, .now_ms = HOUR_MS };
		struct plain plain = { 0 };
		uint64_t turn_ms = run.now_ms, end_ms = run.now_ms + UINT64_C(24) * HOUR_MS;
		bool lossy = true;

		while (run.now_ms < end_ms) {
			for (; turn_ms <= run.now_ms;
				turn_ms += random_ms(&run, lossy ? burst_s : burst_s * (1 - loss) / loss))
				lossy = !lossy;
			alarms.plain += plain_step(&plain, !lossy);
			alarms.adaptive +=
				probe(&run, lossy ? PROBE_TIMEOUT : PROBE_OK) && run.detector.state == HEALTH_DOWN;
		}
	}
	printf("# %.0f %% loss in bursts of %4.1f s on average: %.3f alarms of an endpoint a day, plain fall=3: %.3f\n",
		loss * 100, burst_s, (double)alarms.adaptive / endpoints, (double)alarms.plain / endpoints);
}

/* What the manual's table rests on. */
static void computed_alarms(void)
{
	static const double losses[] = { 0.001, 0.01, 0.02, 0.03, 0.05, 0.10, 0.20, 0.30 };
	const double probes = 365.0 * 24 * HOUR_MS / INTERVAL_MS;

	for (size_t i = 0; i < COUNT_OF(losses); i++)
		printf("# computed false alarms of an endpoint a year at %4.1f %% loss: %9.4f, plain fall=3: %9.1f\n",
			losses[i] * 100, chain_adaptive(losses[i], 3) * probes, chain_plain(losses[i], 3) * probes);
}

/* ---- how often an answer changes ---- */

enum { CHANGES_MAX = 20000, WINDOW_MS = 600 * 1000 };

/* A backend that is up for up_s and down for down_s, or for random times of these means. */
struct flapper {
	unsigned up_s, down_s;
	bool random;
	double loss;
};

struct flapping {
	unsigned nchanges, plain;
	uint64_t changes_ms[CHANGES_MAX];
	uint64_t back_ms, whole_ms; /* after the flapping ended */
	bool capped;
};

static uint64_t phase_ms(struct run *run, const struct flapper *flapper, bool up)
{
	double mean_s = up ? flapper->up_s : flapper->down_s;

	return flapper->random ? random_ms(run, mean_s) : (uint64_t)(mean_s * 1000);
}

static void step_flapper(
	struct run *run, const struct flapper *flapper, bool up, struct plain *plain, struct flapping *flapping)
{
	bool reached = up && !chance(run, flapper->loss);
	bool was_down = plain->down;

	plain_step(plain, reached);
	flapping->plain += plain->down != was_down;
	if (probe(run, reached ? PROBE_OK : up ? PROBE_TIMEOUT : PROBE_REFUSED) && flapping->nchanges < CHANGES_MAX)
		flapping->changes_ms[flapping->nchanges++] = run->detector.since_ms;
	flapping->capped |= run->detector.damped;
}

static void flap(const struct flapper *flapper, unsigned seed, unsigned hours, struct flapping *flapping)
{
	struct run run = { .dice = { seed }, .now_ms = HOUR_MS, .detector.state = HEALTH_UP };
	struct plain plain = { 0 };
	uint64_t end_ms = run.now_ms + (uint64_t)hours * HOUR_MS, turn_ms = run.now_ms;
	bool up = false;

	*flapping = (struct flapping){ 0 };
	while (run.now_ms < end_ms) {
		for (; turn_ms <= run.now_ms; turn_ms += phase_ms(&run, flapper, up))
			up = !up;
		step_flapper(&run, flapper, up, &plain, flapping);
	}
	end_ms = run.now_ms;
	while (run.detector.state != HEALTH_UP || run.detector.damped) {
		probe(&run, PROBE_OK);
		if (flapping->back_ms == 0 && run.detector.state == HEALTH_UP)
			flapping->back_ms = run.now_ms - end_ms;
	}
	flapping->whole_ms = run.now_ms - end_ms;
}

static unsigned most_in_a_window(const struct flapping *flapping)
{
	unsigned most = 0, first = 0;

	for (unsigned i = 0; i < flapping->nchanges; i++) {
		while (flapping->changes_ms[i] - flapping->changes_ms[first] >= WINDOW_MS)
			first++;
		if (i - first + 1 > most)
			most = i - first + 1;
	}
	return most;
}

static void flappers(void)
{
	static const struct flapper rows[] = {
		{ 10, 10, false, 0 },
		{ 20, 20, false, 0 },
		{ 30, 30, false, 0 },
		{ 60, 60, false, 0 },
		{ 130, 5, false, 0 },
		{ 300, 20, false, 0 },
		{ 595, 5, false, 0 },
		{ 20, 120, false, 0 },
		{ 40, 40, true, 0 },
		{ 200, 30, true, 0 },
		{ 60, 60, false, 0.03 },
	};
	struct flapping *flapping = mem_alloc(sizeof *flapping);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct flapper *row = &rows[i];
		unsigned most;
		char sentence[240];

		flap(row, (unsigned)i + 1, 6, flapping);
		most = most_in_a_window(flapping);
		snprintf(sentence, sizeof sentence,
			"%s%u s up and %u s down, %.0f %% loss, six hours: %u changes, at most %u in ten minutes "
			"(plain: %u); at rest it is back in %llu s, with all its weight in %llu s",
			row->random ? "about " : "", row->up_s, row->down_s, row->loss * 100, flapping->nchanges, most,
			flapping->plain, (unsigned long long)flapping->back_ms / 1000,
			(unsigned long long)flapping->whole_ms / 1000);
		ok(most <= 3 && flapping->back_ms <= 600 * 1000 + INTERVAL_MS &&
				flapping->whole_ms <= 900 * 1000 + INTERVAL_MS,
			sentence);
	}
	free(flapping);
}

static void random_flappers(void)
{
	struct flapping *flapping = mem_alloc(sizeof *flapping);
	struct dice dice = { 77 };
	unsigned most = 0;
	uint64_t latest_ms = 0, capped = 0;

	for (unsigned i = 0; i < 300; i++) {
		struct flapper flapper = {
			.up_s = 1 + (unsigned)dice_below(&dice, i % 3 == 0 ? 60 : 700),
			.down_s = 1 + (unsigned)dice_below(&dice, i % 2 == 0 ? 60 : 700),
			.random = dice_below(&dice, 2) == 0,
			.loss = dice_below(&dice, 4) == 0 ? 0.05 : 0,
		};
		unsigned n;

		flap(&flapper, i + 1000, 4, flapping);
		n = most_in_a_window(flapping);
		most = n > most ? n : most;
		latest_ms = flapping->back_ms > latest_ms ? flapping->back_ms : latest_ms;
		capped += flapping->capped;
	}
	printf("# 300 random flappers, 4 hours each: %llu of them damped, back %llu s after they rest at the latest\n",
		(unsigned long long)capped, (unsigned long long)latest_ms / 1000);
	ok(most == 3, "whatever a backend's rhythm is, it changes an answer at most three times in ten minutes");
	ok(latest_ms <= 600 * 1000 + INTERVAL_MS, "and is back within ten minutes of rest");
	free(flapping);
}

int main(int argc, char **argv)
{
	unsigned endpoints = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 3000;
	unsigned hours = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 24;

	setvbuf(stdout, NULL, _IOLBF, 0);
	detections(0, PROBE_REFUSED, 3.1, 5.8);
	detections(0, PROBE_TIMEOUT, 8.6, 11.3);
	detections(0.03, PROBE_REFUSED, 3.1, 6);
	detections(0.03, PROBE_TIMEOUT, 10.6, 13.3);
	detections(0.10, PROBE_REFUSED, 3.1, 6);
	detections(0.10, PROBE_TIMEOUT, 14.6, 19.3);
	detections(0.30, PROBE_REFUSED, 4.1, 7);
	detections(0.30, PROBE_TIMEOUT, 24.6, 27.3);
	flappers();
	random_flappers();
	computed_alarms();
	bursts(0.5, 0.03, 200);
	bursts(1, 0.03, 200);
	bursts(2, 0.03, 200);
	bursts(5, 0.03, 200);
	false_alarms(0.03, endpoints, hours);
	printf("1..%u\n", ntests);
	return nfailed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
