/* Signatures of events: what is refused, what is taken over, and what the file may say. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/event.h"
#include "relay/sign.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccc"

static const struct file_case {
	const char *text, *says; /* NULL: it is good */
} files[] = {
	{ "eu " A "\nus " B " " C "\n", NULL },
	{ "# secrets\n\n  eu\t" A " \r\n", NULL },
	{ "", NULL },
	{ "eu\n", "f:1: eu: a secret has 32 characters or more (try openssl rand -base64 32)" },
	{ "eu short\n", "f:1: eu: a secret has 32 characters or more (try openssl rand -base64 32)" },
	{ "eu " A " short\n", "f:1: eu: a secret has 32 characters or more (try openssl rand -base64 32)" },
	{ "eu " A "\n\neu " B "\n", "f:3: eu: it has a line already: put all its secrets into that" },
	{ "e.u " A "\n", "f:1: the name must be 1 to 63 letters, digits, - and _" },
};

static const struct sign *parse(const char *text, struct arena *arena)
{
	struct err err = { .text = "" };
	const struct sign *sign = sign_parse("f", text, strlen(text), arena, &err);

	ck_assert_msg(sign != NULL, "%s", err.text);
	return sign;
}

START_TEST(a_file_has_a_line_of_secrets_for_each_name)
{
	struct arena *arena = arena_new();
	struct err err = { .text = "" };
	const struct sign *sign = sign_parse("f", files[_i].text, strlen(files[_i].text), arena, &err);

	ck_assert_int_eq(sign != NULL, files[_i].says == NULL);
	ck_assert_str_eq(err.text, files[_i].says != NULL ? files[_i].says : "");
	arena_free(arena);
}
END_TEST

/* Signed by one host for a name, and looked at by another as from a name. */
static const struct case_ {
	const char *what, *here, *name, *there, *from, *says;
} cases[] = {
	{ "the same secret", "eu " A, "eu", "eu " A, "eu", NULL },
	{ "a secret that is the new one there, and the old one here", "eu " A, "eu", "eu " B " " A, "eu", NULL },
	{ "a secret that is the new one here, and not known there", "eu " B " " A, "eu", "eu " A, "eu",
		"its signature is wrong (bus.sign-file must have the same secret for it here and there)" },
	{ "another name's secret", "us " B, "us", "eu " A "\nus " B, "eu",
		"its signature is wrong (bus.sign-file must have the same secret for it here and there)" },
	{ "a name without a secret there", "ap " C, "ap", "eu " A, "ap", "bus.sign-file has no secret for it" },
};

static const char event[] = "{\"v\":1,\"class\":\"key\",\"items\":[{\"k\":\"a\"}]}";

START_TEST(only_who_has_the_secret_speaks_for_a_name)
{
	const struct case_ *c = &cases[_i];
	struct arena *arena = arena_new();
	struct err err = { .text = "" };
	struct buf made = { 0 };
	bool good;

	sign_event(parse(c->here, arena), c->name, event, strlen(event), &made);
	good = sign_check(parse(c->there, arena), c->from, made.text, made.len, &err);
	ck_assert_msg(good == (c->says == NULL), "%s: %s", c->what, err.text);
	ck_assert_str_eq(err.text, c->says != NULL ? c->says : "");
	buf_fini(&made);
	arena_free(arena);
}
END_TEST

START_TEST(no_byte_of_a_signed_event_can_be_another)
{
	struct arena *arena = arena_new();
	const struct sign *sign = parse("eu " A, arena);
	struct buf made = { 0 };
	struct err err;
	char *changed;

	sign_event(sign, "eu", event, strlen(event), &made);
	ck_assert(sign_check(sign, "eu", made.text, made.len, &err));
	changed = mem_dup(made.text, made.len);
	for (size_t i = 0; i < made.len; i++) {
		changed[i] ^= 1;
		ck_assert_msg(!sign_check(sign, "eu", changed, made.len, &err), "byte %zu", i);
		changed[i] ^= 1;
		ck_assert_msg(!sign_check(sign, "eu", made.text, i, &err), "cut at %zu", i);
	}
	ck_assert(!sign_check(sign, "eu", event, strlen(event), &err));
	ck_assert_str_eq(err.text, "it has no signature (bus.sign-file must be there, too)");
	free(changed);
	buf_fini(&made);
	arena_free(arena);
}
END_TEST

/* RFC 4231, test case 2, has a key of four characters: here the same function with a longer one, computed with
 * `printf %s TEXT | openssl dgst -sha256 -hmac KEY -binary | base64`. */
START_TEST(it_is_what_others_compute)
{
	static const char expected[] = "{\"v\":1,\"sig\":\"ACUHLfyKqG7yZ6Yi9nsIILJemjOfX8qtEND56/xLD8I=\"}";
	struct arena *arena = arena_new();
	struct buf made = { 0 };

	sign_event(parse("eu " A, arena), "eu", "{\"v\":1}", 7, &made);
	ck_assert_int_eq(made.len, strlen(expected));
	ck_assert(memcmp(made.text, expected, made.len) == 0);
	buf_fini(&made);
	arena_free(arena);
}
END_TEST

/* All that the log takes can be read at the other end. */
START_TEST(the_longest_event_has_room_for_it)
{
	struct arena *arena = arena_new();
	const struct sign *sign = parse("eu " A, arena);
	struct buf body = { 0 }, made = { 0 };
	struct event read;
	struct err err = { .text = "" };
	bool parked;

	buf_printf(&body, "{\"v\":1,\"id\":\"eu:1:1\",\"origin\":\"eu\",\"epoch\":1,\"oseq\":1,\"ts\":1,\"class\":"
			  "\"key\",\"items\":[");
	for (unsigned i = 0; i < 120; i++)
		buf_printf(&body, "%s{\"k\":\"%0240u\"}", i > 0 ? "," : "", i);
	buf_printf(&body, "],\"pad\":\"");
	while (body.len < EVENT_BYTES_MAX - 2)
		buf_printf(&body, "x");
	buf_printf(&body, "\"}");
	sign_event(sign, "eu", body.text, body.len, &made);
	ck_assert_int_eq(body.len, EVENT_BYTES_MAX);
	ck_assert(sign_check(sign, "eu", made.text, made.len, &err));
	ck_assert_msg(event_parse(made.text, made.len, true, arena, &read, &parked, &err), "%s", err.text);
	ck_assert(!event_parse(made.text, made.len, false, arena, &read, &parked, &err));
	ck_assert_msg(strstr(err.text, "an event has at most") != NULL, "%s", err.text);
	buf_fini(&body);
	buf_fini(&made);
	arena_free(arena);
}
END_TEST

/* A bus keeps one message of an id: what was refused for its secret is to come again with another one, and an old copy of a log that gives a
 * number away for the second time is to be found out. */
START_TEST(an_id_is_of_the_number_and_the_secret_that_signs)
{
	struct arena *arena = arena_new();
	char none[SIGN_ID_MAX], first[SIGN_ID_MAX], again[SIGN_ID_MAX], both[SIGN_ID_MAX], other[SIGN_ID_MAX],
		next[SIGN_ID_MAX];

	sign_id(NULL, "eu", 7, 12, none);
	sign_id(parse("eu " A, arena), "eu", 7, 12, first);
	sign_id(parse("us " B "\neu " A, arena), "eu", 7, 12, again);
	sign_id(parse("eu " A " " B, arena), "eu", 7, 12, both);
	sign_id(parse("eu " B " " A, arena), "eu", 7, 12, other);
	sign_id(parse("eu " A, arena), "eu", 7, 13, next);
	ck_assert_str_eq(none, "eu:7:12");
	ck_assert(strncmp(first, "eu:7:12:", 8) == 0 && strlen(first) == 8 + SIGN_MARK_LEN);
	ck_assert_str_eq(first, again);
	ck_assert_str_eq(first, both);
	ck_assert_str_ne(first, other);
	ck_assert_str_ne(first + 8, next + 8);
	arena_free(arena);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sign");
	TCase *tcase = tcase_create("sign");

	tcase_add_loop_test(tcase, a_file_has_a_line_of_secrets_for_each_name, 0, COUNT_OF(files));
	tcase_add_loop_test(tcase, only_who_has_the_secret_speaks_for_a_name, 0, COUNT_OF(cases));
	tcase_add_test(tcase, no_byte_of_a_signed_event_can_be_another);
	tcase_add_test(tcase, it_is_what_others_compute);
	tcase_add_test(tcase, the_longest_event_has_room_for_it);
	tcase_add_test(tcase, an_id_is_of_the_number_and_the_secret_that_signs);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
