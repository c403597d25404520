/* A cache's thread is done at any moment, also while the main thread looks at it: here the main thread looks all the while, at a cache that does
 * what it is told at once. */
#include "tests/unit/unit.h"

#include <stdatomic.h>
#include <sys/eventfd.h>

#include "relay/target.h"

enum { ITEMS = 20000 };

/* ---- a cache, in memcached's place ---- */

static atomic_uint runs;

static void *cache_open(const struct cache_conf *conf, struct err *err)
{
	(void)err;
	return (void *)(uintptr_t)conf;
}

static void cache_close(void *state)
{
	(void)state;
}

static unsigned cache_run(void *state, struct adapter_work *work, unsigned n)
{
	(void)state;
	for (unsigned i = 0; i < n; i++)
		work[i].result = ADAPTER_DONE;
	atomic_fetch_add(&runs, 1);
	return n;
}

static bool cache_ping(void *state, uint64_t *lived_s, struct err *err)
{
	(void)state;
	(void)err;
	*lived_s = UINT64_MAX;
	return true;
}

const struct adapter adapter_memcached = {
	.type = "memcached",
	.classes = 1u << EVENT_KEY,
	.batch = 1,
	.open = cache_open,
	.close = cache_close,
	.run = cache_run,
	.ping = cache_ping,
};

/* ---- what it has to forget ---- */

static float no_rate(void *arg, enum event_class class, const char *text)
{
	(void)arg;
	(void)class;
	(void)text;
	return 0;
}

static void flushed(struct job *job)
{
	(void)job;
}

static void add_items(struct target *target, struct job *job, uint64_t now_ms)
{
	for (unsigned i = 0; i < ITEMS; i++) {
		char text[16];
		const struct event_item item = { .text = text };

		snprintf(text, sizeof text, "k%u", i);
		target_add(target, job, &(struct event){ .class = EVENT_KEY, .nitems = 1, .items = &item }, now_ms);
	}
}

START_TEST(what_a_cache_did_is_collected_whenever_it_is_done)
{
	static const struct cache_conf conf = { .type = "memcached", .name = "cache", .verify = "" };
	static const struct pacer_rule rule = { .kind = PACER_OFF, .most = 1000000 };
	static const struct target_events events = { .rate = no_rate };
	int event_fd = eventfd(0, EFD_SEMAPHORE);
	struct job job = { .flushed = flushed, .gone = flushed };
	uint64_t now_ms = clock_monotonic_ms();
	struct target *target;
	eventfd_t one;
	struct err err;

	target = target_new(&conf, &rule, event_fd, &events, &err);
	ck_assert_ptr_nonnull(target);
	add_items(target, &job, now_ms);
	while (atomic_load(&runs) < ITEMS)
		target_run(target, ++now_ms);
	for (unsigned i = 0; i < ITEMS; i++)
		ck_assert_int_eq(eventfd_read(event_fd, &one), 0);
	target_run(target, ++now_ms);
	ck_assert_uint_eq(target_stats(target).done, ITEMS);
	ck_assert_uint_eq(job.todo, 0);
	target_free(target);
	close(event_fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("target");
	TCase *target = tcase_create("target");

	tcase_add_test(target, what_a_cache_did_is_collected_whenever_it_is_done);
	tcase_set_timeout(target, 120);
	suite_add_tcase(suite, target);
	return unit_run(suite);
}
