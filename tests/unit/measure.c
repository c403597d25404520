/* What gslb-relay measures. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay/spread.h"
#include "relay/store.h"

static const struct bound_case {
	uint64_t took_us;
	const char *first; /* line that counts it */
} bounds[] = {
	{ 0, "x_bucket{le=\"0.0005\"} 1\n" },
	{ 500, "x_bucket{le=\"0.0005\"} 1\n" },
	{ 501, "x_bucket{le=\"0.001\"} 1\n" },
	{ 2500000, "x_bucket{le=\"2.5\"} 1\n" },
	{ 9999999, "x_bucket{le=\"10\"} 1\n" },
	{ 10000001, "x_bucket{le=\"+Inf\"} 1\n" },
};

START_TEST(a_time_counts_from_the_first_bound_that_is_not_below_it)
{
	const struct bound_case *c = &bounds[_i];
	struct spread spread = { 0 };
	struct buf text = { 0 };
	const char *found;

	spread_add(&spread, c->took_us);
	spread_print(&spread, "x", "", &text);
	buf_printf(&text, "%s", "");
	found = strstr(text.text, "} 1\n");
	ck_assert_ptr_nonnull(found);
	while (found > text.text && found[-1] != '\n')
		found--;
	ck_assert_int_eq(strncmp(found, c->first, strlen(c->first)), 0);
	buf_fini(&text);
}
END_TEST

START_TEST(a_histogram_has_labels_or_none_and_nothing_when_nothing_was_added)
{
	struct spread spread = { 0 };
	struct buf text = { 0 };

	spread_print(&spread, "x", "a=\"b\"", &text);
	ck_assert_uint_eq(text.len, 0);
	spread_add(&spread, 300);
	spread_add(&spread, 1250);
	spread_print(&spread, "x", "a=\"b\"", &text);
	buf_printf(&text, "%s", "");
	ck_assert_ptr_nonnull(strstr(text.text, "x_bucket{a=\"b\",le=\"0.0005\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(text.text, "x_bucket{a=\"b\",le=\"0.002\"} 2\n"));
	ck_assert_ptr_nonnull(
		strstr(text.text, "x_bucket{a=\"b\",le=\"+Inf\"} 2\nx_sum{a=\"b\"} 0.00155\nx_count{a=\"b\"} 2\n"));
	buf_fini(&text);
	text = (struct buf){ 0 };
	spread_print(&spread, "x", "", &text);
	buf_printf(&text, "%s", "");
	ck_assert_ptr_nonnull(strstr(text.text, "\nx_sum 0.00155\nx_count 2\n"));
	buf_fini(&text);
}
END_TEST

START_TEST(the_oldest_event_behind_a_number_is_known_by_its_time)
{
	struct event_item item = { .text = "k" };
	struct event event = { .class = EVENT_KEY, .nitems = 1, .items = &item, .why = "", .actor = "", .trace = "" };
	char folder[UNIT_FOLDER_MAX], path[UNIT_FOLDER_MAX + 16];
	struct store *store;
	bool fresh;

	unit_folder(folder);
	snprintf(path, sizeof path, "%s/relay.db", folder);
	store = store_open(path, "eu", 1000000, &fresh, NULL);
	ck_assert_ptr_nonnull(store);
	ck_assert_uint_eq(store_made_after(store, 0), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(store_add(store, &event, 5000 + i * 1000, NULL));
	ck_assert(store_commit(store, NULL));
	ck_assert_uint_eq(store_made_after(store, 0), 5000);
	ck_assert_uint_eq(store_made_after(store, 2), 7000);
	ck_assert_uint_eq(store_made_after(store, 3), 0);
	store_close(store);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("measure");
	TCase *tcase = tcase_create("measure");

	log_setup("measure_test", LOG_ERROR);
	tcase_add_loop_test(tcase, a_time_counts_from_the_first_bound_that_is_not_below_it, 0, COUNT_OF(bounds));
	tcase_add_test(tcase, a_histogram_has_labels_or_none_and_nothing_when_nothing_was_added);
	tcase_add_test(tcase, the_oldest_event_behind_a_number_is_known_by_its_time);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
