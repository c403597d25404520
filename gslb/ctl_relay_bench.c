/* relay bench: many events for keys that no cache has, some of them at a time, and how long gslb-relay says that each took. */
#include "gslb/ctl_relay.h"

#include "base/control.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	PLACES = 64, /* events at a time; gslb-relay has 128 places */
	EVENTS = 1000,
	EVENTS_MAX = 100000,
	RATE_MAX = 100000,
	WAIT_MS = 10000,
	IDLE_MS = 3000, /* so long the last receipts may take */
	REGIONS_MAX = 64,
};

/* Times in ms. */
struct times {
	char *name;
	double *ms;
	size_t n, errors;
};

struct bench {
	const char *socket;
	uint64_t n, rate, wait_ms, begin_ms;
	char run[32]; /* in the keys, so that no two runs have the same */
	size_t sent, back, partly;
	int fd[PLACES]; /* -1: free */
	struct times logged, all, region[REGIONS_MAX];
	size_t nregions;
};

/* ---- what is asked for ---- */

static bool number_of(
	const json_t *args, const char *key, uint64_t otherwise, uint64_t most, uint64_t *n, struct err *err)
{
	const char *text = json_string_value(json_object_get(args, key));

	*n = otherwise;
	return text == NULL || number_parse(text, 1, most, n)
		       ? true
		       : err_set(err, "relay bench: --%s %.20s: wants a number from 1 to %llu", key, text,
				 (unsigned long long)most);
}

/* The last receipts of what was before may be on their way. */
static bool is_idle(const char *socket, struct err *err)
{
	uint64_t until_ms = clock_monotonic_ms() + IDLE_MS;
	json_t *none = json_object(), *status = NULL;
	json_int_t active = 1, outbox = 1;
	enum ctl_exit code;

	while ((code = ctl_put(socket, true, "status", none, &status, err)) == CTL_DONE) {
		active = ctl_integer(status, "active");
		outbox = ctl_integer(status, "outbox");
		json_decref(status);
		if ((active == 0 && outbox == 0) || clock_monotonic_ms() >= until_ms)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 100000000L }, NULL);
	}
	json_decref(none);
	if (code != CTL_DONE)
		return false;
	return active == 0 && outbox == 0
		       ? true
		       : err_set(err,
				 "gslb-relay is not idle: %lld events are under way, and %lld are in the outbox "
				 "(gslbctl relay lag says for whom; --force measures all the same)",
				 (long long)active, (long long)outbox);
}

/* ---- one event ---- */

static bool send_one(struct bench *bench, int *fd, struct err *err)
{
	char key[64];
	json_t *args;

	snprintf(key, sizeof key, CONTROL_BENCH_KEYS "%s:%zu", bench->run, bench->sent);
	args = json_pack("{s:{s:s,s:[{s:s}],s:s},s:I}", "event", "class", "key", "items", "k", key, "why",
		"gslbctl relay bench", "wait_ms", (json_int_t)bench->wait_ms);
	*fd = ctl_begin(bench->socket, true, "invalidate", args, err);
	json_decref(args);
	bench->sent += *fd >= 0;
	return *fd >= 0;
}

static void add(struct bench *bench, struct times *times, double ms)
{
	if (times->ms == NULL)
		times->ms = mem_alloc(bench->n * sizeof *times->ms);
	times->ms[times->n++] = ms;
}

static struct times *times_of(struct bench *bench, const char *name)
{
	size_t i = 0;

	while (i < bench->nregions && strcmp(bench->region[i].name, name) != 0)
		i++;
	if (i == REGIONS_MAX)
		return NULL;
	if (i == bench->nregions)
		bench->region[bench->nregions++].name = mem_strdup(name);
	return &bench->region[i];
}

/* The slowest region's time counts for all of them. */
static void take_regions(struct bench *bench, const json_t *regions)
{
	double slowest_ms = 0;
	bool everywhere = true;

	for (void *at = json_object_iter((json_t *)(uintptr_t)regions); at != NULL;
		at = json_object_iter_next((json_t *)(uintptr_t)regions, at)) {
		const json_t *state = json_object_iter_value(at);
		struct times *times = times_of(bench, json_object_iter_key(at));
		double ms = (double)ctl_integer(state, "heard_us") / 1000;
		bool failed = strcmp(ctl_string(state, "state"), "failed") == 0;

		everywhere = everywhere && ms > 0 && !failed;
		if (times == NULL)
			continue;
		times->errors += failed;
		if (ms > 0)
			add(bench, times, ms);
		slowest_ms = ms > slowest_ms ? ms : slowest_ms;
	}
	bench->partly += !everywhere;
	if (everywhere)
		add(bench, &bench->all, slowest_ms);
}

static bool take_one(struct bench *bench, int fd, struct err *err)
{
	json_t *reply = ctl_finish(fd, bench->socket, true, err), *result;
	enum ctl_exit code = reply != NULL ? ctl_outcome(reply, &result, err) : CTL_FAILED;
	bool good = code == CTL_DONE || code == CTL_PART;

	bench->back++;
	if (good) {
		add(bench, &bench->logged, (double)ctl_integer(result, "logged_us") / 1000);
		take_regions(bench, json_object_get(result, "regions"));
	}
	json_decref(reply);
	return good;
}

/* ---- all of them ---- */

/* How many ms until the next one is due. */
static int due_in_ms(const struct bench *bench, uint64_t now_ms)
{
	uint64_t due_ms = bench->rate > 0 ? bench->begin_ms + bench->sent * 1000 / bench->rate : now_ms;

	return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

static bool send_due(struct bench *bench, struct err *err)
{
	for (size_t i = 0; i < PLACES && bench->sent < bench->n; i++)
		if (bench->fd[i] < 0 && due_in_ms(bench, clock_monotonic_ms()) == 0 &&
			!send_one(bench, &bench->fd[i], err))
			return false;
	return true;
}

static bool take_answered(struct bench *bench, struct err *err)
{
	int left_ms = bench->sent < bench->n ? due_in_ms(bench, clock_monotonic_ms()) : -1;
	bool full = bench->sent - bench->back == PLACES;
	struct pollfd polled[PLACES];

	for (size_t i = 0; i < PLACES; i++)
		polled[i] = (struct pollfd){ .fd = bench->fd[i], .events = POLLIN };
	poll(polled, PLACES, full ? -1 : left_ms);
	for (size_t i = 0; i < PLACES; i++) {
		if (bench->fd[i] < 0 || polled[i].revents == 0)
			continue;
		if (!take_one(bench, bench->fd[i], err)) {
			bench->fd[i] = -1;
			return false;
		}
		bench->fd[i] = -1;
	}
	return true;
}

static bool measure(struct bench *bench, struct err *err)
{
	struct dice dice = dice_from_kernel();
	bool good = true;

	snprintf(bench->run, sizeof bench->run, "%016llx", (unsigned long long)dice_next(&dice));
	for (size_t i = 0; i < PLACES; i++)
		bench->fd[i] = -1;
	bench->begin_ms = clock_monotonic_ms();
	while (good && bench->back < bench->n)
		good = send_due(bench, err) && take_answered(bench, err);
	for (size_t i = 0; i < PLACES; i++)
		if (bench->fd[i] >= 0)
			ctl_leave(bench->fd[i]);
	return good;
}

/* ---- what comes out ---- */

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The nearest rank. */
static double part_of(const struct times *times, double part)
{
	size_t rank = (size_t)ceil(part * (double)times->n);

	return times->ms[rank > 0 ? rank - 1 : 0];
}

static json_t *times_json(struct times *times)
{
	json_t *json = json_pack("{s:I,s:I}", "n", (json_int_t)times->n, "errors", (json_int_t)times->errors);

	if (times->n == 0)
		return json;
	qsort(times->ms, times->n, sizeof *times->ms, by_size);
	json_object_set_new(json, "p50", json_real(part_of(times, 0.5)));
	json_object_set_new(json, "p90", json_real(part_of(times, 0.9)));
	json_object_set_new(json, "p99", json_real(part_of(times, 0.99)));
	json_object_set_new(json, "max", json_real(times->ms[times->n - 1]));
	return json;
}

static json_t *bench_json(struct bench *bench, uint64_t took_ms)
{
	json_t *regions = json_object();
	double took_s = took_ms > 0 ? (double)took_ms / 1000 : 0.001;

	for (size_t i = 0; i < bench->nregions; i++)
		json_object_set_new(regions, bench->region[i].name, times_json(&bench->region[i]));
	return json_pack("{s:{s:I,s:f,s:f,s:i,s:I,s:I,s:o,s:o,s:o,s:s}}", "bench", "events", (json_int_t)bench->n,
		"took_s", took_s, "rate", (double)bench->n / took_s, "at_once", PLACES, "wanted_rate",
		(json_int_t)bench->rate, "partly", (json_int_t)bench->partly, "logged_ms", times_json(&bench->logged),
		"regions", regions, "everywhere_ms", times_json(&bench->all), "keys", bench->run);
}

/* Which regions lack some of it? */
static enum ctl_exit judge(const struct bench *bench, struct err *err)
{
	struct buf names = { 0 };

	if (bench->partly == 0)
		return CTL_DONE;
	for (size_t i = 0; i < bench->nregions; i++)
		if (bench->region[i].n < bench->n || bench->region[i].errors > 0)
			buf_printf(&names, "%s%s (%zu of %llu confirmed, %zu with errors)", names.len > 0 ? ", " : "",
				bench->region[i].name, bench->region[i].n, (unsigned long long)bench->n,
				bench->region[i].errors);
	err_set(err, "not confirmed everywhere: %.400s", names.len > 0 ? names.text : "");
	buf_fini(&names);
	return CTL_PART;
}

static void bench_fini(struct bench *bench)
{
	for (size_t i = 0; i < bench->nregions; i++) {
		free(bench->region[i].name);
		free(bench->region[i].ms);
	}
	free(bench->logged.ms);
	free(bench->all.ms);
}

enum ctl_exit ctl_relay_bench(const struct ctl_line *line, const char *socket, json_t **result, struct err *err)
{
	struct bench bench = { .socket = socket,
		.wait_ms = json_object_get(line->args, "wait_ms") != NULL ? (uint64_t)ctl_integer(line->args, "wait_ms")
									  : WAIT_MS };
	enum ctl_exit code = CTL_FAILED;

	if (!number_of(line->args, "n", EVENTS, EVENTS_MAX, &bench.n, err) ||
		!number_of(line->args, "rate", 0, RATE_MAX, &bench.rate, err))
		return CTL_USAGE;
	if (!ctl_true(line->args, "force") && !is_idle(socket, err))
		return CTL_FAILED;
	if (measure(&bench, err)) {
		*result = bench_json(&bench, clock_monotonic_ms() - bench.begin_ms);
		code = judge(&bench, err);
	}
	bench_fini(&bench);
	return code;
}

static void add_times(struct ctl_table *table, const char *name, const json_t *times)
{
	static const char *const parts[] = { "p50", "p90", "p99", "max" };

	ctl_cell(table, CTL_PLAIN, "%s", name);
	ctl_cell(table, CTL_PLAIN, "%lld", (long long)ctl_integer(times, "n"));
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (json_object_get(times, parts[i]) != NULL)
			ctl_cell(table, CTL_PLAIN, "%.2f", json_real_value(json_object_get(times, parts[i])));
		else
			ctl_blank(table);
}

void ctl_relay_bench_print(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = { { "MS UNTIL", false }, { "EVENTS", true }, { "P50", true },
		{ "P90", true }, { "P99", true }, { "MAX", true }, { NULL, false } };
	const json_t *bench = json_object_get(result, "bench"), *regions = json_object_get(bench, "regions");
	json_int_t wanted = ctl_integer(bench, "wanted_rate");
	double rate = json_real_value(json_object_get(bench, "rate"));
	struct ctl_table table;
	char name[96];

	buf_printf(out, "%lld events in %.2f s: %.0f a second, at most %lld at a time\n",
		(long long)ctl_integer(bench, "events"), json_real_value(json_object_get(bench, "took_s")), rate,
		(long long)ctl_integer(bench, "at_once"));
	if (wanted > 0 && rate < 0.95 * (double)wanted)
		buf_printf(out, "it did not keep up with %lld a second\n", (long long)wanted);
	ctl_table_init(&table, columns);
	add_times(&table, "in the log", json_object_get(bench, "logged_ms"));
	for (void *at = json_object_iter((json_t *)(uintptr_t)regions); at != NULL;
		at = json_object_iter_next((json_t *)(uintptr_t)regions, at)) {
		snprintf(name, sizeof name, "told in %.80s", json_object_iter_key(at));
		add_times(&table, name, json_object_iter_value(at));
	}
	add_times(&table, "told everywhere", json_object_get(bench, "everywhere_ms"));
	ctl_table_print(&table, view, "nothing", out);
	buf_printf(out, "Caches that take keys were told to drop keys " CONTROL_BENCH_KEYS);
	ctl_add(out, ctl_string(bench, "keys"));
	buf_printf(out, ":N, which none has: nothing that was cached is gone.\n");
}
