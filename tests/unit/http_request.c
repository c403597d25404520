#include "gslb/http_request.h"

#include <string.h>

#include "tests/unit/unit.h"

/* ---- the target ---- */

static const struct target_case {
	const char *uri;
	enum http_verdict verdict;
	const char *path, *query; /* what was read: segments with |, and name=value with & */
} targets[] = {
	{ "/", HTTP_FINE, "", "" },
	{ "/v1/status", HTTP_FINE, "v1|status", "" },
	{ "/v1/status/", HTTP_FINE, "v1|status|", "" },
	{ "//healthz", HTTP_FINE, "|healthz", "" },
	{ "/v1/push/eu/2001:db8::1", HTTP_FINE, "v1|push|eu|2001:db8::1", "" },
	{ "/v1%2fstatus", HTTP_FINE, "v1/status", "" }, /* an escaped slash parts nothing */
	{ "/%2e%2e/x", HTTP_FINE, "..|x", "" },
	{ "/a+b?c+d=e+f", HTTP_FINE, "a+b", "c d=e f" },
	{ "/x?name=www.a&client=192.0.2.1", HTTP_FINE, "x", "name=www.a&client=192.0.2.1" },
	{ "/x?a&b=&&c=d=e", HTTP_FINE, "x", "a=&b=&c=d=e" },
	{ "/x?a=1%262", HTTP_FINE, "x", "a=1&2" },
	{ "/x?a=?", HTTP_FINE, "x", "a=?" },
	{ "/%c3%a9", HTTP_FINE, "\xc3\xa9", "" },
	{ "", HTTP_MALFORMED, NULL, NULL },
	{ "x", HTTP_MALFORMED, NULL, NULL },
	{ "http://h/x", HTTP_MALFORMED, NULL, NULL },
	{ "/x#y", HTTP_MALFORMED, NULL, NULL },
	{ "/%", HTTP_MALFORMED, NULL, NULL },
	{ "/%4", HTTP_MALFORMED, NULL, NULL },
	{ "/%zz", HTTP_MALFORMED, NULL, NULL },
	{ "/status%00x", HTTP_MALFORMED, NULL, NULL },
	{ "/a%0ab", HTTP_MALFORMED, NULL, NULL },
	{ "/x?a=%0d%0aSet-Cookie:", HTTP_MALFORMED, NULL, NULL },
	{ "/x?a=%7f", HTTP_MALFORMED, NULL, NULL },
	{ "/%ff", HTTP_MALFORMED, NULL, NULL },
	{ "/%c0%af", HTTP_MALFORMED, NULL, NULL },       /* a slash in two bytes */
	{ "/%ed%a0%80", HTTP_MALFORMED, NULL, NULL },    /* half of a surrogate pair */
	{ "/%f4%90%80%80", HTTP_MALFORMED, NULL, NULL }, /* beyond U+10FFFF */
	{ "/%e2%82", HTTP_MALFORMED, NULL, NULL },
	{ "/1/2/3/4/5/6/7/8", HTTP_FINE, "1|2|3|4|5|6|7|8", "" },
	{ "/1/2/3/4/5/6/7/8/9", HTTP_MALFORMED, NULL, NULL },
	{ "/x?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17&18&19&20&21&22&23&24&25&26&27&28&29&30&31&32&33",
		HTTP_MALFORMED, NULL, NULL },
};

START_TEST(a_target_is_read_as_it_came)
{
	const struct target_case *c = &targets[_i];
	struct http_request request;
	struct buf path = { 0 }, query = { 0 };

	ck_assert_msg(http_request_parse(&request, c->uri) == c->verdict, "%s", c->uri);
	if (c->verdict != HTTP_FINE)
		return;
	for (unsigned i = 0; i < request.nsegments; i++)
		buf_printf(&path, "%s%s", i > 0 ? "|" : "", request.segment[i]);
	for (unsigned i = 0; i < request.nparams; i++)
		buf_printf(&query, "%s%s=%s", i > 0 ? "&" : "", request.param[i].name, request.param[i].value);
	ck_assert_str_eq(path.text != NULL ? path.text : "", c->path);
	ck_assert_str_eq(query.text != NULL ? query.text : "", c->query);
	buf_fini(&path);
	buf_fini(&query);
}
END_TEST

START_TEST(a_target_has_a_longest_length)
{
	char uri[HTTP_URI_MAX + 1];
	struct http_request request;

	memset(uri, 'a', sizeof uri);
	uri[0] = '/';
	uri[HTTP_URI_MAX - 1] = '\0';
	ck_assert_int_eq(http_request_parse(&request, uri), HTTP_FINE);
	uri[HTTP_URI_MAX - 1] = 'a';
	uri[HTTP_URI_MAX] = '\0';
	ck_assert_int_eq(http_request_parse(&request, uri), HTTP_TOO_LONG);
}
END_TEST

START_TEST(a_parameter_is_found_by_its_name)
{
	struct http_request request;

	ck_assert_int_eq(http_request_parse(&request, "/x?name=a&na=b&flag"), HTTP_FINE);
	ck_assert_str_eq(http_param(&request, "na"), "b");
	ck_assert_str_eq(http_param(&request, "flag"), "");
	ck_assert_ptr_null(http_param(&request, "nam"));
}
END_TEST

/* ---- tokens and hosts ---- */

static const struct token_case {
	const char *header;
	bool shown;
} tokens[] = {
	{ "Bearer 0123456789abcdef", true },
	{ "bearer 0123456789abcdef", true },
	{ "Bearer   0123456789abcdef", true },
	{ "Bearer 0123456789abcdeF", false },
	{ "Bearer 0123456789abcde", false },
	{ "Bearer 0123456789abcdef0", false },
	{ "Bearer 0123456789abcdef0123456789abcdef", false }, /* twice the token */
	{ "Bearer 0123456789abcdef ", false },
	{ "Bearer ", false },
	{ "Bearer", false },
	{ "Basic 0123456789abcdef", false },
	{ "0123456789abcdef", false },
	{ "", false },
	{ NULL, false },
};

START_TEST(only_the_whole_token_is_the_token)
{
	ck_assert_msg(
		http_shows_token(tokens[_i].header, "0123456789abcdef") == tokens[_i].shown, "%s", tokens[_i].header);
	ck_assert(!http_shows_token(tokens[_i].header, ""));
}
END_TEST

static const struct host_case {
	const char *host;
	bool local;
} hosts[] = {
	{ NULL, true },
	{ "localhost", true },
	{ "LocalHost:9153", true },
	{ "localhost.", true },
	{ "127.0.0.1:9153", true },
	{ "10.1.2.3", true },
	{ "[::1]:9153", true },
	{ "", false },
	{ "evil.example", false },
	{ "evil.example:9153", false },
	{ "localhost.evil.example", false },
	{ "127.0.0.1.evil.example", false },
	{ "[::1", false },
	{ "[evil]", false },
	{ "127.0.0.1\t", false },
};

START_TEST(a_listener_on_loopback_has_no_other_name)
{
	ck_assert_msg(http_host_is_local(hosts[_i].host) == hosts[_i].local, "%s", hosts[_i].host);
}
END_TEST

/* ---- pushes ---- */

static const struct push_case {
	const char *uri, *body;
	const char *state; /* or the load; NULL: refused */
	uint64_t for_ms;
	const char *sentence;
} pushes[] = {
	{ "/", "up", "up", 0, "" },
	{ "/", "down\r\n", "down", 0, "" },
	{ "/", "state=down&for=5m", "down", 300000, "" },
	{ "/", "down for=5m", "down", 300000, "" },
	{ "/?for=1m30s", "down", "down", 90000, "" },
	{ "/?ttl=10", "up", "up", 10000, "" },
	{ "/", "", NULL, 0, "push: the body says up, down or load=412, and perhaps for=5m" },
	{ "/?for=5m", "", NULL, 0, "push: the body says up, down or load=412, and perhaps for=5m" },
	{ "/", "sideways", NULL, 0, "push: sideways: neither up nor down, nor load=NUMBER" },
	{ "/", "state=", NULL, 0, "push: : neither up nor down, nor load=NUMBER" },
	{ "/", "load=0.5", "0.5", 0, "" },
	{ "/?for=5m", "load=412\n", "412", 300000, "" },
	{ "/", "load=", NULL, 0, "push: load=: not a number (try load=412)" },
	{ "/", "up load=5", NULL, 0, "push: a state and a load at once (push one after the other)" },
	{ "/", "up for=soon", NULL, 0, "push: for=soon: not a duration of at least a second (try 5m)" },
	{ "/", "up for=10ms", NULL, 0, "push: for=10ms: not a duration of at least a second (try 5m)" },
	{ "/?weight=3", "up", NULL, 0, "push: weight=: no such parameter (it takes for=5m)" },
	{ "/", "up weight=3", NULL, 0, "push: weight: not known (push up, down or load=412, and perhaps for=5m)" },
	{ "/", "u\x01p", NULL, 0, "push: the body is not text (up, down or load=412, and perhaps for=5m)" },
	{ "/", "\xff", NULL, 0, "push: the body is not text (up, down or load=412, and perhaps for=5m)" },
};

START_TEST(a_push_says_what_and_for_how_long)
{
	const struct push_case *c = &pushes[_i];
	struct http_request request;
	struct http_push push;
	struct err err = { 0 };

	ck_assert_int_eq(http_request_parse(&request, c->uri), HTTP_FINE);
	request.body = c->body;
	request.body_len = strlen(c->body);
	ck_assert_msg(
		http_push_parse(&push, &request, &err) == (c->state != NULL), "%s %s: %s", c->uri, c->body, err.text);
	if (c->state == NULL) {
		ck_assert_str_eq(err.text, c->sentence);
		return;
	}
	ck_assert_str_eq(push.state != NULL ? push.state : push.load, c->state);
	ck_assert_uint_eq(push.for_ms, c->for_ms);
}
END_TEST

/* ---- the budget ---- */

START_TEST(answers_take_a_quarter_of_the_time_at_most)
{
	struct http_budget budget = { 0 };
	uint64_t now_us = 1000000, used_us = 0, end_us = now_us + 100000000;

	/* whoever is there asks again at once, and each answer takes 100 ms */
	while (now_us < end_us) {
		if (http_budget_wait_s(&budget, now_us) == 0) {
			http_budget_use(&budget, now_us, 100000);
			used_us += 100000;
			now_us += 100000;
		}
		now_us += 1000;
	}
	ck_assert_uint_ge(used_us, 24000000);
	ck_assert_uint_le(used_us, 26500000);
}
END_TEST

START_TEST(who_is_told_to_wait_so_long_is_served_then)
{
	struct http_budget budget = { 0 };
	unsigned wait_s;

	ck_assert_uint_eq(http_budget_wait_s(&budget, 1000), 0);
	http_budget_use(&budget, 1000, 3000000);
	wait_s = http_budget_wait_s(&budget, 1000);
	ck_assert_uint_ge(wait_s, 10);
	ck_assert_uint_eq(http_budget_wait_s(&budget, 1000 + wait_s * UINT64_C(1000000)), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_request");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, a_target_is_read_as_it_came, 0, COUNT_OF(targets));
	tcase_add_test(tcase, a_target_has_a_longest_length);
	tcase_add_test(tcase, a_parameter_is_found_by_its_name);
	tcase_add_loop_test(tcase, only_the_whole_token_is_the_token, 0, COUNT_OF(tokens));
	tcase_add_loop_test(tcase, a_listener_on_loopback_has_no_other_name, 0, COUNT_OF(hosts));
	tcase_add_loop_test(tcase, a_push_says_what_and_for_how_long, 0, COUNT_OF(pushes));
	tcase_add_test(tcase, answers_take_a_quarter_of_the_time_at_most);
	tcase_add_test(tcase, who_is_told_to_wait_so_long_is_served_then);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
