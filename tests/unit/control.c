#include "base/control.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gslb/line.h"
#include "tests/unit/unit.h"

static char folder[UNIT_FOLDER_MAX];
static char *path;
static struct control *control;
static uint64_t now_ms = 1000000;
static uint64_t deferred;
static struct control_peer last_peer;

/* ---- commands ---- */

static void run_echo(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	(void)context, (void)ticket;
	last_peer = *peer;
	reply->result = json_deep_copy(args);
}

static void run_fail(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	(void)context, (void)args, (void)peer, (void)ticket;
	reply->exit = 1;
	err_set(&reply->err, "no pool nowhere");
}

static void run_part(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	(void)context, (void)args, (void)peer, (void)ticket;
	reply->exit = 3;
	reply->result = json_pack("{s:i}", "done", 1);
	err_set(&reply->err, "one zone was refused");
}

static void run_later(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	(void)context, (void)args, (void)peer;
	deferred = ticket;
	reply->defer = ticket;
}

static void run_big(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	size_t len = (size_t)json_integer_value(json_object_get(args, "len"));
	char *text = mem_alloc(len + 1);

	(void)context, (void)peer, (void)ticket;
	memset(text, 'x', len);
	reply->result = json_pack("{s:s#}", "text", text, (int)len);
	free(text);
}

static const struct control_command commands[] = {
	{ "echo", false, run_echo },
	{ "change", true, run_echo },
	{ "fail", false, run_fail },
	{ "part", false, run_part },
	{ "later", false, run_later },
	{ "big", false, run_big },
	{ NULL, false, NULL },
};

/* ---- both ends ---- */

static void open_control(gid_t group, gid_t read_only)
{
	struct err err;

	control = control_open(path, group, read_only, commands, NULL, &err);
	ck_assert_msg(control != NULL, "%s", err.text);
}

static void set_up(void)
{
	unit_folder(folder);
	path = mem_printf("%s/run/ctl", folder); /* run/ is made */
	open_control((gid_t)-1, (gid_t)-1);
}

static void tear_down(void)
{
	control_close(control);
	control = NULL;
	free(path);
}

static int dial(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(at.sun_path, path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

/* Let the server work until it has nothing to do. */
static void settle(void)
{
	struct pollfd p = { .fd = control_fd(control), .events = POLLIN };

	for (unsigned i = 0; i < 100000 && poll(&p, 1, 0) > 0; i++)
		control_run(control, now_ms);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
}

static void say(int fd, const char *text)
{
	ck_assert(file_write_all(fd, text, strlen(text)));
}

/* The next line; "" when the other end closed, "..." when nothing is there. */
static const char *hear(int fd)
{
	static char line[4096];
	size_t len = 0;

	settle();
	while (len < sizeof line - 1) {
		ssize_t n = recv(fd, line + len, 1, MSG_DONTWAIT);

		if (n < 0 && len == 0)
			return errno == EAGAIN ? "..." : "";
		if (n <= 0 || line[len] == '\n')
			break;
		len++;
	}
	line[len] = '\0';
	return line;
}

/* ---- tests ---- */

static const struct line_case {
	const char *request, *reply;
} lines[] = {
	{ "{\"command\":\"echo\",\"args\":{\"a\":[1]}}", "{\"ok\":true,\"result\":{\"a\":[1]}}" },
	{ "{\"command\":\"echo\"}", "{\"ok\":true,\"result\":{}}" },
	{ "{\"command\":\"fail\",\"args\":{}}", "{\"ok\":false,\"exit\":1,\"error\":\"no pool nowhere\"}" },
	{ "{\"command\":\"part\"}",
		"{\"ok\":true,\"exit\":3,\"result\":{\"done\":1},\"error\":\"one zone was refused\"}" },
	{ "{\"command\":\"change\"}", "{\"ok\":true,\"result\":{}}" },
	{ "{\"command\":\"dance\"}", "{\"ok\":false,\"exit\":1,\"error\":\"dance: this gslbd has no such command\"}" },
	{ "{\"command\":\"echo\",\"args\":[]}", "{\"ok\":false,\"exit\":1,\"error\":\"echo: \\\"args\\\" is an object: "
						"{\\\"command\\\":\\\"echo\\\",\\\"args\\\":{}}\"}" },
	{ "{}", "{\"ok\":false,\"exit\":1,\"error\":\"a request names its command: "
		"{\\\"command\\\":\\\"status\\\",\\\"args\\\":{}}\"}" },
	{ "[]", "{\"ok\":false,\"exit\":1,\"error\":\"not a request: not an object (a request is one JSON object in "
		"one line)\"}" },
	{ "", "{\"ok\":false,\"exit\":1,\"error\":\"not a request: '[' or '{' expected near end of file "
	      "(a request is one JSON object in one line)\"}" },
	{ "{\"command\":\"echo\",\"command\":\"fail\"}",
		"{\"ok\":false,\"exit\":1,\"error\":\"not a request: "
		"duplicate object key near '\\\"command\\\"' (a request is one JSON object in one line)\"}" },
	{ "\377\001{", "{\"ok\":false,\"exit\":1,\"error\":\"not a request: unable to decode byte 0xff "
		       "(a request is one JSON object in one line)\"}" },
};

START_TEST(a_line_is_answered_with_a_line)
{
	int fd = dial();

	say(fd, lines[_i].request);
	say(fd, "\n");
	ck_assert_str_eq(hear(fd), lines[_i].reply);
	ck_assert_str_eq(hear(fd), "...");
	close(fd);
}
END_TEST

START_TEST(many_requests_in_one_packet_are_answered_in_order)
{
	int fd = dial();

	for (unsigned i = 0; i < 50; i++) {
		char line[64];

		snprintf(line, sizeof line, "{\"command\":\"echo\",\"args\":{\"n\":%u}}\n", i);
		say(fd, line);
	}
	for (unsigned i = 0; i < 50; i++) {
		char want[64];

		snprintf(want, sizeof want, "{\"ok\":true,\"result\":{\"n\":%u}}", i);
		ck_assert_str_eq(hear(fd), want);
	}
	close(fd);
}
END_TEST

START_TEST(a_request_in_pieces_is_one_request)
{
	const char *text = "{\"command\":\"echo\"}\n";
	int fd = dial();

	for (; *text != '\0'; text++) {
		ck_assert_int_eq(write(fd, text, 1), 1);
		settle();
	}
	ck_assert_str_eq(hear(fd), "{\"ok\":true,\"result\":{}}");
	close(fd);
}
END_TEST

START_TEST(a_client_that_ends_its_side_still_gets_its_answer)
{
	int fd = dial();

	say(fd, "{\"command\":\"echo\"}\n{\"command\":\"fail\"}\nrest");
	shutdown(fd, SHUT_WR);
	ck_assert_str_eq(hear(fd), "{\"ok\":true,\"result\":{}}");
	ck_assert_str_eq(hear(fd), "{\"ok\":false,\"exit\":1,\"error\":\"no pool nowhere\"}");
	ck_assert_str_eq(hear(fd), "");
	close(fd);
}
END_TEST

START_TEST(the_peer_is_known_by_its_credentials)
{
	int fd = dial();

	say(fd, "{\"command\":\"echo\"}\n");
	hear(fd);
	ck_assert_uint_eq(last_peer.uid, getuid());
	ck_assert(!last_peer.read_only);
	ck_assert(last_peer.name[0] != '\0');
	close(fd);
}
END_TEST

START_TEST(a_deferred_answer_comes_with_its_ticket_and_in_its_turn)
{
	struct control_reply reply = { .result = json_pack("{s:i}", "serial", 7) };
	int fd = dial();

	say(fd, "{\"command\":\"later\"}\n{\"command\":\"fail\"}\n");
	ck_assert_str_eq(hear(fd), "...");
	ck_assert_uint_ne(deferred, 0);
	control_answer(control, deferred, &reply);
	ck_assert_ptr_null(reply.result);
	ck_assert_str_eq(hear(fd), "{\"ok\":true,\"result\":{\"serial\":7}}");
	ck_assert_str_eq(hear(fd), "{\"ok\":false,\"exit\":1,\"error\":\"no pool nowhere\"}");
	close(fd);
}
END_TEST

START_TEST(an_answer_for_one_who_has_gone_is_dropped)
{
	struct control_reply reply = { .result = json_object() };
	int fd = dial();

	say(fd, "{\"command\":\"later\"}\n");
	settle();
	close(fd);
	settle();
	control_answer(control, deferred, &reply);
	settle();
	fd = dial();
	say(fd, "{\"command\":\"echo\"}\n");
	ck_assert_str_eq(hear(fd), "{\"ok\":true,\"result\":{}}");
	close(fd);
}
END_TEST

/* ---- the other end ---- */

static struct line asking;
static int heard;

static enum line_event look(json_t **answer)
{
	uint64_t next_ms = UINT64_MAX;

	*answer = NULL;
	return line_run(&asking, now_ms, answer, &next_ms);
}

START_TEST(a_line_is_lost_by_what_is_no_answer_and_only_when_one_was_waited_for)
{
	static const char answer[] = "{\"ok\":true}\n", noise[] = "[1]\n", both[] = "{\"ok\":true}\n{\"ok\":true}\n";
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char *place = mem_printf("%s/line.sock", folder);
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	json_t *got;

	strcpy(at.sun_path, place);
	unlink(place);
	ck_assert_int_eq(bind(listening, (const struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(listening, 4), 0);
	line_init(&asking, place);
	ck_assert(line_ask(&asking, "news", json_object(), 1000, now_ms));
	heard = accept(listening, NULL, NULL);
	ck_assert_int_eq(write(heard, noise, sizeof noise - 1), sizeof noise - 1);
	ck_assert_int_eq(look(&got), LINE_LOST);
	ck_assert_ptr_null(got);
	close(heard);
	now_ms += 5000;
	ck_assert(line_ask(&asking, "news", json_object(), 1000, now_ms));
	heard = accept(listening, NULL, NULL);
	ck_assert_int_eq(write(heard, answer, sizeof answer - 1), sizeof answer - 1);
	ck_assert_int_eq(look(&got), LINE_ANSWERED);
	json_decref(got);
	ck_assert_int_eq(write(heard, both, sizeof both - 1), sizeof both - 1);
	ck_assert_int_eq(look(&got), LINE_NOTHING);
	ck_assert_ptr_null(got);
	ck_assert_int_eq(asking.fd, -1);
	line_fini(&asking);
	close(heard);
	close(listening);
	free(place);
}
END_TEST

START_TEST(a_line_over_one_mebibyte_is_refused_and_the_client_sent_away)
{
	char *text = mem_alloc(1 << 16);
	int fd = dial();
	size_t sent = 0;

	memset(text, ' ', 1 << 16);
	while (sent < (1 << 20) + (1 << 17)) {
		ssize_t n = send(fd, text, 1 << 16, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		settle();
	}
	ck_assert_str_eq(hear(fd), "{\"ok\":false,\"exit\":1,\"error\":\"a request is at most 1 MiB long\"}");
	ck_assert_str_eq(hear(fd), "");
	close(fd);
	free(text);
}
END_TEST

START_TEST(a_line_of_one_mebibyte_is_taken)
{
	static const char head[] = "{\"command\":\"echo\"";
	char *text = mem_alloc(1 << 20);
	int fd = dial();
	size_t sent = 0, len = 1 << 20;

	memset(text, ' ', len);
	memcpy(text, head, sizeof head - 1);
	memcpy(text + len - 2, "}\n", 2);
	while (sent < len) {
		ssize_t n = send(fd, text + sent, len - sent, MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		settle();
	}
	ck_assert_str_eq(hear(fd), "{\"ok\":true,\"result\":{}}");
	close(fd);
	free(text);
}
END_TEST

START_TEST(a_slow_reader_holds_nobody_up_and_gets_all_of_its_reply)
{
	size_t got = 0, want = (8 << 20) + strlen("{\"ok\":true,\"result\":{\"text\":\"\"}}\n");
	char *chunk = mem_alloc(1 << 16);
	int slow = dial(), quick = dial();

	say(slow, "{\"command\":\"big\",\"args\":{\"len\":8388608}}\n");
	settle();
	say(quick, "{\"command\":\"echo\"}\n");
	ck_assert_str_eq(hear(quick), "{\"ok\":true,\"result\":{}}");
	while (got < want) {
		ssize_t n = recv(slow, chunk, 1 << 16, MSG_DONTWAIT);

		ck_assert(n > 0 || errno == EAGAIN);
		got += n > 0 ? (size_t)n : 0;
		now_ms += 50000; /* slow, but it moves: it is not ended */
		settle();
	}
	ck_assert_uint_eq(got, want);
	close(slow);
	close(quick);
	free(chunk);
}
END_TEST

START_TEST(a_reply_over_the_bound_becomes_a_sentence)
{
	int fd = dial();

	say(fd, "{\"command\":\"big\",\"args\":{\"len\":70000000}}\n");
	ck_assert_str_eq(hear(fd),
		"{\"ok\":false,\"exit\":1,\"error\":\"the reply is too large (ask for less with a filter)\"}");
	close(fd);
}
END_TEST

START_TEST(who_stops_in_the_middle_of_a_request_is_ended_after_a_minute)
{
	int half = dial(), still = dial();

	say(half, "{\"comm");
	settle();
	now_ms += 59999;
	control_run(control, now_ms);
	ck_assert_str_eq(hear(half), "...");
	now_ms += 1;
	control_run(control, now_ms);
	ck_assert_str_eq(hear(half), "");
	ck_assert_str_eq(hear(still), "...");
	close(half);
	close(still);
}
END_TEST

START_TEST(who_takes_nothing_of_a_reply_is_ended_after_a_minute)
{
	int fd = dial();
	char byte;

	say(fd, "{\"command\":\"big\",\"args\":{\"len\":8388608}}\n");
	settle();
	now_ms += 60000;
	control_run(control, now_ms);
	while (recv(fd, &byte, 1, MSG_DONTWAIT) == 1)
		;
	ck_assert_str_eq(hear(fd), "");
	close(fd);
}
END_TEST

START_TEST(a_full_house_lets_its_longest_silent_guest_go)
{
	int fds[CONTROL_PLACES + 1];

	for (unsigned i = 0; i <= CONTROL_PLACES; i++) {
		fds[i] = dial();
		settle();
		now_ms += 10;
	}
	say(fds[CONTROL_PLACES], "{\"command\":\"echo\"}\n");
	ck_assert_str_eq(hear(fds[CONTROL_PLACES]), "{\"ok\":true,\"result\":{}}");
	ck_assert_str_eq(hear(fds[0]), "");
	ck_assert_str_eq(hear(fds[1]), "...");
	for (unsigned i = 0; i <= CONTROL_PLACES; i++)
		close(fds[i]);
}
END_TEST

START_TEST(a_house_full_of_work_refuses_with_a_sentence)
{
	int fds[CONTROL_PLACES + 1];

	for (unsigned i = 0; i <= CONTROL_PLACES; i++) {
		fds[i] = dial();
		if (i < CONTROL_PLACES)
			say(fds[i], "{\"command\":\"later\"}\n");
		settle();
	}
	ck_assert_str_eq(hear(fds[CONTROL_PLACES]),
		"{\"ok\":false,\"exit\":1,\"error\":\"all places of the control socket are "
		"taken: try again in a moment\"}");
	ck_assert_str_eq(hear(fds[CONTROL_PLACES]), "");
	for (unsigned i = 0; i <= CONTROL_PLACES; i++)
		close(fds[i]);
	settle();
}
END_TEST

START_TEST(the_socket_is_for_its_owner_and_group)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert_uint_eq(st.st_gid, getegid());
}
END_TEST

START_TEST(a_live_socket_is_refused_and_a_dead_one_replaced)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct err err;
	int dead;

	ck_assert_ptr_null(control_open(path, (gid_t)-1, (gid_t)-1, commands, NULL, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "another gslbd listens there"));
	control_close(control);
	ck_assert_int_ne(access(path, F_OK), 0);

	dead = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(at.sun_path, path);
	ck_assert_int_eq(bind(dead, (struct sockaddr *)&at, sizeof at), 0);
	close(dead);
	open_control((gid_t)-1, (gid_t)-1);
	close(dial());
	settle();
}
END_TEST

START_TEST(a_file_in_the_socket_s_place_is_left_alone)
{
	struct err err;

	control_close(control);
	ck_assert(file_replace(path, "x", 1, 0600, &err));
	control = control_open(path, (gid_t)-1, (gid_t)-1, commands, NULL, &err);
	ck_assert_ptr_null(control);
	ck_assert_ptr_nonnull(strstr(err.text, "is not a socket"));
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

/* Needs root, which alone can take another's credentials. */
static const struct role_case {
	gid_t gid, other; /* of the peer; other: a supplementary group */
	const char *echo, *change;
} roles[] = {
	{ 6001, 6009, "{\"ok\":true,\"result\":{}}", "{\"ok\":true,\"result\":{}}" },
	{ 6009, 6001, "{\"ok\":true,\"result\":{}}", "{\"ok\":true,\"result\":{}}" },
	{ 6002, 6009, "{\"ok\":true,\"result\":{}}",
		"{\"ok\":false,\"exit\":1,\"error\":\"change: 54321 may look and not "
		"change: it is in the read-only group alone\"}" },
	{ 6009, 6002, "{\"ok\":true,\"result\":{}}",
		"{\"ok\":false,\"exit\":1,\"error\":\"change: 54321 may look and not "
		"change: it is in the read-only group alone\"}" },
	{ 6002, 6001, "{\"ok\":true,\"result\":{}}", "{\"ok\":true,\"result\":{}}" },
	{ 6009, 6008,
		"{\"ok\":false,\"exit\":1,\"error\":\"54321 is neither in the control group nor in the read-only "
		"group\"}",
		"" },
};

START_TEST(the_read_only_group_may_look_and_not_change)
{
	const struct role_case *role = &roles[_i];
	char *run = mem_printf("%s/run", folder);
	int fd;

	if (geteuid() != 0)
		return;
	control_close(control);
	open_control(6001, 6002);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	ck_assert_int_eq(setgroups(1, &role->other), 0);
	ck_assert_int_eq(setresgid(role->gid, role->gid, 0), 0);
	ck_assert_int_eq(setresuid((uid_t)-1, 54321, 0), 0);
	fd = dial();
	ck_assert_int_eq(setresuid((uid_t)-1, 0, 0), 0);
	ck_assert_int_eq(setresgid(0, 0, 0), 0);
	say(fd, "{\"command\":\"echo\"}\n");
	ck_assert_str_eq(hear(fd), role->echo);
	if (*role->change != '\0')
		say(fd, "{\"command\":\"change\"}\n");
	ck_assert_str_eq(hear(fd), role->change);
	close(fd);
	free(run);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *cases = tcase_create("control");

	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, a_line_is_answered_with_a_line, 0, COUNT_OF(lines));
	tcase_add_test(cases, many_requests_in_one_packet_are_answered_in_order);
	tcase_add_test(cases, a_request_in_pieces_is_one_request);
	tcase_add_test(cases, a_client_that_ends_its_side_still_gets_its_answer);
	tcase_add_test(cases, the_peer_is_known_by_its_credentials);
	tcase_add_test(cases, a_deferred_answer_comes_with_its_ticket_and_in_its_turn);
	tcase_add_test(cases, an_answer_for_one_who_has_gone_is_dropped);
	tcase_add_test(cases, a_line_is_lost_by_what_is_no_answer_and_only_when_one_was_waited_for);
	tcase_add_test(cases, a_line_over_one_mebibyte_is_refused_and_the_client_sent_away);
	tcase_add_test(cases, a_line_of_one_mebibyte_is_taken);
	tcase_add_test(cases, a_slow_reader_holds_nobody_up_and_gets_all_of_its_reply);
	tcase_add_test(cases, a_reply_over_the_bound_becomes_a_sentence);
	tcase_add_test(cases, who_stops_in_the_middle_of_a_request_is_ended_after_a_minute);
	tcase_add_test(cases, who_takes_nothing_of_a_reply_is_ended_after_a_minute);
	tcase_add_test(cases, a_full_house_lets_its_longest_silent_guest_go);
	tcase_add_test(cases, a_house_full_of_work_refuses_with_a_sentence);
	tcase_add_test(cases, the_socket_is_for_its_owner_and_group);
	tcase_add_test(cases, a_live_socket_is_refused_and_a_dead_one_replaced);
	tcase_add_test(cases, a_file_in_the_socket_s_place_is_left_alone);
	tcase_add_loop_test(cases, the_read_only_group_may_look_and_not_change, 0, COUNT_OF(roles));
	suite_add_tcase(suite, cases);
	return unit_run(suite);
}
