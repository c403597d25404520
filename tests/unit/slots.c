#include "tests/unit/unit.h"

#include <stdio.h>
#include <unistd.h>

#include "gslb/slots.h"

enum { MINUTE_MS = 60000, KEPT_MS = 10 * MINUTE_MS };

static const uint64_t now_ms = UINT64_C(1795305600000);

struct bench {
	struct err err;
	struct board *board;
	struct slots *slots;
	char path[UNIT_FOLDER_MAX + 8];
};

static void bench_start(struct bench *bench)
{
	bench->board = board_new(64, &bench->err);
	ck_assert_ptr_nonnull(bench->board);
	bench->slots = slots_new(bench->board);
	ck_assert_msg(slots_restore(bench->slots, bench->path, now_ms, KEPT_MS, &bench->err), "%s", bench->err.text);
}

static void bench_end(struct bench *bench)
{
	slots_free(bench->slots);
	board_free(bench->board);
}

static bool checkpoint(const struct slots *slots, const char *path, uint64_t at_ms, struct err *err)
{
	struct buf text = { 0 };
	bool written;

	slots_print(slots, at_ms, &text);
	written = file_replace(path, text.text, text.len, 0640, err);
	buf_fini(&text);
	return written;
}

static struct bench bench_new(void)
{
	struct bench bench = { 0 };
	char folder[UNIT_FOLDER_MAX];

	unit_folder(folder);
	snprintf(bench.path, sizeof bench.path, "%s/slots", folder);
	bench_start(&bench);
	return bench;
}

static struct verdict verdict_now(const struct bench *bench, uint32_t slot, uint16_t generation)
{
	return board_read(board_slots(bench->board), board_nslots(bench->board), slot, generation);
}

static void restart(struct bench *bench, uint64_t at_ms)
{
	ck_assert_msg(checkpoint(bench->slots, bench->path, at_ms, &bench->err), "%s", bench->err.text);
	bench_end(bench);
	bench_start(bench);
}

START_TEST(an_identity_has_one_slot_and_another_one_another)
{
	struct bench bench = bench_new();
	uint32_t a, b, again;
	uint16_t generation;

	ck_assert(slots_take(bench.slots, 1, &a, &generation) && slots_take(bench.slots, 2, &b, &generation));
	ck_assert(slots_take(bench.slots, 1, &again, &generation));
	ck_assert_uint_ne(a, b);
	ck_assert_uint_eq(a, again);
	bench_end(&bench);
}
END_TEST

START_TEST(a_slot_given_to_another_identity_has_another_generation)
{
	struct bench bench = bench_new();
	uint32_t first, second;
	uint16_t before, after;

	ck_assert(slots_take(bench.slots, 1, &first, &before));
	slots_sweep(bench.slots); /* 1 is in force */
	slots_sweep(bench.slots); /* and is not any more */
	ck_assert(slots_take(bench.slots, 2, &second, &after));
	ck_assert_uint_eq(first, second);
	ck_assert_uint_ne(before, after);
	ck_assert_int_eq(verdict_now(&bench, first, before).state, HEALTH_UNKNOWN);
	bench_end(&bench);
}
END_TEST

START_TEST(a_full_board_gives_no_slot)
{
	struct bench bench = bench_new();
	uint16_t generation;
	uint32_t slot;

	for (uint64_t identity = 1; identity <= 64; identity++)
		ck_assert(slots_take(bench.slots, identity, &slot, &generation));
	ck_assert(!slots_take(bench.slots, 65, &slot, &generation));
	bench_end(&bench);
}
END_TEST

static const struct age_case {
	const char *what;
	uint64_t age_ms;
	enum health_state restored;
} ages[] = {
	{ "a fresh verdict is kept", MINUTE_MS, HEALTH_DOWN },
	{ "one of nine minutes is kept", 9 * MINUTE_MS, HEALTH_DOWN },
	{ "one of eleven minutes is forgotten", 11 * MINUTE_MS, HEALTH_UNKNOWN },
};

START_TEST(a_kept_verdict_younger_than_ten_minutes_counts)
{
	struct bench bench = bench_new();
	struct verdict down = { .state = HEALTH_DOWN, .reason = PROBE_REFUSED, .since_s = 100 };
	uint16_t generation;
	uint32_t slot;

	slots_keep(bench.slots, 7, &down, (uint32_t)((now_ms - ages[_i].age_ms) / 1000));
	restart(&bench, now_ms);
	ck_assert(slots_take(bench.slots, 7, &slot, &generation));
	ck_assert_msg(verdict_now(&bench, slot, generation).state == ages[_i].restored, "%s", ages[_i].what);
	bench_end(&bench);
}
END_TEST

/* Found when gslbd was killed right after a start: the second checkpoint said "no result yet". */
START_TEST(a_verdict_outlives_two_restarts_without_a_probe_between)
{
	struct bench bench = bench_new();
	struct verdict down = { .state = HEALTH_DOWN, .reason = PROBE_REFUSED, .since_s = 100 };
	uint16_t generation;
	uint32_t slot;

	slots_keep(bench.slots, 7, &down, (uint32_t)(now_ms / 1000));
	for (int i = 0; i < 3; i++) {
		ck_assert(slots_take(bench.slots, 7, &slot, &generation));
		ck_assert_int_eq(verdict_now(&bench, slot, generation).state, HEALTH_DOWN);
		ck_assert_uint_eq(verdict_now(&bench, slot, generation).since_s, 100);
		restart(&bench, now_ms);
	}
	bench_end(&bench);
	remove(bench.path);
}
END_TEST

static const char *const damages[] = { "gslb-verdicts 9 1\n", "rubbish", "",
	"gslb-verdicts 1 5\n0000000000000007 2 0 1 5\n", "gslb-verdicts 1 5\n0000000000000007 3 0 1 5 5\n" };

START_TEST(a_damaged_checkpoint_is_said_and_harms_nothing)
{
	struct bench bench = bench_new();
	uint16_t generation;
	uint32_t slot;

	ck_assert(file_replace(bench.path, damages[_i], strlen(damages[_i]), 0600, &bench.err));
	ck_assert(!slots_restore(bench.slots, bench.path, now_ms, KEPT_MS, &bench.err));
	ck_assert_uint_gt(strlen(bench.err.text), 0);
	ck_assert(slots_take(bench.slots, 7, &slot, &generation));
	ck_assert_int_eq(verdict_now(&bench, slot, generation).state, HEALTH_UNKNOWN);
	bench_end(&bench);
	remove(bench.path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("slots");
	TCase *cases = tcase_create("slots");

	tcase_add_test(cases, an_identity_has_one_slot_and_another_one_another);
	tcase_add_test(cases, a_slot_given_to_another_identity_has_another_generation);
	tcase_add_test(cases, a_full_board_gives_no_slot);
	tcase_add_loop_test(cases, a_kept_verdict_younger_than_ten_minutes_counts, 0, COUNT_OF(ages));
	tcase_add_test(cases, a_verdict_outlives_two_restarts_without_a_probe_between);
	tcase_add_loop_test(cases, a_damaged_checkpoint_is_said_and_harms_nothing, 0, COUNT_OF(damages));
	suite_add_tcase(suite, cases);
	return unit_run(suite);
}
