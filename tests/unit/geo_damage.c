/* Files that are cut, changed or made to harm: one sentence, and neither a crash nor a hang. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "geo/geo.h"
#include "tests/geo/mmdb_write.h"

void damage_tests(Suite *suite);

static void small_database(struct mmdb_write *w, unsigned record_bits)
{
	mmdb_write_init(w, 6, record_bits, "Test-City");
	mmdb_write_put(
		w, "2001:db8::/32", "{'country':^{'iso_code':'DE'} 'location':{'latitude':50.0 'longitude':7.0}}");
	mmdb_write_put(w, "10.0.0.0/9", "{'country':{'iso_code':'FR'} 'subdivisions':[{'iso_code':'IDF'}]}");
	mmdb_write_put(w, "10.128.0.0/9", "{'country_code':'JP' 'autonomous_system_number':64500}");
	mmdb_write_alias(w, "2002::/16");
}

static struct geo *open_bytes(const void *bytes, size_t len, struct err *err)
{
	char path[64];
	const char *paths[] = { path };
	struct geo *geo;
	int fd;

	err->text[0] = '\0';
	mmdb_write_memfd(bytes, len, &fd, path);
	geo = geo_open(paths, 1, err);
	close(fd);
	ck_assert(geo != NULL || strncmp(err->text, path, strlen(path)) == 0); /* the sentence names the file */
	return geo;
}

START_TEST(a_cut_file_is_refused_wherever_it_is_cut)
{
	struct buf bytes = { 0 };
	struct mmdb_write w;
	struct err err;

	small_database(&w, 28);
	mmdb_write_bytes(&w, &bytes);
	for (size_t len = 0; len < bytes.len; len++)
		ck_assert_msg(open_bytes(bytes.text, len, &err) == NULL, "%zu of %zu bytes", len, bytes.len);
	buf_fini(&bytes);
	mmdb_write_fini(&w);
}
END_TEST

START_TEST(a_changed_byte_does_no_harm)
{
	static const unsigned record_bits[] = { 24, 28, 32 };
	struct buf bytes = { 0 };
	struct mmdb_write w;
	struct err err;

	small_database(&w, record_bits[_i]);
	mmdb_write_bytes(&w, &bytes);
	for (size_t at = 0; at < bytes.len; at++) {
		char before = bytes.text[at];

		bytes.text[at] = at % 3 == 0 ? (char)0xff : (char)(before ^ (1 << at % 8));
		geo_free(open_bytes(bytes.text, bytes.len, &err));
		bytes.text[at] = before;
	}
	buf_fini(&bytes);
	mmdb_write_fini(&w);
}
END_TEST

static void expect_refused(struct mmdb_write *w, const char *words)
{
	struct buf bytes = { 0 };
	struct err err;

	mmdb_write_bytes(w, &bytes);
	ck_assert(open_bytes(bytes.text, bytes.len, &err) == NULL);
	ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
	buf_fini(&bytes);
	mmdb_write_fini(w);
}

/* Every node leads back to the first: 2^56 ways through it. */
START_TEST(a_tree_that_leads_into_itself_is_refused)
{
	struct mmdb_write w;

	mmdb_write_init(&w, _i == 0 ? 4 : 6, 24, "Loop");
	mmdb_write_put(&w, "128.0.0.0/1", "{'country_code':'DE'}");
	w.nodes[w.nnodes - 1][0] = w.nodes[w.nnodes - 1][1] = (uint64_t)1 << 62;
	expect_refused(&w, "search tree leads nowhere or into itself");
}
END_TEST

/* Both sides of every node lead to the next: 56 nodes, 2^56 leaves. */
START_TEST(a_tree_that_multiplies_its_leaves_is_refused)
{
	struct mmdb_write w;

	mmdb_write_init(&w, 6, 24, "Bomb");
	mmdb_write_put(&w, "2a00::/56", "{'country_code':'DE'}");
	for (size_t i = 0; i < w.nnodes; i++) {
		uint64_t next = w.nodes[i][0] != MMDB_WRITE_EMPTY ? w.nodes[i][0] : w.nodes[i][1];

		w.nodes[i][0] = w.nodes[i][1] = next;
	}
	expect_refused(&w, "search tree leads nowhere or into itself");
}
END_TEST

START_TEST(a_tree_that_leads_past_the_data_is_refused)
{
	struct mmdb_write w;

	mmdb_write_init(&w, 4, 24, "Past");
	mmdb_write_put(&w, "128.0.0.0/1", "{'country_code':'DE'}");
	w.nodes[0][0] = (uint64_t)2 << 62 | 0x10000;
	expect_refused(&w, "search tree leads nowhere");
}
END_TEST

/* A million arrays, one in the other: a recursive reader runs out of stack. */
START_TEST(deep_nesting_does_not_exhaust_the_stack)
{
	enum { DEPTH = 1000000 };
	struct mmdb_write w;
	struct prefix prefix;
	uint32_t record;

	mmdb_write_init(&w, 4, 24, "Deep");
	record = (uint32_t)w.data.len;
	buf_add(&w.data, "\xe2\x41x", 3); /* a map of two, its first key "x" */
	for (size_t i = 0; i < DEPTH; i++)
		buf_add(&w.data, "\x01\x04", 2); /* an array of one */
	mmdb_write_record(&w, "7");
	buf_add(&w.data,
		"\x4c"
		"country_code"
		"\x42"
		"DE",
		16);
	prefix_parse("10.0.0.0/8", &prefix);
	mmdb_write_insert(&w, &prefix, record);
	{
		struct buf bytes = { 0 };
		struct err err;
		struct geo *geo;

		mmdb_write_bytes(&w, &bytes);
		geo = open_bytes(bytes.text, bytes.len, &err);
		ck_assert_msg(geo != NULL, "%s", err.text); /* odd, but the country can be read */
		geo_free(geo);
		buf_fini(&bytes);
	}
	mmdb_write_fini(&w);
}
END_TEST

/* The whole file's data is one map that says it has 16 million entries. */
START_TEST(a_record_that_runs_past_the_file_is_refused)
{
	struct mmdb_write w;
	struct prefix prefix;

	mmdb_write_init(&w, 4, 24, "Long");
	buf_add(&w.data, "\xff\xff\xff\xff", 4);
	mmdb_write_record(&w, "'x'");
	prefix_parse("10.0.0.0/8", &prefix);
	mmdb_write_insert(&w, &prefix, 0);
	expect_refused(&w, "the record at data offset 0 cannot be read");
}
END_TEST

START_TEST(wild_metadata_are_refused_before_the_library_sees_them)
{
	static const char *const extra[] = { "[[[[[[[[[[1]]]]]]]]]]", "^[1]", "^7" };
	struct mmdb_write w;

	mmdb_write_init(&w, 4, 24, "Wild");
	mmdb_write_put(&w, "10.0.0.0/8", "{'country_code':'DE'}");
	w.meta_extra = extra[_i];
	expect_refused(&w, "its metadata are damaged");
}
END_TEST

START_TEST(a_database_of_no_use_is_refused)
{
	static const char *const records[] = { "{'is_anonymous':1}", "{}", "7", "{'country':{'names':{'en':'DE'}}}" };
	struct mmdb_write w;

	mmdb_write_init(&w, 4, 24, "Anonymous-IP");
	mmdb_write_put(&w, "10.0.0.0/8", records[_i]);
	expect_refused(&w, "type \"Anonymous-IP\" that holds neither places nor ASNs");
}
END_TEST

static const struct {
	const char *path, *words;
} no_files[] = {
	{ "/nonexistent/city.mmdb", "/nonexistent/city.mmdb: No such file or directory" },
	{ "/", "/: not a regular file" },
	{ "/dev/null", "/dev/null: not a regular file" },
	{ "/proc/self/exe", "not a MaxMind DB file" },
};

START_TEST(what_is_no_database_is_refused_in_one_sentence)
{
	struct err err;

	ck_assert(geo_open(&no_files[_i].path, 1, &err) == NULL);
	ck_assert_msg(strstr(err.text, no_files[_i].words) != NULL, "%s", err.text);
	ck_assert(strchr(err.text, '\n') == NULL);
}
END_TEST

void damage_tests(Suite *suite)
{
	TCase *tcase = tcase_create("damage");

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, a_cut_file_is_refused_wherever_it_is_cut);
	tcase_add_loop_test(tcase, a_changed_byte_does_no_harm, 0, 3);
	tcase_add_loop_test(tcase, a_tree_that_leads_into_itself_is_refused, 0, 2);
	tcase_add_test(tcase, a_tree_that_multiplies_its_leaves_is_refused);
	tcase_add_test(tcase, a_tree_that_leads_past_the_data_is_refused);
	tcase_add_test(tcase, deep_nesting_does_not_exhaust_the_stack);
	tcase_add_test(tcase, a_record_that_runs_past_the_file_is_refused);
	tcase_add_loop_test(tcase, wild_metadata_are_refused_before_the_library_sees_them, 0, 3);
	tcase_add_loop_test(tcase, a_database_of_no_use_is_refused, 0, 4);
	tcase_add_loop_test(tcase, what_is_no_database_is_refused_in_one_sentence, 0, (int)COUNT_OF(no_files));
	suite_add_tcase(suite, tcase);
}
