#include "tests/unit/unit.h"

#include <string.h>

#include "gslb/sampler.h"

#define NOW_S UINT64_C(1767225600)

static struct sampler *sampler;
static struct sampling sampling;

static void setup(void)
{
	sampler = mem_alloc(sizeof(*sampler));
	sampling = (struct sampling){ .sampler = sampler };
}

static void teardown(void)
{
	free(sampler);
}

static struct addr resolver(unsigned i)
{
	return (struct addr){ .family = ADDR_V4, .bytes = { 198, 51, (uint8_t)(i >> 8), (uint8_t)i } };
}

/* Of so many answers to one resolver, how many are truncated. */
static unsigned ask(unsigned of, unsigned n, uint64_t now_s)
{
	struct addr source = resolver(of);
	unsigned taken = 0;

	for (unsigned i = 0; i < n; i++)
		taken += sampler_take(&sampling, &source, now_s);
	return taken;
}

START_TEST(one_answer_in_two_hundred_at_most)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < 100000; i++)
		taken += ask(i, 1, NOW_S);
	ck_assert_uint_le(taken, 100000 / SAMPLER_EACH);
	ck_assert_uint_ge(taken, 100000 / SAMPLER_EACH - 1);
}
END_TEST

START_TEST(a_resolver_is_asked_once_in_ten_minutes)
{
	ck_assert_uint_eq(ask(1, 10000, NOW_S), 1);
	ck_assert_uint_eq(ask(1, 10000, NOW_S + SAMPLER_AGAIN_S - 1), 0);
	ck_assert_uint_eq(ask(2, 10000, NOW_S + SAMPLER_AGAIN_S - 1), 1);
	ck_assert_uint_eq(ask(1, 10000, NOW_S + SAMPLER_AGAIN_S), 1);
}
END_TEST

START_TEST(who_does_not_come_is_left_alone_and_who_comes_is_not)
{
	struct addr comes = resolver(2);
	uint64_t now_s = NOW_S;

	for (unsigned i = 0; i < 10; i++, now_s += SAMPLER_AGAIN_S) {
		ck_assert_uint_eq(ask(1, 1000, now_s), i < SAMPLER_TRIES);
		ck_assert_uint_eq(ask(2, 1000, now_s), 1);
		sampler_came(sampler, &comes, now_s);
	}
	ck_assert_uint_eq(ask(1, 1000, NOW_S + SAMPLER_BROKEN_S), 0);
	ck_assert_uint_eq(ask(1, 1000, NOW_S + 2 * SAMPLER_AGAIN_S + SAMPLER_BROKEN_S), 1);
}
END_TEST

START_TEST(a_network_that_is_known_is_not_asked)
{
	struct addr network = resolver(256);

	sampler_set_known(sampler, &network);
	ck_assert_uint_eq(ask(256 + 7, 1000, NOW_S), 0);
	ck_assert_uint_eq(ask(512 + 7, 1000, NOW_S), 1);
	sampler_forget_known(sampler);
	ck_assert_uint_eq(ask(256 + 7, 1000, NOW_S), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sampler");
	TCase *all = tcase_create("sampler");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, one_answer_in_two_hundred_at_most);
	tcase_add_test(all, a_resolver_is_asked_once_in_ten_minutes);
	tcase_add_test(all, who_does_not_come_is_left_alone_and_who_comes_is_not);
	tcase_add_test(all, a_network_that_is_known_is_not_asked);
	suite_add_tcase(suite, all);
	return unit_run(suite);
}
