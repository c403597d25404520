#include "gslb/cookie.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/message.h"
#include "tests/unit/unit.h"

#define SECRET "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define OTHER_SECRET "445536bcd2513298075a5d379663c962"
#define A1 "2464c4abcf10c957010000005cf79f111f8130c3eee29480"
#define A2 "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"
enum { A1_S = 1559731985 };

static const struct cookie_case {
	const char *sentence, *secrets, *address;
	uint32_t now_s;
	const char *cookie;
	enum cookie_verdict verdict;
	const char *reply; /* NULL: anything but the cookie itself */
} cases[] = {
	/* RFC 9018, appendix A */
	{ "A.1: learning a new server cookie", SECRET, "198.51.100.100", A1_S, "2464c4abcf10c957", COOKIE_NEW, A1 },
	{ "A.2: one of forty minutes is good, and renewed", SECRET, "198.51.100.100", 1559734385, A1, COOKIE_GOOD, A2 },
	{ "A.3: reserved bytes count as they came", SECRET, "203.0.113.203", 1559727985 + 3600,
		"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", COOKIE_GOOD, NULL },
	{ "A.3: a new one has none", SECRET, "203.0.113.203", 1559734700,
		"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", COOKIE_BAD,
		"fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e" },
	{ "A.4: made with the secret before, over IPv6", OTHER_SECRET "\ndd3bdf9344b678b185a6f5cb60fca715",
		"2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
		COOKIE_GOOD, "22681ab97d52c298010000005cf7c609a6bb79d16625507a" },

	{ "a fresh one comes back as it is", SECRET, "198.51.100.100", A1_S + 1, A1, COOKIE_GOOD, A1 },
	{ "also after half an hour", SECRET, "198.51.100.100", A1_S + 1800, A1, COOKIE_GOOD, A1 },
	{ "a second later it is replaced", SECRET, "198.51.100.100", A1_S + 1801, A1, COOKIE_GOOD, NULL },
	{ "it is good for an hour", SECRET, "198.51.100.100", A1_S + 3600, A1, COOKIE_GOOD, NULL },
	{ "and no longer", SECRET, "198.51.100.100", A1_S + 3601, A1, COOKIE_BAD, NULL },
	{ "a clock may be five minutes ahead", SECRET, "198.51.100.100", A1_S - 300, A1, COOKIE_GOOD, A1 },
	{ "and no more", SECRET, "198.51.100.100", A1_S - 301, A1, COOKIE_BAD, NULL },
	{ "half of time away is not now", SECRET, "198.51.100.100", A1_S + 0x80000000u, A1, COOKIE_BAD, NULL },
	{ "it is bound to the address", SECRET, "198.51.100.101", A1_S, A1, COOKIE_BAD, NULL },
	{ "to the client's part", SECRET, "198.51.100.100", A1_S, "2464c4abcf10c956010000005cf79f111f8130c3eee29480",
		COOKIE_BAD, NULL },
	{ "to its version", SECRET, "198.51.100.100", A1_S, "2464c4abcf10c957020000005cf79f111f8130c3eee29480",
		COOKIE_BAD, A1 },
	{ "to its reserved bytes", SECRET, "198.51.100.100", A1_S, "2464c4abcf10c957010000015cf79f111f8130c3eee29480",
		COOKIE_BAD, A1 },
	{ "to its time", SECRET, "198.51.100.100", A1_S, "2464c4abcf10c957010000005cf79f101f8130c3eee29480", COOKIE_BAD,
		A1 },
	{ "to the last bit", SECRET, "198.51.100.100", A1_S, "2464c4abcf10c957010000005cf79f111f8130c3eee29481",
		COOKIE_BAD, A1 },
	{ "to the secret", OTHER_SECRET, "198.51.100.100", A1_S, A1, COOKIE_BAD, NULL },
	{ "the shortest server part of another kind", SECRET, "198.51.100.100", A1_S,
		"2464c4abcf10c957010000005cf79f11", COOKIE_BAD, A1 },
	{ "the longest", SECRET, "198.51.100.100", A1_S, A1 "00112233445566778899aabbccddeeff", COOKIE_BAD, A1 },
	{ "a byte too many is not ours", SECRET, "198.51.100.100", A1_S, A1 "00", COOKIE_BAD, A1 },

	/* a fleet changes its secret: what one host made before the step, another takes after it */
	{ "the new one is put second, and not used", SECRET "\n" OTHER_SECRET, "198.51.100.100", A1_S,
		"2464c4abcf10c957", COOKIE_NEW, A1 },
	{ "the old one, now second, still verifies, and its cookies are replaced", OTHER_SECRET "\n" SECRET,
		"198.51.100.100", A1_S + 60, A1, COOKIE_GOOD, NULL },
	{ "an old one that was taken out does not", OTHER_SECRET, "198.51.100.100", A1_S + 60, A1, COOKIE_BAD, NULL },
};

static struct cookie_secrets secrets_of(const char *text)
{
	struct cookie_secrets secrets;
	struct err err;

	ck_assert_msg(cookie_secrets_parse(&secrets, text, strlen(text), &err), "%s", err.text);
	return secrets;
}

static const char *to_hex(const uint8_t *bytes, size_t len, char text[static 100])
{
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

START_TEST(a_cookie_is_taken_and_answered_as_the_rfc_says)
{
	const struct cookie_case *c = &cases[_i];
	struct cookie_secrets secrets = secrets_of(c->secrets);
	uint8_t cookie[COOKIE_LEN_MAX], reply[COOKIE_LEN], again[COOKIE_LEN];
	size_t len = message_from_hex(c->cookie, cookie, sizeof cookie);
	struct addr source;
	char text[100];

	ck_assert(addr_parse(c->address, &source));
	ck_assert(cookie_has_length(len));
	ck_assert_msg(cookie_answer(&secrets, &source, c->now_s, cookie, len, reply) == c->verdict, "%s", c->sentence);
	to_hex(reply, sizeof reply, text);
	if (c->reply != NULL)
		ck_assert_msg(strcmp(text, c->reply) == 0, "%s: %s", c->sentence, text);
	else
		ck_assert_msg(strcmp(text, c->cookie) != 0, "%s: %s", c->sentence, text);
	ck_assert_msg(memcmp(reply, cookie, COOKIE_CLIENT_LEN) == 0, "%s: another client's", c->sentence);
	/* whatever is sent is good when it comes back, and not changed again */
	ck_assert_msg(
		cookie_answer(&secrets, &source, c->now_s, reply, COOKIE_LEN, again) == COOKIE_GOOD, "%s", c->sentence);
	ck_assert_mem_eq(reply, again, COOKIE_LEN);
}
END_TEST

START_TEST(time_goes_on_past_2106)
{
	struct cookie_secrets secrets = secrets_of(SECRET);
	struct addr source = { ADDR_V6, { 0x20, 1 } };
	uint8_t cookie[COOKIE_LEN] = "clientxx", reply[COOKIE_LEN];
	uint32_t made_s = UINT32_MAX - 100;

	cookie_answer(&secrets, &source, made_s, cookie, COOKIE_CLIENT_LEN, reply);
	ck_assert_int_eq(cookie_answer(&secrets, &source, made_s + 200, reply, COOKIE_LEN, cookie), COOKIE_GOOD);
	ck_assert_mem_eq(reply, cookie, COOKIE_LEN);
	ck_assert_int_eq(cookie_answer(&secrets, &source, made_s + 3601, reply, COOKIE_LEN, cookie), COOKIE_BAD);
}
END_TEST

START_TEST(the_whole_address_of_its_family_counts_and_no_more)
{
	struct cookie_secrets secrets = secrets_of(SECRET);
	struct addr v4 = { ADDR_V4, { 192, 0, 2, 1 } }, v6 = { ADDR_V6, { 192, 0, 2, 1 } };
	uint8_t cookie[COOKIE_LEN] = "clientxx", of_v4[COOKIE_LEN], of_v6[COOKIE_LEN];

	cookie_answer(&secrets, &v4, 5, cookie, COOKIE_CLIENT_LEN, of_v4);
	cookie_answer(&secrets, &v6, 5, cookie, COOKIE_CLIENT_LEN, of_v6);
	ck_assert_mem_ne(of_v4, of_v6, COOKIE_LEN);
	v6.bytes[15] = 1;
	ck_assert_int_eq(cookie_answer(&secrets, &v6, 5, of_v6, COOKIE_LEN, cookie), COOKIE_BAD);
}
END_TEST

START_TEST(a_cookie_has_8_or_16_to_40_bytes)
{
	for (size_t len = 0; len < 100; len++)
		ck_assert_msg(cookie_has_length(len) == (len == 8 || (len >= 16 && len <= 40)), "%zu", len);
}
END_TEST

static const struct file_case {
	const char *text, *wrong; /* NULL: good */
	unsigned n;
} files[] = {
	{ SECRET, NULL, 1 },
	{ SECRET "\n", NULL, 1 },
	{ "\n \r\n" SECRET " \r\n\n" OTHER_SECRET "\t\n", NULL, 2 },
	{ "E5E973E5A6B2A43F48E7DC849E37BFCF", NULL, 1 },
	{ SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n" SECRET, NULL, 8 },
	{ SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n" SECRET,
		"line 9: one secret too many (try at most 8, one a line)", 0 },
	{ "", "holds no secret (make one: openssl rand -hex 16)", 0 },
	{ "\n\n", "holds no secret (make one: openssl rand -hex 16)", 0 },
	{ SECRET "\n" SECRET "0", "line 2: not 32 hexadecimal digits (make them: openssl rand -hex 16)", 0 },
	{ "e5e973e5a6b2a43f48e7dc849e37bfc", "line 1: not 32 hexadecimal digits (make them: openssl rand -hex 16)", 0 },
	{ "g5e973e5a6b2a43f48e7dc849e37bfcf", "line 1: not 32 hexadecimal digits (make them: openssl rand -hex 16)",
		0 },
	{ "e5e973e5a6b2a43f 48e7dc849e37bfc", "line 1: not 32 hexadecimal digits (make them: openssl rand -hex 16)",
		0 },
	{ " " SECRET, "line 1: not 32 hexadecimal digits (make them: openssl rand -hex 16)", 0 },
};

START_TEST(a_secret_file_is_lines_of_32_digits)
{
	const struct file_case *c = &files[_i];
	struct cookie_secrets secrets = secrets_of(OTHER_SECRET), before = secrets;
	char *exact = mem_dup(c->text, strlen(c->text)); /* a sanitizer sees a read past the end */
	struct err err = { "" };
	bool good = cookie_secrets_parse(&secrets, exact, strlen(c->text), &err);

	free(exact);
	ck_assert_msg(good == (c->wrong == NULL), "%s: %s", c->text, err.text);
	if (good) {
		ck_assert_uint_eq(secrets.n, c->n);
		ck_assert_uint_eq(secrets.key[0][0], 0xe5);
		ck_assert_uint_eq(secrets.key[0][15], 0xcf);
	} else {
		ck_assert_str_eq(err.text, c->wrong);
		ck_assert_mem_eq(&secrets, &before, sizeof secrets);
	}
}
END_TEST

START_TEST(a_host_makes_a_secret_of_its_own_once_and_nobody_else_may_read_it)
{
	char folder[UNIT_FOLDER_MAX];
	struct cookie_secrets first, second, third;
	struct err err;
	struct stat st;
	char *path;

	unit_folder(folder);
	path = mem_printf("%s/cookie.key", folder);
	ck_assert_msg(cookie_secrets_keep(&first, path, &err), "%s", err.text);
	ck_assert_uint_eq(first.n, 1);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_msg(cookie_secrets_keep(&second, path, &err), "%s", err.text);
	ck_assert(cookie_secrets_equal(&first, &second));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(cookie_secrets_keep(&third, path, &err));
	ck_assert(!cookie_secrets_equal(&first, &third));
	ck_assert(file_replace(path, "x\n", 2, 0600, &err));
	ck_assert(!cookie_secrets_keep(&third, path, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "/cookie.key: line 1: not 32 hexadecimal digits"));
	unlink(path);
	rmdir(folder);
	ck_assert(!cookie_secrets_keep(&third, path, &err));
	free(path);
}
END_TEST

START_TEST(secrets_are_equal_when_all_are)
{
	struct cookie_secrets one = secrets_of(SECRET), two = secrets_of(SECRET "\n" OTHER_SECRET);
	struct cookie_secrets swapped = secrets_of(OTHER_SECRET "\n" SECRET);

	ck_assert(cookie_secrets_equal(&one, &one));
	ck_assert(!cookie_secrets_equal(&one, &two));
	ck_assert(!cookie_secrets_equal(&swapped, &two));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cookie");
	TCase *tests = tcase_create("cookie");

	tcase_add_loop_test(tests, a_cookie_is_taken_and_answered_as_the_rfc_says, 0, COUNT_OF(cases));
	tcase_add_test(tests, time_goes_on_past_2106);
	tcase_add_test(tests, the_whole_address_of_its_family_counts_and_no_more);
	tcase_add_test(tests, a_cookie_has_8_or_16_to_40_bytes);
	tcase_add_loop_test(tests, a_secret_file_is_lines_of_32_digits, 0, COUNT_OF(files));
	tcase_add_test(tests, a_host_makes_a_secret_of_its_own_once_and_nobody_else_may_read_it);
	tcase_add_test(tests, secrets_are_equal_when_all_are);
	suite_add_tcase(suite, tests);
	return unit_run(suite);
}
