#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"

static const struct duration_case {
	const char *text;
	bool ok;
	uint64_t ms;
	const char *printed;
} durations[] = {
	{ "5s", true, 5000, "5s" },
	{ "500ms", true, 500, "500ms" },
	{ "1m30s", true, 90000, "1m30s" },
	{ "90s", true, 90000, "1m30s" },
	{ "2", true, 2000, "2s" },
	{ "0", true, 0, "0s" },
	{ "1d", true, 86400000, "1d" },
	{ "5x", false, 0, NULL },
	{ "s", false, 0, NULL },
	{ "", false, 0, NULL },
	{ "5s1m", false, 0, NULL },
	{ "5s5s", false, 0, NULL },
	{ "1m30", false, 0, NULL },
	{ "-5s", false, 0, NULL },
	{ "99999999999999999999s", false, 0, NULL },
};

START_TEST(a_duration_is_digits_and_falling_units)
{
	const struct duration_case *c = &durations[_i];
	uint64_t ms;
	char text[32];

	ck_assert_msg(duration_parse(c->text, &ms) == c->ok, "%s", c->text);
	if (c->ok) {
		ck_assert_uint_eq(ms, c->ms);
		ck_assert_str_eq(duration_format(ms, text), c->printed);
	}
}
END_TEST

static const struct time_case {
	const char *text;
	bool ok;
	uint64_t ms;
} times[] = {
	{ "now", true, 1000000000500 },
	{ "now+10m", true, 1000000600500 },
	{ "now+1h30m", true, 1000005400500 },
	{ "2001-09-09T01:46:40Z", true, 1000000000000 },
	{ "2026-11-22T10:20:30Z", true, 1795342830000 },
	{ "now+", false, 0 },
	{ "now-10m", false, 0 },
	{ "now+10x", false, 0 },
	{ "now+584942417y", false, 0 },
	{ "nowhere", false, 0 },
	{ "10m", false, 0 },
	{ "", false, 0 },
	{ "2026-11-22T10:20:30", false, 0 },
	{ "2026-11-22T10:20:30Z and more", false, 0 },
	{ "2026-13-22T10:20:30Z", false, 0 },
	{ "1969-12-31T23:59:59Z", false, 0 },
};

START_TEST(a_time_is_written_out_or_counted_from_now)
{
	const struct time_case *c = &times[_i];
	uint64_t ms;

	ck_assert_msg(clock_parse(c->text, 1000000000500, &ms) == c->ok, "%s", c->text);
	if (c->ok)
		ck_assert_uint_eq(ms, c->ms);
}
END_TEST

static const struct name_case {
	const char *text, *printed; /* printed NULL: no name */
	unsigned nlabels;
} names[] = {
	{ "www.Example.COM", "www.example.com", 3 },
	{ "www.example.com.", "www.example.com", 3 },
	{ ".", ".", 0 },
	{ "a\\.b.c", "a\\.b.c", 2 },
	{ "a\\046b.c", "a\\.b.c", 2 },
	{ "*.x", "*.x", 2 },
	{ "\\000.x", "\\000.x", 2 },
	{ "a..b", NULL, 0 },
	{ "", NULL, 0 },
	{ "a\\", NULL, 0 },
	{ "a\\256.b", NULL, 0 },
	{ "0123456789012345678901234567890123456789012345678901234567890123.x", NULL, 0 },
	{ "012345678901234567890123456789012345678901234567890123456789012.x",
		"012345678901234567890123456789012345678901234567890123456789012.x", 2 },
};

START_TEST(a_name_reads_and_prints_with_its_escapes)
{
	const struct name_case *c = &names[_i];
	char text[NAME_TEXT_MAX];
	struct name name;

	ck_assert_msg(name_from_text(&name, c->text) == (c->printed != NULL), "%s", c->text);
	if (c->printed == NULL)
		return;
	ck_assert_str_eq(name_format(&name, text), c->printed);
	ck_assert_uint_eq(name.nlabels, c->nlabels);
	ck_assert_uint_eq(name.wire[name.label[name.nlabels]], 0);
}
END_TEST

START_TEST(a_name_of_255_bytes_is_the_longest)
{
	char text[300];
	struct name name;

	for (unsigned i = 0; i < 127; i++)
		memcpy(text + 2 * i, "a.", 3);
	ck_assert(name_from_text(&name, text));
	ck_assert_uint_eq(name.len, 255);
	ck_assert_uint_eq(name.nlabels, 127);
	memcpy(text + 254, "a.", 3);
	ck_assert(!name_from_text(&name, text));
}
END_TEST

START_TEST(a_suffix_hashes_as_the_name_it_is)
{
	struct name name, suffix;

	ck_assert(name_from_text(&name, "a.bc.def.example"));
	for (unsigned i = 0; i <= name.nlabels; i++) {
		name_suffix(&name, i, &suffix);
		ck_assert(name_hash(&suffix, 0, 42) == name_hash(&name, i, 42));
		ck_assert(name_is_under(&name, &suffix));
	}
	ck_assert(name_from_text(&suffix, "ef.example"));
	ck_assert(!name_is_under(&name, &suffix));
}
END_TEST

static const struct wire_case {
	const char *wire;
	size_t len, taken; /* taken 0: no name */
} wires[] = {
	{ "\3www\0", 5, 5 },
	{ "\3www\0rest", 9, 5 },
	{ "\3www", 4, 0 },
	{ "\3ww", 3, 0 },
	{ "\300\14", 2, 0 },
	{ "\100", 1, 0 },
	{ "\0", 1, 1 },
	{ "", 0, 0 },
};

START_TEST(a_wire_name_ends_within_its_bytes)
{
	struct name name;

	ck_assert_uint_eq(name_from_wire(&name, (const uint8_t *)wires[_i].wire, wires[_i].len), wires[_i].taken);
}
END_TEST

/* Every byte value, in labels of every length: only A to Z change. */
START_TEST(a_name_off_the_wire_is_in_lower_case_whatever_its_bytes)
{
	size_t len = (size_t)_i;
	uint8_t wire[65];
	struct name name;

	wire[0] = (uint8_t)len;
	wire[len + 1] = 0;
	for (unsigned c = 0; c < 256; c++) {
		for (size_t k = 1; k <= len; k++)
			wire[k] = (uint8_t)(c + k);
		ck_assert_uint_eq(name_from_wire(&name, wire, len + 2), len + 2);
		ck_assert(name.wire[0] == len && name.wire[len + 1] == 0);
		for (size_t k = 1; k <= len; k++)
			ck_assert(name.wire[k] == (wire[k] >= 'A' && wire[k] <= 'Z' ? wire[k] + 32 : wire[k]));
	}
}
END_TEST

/* Hosts of several versions agree by them: who probes an endpoint, and what the relays' writs are. */
START_TEST(a_hash_stays_what_it_was)
{
	static const struct {
		const char *text;
		uint64_t hash;
	} cases[] = {
		{ "", 0x0850f9794d5108b4 },
		{ "eu", 0x6108a311df90486c },
		{ "us-1", 0x375dcab3b073a786 },
		{ "ap-south", 0x18e895daac07b55a },
		{ "reg=eu pool=a", 0x743547cadefd075f },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ck_assert_uint_eq(hash_bytes(0, cases[i].text, strlen(cases[i].text)), cases[i].hash);
}
END_TEST

START_TEST(a_hash_looks_at_every_byte_and_at_the_length)
{
	uint8_t bytes[24] = { 0 };

	for (size_t len = 0; len < sizeof bytes; len++) {
		ck_assert(hash_bytes(1, bytes, len) != hash_bytes(1, bytes, len + 1));
		for (size_t k = 0; k < len; k++) {
			uint64_t before = hash_bytes(1, bytes, len);

			bytes[k] = 1;
			ck_assert_msg(hash_bytes(1, bytes, len) != before, "byte %zu of %zu", k, len);
			bytes[k] = 0;
		}
	}
}
END_TEST

static const struct prefix_case {
	const char *text;
	bool ok;
	const char *in, *out; /* an address in it, and one that is not */
} prefixes[] = {
	{ "192.0.2.0/24", true, "192.0.2.255", "192.0.3.0" },
	{ "192.0.2.1", true, "192.0.2.1", "192.0.2.0" },
	{ "0.0.0.0/0", true, "255.255.255.255", "::1" },
	{ "2001:db8::/33", true, "2001:db8:7fff::1", "2001:db8:8000::1" },
	{ "192.0.2.1/24", false, NULL, NULL },
	{ "192.0.2.0/33", false, NULL, NULL },
	{ "192.0.2.0/", false, NULL, NULL },
	{ "192.0.2.0/+8", false, NULL, NULL },
	{ "192.0.2/24", false, NULL, NULL },
};

START_TEST(a_prefix_has_no_bits_past_its_length)
{
	const struct prefix_case *c = &prefixes[_i];
	struct prefix prefix;
	struct addr addr;

	ck_assert_msg(prefix_parse(c->text, &prefix) == c->ok, "%s", c->text);
	if (!c->ok)
		return;
	ck_assert(addr_parse(c->in, &addr) && prefix_contains(&prefix, &addr));
	ck_assert(addr_parse(c->out, &addr) && !prefix_contains(&prefix, &addr));
}
END_TEST

START_TEST(private_addresses_are_told_from_public_ones)
{
	static const struct {
		const char *text;
		bool private;
	} cases[] = {
		{ "10.1.2.3", true },
		{ "127.0.0.1", true },
		{ "192.168.1.1", true },
		{ "172.31.0.1", true },
		{ "172.32.0.1", false },
		{ "8.8.8.8", false },
		{ "::1", true },
		{ "fd00::1", true },
		{ "2001:db8::1", false },
		{ "224.0.0.1", true },
		{ "0.0.0.0", true },
		{ "fe80::1", true },
	};
	struct addr addr;

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ck_assert_msg(addr_parse(cases[i].text, &addr) && addr_is_private(&addr) == cases[i].private, "%s",
			cases[i].text);
}
END_TEST

/* The reference vector of the SipHash paper, appendix A: key 00..0f, message 00..0e. */
START_TEST(siphash_matches_its_paper)
{
	uint8_t key[16], message[15];

	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	for (uint8_t i = 0; i < 15; i++)
		message[i] = i;
	ck_assert(hash_sip(key, message, 15) == 0xa129ca6149be45e5u);
}
END_TEST

START_TEST(a_report_is_sorted_by_file_and_line_and_keeps_the_order_within)
{
	struct report report = { 0 };
	char text[256];

	report_add(&report, REPORT_MISTAKE, "b", 1, "three");
	report_add(&report, REPORT_WARNING, "a", 2, "one");
	report_add(&report, REPORT_MISTAKE, "a", 2, "two");
	report_sort(&report);
	report_format(&report.lines[0], text, sizeof text);
	ck_assert_str_eq(text, "a:2: warning: one");
	report_format(&report.lines[1], text, sizeof text);
	ck_assert_str_eq(text, "a:2: two");
	ck_assert_uint_eq(report.nmistakes, 2);
	report_add_at(&report, REPORT_MISTAKE, "c", 4, 9, "nine");
	report_add_at(&report, REPORT_MISTAKE, "c", 4, 2, "two");
	report_sort(&report);
	report_format(&report.lines[3], text, sizeof text);
	ck_assert_str_eq(text, "c:4:2: two");
	report_fini(&report);
}
END_TEST

START_TEST(a_replaced_file_holds_the_new_bytes_and_no_rest_stays)
{
	char folder[UNIT_FOLDER_MAX], path[UNIT_FOLDER_MAX + 8], beside[UNIT_FOLDER_MAX + 16], *text;
	struct err err;
	size_t len;

	unit_folder(folder);
	snprintf(path, sizeof path, "%s/f", folder);
	snprintf(beside, sizeof beside, "%s.new", path);
	ck_assert(file_replace(path, "first, longer", 13, 0600, &err));
	ck_assert(file_replace(path, "second", 6, 0600, &err));
	ck_assert(file_read(path, 100, &text, &len, &err));
	ck_assert_str_eq(text, "second");
	free(text);
	ck_assert(!file_read(path, 3, &text, &len, &err));
	ck_assert(!file_read(beside, 100, &text, &len, &err));
}
END_TEST

static size_t random_len(struct dice *dice)
{
	return dice_below(dice, 32) == 0 ? dice_below(dice, 3 << 20) : dice_below(dice, 100000);
}

static bool all_are(const uint8_t *bytes, size_t len, uint8_t byte)
{
	return len == 0 || (bytes[0] == byte && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* All bytes are the block's own: none is another's, or was left in it. */
START_TEST(blocks_of_huge_pages_are_zeroed_and_nobody_elses)
{
	enum { BLOCKS = 200, STEPS = 2000 };
	struct {
		uint8_t *bytes;
		size_t len;
	} block[BLOCKS] = { 0 };
	struct dice dice = { 5 };

	for (unsigned step = 0; step < STEPS + BLOCKS; step++) {
		size_t i = step < STEPS ? dice_below(&dice, BLOCKS) : step - STEPS;

		ck_assert(all_are(block[i].bytes, block[i].len, (uint8_t)(i + 1)));
		huge_free(block[i].bytes, block[i].len);
		block[i].len = step < STEPS ? random_len(&dice) : 0;
		block[i].bytes = step < STEPS ? huge_alloc(block[i].len) : NULL;
		ck_assert_uint_eq((uintptr_t)block[i].bytes % MEM_LINE, 0);
		ck_assert(all_are(block[i].bytes, block[i].len, 0));
		if (block[i].len > 0)
			memset(block[i].bytes, (int)(i + 1), block[i].len);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base");
	TCase *cases = tcase_create("base");

	tcase_add_loop_test(cases, a_duration_is_digits_and_falling_units, 0, COUNT_OF(durations));
	tcase_add_loop_test(cases, a_time_is_written_out_or_counted_from_now, 0, COUNT_OF(times));
	tcase_add_loop_test(cases, a_name_reads_and_prints_with_its_escapes, 0, COUNT_OF(names));
	tcase_add_test(cases, a_name_of_255_bytes_is_the_longest);
	tcase_add_test(cases, a_suffix_hashes_as_the_name_it_is);
	tcase_add_loop_test(cases, a_wire_name_ends_within_its_bytes, 0, COUNT_OF(wires));
	tcase_add_loop_test(cases, a_name_off_the_wire_is_in_lower_case_whatever_its_bytes, 1, 64);
	tcase_add_test(cases, a_hash_stays_what_it_was);
	tcase_add_test(cases, a_hash_looks_at_every_byte_and_at_the_length);
	tcase_add_loop_test(cases, a_prefix_has_no_bits_past_its_length, 0, COUNT_OF(prefixes));
	tcase_add_test(cases, private_addresses_are_told_from_public_ones);
	tcase_add_test(cases, siphash_matches_its_paper);
	tcase_add_test(cases, a_report_is_sorted_by_file_and_line_and_keeps_the_order_within);
	tcase_add_test(cases, blocks_of_huge_pages_are_zeroed_and_nobody_elses);
	tcase_add_test(cases, a_replaced_file_holds_the_new_bytes_and_no_rest_stays);
	suite_add_tcase(suite, cases);
	return unit_run(suite);
}
