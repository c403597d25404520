#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "health/board.h"
#include "health/health.h"
#include "health/message.h"
#include "health/plan.h"

/* ---- verdicts ---- */

START_TEST(a_verdict_packs_and_unpacks_to_itself)
{
	for (unsigned bits = 0; bits < 192; bits++) {
		struct verdict v = { .state = bits % 3,
			.doubt = bits / 3 % 2,
			.recovered = bits / 6 % 2,
			.damped = bits / 12 % 2,
			.held = bits / 24 % 2,
			.regional = bits / 48 % 2,
			.frozen = bits / 96 % 2,
			.reason = PROBE_TLS_NAME,
			.generation = 0xfedc,
			.since_s = 0x89abcdef };
		struct verdict back = verdict_unpack(verdict_pack(&v));

		ck_assert_int_eq(back.state, v.state);
		ck_assert(back.doubt == v.doubt && back.recovered == v.recovered && back.damped == v.damped);
		ck_assert(back.held == v.held && back.regional == v.regional && back.frozen == v.frozen);
		ck_assert_uint_eq(back.reason, PROBE_TLS_NAME);
		ck_assert_uint_eq(back.generation, 0xfedc);
		ck_assert_uint_eq(back.since_s, 0x89abcdef);
	}
}
END_TEST

START_TEST(the_bits_of_a_word_are_those_of_the_contract)
{
	struct verdict v = { .state = HEALTH_DOWN,
		.doubt = true,
		.recovered = true,
		.damped = true,
		.held = true,
		.reason = 3,
		.generation = 0x1234,
		.since_s = 0x55667788 };

	ck_assert(verdict_pack(&v) == 0x556677881234033eu);
}
END_TEST

START_TEST(any_word_is_safe_and_a_state_of_3_is_unknown)
{
	struct verdict v = verdict_unpack(UINT64_MAX);
	struct dice dice = { 7 };

	ck_assert_int_eq(v.state, HEALTH_UNKNOWN);
	for (int i = 0; i < 100000; i++) {
		v = verdict_unpack(dice_next(&dice));
		ck_assert(v.state == HEALTH_UNKNOWN || v.state == HEALTH_UP || v.state == HEALTH_DOWN);
		ck_assert_ptr_nonnull(probe_result_name(v.reason));
	}
}
END_TEST

START_TEST(every_probe_result_has_a_name_of_its_own)
{
	for (unsigned i = 0; i < PROBE_RESULTS; i++) {
		ck_assert_ptr_nonnull(probe_result_name(i));
		for (unsigned j = 0; j < i; j++)
			ck_assert_str_ne(probe_result_name(i), probe_result_name(j));
	}
	ck_assert_str_eq(probe_result_name(PROBE_REFUSED), "connect refused");
	ck_assert_str_eq(probe_result_name(PROBE_RESULTS), "?");
	ck_assert_str_eq(probe_result_name(UINT32_MAX), "?");
}
END_TEST

/* ---- the board ---- */

START_TEST(a_slot_reads_as_it_was_put_and_only_under_its_generation)
{
	struct board *board = board_new(3, NULL);
	struct verdict v = { .state = HEALTH_DOWN, .reason = PROBE_TIMEOUT, .generation = 9, .since_s = 77 };
	struct board_slot *slots;

	ck_assert_ptr_nonnull(board);
	ck_assert_uint_eq(board_nslots(board), 3);
	ck_assert(board_put(board, 2, &v));
	ck_assert(!board_put(board, 3, &v));
	ck_assert_int_eq(board_read(board_slots(board), 3, 2, 9).state, HEALTH_DOWN);
	ck_assert_int_eq(board_read(board_slots(board), 3, 2, 8).state, HEALTH_UNKNOWN);
	ck_assert_int_eq(board_read(board_slots(board), 3, 3, 9).state, HEALTH_UNKNOWN);
	ck_assert_int_eq(board_read(board_slots(board), 3, UINT32_MAX, 9).state, HEALTH_UNKNOWN);
	/* and what was said of who had it before is gone */
	slots = board_attach(board_fd(board), 3, NULL);
	for (unsigned i = 0; i < 3; i++)
		atomic_store(&board_attached_says(slots, 3)[i], 5 + i);
	ck_assert(board_put(board, 1, &v));
	ck_assert_uint_eq(board_says(board)[0], 5);
	ck_assert_uint_eq(board_says(board)[1], 0);
	ck_assert_uint_eq(board_says(board)[2], 7);
	board_detach(slots, 3);
	board_free(board);
}
END_TEST

START_TEST(what_the_other_side_writes_shows_at_once)
{
	struct board *board = board_new(100, NULL);
	struct board_slot *slots = board_attach(board_fd(board), 100, NULL);
	struct verdict v = { .state = HEALTH_UP, .generation = 1 };

	ck_assert_ptr_nonnull(slots);
	atomic_store(&slots[99].word, verdict_pack(&v));
	ck_assert_int_eq(board_read(board_slots(board), 100, 99, 1).state, HEALTH_UP);
	board_detach(slots, 100);
	board_free(board);
}
END_TEST

START_TEST(statistics_lie_behind_the_slots)
{
	static const uint32_t sizes[] = { 0, 1, 63, 64, 65, 100000 };

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct board *board = board_new(sizes[i], NULL);
		struct board_slot *slots = board_attach(board_fd(board), sizes[i], NULL);
		struct board_stats *stats = board_attached_stats(slots, sizes[i]);

		board_count(&stats->checks[HEALTH_CHECKS - 1].results[PROBE_RESULTS - 1]);
		stats->targets = 7;
		ck_assert_uint_eq(board_stats(board)->checks[HEALTH_CHECKS - 1].results[PROBE_RESULTS - 1], 1);
		ck_assert_uint_eq(board_stats(board)->targets, 7);
		ck_assert_uint_ge((uintptr_t)stats, (uintptr_t)(slots + sizes[i]));
		ck_assert_uint_eq((uintptr_t)stats % 4096, 0);
		board_detach(slots, sizes[i]);
		board_free(board);
	}
}
END_TEST

static const struct bucket_case {
	uint64_t us;
	unsigned bucket;
} buckets[] = { { 0, 0 }, { 50, 0 }, { 51, 1 }, { 100, 1 }, { 101, 2 }, { 1000, 4 }, { 50000000, 18 }, { 50000001, 19 },
	{ UINT64_MAX, 19 } };

START_TEST(a_time_is_counted_in_the_bucket_that_holds_it)
{
	const struct bucket_case *c = &buckets[_i];
	struct board_histogram histogram = { 0 };

	board_histogram_add(&histogram, c->us);
	ck_assert_uint_eq(histogram.count, 1);
	ck_assert_uint_eq(histogram.sum_us, c->us);
	ck_assert_uint_eq(histogram.buckets[c->bucket], 1);
	ck_assert_uint_le(c->us, board_bucket_us(c->bucket));
	ck_assert(c->bucket == 0 || c->us > board_bucket_us(c->bucket - 1));
}
END_TEST

START_TEST(a_board_can_be_neither_cut_nor_grown)
{
	struct board *board = board_new(100, NULL);

	ck_assert_int_ne(ftruncate(board_fd(board), 64), 0);
	ck_assert_int_ne(ftruncate(board_fd(board), 1 << 20), 0);
	ck_assert_int_ne(fcntl(board_fd(board), F_ADD_SEALS, F_SEAL_WRITE), 0);
	board_free(board);
}
END_TEST

START_TEST(a_board_that_could_shrink_or_is_too_small_is_refused)
{
	int unsealed = memfd_create("x", MFD_ALLOW_SEALING);
	struct board *board = board_new(4, NULL);
	struct err err = { "" };

	ck_assert_int_eq(ftruncate(unsealed, 6400), 0);
	ck_assert_ptr_null(board_attach(unsealed, 100, &err));
	ck_assert_str_ne(err.text, "");
	err.text[0] = '\0';
	ck_assert_ptr_null(board_attach(board_fd(board), 65, &err));
	ck_assert_str_ne(err.text, "");
	ck_assert_ptr_null(board_attach(board_fd(board), UINT32_MAX, NULL));
	ck_assert_ptr_null(board_attach(-1, 1, NULL));
	close(unsealed);
	board_free(board);
}
END_TEST

START_TEST(a_board_of_no_slots_is_a_board)
{
	struct board *board = board_new(0, NULL);

	ck_assert_ptr_nonnull(board);
	ck_assert_int_eq(board_read(board_slots(board), 0, 0, 0).state, HEALTH_UNKNOWN);
	board_free(board);
	board_free(NULL);
}
END_TEST

/* ---- plans ---- */

static struct health_target sample_target(uint32_t slot)
{
	struct health_target target = {
		.slot = slot,
		.generation = 7,
		.port = 443,
		.probe = { .check = HEALTH_CHECK_HTTPS,
			.host = "www.example",
			.path = "/healthz",
			.body = "all is \"well\"",
			.qname = "",
			.command = "",
			.load = "X-Load",
			.nstatus = 2,
			.status = { { 200, 299 }, { 304, 304 } },
			.verify = true,
			.cert_days = 7,
			.qtype = 6,
			.interval_ms = 5000,
			.timeout_ms = 2000,
			.rise = 2,
			.fall = 3 },
		.label = "eu/lb1.eu 192.0.2.10",
	};

	addr_parse(slot % 2 ? "2001:db8::10" : "192.0.2.10", &target.addr);
	return target;
}

static void check_target(const struct health_target *got, const struct health_target *want)
{
	ck_assert_uint_eq(got->slot, want->slot);
	ck_assert_uint_eq(got->generation, want->generation);
	ck_assert_uint_eq(got->port, want->port);
	ck_assert(addr_equal(&got->addr, &want->addr));
	ck_assert_int_eq(got->probe.check, want->probe.check);
	ck_assert_str_eq(got->probe.host, want->probe.host);
	ck_assert_str_eq(got->probe.path, want->probe.path);
	ck_assert_str_eq(got->probe.body, want->probe.body);
	ck_assert_str_eq(got->probe.qname, want->probe.qname);
	ck_assert_str_eq(got->probe.command, want->probe.command);
	ck_assert_str_eq(got->probe.load, want->probe.load != NULL ? want->probe.load : "");
	ck_assert_uint_eq(got->probe.nstatus, want->probe.nstatus);
	ck_assert_mem_eq(got->probe.status, want->probe.status, want->probe.nstatus * sizeof want->probe.status[0]);
	ck_assert(got->probe.verify == want->probe.verify);
	ck_assert_uint_eq(got->probe.cert_days, want->probe.cert_days);
	ck_assert_uint_eq(got->probe.qtype, want->probe.qtype);
	ck_assert_uint_eq(got->probe.interval_ms, want->probe.interval_ms);
	ck_assert_uint_eq(got->probe.timeout_ms, want->probe.timeout_ms);
	ck_assert_uint_eq(got->probe.rise, want->probe.rise);
	ck_assert_uint_eq(got->probe.fall, want->probe.fall);
	ck_assert_str_eq(got->label, want->label);
	ck_assert_uint_eq(got->group, want->group);
	ck_assert_uint_eq(got->vantages, want->vantages);
}

static const struct health_lookup sample_lookups[] = { { 3, "lb.cloud.example.net." }, { 9, "b." } };

static const struct health_gauge sample_gauges[] = { { 5, true, 8443, "lb.example.org", "/load?pool=eu" },
	{ 6, false, 80, "192.0.2.9", "/" } };

static const struct health_anchor sample_anchors[] = { { { ADDR_V4, { 192, 0, 2, 1 } }, 53 },
	{ { ADDR_V6, { 0x20, 1, 0xd, 0xb8 } }, 443 } };
static const uint32_t sample_slots[] = { 7, 8, 9 }, sample_pool_numbers[] = { 1, 0 };
static const struct health_pool sample_pools[] = { { sample_slots, 3, 2, 1, "eu.svc.example" },
	{ sample_slots + 1, 1, 1, 2, "us.svc.example" } };
static const struct health_service sample_services[] = { { sample_pool_numbers, 2, 1, "www.svc.example" } };

static const char *const sample_regions[] = { "eu-west", "us-east" };

/* One with all that a plan can hold. */
static struct health_plan sample_plan(const struct health_target *targets, size_t ntargets)
{
	return (struct health_plan){
		.serial = 42,
		.targets = targets,
		.ntargets = ntargets,
		.lookups = sample_lookups,
		.nlookups = 2,
		.gauges = sample_gauges,
		.ngauges = 2,
		.checks_directory = "/etc/gslb/checks",
		.ngroups = 1,
		.anchors = sample_anchors,
		.nanchors = 2,
		.fleet = { "/run/gslb/relay.sock", "us-east", sample_regions, 2 },
		.pools = sample_pools,
		.npools = 2,
		.services = sample_services,
		.nservices = 1,
	};
}

static void check_rules(const struct health_plan *got)
{
	ck_assert_uint_eq(got->ngroups, 1);
	ck_assert_uint_eq(got->nanchors, 2);
	ck_assert(addr_equal(&got->anchors[1].addr, &sample_anchors[1].addr));
	ck_assert_uint_eq(got->anchors[1].port, 443);
	ck_assert_uint_eq(got->fleet.nregions, 2);
	ck_assert_str_eq(got->fleet.regions[0], "eu-west");
	ck_assert_str_eq(got->fleet.regions[1], "us-east");
	ck_assert_str_eq(got->fleet.region, "us-east");
	ck_assert_str_eq(got->fleet.relay_socket, "/run/gslb/relay.sock");
	ck_assert_uint_eq(got->npools, 2);
	ck_assert_uint_eq(got->pools[0].nslots, 3);
	ck_assert_mem_eq(got->pools[0].slots, sample_slots, sizeof sample_slots);
	ck_assert_uint_eq(got->pools[0].nv4, 2);
	ck_assert_uint_eq(got->pools[1].min_up, 2);
	ck_assert_str_eq(got->pools[1].label, "us.svc.example");
	ck_assert_uint_eq(got->nservices, 1);
	ck_assert_mem_eq(got->services[0].pools, sample_pool_numbers, sizeof sample_pool_numbers);
	ck_assert_uint_eq(got->services[0].keep, 1);
	ck_assert_str_eq(got->services[0].label, "www.svc.example");
}

static const struct load_case {
	const char *text;
	bool ok;
	uint64_t milli;
} load_cases[] = {
	{ "412", true, 412000 },
	{ " 0.75\n", true, 750 },
	{ "1.2e3", true, 1200000 },
	{ "25E-1", true, 2500 },
	{ "0.00049", true, 0 },
	{ "0.0005", true, 1 },
	{ "0e99", true, 0 },
	{ "3.14159265358979323846264338327950288", true, 3142 },
	{ "1000000000000", true, UINT64_C(1000000000000000) },
	{ "{\"load\": 12.5}", true, 12500 },
	{ "{ \"pool\":\"eu\" , \"load\" : 7 , \"x\":[1] }", true, 7000 },
	{ "1000000000001", false, 0 },
	{ "1e13", false, 0 },
	{ "99999999999999999999999999", false, 0 },
	{ "-1", false, 0 },
	{ "", false, 0 },
	{ " ", false, 0 },
	{ ".", false, 0 },
	{ "1.", false, 0 },
	{ "1e", false, 0 },
	{ "nan", false, 0 },
	{ "1,5", false, 0 },
	{ "12 apples", false, 0 },
	{ "{\"load\": \"7\"}", false, 0 },
	{ "{\"load\": 7", false, 0 },
	{ "{\"laod\": 7}", false, 0 },
	{ "{", false, 0 },
};

START_TEST(a_load_is_a_number_in_plain_text_or_in_json)
{
	const struct load_case *c = &load_cases[_i];
	char *exact = mem_dup(c->text, strlen(c->text) + 1); /* no byte behind its end may be looked at */
	uint64_t milli = 0;

	ck_assert_msg(health_load_read(exact, strlen(c->text), &milli) == c->ok, "%s", c->text);
	if (c->ok)
		ck_assert_msg(milli == c->milli, "%s: %llu", c->text, (unsigned long long)milli);
	free(exact);
}
END_TEST

START_TEST(a_plan_reads_back_as_it_was_written)
{
	struct health_target targets[3] = { sample_target(0), sample_target(1), sample_target(2) };
	struct health_plan plan = sample_plan(targets, 3), got;
	struct arena *arena = arena_new();
	struct err err = { "" };
	int fd;

	targets[1].group = 5;
	targets[1].vantages = 3;
	targets[2].probe = (struct health_probe){ .check = HEALTH_CHECK_EXEC,
		.host = "",
		.path = "",
		.body = "",
		.qname = "",
		.command = "mysql",
		.interval_ms = 1,
		.timeout_ms = 1,
		.rise = 1,
		.fall = 1 };
	fd = health_plan_write(&plan, &err);
	ck_assert_msg(fd >= 0, "%s", err.text);
	ck_assert_msg(health_plan_read(fd, arena, &got, &err), "%s", err.text);
	close(fd);
	ck_assert_uint_eq(got.serial, 42);
	ck_assert_uint_eq(got.ntargets, 3);
	for (unsigned i = 0; i < 3; i++)
		check_target(&got.targets[i], &targets[i]);
	ck_assert_uint_eq(got.nlookups, 2);
	ck_assert_uint_eq(got.lookups[1].id, 9);
	ck_assert_str_eq(got.lookups[0].name, "lb.cloud.example.net.");
	ck_assert_str_eq(got.checks_directory, "/etc/gslb/checks");
	ck_assert_uint_eq(got.ngauges, 2);
	ck_assert_uint_eq(got.gauges[0].id, 5);
	ck_assert(got.gauges[0].tls && !got.gauges[1].tls);
	ck_assert_uint_eq(got.gauges[0].port, 8443);
	ck_assert_str_eq(got.gauges[0].host, "lb.example.org");
	ck_assert_str_eq(got.gauges[0].path, "/load?pool=eu");
	check_rules(&got);
	arena_free(arena);
}
END_TEST

START_TEST(a_plan_of_nothing_is_a_plan)
{
	struct health_plan plan = { .serial = 1, .checks_directory = "" }, got;
	struct arena *arena = arena_new();
	int fd = health_plan_write(&plan, NULL);

	ck_assert(health_plan_read(fd, arena, &got, NULL));
	ck_assert(got.ntargets == 0 && got.nlookups == 0);
	ck_assert_str_eq(got.checks_directory, "");
	close(fd);
	arena_free(arena);
}
END_TEST

START_TEST(a_plan_that_was_handed_over_cannot_be_changed)
{
	struct health_plan plan = { .serial = 1, .checks_directory = "" };
	int fd = health_plan_write(&plan, NULL);

	ck_assert_int_lt((int)pwrite(fd, "x", 1, 0), 0);
	ck_assert_int_ne(ftruncate(fd, 0), 0);
	close(fd);
}
END_TEST

START_TEST(a_plan_cut_anywhere_is_refused)
{
	struct health_target target = sample_target(1);
	struct health_plan plan = sample_plan(&target, 1), got;
	struct buf buf = { 0 };

	ck_assert(plan_format(&plan, &buf, NULL));
	for (size_t len = 0; len <= buf.len; len++) {
		uint8_t *cut = mem_dup(buf.text, len); /* exact: a sanitizer sees a read past its end */
		struct arena *arena = arena_new();
		struct err err = { "" };

		ck_assert_msg(
			plan_parse(cut, len, arena, &got, &err) == (len == buf.len), "%zu of %zu bytes", len, buf.len);
		ck_assert(len == buf.len || err.text[0] != '\0');
		arena_free(arena);
		free(cut);
	}
	buf_fini(&buf);
}
END_TEST

START_TEST(a_plan_with_bytes_behind_it_is_refused)
{
	struct health_plan plan = { .serial = 1, .checks_directory = "" }, got;
	struct arena *arena = arena_new();
	struct buf buf = { 0 };

	ck_assert(plan_format(&plan, &buf, NULL));
	ck_assert(plan_parse((const uint8_t *)buf.text, buf.len, arena, &got, NULL));
	buf_add(&buf, "x", 1);
	ck_assert(!plan_parse((const uint8_t *)buf.text, buf.len, arena, &got, NULL));
	buf_fini(&buf);
	arena_free(arena);
}
END_TEST

/* Offsets in a plan of one target and an empty checks-directory; see plan.c. */
enum { AT_SERIAL = 8, AT_NTARGETS = 16, AT_NLOOKUPS = 20, AT_TARGET = 28 };

static const struct damage_case {
	const char *says;
	size_t at;
	uint8_t byte;
} damages[] = {
	{ "another magic", 0, 'G' },
	{ "more targets than bytes", AT_NTARGETS + 3, 0xff },
	{ "one target more than there is", AT_NTARGETS, 2 },
	{ "one target less than there is", AT_NTARGETS, 0 },
	{ "more lookups than bytes", AT_NLOOKUPS + 3, 0xff },
	{ "no address family", AT_TARGET + 8, 5 },
	{ "no such check", AT_TARGET + 25, HEALTH_CHECKS },
	{ "more status ranges than there are", AT_TARGET + 45, 9 },
	{ "a text longer than the file", AT_TARGET + 54 + 2, 1 },
	{ "a NUL within a text", AT_TARGET + 54 + 4 + 3, 0 },
};

START_TEST(a_damaged_plan_is_refused)
{
	const struct damage_case *c = &damages[_i];
	struct health_target target = sample_target(1);
	struct health_plan plan = { .serial = 42, .targets = &target, .ntargets = 1, .checks_directory = "" }, got;
	struct arena *arena = arena_new();
	struct buf buf = { 0 };
	struct err err = { "" };

	ck_assert(plan_format(&plan, &buf, NULL));
	ck_assert(plan_parse((const uint8_t *)buf.text, buf.len, arena, &got, NULL));
	buf.text[c->at] = (char)c->byte;
	ck_assert_msg(!plan_parse((const uint8_t *)buf.text, buf.len, arena, &got, &err), "%s", c->says);
	ck_assert_str_ne(err.text, "");
	buf_fini(&buf);
	arena_free(arena);
}
END_TEST

START_TEST(a_plan_with_a_zero_where_a_number_must_be_is_refused)
{
	for (unsigned i = 0; i < 4; i++) {
		struct health_target target = sample_target(1);
		struct health_plan plan = { .serial = 42, .targets = &target, .ntargets = 1, .checks_directory = "" },
				   got;
		struct arena *arena = arena_new();
		struct buf buf = { 0 };

		target.probe.interval_ms *= i != 0;
		target.probe.timeout_ms *= i != 1;
		target.probe.rise *= i != 2;
		target.probe.fall *= i != 3;
		ck_assert(plan_format(&plan, &buf, NULL));
		ck_assert(!plan_parse((const uint8_t *)buf.text, buf.len, arena, &got, NULL));
		buf_fini(&buf);
		arena_free(arena);
	}
}
END_TEST

START_TEST(a_text_that_is_too_long_is_refused_by_the_writer)
{
	struct health_target target = sample_target(1);
	struct health_plan plan = { .serial = 42, .targets = &target, .ntargets = 1, .checks_directory = "" };
	char *body = mem_alloc(70000);
	struct err err = { "" };

	memset(body, 'x', 69999);
	target.probe.body = body;
	ck_assert_int_lt(health_plan_write(&plan, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "body"));
	free(body);
}
END_TEST

START_TEST(what_is_no_file_is_no_plan)
{
	struct arena *arena = arena_new();
	struct health_plan plan;
	int pair[2];

	ck_assert_int_eq(pipe(pair), 0);
	ck_assert(!health_plan_read(pair[0], arena, &plan, NULL));
	ck_assert(!health_plan_read(-1, arena, &plan, NULL));
	close(pair[0]);
	close(pair[1]);
	arena_free(arena);
}
END_TEST

/* ---- identity ---- */

static uint64_t identity(const struct health_target *target)
{
	return health_identity(&target->addr, target->port, &target->probe);
}

START_TEST(identity_is_the_same_on_every_host_and_version)
{
	struct health_target target = sample_target(0);

	/* It stands in state files: should this number have to change, kept verdicts are lost on upgrade. */
	ck_assert_msg(
		identity(&target) == 0x15361d44763f76d9u, "identity is 0x%llx", (unsigned long long)identity(&target));
}
END_TEST

START_TEST(identity_outlives_times_and_counts)
{
	struct health_target target = sample_target(0);
	uint64_t before = identity(&target);

	target.probe.interval_ms = target.probe.timeout_ms = 77;
	target.probe.rise = target.probe.fall = 9;
	target.probe.cert_days = 30;
	target.slot = 5;
	target.generation = 5;
	target.label = "other";
	ck_assert(identity(&target) == before);
}
END_TEST

START_TEST(identity_tells_apart_what_is_probed_otherwise)
{
	struct health_target variants[12];

	for (unsigned i = 0; i < COUNT_OF(variants); i++)
		variants[i] = sample_target(0);
	variants[1].port = 444;
	variants[2].addr.bytes[3]++;
	variants[3].probe.check = HEALTH_CHECK_HTTP;
	variants[4].probe.host = "w.example";
	variants[5].probe.path = "/";
	variants[6].probe.body = "";
	variants[7].probe.nstatus = 1;
	variants[8].probe.status[1].to = 305;
	variants[9].probe.verify = false;
	variants[10].probe.host = "www.example/"; /* the same bytes, shared out otherwise */
	variants[10].probe.path = "healthz";
	variants[11].probe.check = HEALTH_CHECK_TCP;
	for (unsigned i = 0; i < COUNT_OF(variants); i++)
		for (unsigned j = 0; j < i; j++)
			ck_assert_msg(identity(&variants[i]) != identity(&variants[j]), "%u and %u", i, j);
}
END_TEST

START_TEST(identity_does_not_depend_on_what_the_check_does_not_look_at)
{
	struct health_target a = sample_target(0), b = sample_target(0);

	a.probe.check = b.probe.check = HEALTH_CHECK_TCP;
	b.probe.host = "other";
	b.probe.qname = "x";
	b.probe.command = "y";
	ck_assert(identity(&a) == identity(&b));
	a.probe.check = b.probe.check = HEALTH_CHECK_DNS;
	ck_assert(identity(&a) != identity(&b));
	b.probe.qname = "";
	ck_assert(identity(&a) == identity(&b));
	b.probe.qtype = 1;
	ck_assert(identity(&a) != identity(&b));
	a.probe.check = b.probe.check = HEALTH_CHECK_EXEC;
	ck_assert(identity(&a) != identity(&b));
}
END_TEST

/* ---- messages ---- */

static void seqpacket(int pair[static 2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

START_TEST(a_message_arrives_whole_with_its_descriptor)
{
	struct health_message sent = { .kind = HEALTH_RESOLVED,
		.slot = 1,
		.generation = 2,
		.state = HEALTH_DOWN,
		.value = 0x123456789abcdef0u,
		.ttl_s = 300,
		.ok = 1,
		.naddrs = 2 },
			      got;
	int pair[2], fd, passed = memfd_create("x", 0);

	addr_parse("192.0.2.1", &sent.addrs[0]);
	addr_parse("2001:db8::1", &sent.addrs[1]);
	seqpacket(pair);
	ck_assert(health_send(pair[0], &sent, passed));
	ck_assert_int_eq(health_receive(pair[1], &got, &fd), 1);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_uint_eq(got.kind, HEALTH_RESOLVED);
	ck_assert_uint_eq(got.slot, 1);
	ck_assert_uint_eq(got.generation, 2);
	ck_assert_uint_eq(got.state, HEALTH_DOWN);
	ck_assert(got.value == 0x123456789abcdef0u);
	ck_assert_uint_eq(got.ttl_s, 300);
	ck_assert_uint_eq(got.ok, 1);
	ck_assert_uint_eq(got.naddrs, 2);
	ck_assert(addr_equal(&got.addrs[0], &sent.addrs[0]) && addr_equal(&got.addrs[1], &sent.addrs[1]));
	ck_assert_int_eq(health_receive(pair[1], &got, &fd), 0);
	ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(the_largest_message_arrives)
{
	struct health_message sent = { .kind = HEALTH_RESOLVED, .naddrs = HEALTH_ADDRS_MAX }, got;
	int pair[2], fd;

	for (unsigned i = 0; i < HEALTH_ADDRS_MAX; i++)
		sent.addrs[i] = (struct addr){ .family = ADDR_V6, .bytes = { 0x20, 0x01, [15] = (uint8_t)i } };
	seqpacket(pair);
	ck_assert(health_send(pair[0], &sent, -1));
	ck_assert_int_eq(health_receive(pair[1], &got, &fd), 1);
	ck_assert_uint_eq(got.naddrs, HEALTH_ADDRS_MAX);
	ck_assert(addr_equal(&got.addrs[63], &sent.addrs[63]));
}
END_TEST

START_TEST(a_side_that_is_gone_is_noticed_and_none_is_waited_for)
{
	struct health_message message = { .kind = HEALTH_ALIVE };
	int pair[2], fd, sent = 0;

	seqpacket(pair);
	while (health_send(pair[0], &message, -1))
		sent++;
	ck_assert_int_gt(sent, 10); /* full: it returned, and did not wait */
	close(pair[0]);
	while (health_receive(pair[1], &message, &fd) == 1)
		sent--;
	ck_assert_int_eq(sent, 0);
	ck_assert_int_eq(health_receive(pair[1], &message, &fd), -1);
	ck_assert(!health_send(pair[1], &message, -1));
}
END_TEST

static const struct garbage_case {
	const char *says;
	size_t len;
	uint32_t kind;
	uint16_t state, naddrs;
	uint8_t family;
} garbage[] = {
	{ "too short", MESSAGE_HEAD_LEN - 1, HEALTH_ALIVE, 0, 0, 0 },
	{ "too long", MESSAGE_HEAD_LEN + 1, HEALTH_ALIVE, 0, 0, 0 },
	{ "kind 0", MESSAGE_HEAD_LEN, 0, 0, 0, 0 },
	{ "an unknown kind", MESSAGE_HEAD_LEN, HEALTH_LOAD + 1, 0, 0, 0 },
	{ "an unknown state", MESSAGE_HEAD_LEN, HEALTH_PUSH, 3, 0, 0 },
	{ "an address that is not there", MESSAGE_HEAD_LEN, HEALTH_RESOLVED, 0, 1, 0 },
	{ "an address of no family", MESSAGE_HEAD_LEN + MESSAGE_ADDR_LEN, HEALTH_RESOLVED, 0, 1, 5 },
	{ "more addresses than fit", MESSAGE_LEN_MAX, HEALTH_RESOLVED, 0, HEALTH_ADDRS_MAX + 1, 4 },
	{ "a packet that was cut", MESSAGE_LEN_MAX + 100, HEALTH_RESOLVED, 0, HEALTH_ADDRS_MAX, 4 },
};

START_TEST(garbage_is_the_other_sides_end)
{
	const struct garbage_case *c = &garbage[_i];
	uint8_t packet[MESSAGE_LEN_MAX + 100] = { 0 };
	struct health_message got;
	int pair[2], fd;

	memcpy(packet, &c->kind, 4);
	memcpy(packet + 10, &c->state, 2);
	memcpy(packet + 26, &c->naddrs, 2);
	memset(packet + MESSAGE_HEAD_LEN, c->family, sizeof packet - MESSAGE_HEAD_LEN);
	seqpacket(pair);
	ck_assert_int_eq(send(pair[0], packet, c->len, 0), (int)c->len);
	ck_assert_msg(health_receive(pair[1], &got, &fd) == -1, "%s", c->says);
	ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(a_packet_with_one_address_more_than_fits_is_no_message)
{
	uint8_t packet[MESSAGE_LEN_MAX + MESSAGE_ADDR_LEN];
	uint16_t naddrs = HEALTH_ADDRS_MAX + 1;
	struct health_message message = { .kind = HEALTH_RESOLVED };

	message_format(&message, packet);
	memcpy(packet + 26, &naddrs, 2);
	memset(packet + MESSAGE_HEAD_LEN, ADDR_V4, sizeof packet - MESSAGE_HEAD_LEN);
	ck_assert(!message_parse(packet, sizeof packet, &message));
}
END_TEST

START_TEST(descriptors_in_excess_are_closed)
{
	char packet[MESSAGE_HEAD_LEN] = { HEALTH_ALIVE };
	int pair[2], pipes[2], fd, many[3];
	struct iovec iov = { packet, sizeof packet };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof many)];
	} control = { .head = { CMSG_LEN(sizeof many), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	struct health_message got;

	seqpacket(pair);
	ck_assert_int_eq(pipe(pipes), 0);
	memcpy(CMSG_DATA(&control.head), (int[]){ pipes[1], pipes[1], pipes[1] }, sizeof many);
	ck_assert_int_gt((int)sendmsg(pair[0], &msg, 0), 0);
	close(pipes[1]);
	ck_assert_int_eq(health_receive(pair[1], &got, &fd), 1);
	close(fd);
	ck_assert_int_eq((int)read(pipes[0], packet, 1), 0); /* no writer is left */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("health");
	TCase *verdicts = tcase_create("verdicts"), *board = tcase_create("board");
	TCase *plan = tcase_create("plan"), *message = tcase_create("message");

	tcase_add_test(verdicts, a_verdict_packs_and_unpacks_to_itself);
	tcase_add_test(verdicts, the_bits_of_a_word_are_those_of_the_contract);
	tcase_add_test(verdicts, any_word_is_safe_and_a_state_of_3_is_unknown);
	tcase_add_test(verdicts, every_probe_result_has_a_name_of_its_own);
	suite_add_tcase(suite, verdicts);

	tcase_add_test(board, a_slot_reads_as_it_was_put_and_only_under_its_generation);
	tcase_add_test(board, what_the_other_side_writes_shows_at_once);
	tcase_add_test(board, a_board_can_be_neither_cut_nor_grown);
	tcase_add_test(board, statistics_lie_behind_the_slots);
	tcase_add_loop_test(board, a_time_is_counted_in_the_bucket_that_holds_it, 0, COUNT_OF(buckets));
	tcase_add_test(board, a_board_that_could_shrink_or_is_too_small_is_refused);
	tcase_add_test(board, a_board_of_no_slots_is_a_board);
	suite_add_tcase(suite, board);

	tcase_add_test(plan, a_plan_reads_back_as_it_was_written);

	tcase_add_loop_test(plan, a_load_is_a_number_in_plain_text_or_in_json, 0, COUNT_OF(load_cases));
	tcase_add_test(plan, a_plan_of_nothing_is_a_plan);
	tcase_add_test(plan, a_plan_that_was_handed_over_cannot_be_changed);
	tcase_add_test(plan, a_plan_cut_anywhere_is_refused);
	tcase_add_test(plan, a_plan_with_bytes_behind_it_is_refused);
	tcase_add_loop_test(plan, a_damaged_plan_is_refused, 0, COUNT_OF(damages));
	tcase_add_test(plan, a_plan_with_a_zero_where_a_number_must_be_is_refused);
	tcase_add_test(plan, a_text_that_is_too_long_is_refused_by_the_writer);
	tcase_add_test(plan, what_is_no_file_is_no_plan);
	tcase_add_test(plan, identity_is_the_same_on_every_host_and_version);
	tcase_add_test(plan, identity_outlives_times_and_counts);
	tcase_add_test(plan, identity_tells_apart_what_is_probed_otherwise);
	tcase_add_test(plan, identity_does_not_depend_on_what_the_check_does_not_look_at);
	suite_add_tcase(suite, plan);

	tcase_add_test(message, a_message_arrives_whole_with_its_descriptor);
	tcase_add_test(message, the_largest_message_arrives);
	tcase_add_test(message, a_side_that_is_gone_is_noticed_and_none_is_waited_for);
	tcase_add_loop_test(message, garbage_is_the_other_sides_end, 0, COUNT_OF(garbage));
	tcase_add_test(message, a_packet_with_one_address_more_than_fits_is_no_message);
	tcase_add_test(message, descriptors_in_excess_are_closed);
	suite_add_tcase(suite, message);
	return unit_run(suite);
}
