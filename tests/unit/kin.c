#include "gslb/kin.h"

#include "tests/unit/unit.h"

/* Members as "pool address", and the groups they must fall into, by letters in order of appearance. */
static const struct kin_case {
	const char *says;
	struct {
		uint32_t pool;
		const char *addr;
	} members[6];
	const char *groups;
} cases[] = {
	{ "strangers", { { 0, "192.0.2.1" }, { 1, "198.51.100.1" }, { 2, "203.0.113.1" } }, "abc" },
	{ "a pool is kin, wherever it is", { { 0, "192.0.2.1" }, { 1, "203.0.113.1" }, { 0, "198.51.100.1" } }, "aba" },
	{ "neighbours in a /24 are kin", { { 0, "192.0.2.1" }, { 1, "192.0.3.1" }, { 2, "192.0.2.254" } }, "aba" },
	{ "neighbours in a /48 are kin",
		{ { 0, "2001:db8:1::1" }, { 1, "2001:db8:2::1" }, { 2, "2001:db8:1:ffff::1" } }, "aba" },
	{ "the families of one pool are kin", { { 0, "192.0.2.1" }, { 0, "2001:db8::1" }, { 1, "2001:db8::2" } },
		"aaa" },
	{ "an IPv4 network is no IPv6 one", { { 0, "1.2.3.4" }, { 1, "102:300::4" } }, "ab" },
	{ "kin of kin are kin",
		{ { 0, "192.0.2.1" }, { 1, "198.51.100.1" }, { 2, "203.0.113.1" }, { 0, "198.51.100.2" },
			{ 1, "203.0.113.2" }, { 3, "192.0.9.1" } },
		"aaaaab" },
	{ "one address in two pools makes them kin", { { 0, "192.0.2.1" }, { 1, "192.0.2.1" }, { 1, "198.51.100.1" } },
		"aaa" },
	{ "nobody", { { 0, NULL } }, "" },
};

START_TEST(what_can_fail_together_is_one_group)
{
	const struct kin_case *c = &cases[_i];
	struct kin_member members[6] = { 0 };
	uint32_t group[6], ngroups, most = 0;
	size_t n = strlen(c->groups);

	for (size_t i = 0; i < n; i++) {
		members[i].pool = c->members[i].pool;
		ck_assert(addr_parse(c->members[i].addr, &members[i].addr));
	}
	ngroups = kin_groups(members, n, 4, group);
	for (size_t i = 0; i < n; i++) {
		ck_assert_msg(group[i] == (uint32_t)(c->groups[i] - 'a'), "%s: member %zu", c->says, i);
		most = group[i] + 1 > most ? group[i] + 1 : most;
	}
	ck_assert_msg(ngroups == most, "%s: %u groups", c->says, ngroups);
}
END_TEST

START_TEST(a_hundred_thousand_strangers_are_as_many_groups)
{
	enum { N = 100000 };
	struct kin_member *members = mem_alloc(N * sizeof *members);
	uint32_t *group = mem_alloc(N * sizeof *group);

	for (uint32_t i = 0; i < N; i++) {
		members[i] = (struct kin_member){ i, { .family = ADDR_V4, .bytes = { 10, 0, 0, 1 } } };
		members[i].addr.bytes[0] = (uint8_t)(1 + (i >> 16));
		members[i].addr.bytes[1] = (uint8_t)(i >> 8);
		members[i].addr.bytes[2] = (uint8_t)i;
	}
	ck_assert_uint_eq(kin_groups(members, N, N, group), N);
	/* and one in all of their networks makes them one */
	for (uint32_t i = 0; i < N; i++)
		members[i].pool = 7;
	ck_assert_uint_eq(kin_groups(members, N, N, group), 1);
	free(members);
	free(group);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kin");
	TCase *kin = tcase_create("kin");

	tcase_add_loop_test(kin, what_can_fail_together_is_one_group, 0, COUNT_OF(cases));
	tcase_add_test(kin, a_hundred_thousand_strangers_are_as_many_groups);
	suite_add_tcase(suite, kin);
	return unit_run(suite);
}
