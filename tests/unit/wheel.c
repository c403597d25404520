/* The timing wheel beside a plain array, in simulated time. */
#include "tests/unit/unit.h"

#include <string.h>

#include "health/wheel.h"

enum { N = 300, ROUNDS = 3000 };

struct entry {
	struct wheel_timer timer; /* first */
	uint64_t at_us;           /* what the array says; UINT64_MAX: not set */
};

static uint64_t rounded_up(uint64_t us)
{
	return (us + WHEEL_TICK_US - 1) / WHEEL_TICK_US * WHEEL_TICK_US;
}

static uint64_t first_of(const struct entry entries[static N])
{
	uint64_t first_us = UINT64_MAX;

	for (unsigned i = 0; i < N; i++)
		if (entries[i].at_us < first_us)
			first_us = entries[i].at_us;
	return first_us;
}

/* Spans of all sizes: within a tick, over each wheel's edge, beyond the last one's reach. */
static uint64_t some_span(struct dice *dice, unsigned bits)
{
	return dice_below(dice, (uint64_t)1 << (1 + dice_below(dice, bits)));
}

static void change_some(struct wheel *wheel, struct entry entries[static N], struct dice *dice, uint64_t now_us)
{
	for (unsigned i = 0; i < 8; i++) {
		struct entry *entry = &entries[dice_below(dice, N)];

		if (dice_below(dice, 4) == 0) {
			wheel_clear(wheel, &entry->timer);
			entry->at_us = UINT64_MAX;
		} else {
			entry->at_us = dice_below(dice, 20) == 0 ? 0 : now_us + some_span(dice, 44);
			wheel_set(wheel, &entry->timer, entry->at_us);
		}
	}
}

static void take_all(
	struct wheel *wheel, struct entry entries[static N], uint64_t now_us, bool again, struct dice *dice)
{
	struct wheel_timer *timer;
	uint64_t last_us = 0;

	while ((timer = wheel_take(wheel)) != NULL) {
		struct entry *entry = (struct entry *)(void *)timer;

		ck_assert_uint_eq(timer->place, 0);
		ck_assert_uint_eq(timer->at_us, entry->at_us);
		ck_assert_uint_le(entry->at_us, now_us);
		ck_assert(entry->at_us == 0 || rounded_up(entry->at_us) >= last_us || entry->at_us + 1000000 > now_us);
		last_us = rounded_up(entry->at_us);
		entry->at_us = UINT64_MAX;
		if (again && dice_below(dice, 2) == 0) /* a timer that sets itself anew is not seen twice in a round */
			wheel_set(wheel, timer, entry->at_us = now_us + some_span(dice, 30));
	}
	for (unsigned i = 0; i < N; i++)
		if (entries[i].at_us != UINT64_MAX && rounded_up(entries[i].at_us) <= now_us &&
			entries[i].timer.place == 0)
			ck_abort_msg("one that is due was lost");
}

static void run(unsigned seed, bool to_the_next)
{
	static struct entry entries[N];
	static struct wheel wheel;
	struct dice dice = { seed };
	uint64_t now_us = some_span(&dice, 45);

	memset(entries, 0, sizeof entries);
	for (unsigned i = 0; i < N; i++)
		entries[i].at_us = UINT64_MAX;
	wheel_init(&wheel, now_us);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t next_us, first_us;

		change_some(&wheel, entries, &dice, now_us);
		next_us = wheel_next_us(&wheel);
		first_us = first_of(entries);
		ck_assert_msg((next_us == UINT64_MAX) == (first_us == UINT64_MAX), "it sleeps for ever");
		if (first_us != UINT64_MAX)
			ck_assert_uint_le(next_us, rounded_up(first_us));
		now_us = to_the_next && next_us != UINT64_MAX && next_us > now_us ? next_us
										  : now_us + some_span(&dice, 36);
		wheel_advance(&wheel, now_us);
		take_all(&wheel, entries, now_us, round % 3 == 0, &dice);
		ck_assert_uint_gt(rounded_up(first_of(entries)), now_us - WHEEL_TICK_US);
	}
}

START_TEST(it_hands_out_what_a_plain_list_would)
{
	run((unsigned)_i + 1, _i % 2 == 0);
}
END_TEST

START_TEST(each_span_comes_out_at_its_tick)
{
	static const uint64_t spans_ms[] = { 1, 2, 255, 256, 257, 511, 512, 65535, 65536, 65537, 65791, 3600000,
		16777215, 16777216, 16777217, 4278190080, 4294967295, 4294967296, 9000000000 };

	for (uint64_t start_ms = 0; start_ms < 600; start_ms += 7) {
		static struct wheel wheel;
		struct wheel_timer timer = { .at_us = 0 };
		uint64_t at_us = (start_ms + spans_ms[_i]) * 1000, next_us;

		wheel_init(&wheel, start_ms * 1000);
		wheel_set(&wheel, &timer, at_us - 999);
		for (unsigned wakes = 0; (next_us = wheel_next_us(&wheel)) < at_us; wakes++) {
			ck_assert_uint_lt(wakes, 8);
			wheel_advance(&wheel, next_us);
			ck_assert_ptr_null(wheel_take(&wheel));
		}
		ck_assert_uint_eq(next_us, at_us);
		wheel_advance(&wheel, at_us - 1);
		ck_assert_ptr_null(wheel_take(&wheel));
		wheel_advance(&wheel, at_us);
		ck_assert_ptr_eq(wheel_take(&wheel), &timer);
		ck_assert_ptr_null(wheel_take(&wheel));
		ck_assert_uint_eq(wheel_next_us(&wheel), UINT64_MAX);
	}
}
END_TEST

START_TEST(what_is_cleared_while_it_is_due_does_not_come)
{
	static struct wheel wheel;
	struct wheel_timer timers[3] = { { .at_us = 0 } };

	wheel_init(&wheel, 5000);
	for (unsigned i = 0; i < 3; i++)
		wheel_set(&wheel, &timers[i], 6000);
	wheel_advance(&wheel, 7000);
	ck_assert_ptr_eq(wheel_take(&wheel), &timers[0]);
	wheel_clear(&wheel, &timers[1]);
	wheel_clear(&wheel, &timers[1]);
	wheel_set(&wheel, &timers[0], 0); /* in the next round, not in this one */
	ck_assert_ptr_eq(wheel_take(&wheel), &timers[2]);
	ck_assert_ptr_null(wheel_take(&wheel));
	ck_assert_uint_eq(wheel_next_us(&wheel), 0);
	wheel_advance(&wheel, 7000);
	ck_assert_ptr_eq(wheel_take(&wheel), &timers[0]);
	wheel_set(&wheel, &timers[0], 9000);
	wheel_clear(&wheel, &timers[0]);
	ck_assert_uint_eq(wheel_next_us(&wheel), UINT64_MAX); /* nor does anybody wake for it */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wheel");
	TCase *wheel = tcase_create("wheel");

	tcase_set_timeout(wheel, 120);
	tcase_add_loop_test(wheel, it_hands_out_what_a_plain_list_would, 0, 8);
	tcase_add_loop_test(wheel, each_span_comes_out_at_its_tick, 0, 19);
	tcase_add_test(wheel, what_is_cleared_while_it_is_due_does_not_come);
	suite_add_tcase(suite, wheel);
	return unit_run(suite);
}
