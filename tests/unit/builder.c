/* Builds with real files in a folder of their own; `resolve` stands in for the prober, and is shared with a thread that changes
 * what it gives, as gslbd's main thread does. */
#include "gslb/builder.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char folder[UNIT_FOLDER_MAX];

static const char conf_text[] =
	"server: { listen: [127.0.0.1@5300] }\nzones: { directory: zones }\nstate: { directory: state }\n"
	"control: { socket: ctl.sock }\n";

static const char zone_head[] = "$TTL 3600\n@ SOA ns1 hostmaster %u 3600 600 604800 30\n@ NS ns1\nns1 A 127.0.0.1\n"
				"_gslb.www TXT \"v=gslb1; pools=eu\"\neu._pool TXT \"v=pool1; check=none\"\n"
				"eu._pool SRV 0 1 443 lb1.elsewhere.example.\n%s";

struct yard {
	struct conf *conf;
	struct builder *builder;
	const struct snapshot *before;
	pthread_mutex_t lock;
	struct resolved resolved;
	unsigned held, asked_free;
	_Atomic bool more;
};

static void write_file(const char *name, const char *text)
{
	ck_assert(file_replace(name, text, strlen(text), 0600, NULL));
}

static void write_zone(const char *name, unsigned serial, const char *rest)
{
	char *path = mem_printf("zones/%s.zone", name), *text = mem_printf(zone_head, serial, rest);

	write_file(path, text);
	free(path);
	free(text);
}

static void hold(void *context, bool on)
{
	struct yard *yard = context;

	if (on)
		pthread_mutex_lock(&yard->lock);
	yard->held += on ? 1 : 0;
	yard->held -= on ? 0 : 1;
	if (!on)
		pthread_mutex_unlock(&yard->lock);
}

static const struct resolved *resolve(void *context, const struct name *name)
{
	struct yard *yard = context;

	(void)name;
	yard->asked_free += yard->held == 0;
	return &yard->resolved;
}

static void yard_start(struct yard *yard)
{
	struct snapshot_inputs inputs = { .resolve = resolve, .hold = hold, .context = yard };
	struct report report = { 0 };

	unit_folder(folder);
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkdir("zones", 0700) | mkdir("state", 0700), 0);
	write_file("gslb.yaml", conf_text);
	write_zone("a.example", 1, "");
	write_zone("b.example", 1, "");
	*yard = (struct yard){ .resolved = { .naddrs = 1 } };
	pthread_mutex_init(&yard->lock, NULL);
	ck_assert(addr_parse("192.0.2.1", &yard->resolved.addrs[0]));
	yard->conf = conf_load("gslb.yaml", &report);
	ck_assert_ptr_nonnull(yard->conf);
	report_fini(&report);
	yard->builder = builder_new("gslb.yaml", yard->conf, 1, &inputs);
}

static struct build_order order_of(const struct yard *yard, enum build_kind kind)
{
	return (struct build_order){ .kind = kind, .conf = yard->conf, .before = yard->before };
}

/* What the main thread does with a build. */
static void take(struct yard *yard, struct build *build)
{
	const struct snapshot *before = yard->before;

	if (build->conf != NULL) {
		conf_free(yard->conf);
		yard->conf = build->conf;
	}
	if (build->snapshot != NULL) {
		yard->before = build->snapshot;
		builder_drop(yard->builder, (struct snapshot *)(uintptr_t)before, NULL);
	}
	builder_drop(yard->builder, NULL, build->zones);
	build_free(build);
}

static struct build *run(struct yard *yard, enum build_kind kind)
{
	struct build_order order = order_of(yard, kind);
	struct pollfd ready = { .fd = builder_fd(yard->builder), .events = POLLIN };
	struct build *build;

	ck_assert(!builder_busy(yard->builder));
	builder_begin(yard->builder, &order);
	ck_assert(builder_busy(yard->builder));
	ck_assert_int_eq(poll(&ready, 1, 20000), 1);
	build = builder_take(yard->builder);
	ck_assert_ptr_nonnull(build);
	ck_assert_ptr_null(builder_take(yard->builder));
	return build;
}

static void yard_end(struct yard *yard)
{
	builder_drop(yard->builder, (struct snapshot *)(uintptr_t)yard->before, NULL);
	ck_assert(builder_free(yard->builder, 20000));
	conf_free(yard->conf);
	pthread_mutex_destroy(&yard->lock);
}

static void start(struct yard *yard)
{
	struct build_order order;

	yard_start(yard);
	order = order_of(yard, BUILD_START);
	take(yard, builder_run(yard->builder, &order));
	ck_assert_ptr_nonnull(yard->before);
}

START_TEST(only_what_changed_is_read_and_nothing_is_compiled_for_nothing)
{
	const struct zone *b;
	struct yard yard;
	struct build *build;

	start(&yard);
	b = yard.before->set->zones[1];
	build = run(&yard, BUILD_RELOAD);
	ck_assert(build->good);
	ck_assert_ptr_null(build->snapshot);
	take(&yard, build);
	write_zone("a.example", 2, "");
	build = run(&yard, BUILD_WATCH);
	ck_assert(build->good);
	ck_assert_ptr_nonnull(build->snapshot);
	ck_assert_uint_eq(build->snapshot->set->zones[0]->serial, 2);
	ck_assert_ptr_eq(build->snapshot->set->zones[1], b);
	ck_assert_uint_eq(build->zones->zones[0].zone->serial, 2);
	take(&yard, build);
	yard_end(&yard);
}
END_TEST

START_TEST(a_mistake_leaves_what_was_loaded_and_is_told)
{
	struct yard yard;
	struct build *build;

	start(&yard);
	write_zone("a.example", 2, "x 5x A 192.0.2.1\n");
	build = run(&yard, BUILD_RELOAD);
	ck_assert(!build->good);
	ck_assert_ptr_nonnull(strstr(build->err.text, "a.example.zone: 1 mistake, an older state stays in service"));
	ck_assert_ptr_null(build->snapshot);
	ck_assert_int_eq(build->zones->zones[0].standing, ZONE_LAST_GOOD);
	ck_assert_uint_eq(build->zones->zones[0].zone->serial, 1);
	ck_assert_uint_eq(build->zones->zones[0].mistakes.nmistakes, 1);
	take(&yard, build);
	write_file("gslb.yaml", "server: { listen: [] }\n");
	write_zone("a.example", 3, "");
	build = run(&yard, BUILD_RELOAD);
	ck_assert(!build->good);
	ck_assert_ptr_null(build->conf);
	ck_assert_ptr_nonnull(build->snapshot);
	ck_assert_uint_gt(build->conf_report.nmistakes, 0);
	take(&yard, build);
	yard_end(&yard);
}
END_TEST

/* A service with more pools than it can have links, and cannot be compiled. */
static char *too_many_pools(void)
{
	struct buf text = { 0 };

	for (unsigned rule = 0; rule < 10; rule++) {
		buf_printf(&text, "_map.www TXT \"v=map1; asn:%u=", 64500 + rule);
		for (unsigned i = 0; i < 30; i++)
			buf_printf(&text, "%sp%u", i > 0 ? "," : "", rule * 30 + i);
		buf_printf(&text, "\"\n");
	}
	for (unsigned i = 0; i < 300; i++)
		buf_printf(&text, "p%u._pool TXT \"v=pool1; check=none\"\np%u._pool SRV 0 1 443 ns1\n", i, i);
	return text.text;
}

START_TEST(what_could_not_be_compiled_is_said_again_until_it_is_mended)
{
	char *many = too_many_pools();
	struct yard yard;
	struct build *build;

	start(&yard);
	write_zone("a.example", 2, many);
	for (int i = 0; i < 2; i++) {
		build = run(&yard, BUILD_RELOAD);
		ck_assert(!build->good);
		ck_assert_ptr_nonnull(strstr(build->err.text, "can use at most 255 pools"));
		ck_assert_ptr_null(build->snapshot);
		take(&yard, build);
	}
	write_zone("a.example", 3, "");
	build = run(&yard, BUILD_RELOAD);
	ck_assert_msg(build->good, "%s", build->err.text);
	ck_assert_ptr_nonnull(build->snapshot);
	take(&yard, build);
	free(many);
	yard_end(&yard);
}
END_TEST

START_TEST(copies_are_kept_in_the_end)
{
	struct yard yard;
	struct stat st;

	start(&yard);
	write_zone("a.example", 7, "");
	take(&yard, run(&yard, BUILD_WATCH));
	builder_drop(yard.builder, (struct snapshot *)(uintptr_t)yard.before, NULL);
	yard.before = NULL;
	ck_assert(builder_free(yard.builder, 20000));
	yard.builder = NULL;
	ck_assert_int_eq(stat("state/zones/a.example.zone", &st) | stat("state/zones/b.example.zone", &st), 0);
	yard.builder = builder_new("gslb.yaml", yard.conf, 1, &(struct snapshot_inputs){ 0 });
	yard_end(&yard);
}
END_TEST

static void *change(void *context)
{
	struct yard *yard = context;

	for (unsigned i = 0; yard->more; i++) {
		pthread_mutex_lock(&yard->lock);
		yard->resolved.addrs[0].bytes[3] = (uint8_t)i;
		pthread_mutex_unlock(&yard->lock);
	}
	return NULL;
}

START_TEST(what_resolves_meanwhile_is_held_while_a_pool_is_made_of_it)
{
	pthread_t changing;
	struct yard yard;

	start(&yard);
	yard.more = true;
	ck_assert_int_eq(pthread_create(&changing, NULL, change, &yard), 0);
	for (unsigned serial = 2; serial < 40; serial++) {
		write_zone(serial % 3 == 0 ? "b.example" : "a.example", serial, "");
		take(&yard, run(&yard, serial % 2 == 0 ? BUILD_RELOAD : BUILD_WATCH));
		take(&yard, run(&yard, BUILD_NAMES));
	}
	yard.more = false;
	pthread_join(changing, NULL);
	ck_assert_uint_eq(yard.asked_free, 0);
	ck_assert_uint_eq(yard.before->nendpoints, 2);
	yard_end(&yard);
}
END_TEST

START_TEST(names_that_resolved_are_compiled_though_no_file_changed)
{
	struct build_order order;
	struct yard yard;
	struct build *build;

	start(&yard);
	addr_parse("192.0.2.77", &yard.resolved.addrs[0]);
	build = run(&yard, BUILD_NAMES);
	ck_assert_ptr_nonnull(build->snapshot);
	ck_assert(addr_equal(&build->snapshot->endpoints[0].addr, &yard.resolved.addrs[0]));
	take(&yard, build);
	order = order_of(&yard, BUILD_RELOAD);
	order.names = true;
	builder_begin(yard.builder, &order);
	poll(&(struct pollfd){ .fd = builder_fd(yard.builder), .events = POLLIN }, 1, 20000);
	build = builder_take(yard.builder);
	ck_assert_ptr_nonnull(build);
	ck_assert_ptr_nonnull(build->snapshot);
	take(&yard, build);
	yard_end(&yard);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("builder");
	TCase *tests = tcase_create("builder");

	log_setup("builder", LOG_ERROR - 1);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, only_what_changed_is_read_and_nothing_is_compiled_for_nothing);
	tcase_add_test(tests, a_mistake_leaves_what_was_loaded_and_is_told);
	tcase_add_test(tests, what_could_not_be_compiled_is_said_again_until_it_is_mended);
	tcase_add_test(tests, copies_are_kept_in_the_end);
	tcase_add_test(tests, what_resolves_meanwhile_is_held_while_a_pool_is_made_of_it);
	tcase_add_test(tests, names_that_resolved_are_compiled_though_no_file_changed);
	suite_add_tcase(suite, tests);
	return unit_run(suite);
}
