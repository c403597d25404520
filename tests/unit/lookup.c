#include "tests/unit/unit.h"

#include "health/lookup_doubt.h"

/* One answer a step: how many addresses there were and are, when, and whether it is believed (T), doubted (D) or still doubted (S). */
static const struct {
	const char *what;
	struct {
		unsigned had, has;
		uint64_t at_s;
		char belief;
	} step[6];
} runs[] = {
	{ "a first answer is believed, and an empty one of what had nothing", { { 0, 64, 1, 'T' }, { 0, 0, 2, 'T' } } },
	{ "other addresses, fewer and some more are usual",
		{ { 4, 4, 1, 'T' }, { 8, 1, 2, 'T' }, { 1, 8, 3, 'T' }, { 3, 12, 4, 'T' }, { 16, 64, 5, 'T' } } },
	{ "all addresses gone is believed after a minute",
		{ { 2, 0, 0, 'D' }, { 2, 0, 30, 'S' }, { 2, 0, 59, 'S' }, { 2, 0, 60, 'T' } } },
	{ "a minute is not enough when it was said but twice",
		{ { 2, 0, 0, 'D' }, { 2, 0, 90, 'S' }, { 2, 0, 91, 'T' } } },
	{ "one good answer in between, and the minute begins anew",
		{ { 2, 0, 0, 'D' }, { 2, 0, 50, 'S' }, { 2, 2, 55, 'T' }, { 2, 0, 60, 'D' }, { 2, 0, 70, 'S' },
			{ 2, 0, 119, 'S' } } },
	{ "nine in place of two are too many, and believed after half a minute",
		{ { 2, 9, 0, 'D' }, { 2, 9, 10, 'S' }, { 2, 9, 29, 'S' }, { 2, 9, 30, 'T' } } },
	{ "from too many to none is another doubt", { { 2, 40, 0, 'D' }, { 2, 40, 20, 'S' }, { 2, 0, 31, 'D' } } },
};

START_TEST(an_answer_is_believed_or_doubted)
{
	struct lookup_doubt doubt = { 0 };

	for (unsigned i = 0; i < COUNT_OF(runs[_i].step) && runs[_i].step[i].belief != '\0'; i++) {
		enum lookup_belief belief = lookup_doubt_step(
			&doubt, runs[_i].step[i].had, runs[_i].step[i].has, 1000000 + runs[_i].step[i].at_s * 1000);

		ck_assert_msg(
			"TDS"[belief] == runs[_i].step[i].belief, "%s: step %u is %c", runs[_i].what, i, "TDS"[belief]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lookup");
	TCase *doubt = tcase_create("doubt");

	tcase_add_loop_test(doubt, an_answer_is_believed_or_doubted, 0, COUNT_OF(runs));
	suite_add_tcase(suite, doubt);
	return unit_run(suite);
}
