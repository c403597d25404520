/* Periodic state: its bytes, and which of what comes in is new. */
#include <check.h>
#include <string.h>

#include "base/base.h"
#include "base/state.h"
#include "relay/state_origin.h"
#include "tests/unit/unit.h"

static const struct state_said sample = {
	.kind = STATE_LOAD,
	.region = "eu-west",
	.node = "ns1-eu",
	.epoch = UINT64_C(0x0123456789abcdef),
	.seq = 77,
	.full = true,
	.part = 2,
	.nparts = 3,
	.body = "body",
	.len = 4,
};

START_TEST(what_is_formatted_is_parsed_again)
{
	uint8_t bytes[STATE_BYTES_MAX];
	size_t len = state_format(&sample, bytes);
	struct state_said said;

	ck_assert(state_parse(bytes, len, &said));
	ck_assert_int_eq(said.kind, STATE_LOAD);
	ck_assert_str_eq(said.region, "eu-west");
	ck_assert_str_eq(said.node, "ns1-eu");
	ck_assert_uint_eq(said.epoch, sample.epoch);
	ck_assert_uint_eq(said.seq, 77);
	ck_assert(said.full && said.part == 2 && said.nparts == 3);
	ck_assert_uint_eq(said.len, 4);
	ck_assert_mem_eq(said.body, "body", 4);
}
END_TEST

/* Every cut, and every byte changed, is refused or harmless. */
START_TEST(damage_is_refused)
{
	uint8_t bytes[STATE_BYTES_MAX], copy[64];
	size_t len = state_format(&sample, bytes), head = len - sample.len;
	struct state_said said;

	for (size_t cut = 0; cut < head; cut++)
		ck_assert_msg(!state_parse(bytes, cut, &said), "cut at %zu", cut);
	ck_assert(len <= sizeof copy);
	for (size_t i = 0; i < head; i++)
		for (unsigned value = 0; value < 256; value++) {
			memcpy(copy, bytes, len);
			copy[i] = (uint8_t)value;
			if (state_parse(copy, len, &said))
				ck_assert(said.kind < STATE_KINDS && said.part < said.nparts && said.len <= len &&
					  state_label_is_good(said.region, strlen(said.region)) &&
					  state_label_is_good(said.node, strlen(said.node)));
		}
	bytes[0] = 'X';
	ck_assert(!state_parse(bytes, len, &said));
	bytes[0] = 'G';
	bytes[3] = STATE_KINDS;
	ck_assert(!state_parse(bytes, len, &said));
}
END_TEST

START_TEST(a_label_is_a_part_of_a_subject)
{
	char label[STATE_LABEL_MAX], longest[100];

	state_label("ns1.eu", label);
	ck_assert_str_eq(label, "ns1-eu");
	state_label("a>b *", label);
	ck_assert_str_eq(label, "a-b--");
	state_label("", label);
	ck_assert_str_eq(label, "local");
	memset(longest, 'x', sizeof longest);
	longest[99] = '\0';
	state_label(longest, label);
	ck_assert_uint_eq(strlen(label), STATE_LABEL_MAX - 1);
	ck_assert(!state_label_is_good("a.b", 3) && !state_label_is_good("", 0) && !state_label_is_good("*", 1));
}
END_TEST

/* ---- what is new ---- */

static enum origin_says take(struct origins *origins, uint64_t epoch, uint64_t seq, bool full, uint64_t now_ms)
{
	struct state_said said = sample;

	said.epoch = epoch;
	said.seq = seq;
	said.full = full;
	said.part = 0;
	said.nparts = 1;
	return origins_take(origins, &said, "bytes", 5, now_ms);
}

START_TEST(each_number_is_new_once_in_whatever_order)
{
	struct origins origins = { 0 };

	ck_assert_int_eq(take(&origins, 1, 5, false, 1000), ORIGIN_NEW);
	ck_assert_int_eq(take(&origins, 1, 5, false, 1001), ORIGIN_KNOWN);
	ck_assert_int_eq(take(&origins, 1, 7, false, 1002), ORIGIN_NEW);
	ck_assert_int_eq(take(&origins, 1, 6, false, 1003), ORIGIN_NEW); /* late, and not known */
	ck_assert_int_eq(take(&origins, 1, 6, false, 1004), ORIGIN_KNOWN);
	ck_assert_int_eq(take(&origins, 1, 200, false, 1005), ORIGIN_NEW);
	ck_assert_int_eq(take(&origins, 1, 8, false, 1006), ORIGIN_KNOWN); /* too late */
	ck_assert_int_eq(take(&origins, 2, 1, false, 1007), ORIGIN_NEW);   /* begun anew */
	ck_assert_int_eq(take(&origins, 1, 201, false, 1008), ORIGIN_KNOWN);
	origins_fini(&origins);
	ck_assert_uint_eq(origins.n, 0);
}
END_TEST

START_TEST(a_clock_set_back_costs_a_minute_of_silence)
{
	struct origins origins = { 0 };

	ck_assert_int_eq(take(&origins, 9, 5, false, 1000), ORIGIN_NEW);
	ck_assert_int_eq(take(&origins, 3, 1, false, 1000 + ORIGIN_FORGOTTEN_MS - 1), ORIGIN_KNOWN);
	ck_assert_int_eq(take(&origins, 3, 2, false, 1000 + ORIGIN_FORGOTTEN_MS), ORIGIN_NEW);
	origins_fini(&origins);
}
END_TEST

START_TEST(the_newest_full_one_is_kept_and_let_go_with_its_origin)
{
	struct origins origins = { 0 };

	take(&origins, 1, 5, true, 1000);
	ck_assert_uint_eq(origins.bytes, 5);
	ck_assert_uint_eq(LIST_FIRST(&origins.list)->part[0].seq, 5);
	take(&origins, 1, 4, true, 1001);
	ck_assert_uint_eq(LIST_FIRST(&origins.list)->part[0].seq, 5);
	take(&origins, 1, 6, true, 1002);
	ck_assert_uint_eq(LIST_FIRST(&origins.list)->part[0].seq, 6);
	take(&origins, 1, 7, false, 1003);
	ck_assert_uint_eq(LIST_FIRST(&origins.list)->part[0].seq, 6);
	ck_assert_uint_eq(origins.bytes, 5);
	take(&origins, 2, 1, false, 1004);
	ck_assert_uint_eq(origins.bytes, 0);
	take(&origins, 2, 2, true, 1005);
	origins_tick(&origins, 1005 + ORIGIN_FORGOTTEN_MS);
	ck_assert_uint_eq(origins.n, 0);
	ck_assert_uint_eq(origins.bytes, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state");
	TCase *tests = tcase_create("state");

	tcase_add_test(tests, what_is_formatted_is_parsed_again);
	tcase_add_test(tests, damage_is_refused);
	tcase_add_test(tests, a_label_is_a_part_of_a_subject);
	tcase_add_test(tests, each_number_is_new_once_in_whatever_order);
	tcase_add_test(tests, a_clock_set_back_costs_a_minute_of_silence);
	tcase_add_test(tests, the_newest_full_one_is_kept_and_let_go_with_its_origin);
	suite_add_tcase(suite, tests);
	return unit_run(suite);
}
