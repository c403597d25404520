#include "tests/unit/unit.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "health/board.h"
#include "health/changelog.h"
#include "health/council.h"
#include "health/health.h"
#include "health/http_answer.h"
#include "health/http_kept.h"
#include "health/loop.h"
#include "health/post.h"
#include "health/probing.h"

/* ---- HTTP answers ---- */

/* A body of `before` bytes and then the text, in pieces of one size. */
static const struct body_case {
	const char *says, *text;
	size_t before, piece;
	enum probe_result result;
	bool reads_all; /* to the answer's end */
} bodies[] = {
	{ "a text in one piece", "needle", 10, 100, PROBE_OK, false },
	{ "a text byte by byte", "needle", 1000, 1, PROBE_OK, false },
	{ "a text across two pieces", "needle", 13, 16, PROBE_OK, false },
	{ "a text at the very start", "needle", 0, 4096, PROBE_OK, false },
	{ "a text that ends with the last byte that counts", "needle", HTTP_BODY_MAX - 6, 1000, PROBE_OK, false },
	{ "a text that ends one byte later", "needle", HTTP_BODY_MAX - 5, 1000, PROBE_BODY, false },
	{ "the same in one large piece", "needle", HTTP_BODY_MAX - 5, 1 << 20, PROBE_BODY, false },
	{ "no text wanted, a short body", "", 1000, 100, PROBE_OK, true },
	{ "no text wanted, an endless body", "", HTTP_BODY_MAX * 2, 100, PROBE_OK, false },
	{ "a text that is not there", "noodle", 1000, 100, PROBE_BODY, true },
};

START_TEST(a_body_is_searched_for_its_text)
{
	const struct body_case *c = &bodies[_i];
	struct health_probe probe = { .body = c->text };
	size_t len = c->before + strlen("needle"), at = 0;
	char *body = mem_alloc(len);
	struct http_answer answer;
	bool more = true;

	memset(body, 'n', len);
	memcpy(body + c->before, "needle", strlen("needle"));
	http_answer_init(&answer, &probe);
	for (; more && at < len; at += c->piece)
		more = http_answer_body(&answer, body + at, len - at < c->piece ? len - at : c->piece);
	ck_assert_msg(more == c->reads_all, "%s: reads on or not", c->says);
	ck_assert_uint_le(answer.body_len, HTTP_BODY_MAX);
	if (more)
		http_answer_end(&answer);
	ck_assert_msg(answer.decided == c->result, "%s: %s", c->says, probe_result_name(answer.decided));
	http_answer_fini(&answer);
	free(body);
}
END_TEST

static const struct status_case {
	const char *says;
	unsigned nranges;
	uint16_t from, to;
	long status;
	bool accepted;
} statuses[] = {
	{ "200 by default", 0, 0, 0, 200, true },
	{ "299 by default", 0, 0, 0, 299, true },
	{ "300 not by default", 0, 0, 0, 300, false },
	{ "199 is interim", 0, 0, 0, 199, true },
	{ "101 is none", 0, 0, 0, 101, false },
	{ "101 where it is wanted", 1, 101, 101, 101, true },
	{ "the first of a range", 1, 301, 302, 301, true },
	{ "the last of a range", 1, 301, 302, 302, true },
	{ "one past a range", 1, 301, 302, 303, false },
	{ "200 where another is wanted", 1, 301, 302, 200, false },
};

START_TEST(a_status_is_accepted_by_its_ranges)
{
	const struct status_case *c = &statuses[_i];
	struct health_probe probe = { .body = "", .nstatus = (uint8_t)c->nranges, .status = { { c->from, c->to } } };
	struct http_answer answer;

	http_answer_init(&answer, &probe);
	ck_assert_msg(http_answer_status(&answer, c->status) == c->accepted, "%s", c->says);
	ck_assert_int_eq(answer.decided, c->accepted ? PROBE_NONE : PROBE_STATUS);
	ck_assert_uint_eq(answer.number, c->accepted ? 0 : c->status);
	http_answer_end(&answer);
	ck_assert_int_eq(answer.decided, c->accepted ? PROBE_OK : PROBE_STATUS); /* the first decision stands */
}
END_TEST

START_TEST(a_header_ends_at_16_kib)
{
	struct health_probe probe = { .body = "" };
	struct http_answer answer;

	http_answer_init(&answer, &probe);
	ck_assert(http_answer_header(&answer, HTTP_HEADER_MAX - 1));
	ck_assert(http_answer_header(&answer, 1));
	ck_assert(!http_answer_header(&answer, 1));
	ck_assert_int_eq(answer.decided, PROBE_HTTP_HEADER);
}
END_TEST

START_TEST(a_kept_connection_is_good_for_a_while_and_until_its_certificate_ends)
{
	uint64_t now_us = clock_monotonic_us();
	uint32_t now_s = (uint32_t)(clock_wall_ms() / 1000);
	const struct http_kept good = { .made_us = now_us, .uses = HTTP_KEPT_USES - 1, .cert_end_s = now_s + 100 };
	struct http_kept old = good, worn = good, ended = good;

	old.made_us = now_us - HTTP_KEPT_US;
	worn.uses++;
	ended.cert_end_s = now_s;
	ck_assert(http_kept_is_good(&good));
	ck_assert(!http_kept_is_good(&old));
	ck_assert(!http_kept_is_good(&worn));
	ck_assert(!http_kept_is_good(&ended));
	ck_assert(!http_kept_is_good(NULL));
}
END_TEST

/* ---- the loop ---- */

struct tick {
	struct loop_timer timer;
	struct loop *loop;
	uint64_t *last_ms;
	unsigned *left;
};

static uint64_t ms_of(const struct loop_timer *timer)
{
	return (loop_at_us(timer) + 999) / 1000;
}

static void tick_fired(struct loop_timer *timer)
{
	struct tick *tick = LOOP_OWNER(timer, struct tick, timer);

	ck_assert_uint_ge(ms_of(timer), *tick->last_ms);
	ck_assert_uint_ge(clock_monotonic_us(), loop_at_us(timer));
	ck_assert(!loop_is_set(timer));
	*tick->last_ms = ms_of(timer);
	if (--*tick->left == 0)
		loop_stop(tick->loop);
}

START_TEST(timers_fire_in_order_whatever_was_moved_or_cleared)
{
	enum { N = 1000 };
	static struct tick ticks[N];
	struct loop *loop = loop_new(NULL);
	uint64_t start_us = clock_monotonic_us(), last_ms = 0;
	struct dice dice = { 3 };
	unsigned left = N;

	for (unsigned i = 0; i < N; i++) {
		ticks[i] = (struct tick){
			.timer = { .fire = tick_fired }, .loop = loop, .last_ms = &last_ms, .left = &left
		};
		loop_set(loop, &ticks[i].timer, start_us + dice_below(&dice, 20000));
	}
	for (unsigned i = 0; i < N; i += 2)
		loop_set(loop, &ticks[i].timer, start_us + dice_below(&dice, 20000));
	for (unsigned i = 0; i < N; i += 3) {
		loop_clear(loop, &ticks[i].timer);
		loop_clear(loop, &ticks[i].timer);
		left--;
	}
	loop_run(loop);
	ck_assert_uint_eq(left, 0);
	for (unsigned i = 0; i < N; i++)
		ck_assert(!loop_is_set(&ticks[i].timer));
	loop_free(loop);
}
END_TEST

struct peer {
	struct loop_watch watch;
	struct loop *loop;
	struct peer *other;
	unsigned *calls;
};

static void peer_ready(struct loop_watch *watch, uint32_t events)
{
	struct peer *peer = LOOP_OWNER(watch, struct peer, watch);
	char byte;

	ck_assert(events & EPOLLIN);
	ck_assert_int_eq((int)read(watch->fd, &byte, 1), 1);
	++*peer->calls;
	loop_unwatch(peer->loop, &peer->other->watch);
	memset(peer->other, 0xff, sizeof *peer->other); /* as good as freed: a call would crash */
}

struct stop {
	struct loop_timer timer;
	struct loop *loop;
};

static void stop_fired(struct loop_timer *timer)
{
	loop_stop(LOOP_OWNER(timer, struct stop, timer)->loop);
}

START_TEST(a_watch_dropped_by_another_is_not_called_in_that_round)
{
	struct loop *loop = loop_new(NULL);
	struct stop stop = { .timer = { .fire = stop_fired }, .loop = loop };
	struct peer peers[2];
	unsigned calls = 0;
	int pipes[2][2];

	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(pipe(pipes[i]), 0);
		peers[i] = (struct peer){ { peer_ready, pipes[i][0] }, loop, &peers[!i], &calls };
		ck_assert(loop_watch(loop, &peers[i].watch, EPOLLIN));
		ck_assert_int_eq((int)write(pipes[i][1], "x", 1), 1);
	}
	loop_set(loop, &stop.timer, clock_monotonic_us() + 1000);
	loop_run(loop);
	ck_assert_uint_eq(calls, 1);
	loop_free(loop);
}
END_TEST

/* ---- the post ---- */

static unsigned receive_all(int sock, unsigned kind)
{
	struct health_message message;
	unsigned n = 0;
	int fd;

	while (health_receive(sock, &message, &fd) == 1)
		n += message.kind == kind;
	return n;
}

START_TEST(ten_changes_of_a_slot_are_one_message)
{
	struct board *board = board_new(8, NULL);
	struct post *post;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	post = post_new(pair[0]);
	post_set_board(post, board_slots(board), 8);
	for (unsigned i = 0; i < 40; i++)
		post_changed(post, i % 8);
	post_changed(post, 8);
	ck_assert(post_flush(post));
	ck_assert_uint_eq(receive_all(pair[1], HEALTH_CHANGED), 8);
	ck_assert(post_flush(post));
	ck_assert_uint_eq(receive_all(pair[1], HEALTH_CHANGED), 0);
	post_free(post);
	board_free(board);
}
END_TEST

START_TEST(what_a_full_socket_does_not_take_is_kept_and_follows)
{
	enum { N = 5000 };
	struct health_message answer = { .kind = HEALTH_RESOLVED, .value = 1 };
	struct board *board = board_new(N, NULL);
	unsigned changed = 0;
	struct post *post;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	post = post_new(pair[0]);
	post_set_board(post, board_slots(board), N);
	for (unsigned i = 0; i < N; i++)
		post_changed(post, i);
	ck_assert(!post_flush(post));
	for (unsigned i = 0; i < N; i++)
		post_changed(post, i);               /* some wait, some were sent and are due again */
	post_set_board(post, board_slots(board), N); /* a new board keeps what waits */
	post_resolved(post, &answer);
	post_resolved(post, &answer);
	post_taken(post, 1);
	post_taken(post, 2);
	for (int i = 0; i < 100; i++) {
		bool empty = post_flush(post);
		struct health_message message;
		int fd;

		while (health_receive(pair[1], &message, &fd) == 1) {
			changed += message.kind == HEALTH_CHANGED;
			answer.slot += message.kind == HEALTH_RESOLVED;
			answer.ttl_s += message.kind == HEALTH_TAKEN;
			ck_assert(message.kind != HEALTH_TAKEN || message.value == 2);
		}
		if (empty)
			break;
	}
	ck_assert_uint_ge(changed, N);
	ck_assert_uint_lt(changed, 2 * N);
	ck_assert_uint_eq(answer.slot, 1);
	ck_assert_uint_eq(answer.ttl_s, 1);
	post_free(post);
	board_free(board);
}
END_TEST

/* ---- what is probed elsewhere ---- */

static void unheard(void *arg, uint32_t slot)
{
	(void)arg;
	(void)slot;
}

static void unvoted(void *arg)
{
	(void)arg;
}

static void unseen(void *arg, const struct health_message *message)
{
	(void)arg;
	(void)message;
}

static void run_for(struct loop *loop, uint64_t ms)
{
	struct stop stop = { .timer = { .fire = stop_fired }, .loop = loop };

	loop_set(loop, &stop.timer, clock_monotonic_us() + ms * 1000);
	loop_run(loop);
}

static void count_look(void *arg, uint32_t slot, bool suspect)
{
	(void)slot;
	(void)suspect;
	++*(unsigned *)arg;
}

START_TEST(a_round_of_looks_follows_the_other_also_while_all_is_to_be_said)
{
	enum { N = 5000 };
	static const char *const regions[] = { "ap", "eu" };
	static struct health_target targets[N];
	const struct health_plan plan = { .targets = targets, .ntargets = N, .fleet = { "/none", "us", regions, 2 } };
	struct loop *loop = loop_new(NULL);
	unsigned looks = 0;
	struct council *council = council_new(loop, count_look, &looks);

	for (uint32_t i = 0; i < N; i++)
		targets[i] = (struct health_target){ .slot = i, .port = (uint16_t)(i + 1), .label = "", .vantages = 2 };
	council_set(council, &plan, N);
	run_for(loop, 20); /* nobody is there to hear it: that is found, and all is said as far as it goes */
	council_set(council, &plan, N); /* and wants to be said again, which it may be 300 ms later */
	looks = 0;
	council_tick(council, false, NULL);
	ck_assert_uint_lt(looks, N);
	run_for(loop, 20);
	ck_assert_uint_ge(looks, N);
	council_free(council);
	loop_free(loop);
}
END_TEST

/* Its region probed it until the plan that this gslb-health begins with. */
START_TEST(one_that_others_probe_does_not_flap_for_good)
{
	static const char *const regions[] = { "ap", "eu" };
	const struct health_target target = { .slot = 1, .port = 80, .label = "", .vantages = 2 };
	const struct health_plan plan = { .targets = &target, .ntargets = 1, .fleet = { "", "us", regions, 2 } };
	const struct detector_terms flapping = { .penalty = 3072, .flaps = true, .loss_permille = 100 };
	const struct verdict was = { .state = HEALTH_UP, .damped = true, .since_s = 1 };
	const struct fleet_now now = { clock_monotonic_ms(), clock_wall_ms() };
	struct board_slot *slots = mem_alloc(1 << 16);
	struct loop *loop = loop_new(NULL);
	struct eyes *eyes = eyes_new(loop, NULL, unseen, NULL);
	struct fleet *fleet = fleet_new("u");
	struct probing *probing = probing_new(loop, NULL, eyes, fleet, &(struct probing_ops){ NULL, unheard, unvoted });
	struct detector_terms terms;
	uint32_t slot;
	bool suspect;

	atomic_store(&slots[1].word, verdict_pack(&was));
	atomic_store(&slots[1].terms, detector_terms_pack(&flapping));
	probing_set_board(probing, slots, 8);
	eyes_set(eyes, &plan);
	fleet_set(fleet, &plan, 8, &now);
	probing_set_targets(probing, &target, 1);
	while (fleet_next(fleet, &slot, &suspect))
		probing_again(probing, slot, suspect);
	terms = detector_terms_unpack(atomic_load(&slots[1].terms));
	ck_assert_int_eq(board_read(slots, 8, 1, 0).state, HEALTH_UP);
	ck_assert(!board_read(slots, 8, 1, 0).damped);
	ck_assert(!terms.flaps && terms.penalty == 0 && terms.loss_permille == 0);
	probing_free(probing);
	fleet_free(fleet);
	eyes_free(eyes);
	loop_free(loop);
	free(slots);
}
END_TEST

/* Of ap and eu, which is ours: what the board has, and what we say of it after a restart. */
static const struct restart_case {
	const char *says;
	uint64_t ap, eu; /* 1 silent, 2 up, 3 down; 0: not there */
	enum health_state before;
	enum vote_says after;
} restarts[] = {
	{ "what was down for all, and up for us", 3, 2, HEALTH_DOWN, VOTE_UP },
	{ "what was up for all, and down for us", 2, 3, HEALTH_UP, VOTE_DOWN },
	{ "what we did not see", 3, 1, HEALTH_DOWN, VOTE_SILENT },
	{ "what we did not probe", 3, 0, HEALTH_DOWN, VOTE_SILENT },
	{ "what is kept of the fleet's verdict over a restart of gslbd", 0, 0, HEALTH_DOWN, VOTE_SILENT },
};

START_TEST(after_a_restart_we_vote_as_we_did)
{
	static const char *const regions[] = { "ap", "eu" };
	const struct restart_case *c = &restarts[_i];
	const struct health_target target = { .slot = 1,
		.port = 80,
		.label = "",
		.vantages = 2,
		.probe = { .interval_ms = 1000, .rise = 2, .fall = 3 } };
	const struct health_plan plan = { .targets = &target, .ntargets = 1, .fleet = { "", "eu", regions, 2 } };
	const struct verdict was = { .state = c->before, .since_s = 1 };
	const struct fleet_now now = { clock_monotonic_ms(), clock_wall_ms() };
	struct board_slot *slots = mem_alloc(1 << 16);
	struct loop *loop = loop_new(NULL);
	struct eyes *eyes = eyes_new(loop, NULL, unseen, NULL);
	struct fleet *fleet = fleet_new("e");
	struct probing *probing = probing_new(loop, NULL, eyes, fleet, &(struct probing_ops){ NULL, unheard, unvoted });
	struct fleet_verdict verdict;

	atomic_store(&slots[1].word, verdict_pack(&was));
	atomic_store(&board_attached_says(slots, 8)[1],
		c->ap | (c->eu != 0 ? (UINT64_C(1) << 3 | c->eu) << BOARD_SAYS_BITS : 0));
	probing_set_board(probing, slots, 8);
	eyes_set(eyes, &plan);
	fleet_set(fleet, &plan, 8, &now);
	probing_set_targets(probing, &target, 1);
	ck_assert_msg(board_read(slots, 8, 1, 0).state == c->before, "%s: the verdict stays", c->says);
	fleet_judge(fleet, 1, &now, &verdict);
	ck_assert_msg(verdict.state == c->before, "%s: the verdict stays", c->says);
	for (unsigned i = 0; i < verdict.nassigned; i++)
		ck_assert_msg(verdict.says[i].says == (verdict.says[i].region == 1 ? c->after : VOTE_SILENT), "%s: %d",
			c->says, verdict.says[i].says);
	probing_free(probing);
	fleet_free(fleet);
	eyes_free(eyes);
	loop_free(loop);
	free(slots);
}
END_TEST

/* ---- reasons ---- */

START_TEST(a_reason_is_one_text_without_quotes)
{
	struct probe_report report = { .result = PROBE_EXEC_EXIT, .number = 3, .detail = "no \"master\"" };
	char text[REASON_TEXT_MAX];

	ck_assert_str_eq(reason_format(&report, text), "exit status 3 (no 'master')");
	report = (struct probe_report){ .result = PROBE_REFUSED };
	ck_assert_str_eq(reason_format(&report, text), "connect refused");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("probing");
	TCase *http = tcase_create("http"), *loop = tcase_create("loop"), *post = tcase_create("post"),
	      *fleet = tcase_create("fleet");

	tcase_add_loop_test(http, a_body_is_searched_for_its_text, 0, COUNT_OF(bodies));
	tcase_add_loop_test(http, a_status_is_accepted_by_its_ranges, 0, COUNT_OF(statuses));
	tcase_add_test(http, a_header_ends_at_16_kib);
	tcase_add_test(http, a_kept_connection_is_good_for_a_while_and_until_its_certificate_ends);
	suite_add_tcase(suite, http);
	tcase_add_test(loop, timers_fire_in_order_whatever_was_moved_or_cleared);
	tcase_add_test(loop, a_watch_dropped_by_another_is_not_called_in_that_round);
	suite_add_tcase(suite, loop);
	tcase_add_test(post, ten_changes_of_a_slot_are_one_message);
	tcase_add_test(post, what_a_full_socket_does_not_take_is_kept_and_follows);
	tcase_add_test(post, a_reason_is_one_text_without_quotes);
	suite_add_tcase(suite, post);
	tcase_add_test(fleet, a_round_of_looks_follows_the_other_also_while_all_is_to_be_said);
	tcase_add_test(fleet, one_that_others_probe_does_not_flap_for_good);
	tcase_add_loop_test(fleet, after_a_restart_we_vote_as_we_did, 0, COUNT_OF(restarts));
	suite_add_tcase(suite, fleet);
	return unit_run(suite);
}
