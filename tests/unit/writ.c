/* Writs and their set: whatever order they come in, and however often, every host ends with the same. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/writ_set.h"

#define NOW UINT64_C(1764000000000)
#define DAY UINT64_C(86400000)

static struct writ *made(
	const char *target, enum writ_action action, uint64_t made_ms, const char *origin, const char *host)
{
	const struct writ writ = {
		.target = (char *)(uintptr_t)target,
		.action = action,
		.who = (char *)(uintptr_t) "ann",
		.why = (char *)(uintptr_t) "a test",
		.from_ms = made_ms,
		.until_ms = made_ms + 60000,
		.made_ms = made_ms,
		.origin = (char *)(uintptr_t)origin,
		.host = (char *)(uintptr_t)host,
	};

	return writ_copy(&writ);
}

static enum writ_merged merge(struct writ_set *set, struct writ *writ, uint64_t now_ms)
{
	struct writ *before;
	struct err err;
	enum writ_merged merged = writ_set_merge(set, writ, now_ms, &before, &err);

	writ_free(merged == WRIT_TAKEN ? before : writ);
	return merged;
}

/* A: the set's, made_ms and who; the outcome tells which of two holds. */
static const struct pair_case {
	struct {
		uint64_t made_ms;
		const char *origin, *host;
		enum writ_action action;
	} a, b;
	bool b_holds;
} pairs[] = {
	{ { NOW, "eu", "n1", WRIT_UP }, { NOW + 1, "ap", "n1", WRIT_DOWN }, true },
	{ { NOW + 1, "eu", "n1", WRIT_UP }, { NOW, "us", "n1", WRIT_DOWN }, false },
	{ { NOW, "eu", "n1", WRIT_UP }, { NOW, "us", "n1", WRIT_DOWN }, true },
	{ { NOW, "us", "n1", WRIT_UP }, { NOW, "eu", "n2", WRIT_CLEAR }, false },
	{ { NOW, "eu", "n1", WRIT_UP }, { NOW, "eu", "n2", WRIT_CLEAR }, true },
	{ { NOW, "eu", "n1", WRIT_UP }, { NOW + 1, "eu", "n1", WRIT_CLEAR }, true },
	{ { NOW, "eu", "n1", WRIT_CLEAR }, { NOW - 1, "eu", "n1", WRIT_UP }, false },
};

START_TEST(the_later_one_holds_and_at_equal_times_the_region_then_the_host_decides)
{
	const struct pair_case *c = &pairs[_i];

	for (int turn = 0; turn < 2; turn++) {
		struct writ_set *set = writ_set_new();
		struct writ *a = made("pool:eu", c->a.action, c->a.made_ms, c->a.origin, c->a.host),
			    *b = made("pool:eu", c->b.action, c->b.made_ms, c->b.origin, c->b.host);

		merge(set, turn == 0 ? a : b, NOW);
		merge(set, turn == 0 ? b : a, NOW);
		ck_assert_int_eq(writ_set_find(set, "pool:eu")->action, c->b_holds ? c->b.action : c->a.action);
		writ_set_free(set);
	}
}
END_TEST

START_TEST(two_that_only_the_text_tells_apart_end_alike_in_any_order)
{
	uint64_t digest[2];

	for (int turn = 0; turn < 2; turn++) {
		struct writ_set *set = writ_set_new();

		merge(set, made("pool:eu", turn == 0 ? WRIT_UP : WRIT_DOWN, NOW, "eu", "n1"), NOW);
		merge(set, made("pool:eu", turn == 0 ? WRIT_DOWN : WRIT_UP, NOW, "eu", "n1"), NOW);
		digest[turn] = writ_set_digest(set, NOW);
		writ_set_free(set);
	}
	ck_assert_uint_eq(digest[0], digest[1]);
}
END_TEST

/* One member changed each time. */
static void change(struct writ *writ, int which)
{
	char *const text = mem_strdup("another");

	switch (which) {
	case 0:
		writ->glob = !writ->glob;
		break;
	case 1:
		writ->action = WRIT_DOWN;
		break;
	case 2:
		free(writ->who);
		writ->who = text;
		return;
	case 3:
		free(writ->why);
		writ->why = text;
		return;
	case 4:
		writ->drill = text;
		return;
	case 5:
		writ->from_ms++;
		break;
	case 6:
		writ->until_ms++;
		break;
	case 7:
		writ->over_ms++;
		break;
	}
	free(text);
}

START_TEST(one_that_differs_in_anything_is_another_and_both_hosts_order_them_alike)
{
	struct writ *a = made("pool:eu", WRIT_DRAIN, NOW, "eu", "n1"), *b = writ_copy(a);

	ck_assert_int_eq(writ_compare(a, b), 0);
	change(b, _i);
	ck_assert_int_ne(writ_compare(a, b), 0);
	ck_assert_int_eq(writ_compare(a, b) > 0, writ_compare(b, a) < 0);
	writ_free(a);
	writ_free(b);
}
END_TEST

/* ---- the property ---- */

enum { WRITS = 60, HOSTS = 4, ROUNDS = 400 };

static const char *const targets[] = { "pool:eu", "pool:us", "pool:e*", "region:west", "endpoint:eu/lb1",
	"service:www/eu" };
static const char *const regions[] = { "ap", "eu", "us" };
static const char *const hosts[] = { "n1", "n2" };

static struct writ *drawn(struct dice *dice)
{
	struct writ *writ = made(targets[dice_below(dice, COUNT_OF(targets))], (enum writ_action)dice_below(dice, 4),
		NOW - 20 + dice_below(dice, 20), regions[dice_below(dice, COUNT_OF(regions))],
		hosts[dice_below(dice, COUNT_OF(hosts))]);

	writ->until_ms = writ->made_ms + dice_below(dice, 40);
	if (dice_below(dice, 5) == 0)
		writ->drill = mem_strdup("d1");
	return writ;
}

static void shuffle(struct dice *dice, unsigned *order)
{
	for (unsigned i = WRITS - 1; i > 0; i--) {
		unsigned k = (unsigned)dice_below(dice, i + 1), was = order[i];

		order[i] = order[k];
		order[k] = was;
	}
}

/* All of them, some twice, and what another host holds in between. */
static void feed(struct dice *dice, struct writ_set *set, struct writ *const *writs, const struct writ_set *other)
{
	const struct writ *const *theirs;
	unsigned order[WRITS];
	size_t n = 0;

	for (unsigned i = 0; i < WRITS; i++)
		order[i] = i;
	shuffle(dice, order);
	for (unsigned i = 0; i < WRITS; i++) {
		merge(set, writ_copy(writs[order[i]]), NOW);
		if (dice_below(dice, 3) == 0)
			merge(set, writ_copy(writs[order[dice_below(dice, i + 1)]]), NOW);
		if (other == NULL || dice_below(dice, 20) != 0)
			continue;
		n = writ_set_get(other, &theirs);
		for (size_t k = 0; k < n; k++)
			merge(set, writ_copy(theirs[k]), NOW);
	}
}

/* What must hold: the greatest one of each target, by looking at all. */
static const struct writ *greatest(struct writ *const *writs, const char *target)
{
	const struct writ *best = NULL;

	for (unsigned i = 0; i < WRITS; i++)
		if (strcmp(writs[i]->target, target) == 0 && (best == NULL || writ_compare(writs[i], best) > 0))
			best = writs[i];
	return best;
}

START_TEST(any_order_and_any_repetition_end_in_the_same_set_and_digest)
{
	struct dice dice = { 4711 };

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct writ_set *set[HOSTS] = { NULL };
		struct writ *writs[WRITS];
		const struct writ *const *list;

		for (unsigned i = 0; i < WRITS; i++)
			writs[i] = drawn(&dice);
		for (unsigned h = 0; h < HOSTS; h++) {
			set[h] = writ_set_new();
			feed(&dice, set[h], writs, h > 0 ? set[h - 1] : NULL);
			ck_assert_uint_eq(writ_set_digest(set[h], NOW), writ_set_digest(set[0], NOW));
		}
		for (size_t i = writ_set_get(set[0], &list); i-- > 0;)
			ck_assert_int_eq(writ_compare(list[i], greatest(writs, list[i]->target)), 0);
		for (unsigned t = 0; t < COUNT_OF(targets); t++)
			ck_assert_int_eq(
				writ_set_find(set[0], targets[t]) != NULL, greatest(writs, targets[t]) != NULL);
		for (unsigned h = 0; h < HOSTS; h++)
			writ_set_free(set[h]);
		for (unsigned i = 0; i < WRITS; i++)
			writ_free(writs[i]);
	}
}
END_TEST

START_TEST(the_digest_tells_sets_apart)
{
	struct writ_set *a = writ_set_new(), *b = writ_set_new();

	ck_assert_uint_eq(writ_set_digest(a, NOW), writ_set_digest(b, NOW));
	merge(a, made("pool:eu", WRIT_UP, NOW, "eu", "n1"), NOW);
	merge(b, made("pool:eu", WRIT_DOWN, NOW, "eu", "n1"), NOW);
	ck_assert_uint_ne(writ_set_digest(a, NOW), writ_set_digest(b, NOW));
	merge(b, made("pool:us", WRIT_UP, NOW, "eu", "n1"), NOW);
	merge(a, made("pool:us", WRIT_UP, NOW, "eu", "n1"), NOW);
	ck_assert_uint_ne(writ_set_digest(a, NOW), writ_set_digest(b, NOW));
	merge(a, made("pool:eu", WRIT_CLEAR, NOW + 1, "eu", "n1"), NOW);
	merge(b, made("pool:eu", WRIT_CLEAR, NOW + 1, "eu", "n1"), NOW);
	ck_assert_uint_eq(writ_set_digest(a, NOW), writ_set_digest(b, NOW));
	writ_set_free(a);
	writ_set_free(b);
}
END_TEST

/* ---- time ---- */

START_TEST(one_from_the_future_is_refused_with_a_sentence_and_taken_when_its_time_has_come)
{
	struct writ_set *set = writ_set_new();
	struct writ *ahead = made("pool:eu", WRIT_DOWN, NOW + 3 * 3600000, "us", "n1"), *before;
	struct err err;

	ck_assert_int_eq(merge(set, made("pool:eu", WRIT_UP, NOW + WRIT_SKEW_MS, "eu", "n1"), NOW), WRIT_TAKEN);
	ck_assert_int_eq(writ_set_merge(set, ahead, NOW, &before, &err), WRIT_REFUSED);
	ck_assert_msg(strstr(err.text, "pool:eu: made 3h in the future") != NULL, "%s", err.text);
	ck_assert_int_eq(writ_set_find(set, "pool:eu")->action, WRIT_UP);
	ck_assert_int_eq(merge(set, ahead, NOW + 3 * 3600000), WRIT_TAKEN);
	writ_set_free(set);
}
END_TEST

START_TEST(who_saw_one_decides_over_it_although_his_clock_is_behind)
{
	struct writ_set *set = writ_set_new();
	uint64_t made_ms;

	ck_assert_uint_eq(writ_set_stamp(set, "pool:eu", NOW), NOW);
	merge(set, made("pool:eu", WRIT_DOWN, NOW + 30000, "us", "n9"), NOW);
	made_ms = writ_set_stamp(set, "pool:eu", NOW);
	ck_assert_uint_eq(made_ms, NOW + 30001);
	ck_assert_int_eq(merge(set, made("pool:eu", WRIT_CLEAR, made_ms, "eu", "n1"), NOW), WRIT_TAKEN);
	ck_assert_int_eq(merge(set, made("pool:eu", WRIT_DOWN, NOW + 30000, "us", "n9"), NOW), WRIT_OLDER);
	ck_assert_int_eq(writ_set_find(set, "pool:eu")->action, WRIT_CLEAR);
	writ_set_free(set);
}
END_TEST

START_TEST(what_was_cleared_or_has_ended_stays_so_when_an_older_one_comes_late)
{
	struct writ_set *set = writ_set_new();
	struct writ *late = made("pool:eu", WRIT_DOWN, NOW, "us", "n1");
	uint64_t later_ms = NOW + 30 * DAY;

	late->until_ms = NOW + 300 * DAY;
	merge(set, made("pool:eu", WRIT_UP, NOW + 1, "eu", "n1"), NOW);
	ck_assert(writ_in_force(writ_set_find(set, "pool:eu"), NOW));
	ck_assert(!writ_in_force(writ_set_find(set, "pool:eu"), NOW + 60001));
	ck_assert_uint_eq(writ_set_forget(set, later_ms), 0);
	ck_assert_int_eq(merge(set, writ_copy(late), later_ms), WRIT_OLDER);
	ck_assert_uint_eq(writ_set_forget(set, NOW + WRIT_KEPT_MS + 60001), 1);
	ck_assert_int_eq(
		merge(set, late, NOW + WRIT_KEPT_MS + 60001), WRIT_TAKEN); /* long in force elsewhere, and new here */
	/* what has ended so long ago that we would forget it at once does not count any more */
	ck_assert_int_eq(merge(set, made("pool:us", WRIT_UP, NOW, "eu", "n1"), NOW + WRIT_KEPT_MS + 60000), WRIT_OLDER);
	writ_set_free(set);
}
END_TEST

START_TEST(a_crowded_set_forgets_what_ended_first_and_nothing_that_is_in_force)
{
	struct writ_set *set = writ_set_new();
	char target[32];

	for (unsigned i = 0; i < WRIT_SET_MAX + 10; i++) {
		snprintf(target, sizeof target, "pool:p%u", i);
		merge(set, made(target, i < 100 ? WRIT_UP : WRIT_CLEAR, NOW + i, "eu", "n1"), NOW + i);
	}
	ck_assert_uint_ge(writ_set_forget(set, NOW + 100), 10);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(target, sizeof target, "pool:p%u", i);
		ck_assert_ptr_nonnull(writ_set_find(set, target));
	}
	writ_set_free(set);
}
END_TEST

START_TEST(a_merge_can_be_taken_back)
{
	struct writ_set *set = writ_set_new();
	struct writ *first = made("pool:eu", WRIT_UP, NOW, "eu", "n1"),
		    *second = made("pool:eu", WRIT_DOWN, NOW + 1, "eu", "n1"), *before;
	uint64_t empty = writ_set_digest(set, NOW), one;

	ck_assert_int_eq(writ_set_merge(set, first, NOW, &before, NULL), WRIT_TAKEN);
	ck_assert_ptr_null(before);
	one = writ_set_digest(set, NOW);
	ck_assert_int_eq(writ_set_merge(set, second, NOW, &before, NULL), WRIT_TAKEN);
	ck_assert_ptr_eq(before, first);
	ck_assert_ptr_eq(writ_set_restore(set, "pool:eu", first), second);
	ck_assert_uint_eq(writ_set_digest(set, NOW), one);
	ck_assert_ptr_eq(writ_set_restore(set, "pool:eu", NULL), first);
	ck_assert_uint_eq(writ_set_digest(set, NOW), empty);
	writ_free(first);
	writ_free(second);
	writ_set_free(set);
}
END_TEST

/* ---- shape ---- */

#define GOOD "\"target\":\"pool:eu\",\"action\":\"drain\",\"who\":\"ann\",\"why\":\"x\",\"from_ms\":5,\"until_ms\":9"

static const struct shape_case {
	const char *json, *refused; /* NULL: it is right */
} shapes[] = {
	{ "{" GOOD "}", NULL },
	{ "{" GOOD ",\"made_ms\":4,\"origin\":\"eu\",\"host\":\"n1\",\"drill\":\"d\",\"over_ms\":3,\"kind\":\"pool\","
	  "\"new\":[]}",
		NULL },
	{ "{\"target\":\"pool:eu\",\"action\":\"clear\",\"who\":\"ann\",\"made_ms\":9,\"until_ms\":3}", NULL },
	{ "{\"target\":\"pool:eu\",\"action\":\"up\",\"who\":\"a\",\"why\":\"two\\nlines\",\"from_ms\":5,\"until_ms\":"
	  "9}",
		NULL },
	{ "[]", "must be an object" },
	{ "{\"action\":\"up\"}", "target: must be a text" },
	{ "{\"target\":\"eu\"}", "target: eu: must be endpoint:, pool:" },
	{ "{\"target\":\"pool:\"}", "target: pool:: must be" },
	{ "{\"target\":\"pool:e\\nu\"}", "target: has a control character" },
	{ "{\"target\":\"pool:eu\",\"action\":\"sideways\"}", "action: must be one of" },
	{ "{\"target\":\"pool:eu\",\"action\":\"up\",\"from_ms\":-1}", "from_ms: must be a whole number" },
	{ "{\"target\":\"pool:eu\",\"action\":\"up\",\"from_ms\":\"1\"}", "from_ms: must be a whole number" },
	{ "{\"target\":\"pool:eu\",\"action\":\"up\",\"from_ms\":9,\"until_ms\":8}", "until_ms: before from_ms" },
	{ "{\"target\":\"pool:eu\",\"action\":\"up\",\"from_ms\":9}", "must be there" },
	{ "{\"target\":\"pool:eu\",\"action\":\"up\",\"from_ms\":9,\"until_ms\":99999999999}", "at most" },
	{ "{\"target\":\"pool:eu\",\"action\":\"up\",\"from_ms\":1,\"until_ms\":8,\"over_ms\":2}",
		"over_ms: goes with drain" },
	{ "{\"target\":\"pool:eu\",\"action\":\"up\",\"from_ms\":1,\"until_ms\":8,\"who\":\"ann\"}",
		"why: must be a text" },
	{ "{\"target\":\"pool:eu\",\"action\":\"up\",\"from_ms\":1,\"until_ms\":8,\"who\":\"ann\",\"why\":\"\"}",
		"why: must say" },
	{ "{" GOOD ",\"origin\":7}", "origin: must be a text" },
};

START_TEST(what_is_read_has_the_known_shape_or_is_refused_with_a_sentence)
{
	const struct shape_case *c = &shapes[_i];
	json_t *json = json_loads(c->json, 0, NULL), *again;
	struct err err = { .text = "" };
	struct writ *writ = writ_parse(json, &err), *twin;

	ck_assert_ptr_nonnull(json);
	ck_assert_msg((writ != NULL) == (c->refused == NULL), "%s: %s", c->json, err.text);
	if (c->refused != NULL)
		ck_assert_msg(strstr(err.text, c->refused) != NULL, "%s", err.text);
	if (writ != NULL) {
		again = writ_json(writ);
		twin = writ_parse(again, &err);
		ck_assert_msg(twin != NULL && writ_compare(writ, twin) == 0 && writ_hash(writ) == writ_hash(twin), "%s",
			err.text);
		json_decref(again);
		writ_free(twin);
	}
	writ_free(writ);
	json_decref(json);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("writ");
	TCase *merging = tcase_create("merging"), *time = tcase_create("time"), *shape = tcase_create("shape");

	tcase_add_loop_test(
		merging, the_later_one_holds_and_at_equal_times_the_region_then_the_host_decides, 0, COUNT_OF(pairs));
	tcase_add_test(merging, two_that_only_the_text_tells_apart_end_alike_in_any_order);
	tcase_add_loop_test(merging, one_that_differs_in_anything_is_another_and_both_hosts_order_them_alike, 0, 8);
	tcase_add_test(merging, any_order_and_any_repetition_end_in_the_same_set_and_digest);
	tcase_add_test(merging, the_digest_tells_sets_apart);
	tcase_add_test(merging, a_merge_can_be_taken_back);
	suite_add_tcase(s, merging);
	tcase_add_test(time, one_from_the_future_is_refused_with_a_sentence_and_taken_when_its_time_has_come);
	tcase_add_test(time, who_saw_one_decides_over_it_although_his_clock_is_behind);
	tcase_add_test(time, what_was_cleared_or_has_ended_stays_so_when_an_older_one_comes_late);
	tcase_add_test(time, a_crowded_set_forgets_what_ended_first_and_nothing_that_is_in_force);
	suite_add_tcase(s, time);
	tcase_add_loop_test(shape, what_is_read_has_the_known_shape_or_is_refused_with_a_sentence, 0, COUNT_OF(shapes));
	suite_add_tcase(s, shape);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
