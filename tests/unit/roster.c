#include "gslb/roster.h"

#include "tests/unit/unit.h"

#include <string.h>

enum { SEATS = 600, STEPS = 60000 };

struct taken {
	struct roster_seat seat; /* first */
	bool there;
	struct addr addr;
};

static struct roster *roster;
static struct taken taken[SEATS];

static void setup(void)
{
	roster = roster_new(1);
}

static void teardown(void)
{
	for (unsigned i = 0; i < SEATS; i++)
		if (taken[i].there)
			roster_leave(roster, &taken[i].seat);
	memset(taken, 0, sizeof taken);
	roster_free(roster);
}

static void join(unsigned i, const char *address, uint64_t now_ms)
{
	ck_assert(addr_parse(address, &taken[i].addr));
	taken[i].there = true;
	roster_join(roster, &taken[i].seat, &taken[i].addr, now_ms);
}

static int number(const struct roster_seat *seat)
{
	return seat == NULL ? -1 : (int)((const struct taken *)(const void *)seat - taken);
}

static int longest_beside(const char *address, uint32_t *n)
{
	struct roster_seat *longest = NULL;
	struct addr addr;

	ck_assert(addr_parse(address, &addr));
	*n = roster_neighbours(roster, &addr, &longest);
	return number(longest);
}

START_TEST(a_network_is_a_24_or_a_48)
{
	static const struct {
		const char *one, *other;
		bool same;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.255", true },
		{ "192.0.2.1", "192.0.3.1", false },
		{ "2001:db8:1::1", "2001:db8:1:ffff:ffff::2", true },
		{ "2001:db8:1::1", "2001:db8:2::1", false },
		{ "0.0.0.1", "::1", false },
	};

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		uint32_t n;

		join(i, cases[i].one, i);
		ck_assert_msg((longest_beside(cases[i].other, &n) == (int)i) == cases[i].same, "%s %s", cases[i].one,
			cases[i].other);
		ck_assert_uint_eq(n, cases[i].same);
		roster_leave(roster, &taken[i].seat);
		taken[i].there = false;
	}
}
END_TEST

START_TEST(at_the_same_moment_the_idle_one_goes_first)
{
	join(0, "192.0.2.1", 5);
	join(1, "192.0.2.2", 5);
	roster_enter(roster, &taken[1].seat, ROSTER_IDLE, 5);
	ck_assert_int_eq(number(roster_longest(roster)), 1);
}
END_TEST

START_TEST(who_writes_may_have_waited_longest)
{
	join(0, "192.0.2.1", 1);
	roster_enter(roster, &taken[0].seat, ROSTER_WRITING, 1);
	join(1, "192.0.2.2", 2);
	roster_enter(roster, &taken[1].seat, ROSTER_IDLE, 3);
	ck_assert_int_eq(number(roster_longest(roster)), 0);
	roster_enter(roster, &taken[0].seat, ROSTER_WRITING, 4);
	ck_assert_int_eq(number(roster_longest(roster)), 1);
}
END_TEST

/* The one of the first moment among those that count; with none of state or network asked, all do. */
static uint64_t first_moment(int state, const struct addr *beside, uint32_t *n)
{
	uint64_t first_ms = UINT64_MAX;

	*n = 0;
	for (unsigned i = 0; i < SEATS; i++) {
		struct addr network = taken[i].addr;

		addr_mask(&network, 24);
		if (!taken[i].there || (state >= 0 && (int)taken[i].seat.state != state) ||
			(beside != NULL && !addr_equal(&network, beside)))
			continue;
		(*n)++;
		if (taken[i].seat.since_ms < first_ms)
			first_ms = taken[i].seat.since_ms;
	}
	return first_ms;
}

static void compare(const struct addr *addr)
{
	struct roster_seat *longest = NULL;
	struct addr network = *addr;
	uint64_t first_ms;
	uint32_t n;

	first_ms = first_moment(-1, NULL, &n);
	ck_assert_uint_eq(roster_count(roster), n);
	ck_assert(n == 0 || roster_longest(roster)->since_ms == first_ms);
	for (int state = 0; state < ROSTER_STATES; state++) {
		const struct roster_seat *first = roster_first(roster, (enum roster_state)state);

		first_ms = first_moment(state, NULL, &n);
		ck_assert((first == NULL) == (n == 0));
		ck_assert(n == 0 || first->since_ms == first_ms);
	}
	addr_mask(&network, 24);
	first_ms = first_moment(-1, &network, &n);
	ck_assert_uint_eq(roster_neighbours(roster, addr, &longest), n);
	ck_assert(n == 0 || (longest->since_ms == first_ms && roster_beside(longest) == n));
}

START_TEST(it_says_what_a_look_at_everybody_says)
{
	unsigned networks = _i == 0 ? 5 : 5000;
	struct dice dice = { (uint64_t)_i };
	uint64_t now_ms = 0;

	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = (unsigned)dice_below(&dice, SEATS);
		struct taken *one = &taken[i];

		now_ms += dice_below(&dice, 2);
		if (!one->there) {
			unsigned network = (unsigned)dice_below(&dice, networks);

			one->addr =
				(struct addr){ ADDR_V4, { 10, (uint8_t)(network >> 8), (uint8_t)network, (uint8_t)i } };
			one->there = true;
			roster_join(roster, &one->seat, &one->addr, now_ms);
		} else if (dice_below(&dice, 3) == 0) {
			one->there = false;
			roster_leave(roster, &one->seat);
		} else {
			roster_enter(roster, &one->seat, (enum roster_state)dice_below(&dice, ROSTER_STATES), now_ms);
		}
		if (step % 64 == 0)
			compare(&one->addr);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("roster");
	TCase *cases = tcase_create("roster");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_network_is_a_24_or_a_48);
	tcase_add_test(cases, at_the_same_moment_the_idle_one_goes_first);
	tcase_add_test(cases, who_writes_may_have_waited_longest);
	tcase_add_loop_test(cases, it_says_what_a_look_at_everybody_says, 0, 2);
	suite_add_tcase(suite, cases);
	return unit_run(suite);
}
