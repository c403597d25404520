/* What is asked for most: counters, logs that are followed, and what hosts tell each other. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay/heat.h"
#include "relay/hits.h"
#include "relay/hot.h"

enum { KEYS = 100000, EVENTS = 1000000, TOP = 100 };

static double sums[KEYS];

static const char *text_of(unsigned key)
{
	static char text[16];

	snprintf(text, sizeof text, "k%u", key);
	return text;
}

static unsigned draw(struct dice *dice)
{
	double wanted = (double)dice_below(dice, 1u << 30) / (1u << 30) * sums[KEYS - 1];
	unsigned low = 0, high = KEYS - 1;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (sums[middle] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* RELAY 5.5 has 98, 100 and 99 of 100, of ten times as many. */
static const struct {
	double exponent;
	unsigned least;
} zipfs[] = { { 0.8, 90 }, { 1.0, 97 }, { 1.2, 97 } };

START_TEST(the_hundred_hottest_are_found_among_a_hundred_thousand)
{
	struct hot *hot = hot_new(1000);
	struct hot_item top[TOP];
	struct dice dice = { 5 };
	unsigned found = 0;
	double sum = 0;

	for (unsigned i = 0; i < KEYS; i++)
		sums[i] = sum += pow(i + 1, -zipfs[_i].exponent);
	for (unsigned i = 0; i < EVENTS; i++)
		hot_add(hot, EVENT_KEY, text_of(draw(&dice)), 1, 1000 + i / 1000);
	ck_assert_uint_eq(hot_top(hot, top, TOP, 2000), TOP);
	for (unsigned i = 0; i < TOP; i++)
		found += strtoul(top[i].text + 1, NULL, 10) < TOP;
	ck_assert_uint_ge(found, zipfs[_i].least);
	ck_assert_uint_eq(hot_count(hot), HOT_MAX);
	hot_free(hot);
}
END_TEST

START_TEST(a_rate_is_what_was_asked_for_a_second)
{
	struct hot *hot = hot_new(1000);
	uint64_t now_ms = 1000;

	for (; now_ms < 601000; now_ms += 100) {
		hot_add(hot, EVENT_DNS, "www.svc.example", 5, now_ms);
		if (now_ms % 10000 == 0 && now_ms > 20000)
			ck_assert_double_eq_tol(hot_rate(hot, EVENT_DNS, "www.svc.example", now_ms), 50, 2);
	}
	/* ten minutes later it has been halved ten times */
	ck_assert_double_lt(hot_rate(hot, EVENT_DNS, "www.svc.example", now_ms + 600000), 0.2);
	ck_assert_uint_eq(hot_count(hot), 1);
	hot_rate(hot, EVENT_DNS, "www.svc.example", now_ms + 3600000);
	ck_assert_uint_eq(hot_count(hot), 0);
	hot_free(hot);
}
END_TEST

START_TEST(of_what_has_no_counter_an_upper_bound_is_known)
{
	struct hot *hot = hot_new(1000);

	ck_assert_double_eq(hot_rate(hot, EVENT_KEY, "x", 11000), 0); /* nobody tells of keys */
	hot_add(hot, EVENT_KEY, "k", 100, 11000);
	ck_assert_double_eq(hot_rate(hot, EVENT_DNS, "x", 11000), 0);
	ck_assert_double_eq_tol(hot_rate(hot, EVENT_KEY, "x", 11000), 0.1, 0.001); /* not once in ten seconds */
	for (unsigned i = 0; i < HOT_MAX; i++)
		hot_add(hot, EVENT_KEY, text_of(i), 20, 11000);
	ck_assert_double_eq_tol(hot_rate(hot, EVENT_KEY, "x", 11000), 2, 0.001);
	hot_add(hot, EVENT_KEY, "x", 1, 11000); /* takes over the least one's */
	ck_assert_double_eq_tol(hot_rate(hot, EVENT_KEY, "x", 11000), 2.1, 0.001);
	ck_assert_uint_eq(hot_count(hot), HOT_MAX);
	hot_free(hot);
}
END_TEST

/* ---- lines ---- */

static char heard[256];
static double heard_times;

static void hear(void *arg, enum event_class class, const char *text, double times)
{
	(void)arg;
	snprintf(heard, sizeof heard, "%s %s %g", event_class_name(class), text, times);
	heard_times += times;
}

static const struct hits_ear ear = { NULL, hear };

static const struct {
	const char *line, *heard; /* NULL: it is none */
} lines[] = {
	{ "url HTTP://www.example.com:80/a/../b", "url http://www.example.com/b 1" },
	{ "key product:42 17", "key product:42 17" },
	{ "  dns   WWW.example.com.  3  ", "dns www.example.com 3" },
	{ "tag a:b/c", "tag a:b/c 1" },
	{ "", NULL },
	{ "url", NULL },
	{ "all x", NULL },
	{ "url ftp://x/", NULL },
	{ "dns a..b", NULL },
	{ "key k 0", NULL },
	{ "key k -1", NULL },
	{ "key k 1e3", NULL },
	{ "key k 99999999999999999999", NULL },
	{ "key k\x01", NULL },
	{ "verylongnameofaclass x", NULL },
};

START_TEST(a_line_is_a_class_a_value_and_a_number)
{
	heard[0] = '\0';
	ck_assert_int_eq(hits_line(lines[_i].line, strlen(lines[_i].line), &ear), lines[_i].heard != NULL);
	ck_assert_str_eq(heard, lines[_i].heard != NULL ? lines[_i].heard : "");
}
END_TEST

/* ---- a log ---- */

static void append(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

START_TEST(a_log_is_followed_over_what_happens_to_it)
{
	char folder[UNIT_FOLDER_MAX], path[UNIT_FOLDER_MAX + 8], old[UNIT_FOLDER_MAX + 8];
	struct hits *hits;

	unit_folder(folder);
	snprintf(path, sizeof path, "%s/hits", folder);
	snprintf(old, sizeof old, "%s/hits.1", folder);
	append(path, "key before 100\nkey hal", 0);
	hits = hits_follow(path);
	heard_times = 0;
	ck_assert_uint_eq(hits_read(hits, &ear), 0);
	append(path, "f 100\nkey a 1\nkey b", O_APPEND); /* the rest of a line that began before is none */
	ck_assert_uint_eq(hits_read(hits, &ear), 0);
	ck_assert_str_eq(heard, "key a 1");
	append(path, "c 2\nnonsense\n", O_APPEND);
	ck_assert_uint_eq(hits_read(hits, &ear), 1);
	ck_assert_str_eq(heard, "key bc 2");
	append(path, "key last 3\n", O_APPEND);
	ck_assert_int_eq(rename(path, old), 0); /* what stands at its end is not lost */
	append(path, "key new 4\n", 0);
	ck_assert_uint_eq(hits_read(hits, &ear), 0);
	ck_assert_str_eq(heard, "key new 4");
	append(path, "key c 5\n", O_TRUNC);
	ck_assert_uint_eq(hits_read(hits, &ear), 0);
	ck_assert_double_eq(heard_times, 1 + 2 + 3 + 4 + 5);
	unlink(path);
	ck_assert_uint_eq(hits_read(hits, &ear), 0);
	ck_assert_uint_eq(hits_read(hits, &ear), 0);
	append(path, "key again 6\n", 0);
	ck_assert_uint_eq(hits_read(hits, &ear), 0);
	ck_assert_str_eq(heard, "key again 6");
	hits_free(hits);
}
END_TEST

START_TEST(of_a_log_that_grows_too_fast_a_part_stands_for_all)
{
	char folder[UNIT_FOLDER_MAX], path[UNIT_FOLDER_MAX + 8];
	struct buf text = { 0 };
	struct hits *hits;

	unit_folder(folder);
	snprintf(path, sizeof path, "%s/hits", folder);
	append(path, "", 0);
	hits = hits_follow(path);
	for (unsigned i = 0; i < 100000; i++)
		buf_printf(&text, "key 0123456789\n");
	append(path, text.text, O_APPEND);
	heard_times = 0;
	hits_read(hits, &ear);
	ck_assert_double_eq_tol(heard_times, 100000, 1000);
	append(path, "key partial\nkey whole\n", O_APPEND);
	hits_read(hits, &ear);
	ck_assert_str_eq(heard, "key whole 1");
	hits_free(hits);
	buf_fini(&text);
}
END_TEST

/* ---- hosts ---- */

START_TEST(what_another_host_says_counts_where_nobody_here_tells)
{
	struct relay_conf *conf = mem_alloc(sizeof *conf);
	struct heat *here = heat_new(conf, 1000), *there = heat_new(conf, 1000);
	struct buf body = { 0 };

	for (uint64_t now_ms = 1000; now_ms <= 61000; now_ms += 1000) {
		heat_add(there, EVENT_KEY, "hot", 50, now_ms);
		heat_add(there, EVENT_KEY, "warm", 5, now_ms);
		if (now_ms % 10000 == 1000 && now_ms > 1000) {
			body.len = 0;
			heat_print(there, &body, now_ms);
			heat_hear(here, body.text, body.len, now_ms);
		}
	}
	ck_assert_double_eq_tol(heat_rate(here, EVENT_KEY, "hot", 61000), 50, 15); /* it comes ten seconds at a time */
	ck_assert_double_eq_tol(heat_rate(here, EVENT_KEY, "warm", 61000), 5, 1.5);
	ck_assert_uint_eq(heat_count(here), 0);
	heat_add(here, EVENT_KEY, "other", 600, 61000);
	ck_assert_double_eq_tol(heat_rate(here, EVENT_KEY, "other", 61000), 20, 1); /* so much in half a minute */
	ck_assert_double_lt(heat_rate(here, EVENT_KEY, "hot", 61000), 0.1);
	ck_assert_uint_eq(heat_wrong(here), 0);
	heat_hear(here, "key x 1\n\xff\n\nkey y", 16, 61000);
	ck_assert_uint_ge(heat_wrong(here), 2);
	buf_fini(&body);
	heat_free(here);
	heat_free(there);
	free(conf);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hot");
	TCase *hot = tcase_create("hot");

	tcase_add_loop_test(hot, the_hundred_hottest_are_found_among_a_hundred_thousand, 0, COUNT_OF(zipfs));
	tcase_add_test(hot, a_rate_is_what_was_asked_for_a_second);
	tcase_add_test(hot, of_what_has_no_counter_an_upper_bound_is_known);
	tcase_add_loop_test(hot, a_line_is_a_class_a_value_and_a_number, 0, COUNT_OF(lines));
	tcase_add_test(hot, a_log_is_followed_over_what_happens_to_it);
	tcase_add_test(hot, of_a_log_that_grows_too_fast_a_part_stands_for_all);
	tcase_add_test(hot, what_another_host_says_counts_where_nobody_here_tells);
	tcase_set_timeout(hot, 120);
	suite_add_tcase(suite, hot);
	return unit_run(suite);
}
