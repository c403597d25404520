/* The TCP part of a worker, with the test in the place of the worker's loop and of its clock. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "gslb/tcp_client.h"
#include "tests/unit/message.h"
#include "tests/unit/packet_world.h"

enum { PATIENCE_MS = 10000, IDLE_MS = 10000, TURN_ANSWERS = 48, TURN_EXPIRES = 8, TURNS_MAX = 5000 };

static struct world world;
static struct packet_identity identity;
static struct counters counters;
static struct dice dice = { 7 };
static struct packet_context context;
static struct tcp_limits limits;
static struct source listener, udp;
static uint16_t port;
static int epoll;
static struct tcp *tcp;
static uint64_t now_ms = 1000000;
static struct buf text;

static void limit(uint32_t clients, uint32_t per_prefix, uint32_t idle_ms)
{
	atomic_store(&limits.clients, clients);
	atomic_store(&limits.per_prefix, per_prefix);
	atomic_store(&limits.idle_ms, idle_ms);
}

static void setup(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &listener };
	struct addr loopback;
	struct err err;

	memset(&counters, 0, sizeof counters);
	packet_world_init(&world, 1);
	identity = packet_world_identity;
	context =
		(struct packet_context){ .world = &world, .identity = &identity, .dice = &dice, .counters = &counters };
	limit(100, 100, IDLE_MS);
	ck_assert(addr_parse("0.0.0.0", &loopback));
	ck_assert_msg(listen_open(&loopback, &port, true, &udp, &listener, &err), "%s", err.text);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, listener.fd, &event), 0);
	tcp = tcp_new(epoll, &context, &limits, &identity.tcp_idle_ms, &err);
	ck_assert_msg(tcp != NULL, "%s", err.text);
}

static void teardown(void)
{
	tcp_free(tcp);
	close(epoll);
	close(listener.fd);
	close(udp.fd);
	packet_world_fini(&world);
	buf_fini(&text);
}

static uint64_t counted(enum counter which)
{
	return atomic_load(&counters.value[which]);
}

/* One turn as the worker takes it. True when there was anything to do. */
static bool turn(void)
{
	struct epoll_event events[4];
	int n = epoll_wait(epoll, events, 4, 0);
	bool clients = false, listens = false;

	for (int i = 0; i < n; i++) {
		const struct source *source = events[i].data.ptr;

		clients |= source->kind == SOCKET_TCP;
		listens |= source->kind == SOCKET_LISTEN;
	}
	if (clients)
		tcp_serve(tcp, now_ms);
	if (listens)
		tcp_accept(tcp, &listener, now_ms);
	tcp_expire(tcp, now_ms, false);
	return clients || listens;
}

static void settle(void)
{
	for (unsigned n = 0; turn(); n++)
		ck_assert_uint_lt(n, TURNS_MAX);
}

/* ---- clients ---- */

static int connect_from(const char *address)
{
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)
	};
	struct sockaddr_storage from;
	struct addr addr;
	socklen_t len;
	int small = 16384, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert(addr_parse(address, &addr));
	len = addr_to_sockaddr(&addr, 0, &from);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, len), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	ck_assert_msg(connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "%s", strerror(errno));
	settle();
	return fd;
}

static size_t framed(const char *words, uint8_t *bytes, size_t cap)
{
	size_t len = message_query(words, bytes + 2, cap - 2);

	bytes[0] = (uint8_t)(len >> 8);
	bytes[1] = (uint8_t)len;
	return 2 + len;
}

/* The next message as text; "closed" in good order, "reset" when it was cut off, "open" when nothing came. */
static const char *hear(int fd, int flags)
{
	static uint8_t bytes[65535];
	uint8_t head[2];
	ssize_t got;
	size_t len;

	errno = 0;
	got = recv(fd, head, 2, MSG_WAITALL | flags);
	if (got != 2)
		return got == 0 ? "closed" : errno == EAGAIN ? "open" : "reset";
	len = (size_t)(head[0] << 8 | head[1]);
	ck_assert_int_eq(recv(fd, bytes, len, MSG_WAITALL), (ssize_t)len);
	return message_text(bytes, len, &text);
}

static const char *state(int fd)
{
	return hear(fd, MSG_DONTWAIT);
}

static void say(int fd, const char *words)
{
	uint8_t bytes[600];

	ck_assert(file_write_all(fd, bytes, framed(words, bytes, sizeof bytes)));
	settle();
}

static const char *ask(int fd, const char *words)
{
	say(fd, words);
	return hear(fd, 0);
}

/* Begin a query and do not end it. */
static void begin(int fd)
{
	ck_assert_int_eq(send(fd, "\0\50", 2, 0), 2);
	settle();
}

/* Queries until nobody takes more; once more, and it goes on where that was. */
static void stuff(int fd, const char *words)
{
	static size_t sent[1024];
	static uint8_t lot[60000];
	size_t query_len = framed(words, lot, 600), len = query_len;

	for (; len + query_len <= sizeof lot; len += query_len)
		memcpy(lot + len, lot, query_len);
	for (int quiet = 0; quiet < 3;) {
		size_t at = sent[fd] % query_len;
		ssize_t n = send(fd, lot + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		sent[fd] += n > 0 ? (size_t)n : 0;
		quiet = n > 0 ? 0 : quiet + 1;
		settle();
	}
}

/* Whole queries, one by one, until their answers are not taken. */
static void send_until_kept(int fd, const char *words)
{
	while (roster_first(tcp->roster, ROSTER_WRITING) == NULL)
		say(fd, words);
}

#define ASK "ns1.svc.example A"
#define SAID "NOERROR aa; ns1.svc.example A; answer: ns1.svc.example 3600 A 192.0.2.53"
#define PROMISED(n) SAID "; opt: 1232 keepalive=" #n

/* ---- limits ---- */

START_TEST(over_its_networks_limit_the_neighbour_who_waited_longest_goes)
{
	int stranger, old, young, newcomer;

	limit(100, 2, IDLE_MS);
	stranger = connect_from("127.1.1.1");
	ck_assert_str_eq(ask(stranger, ASK), SAID);
	now_ms++;
	old = connect_from("127.2.2.1");
	young = connect_from("127.2.2.2");
	ck_assert_str_eq(ask(old, ASK), SAID);
	now_ms++;
	ck_assert_str_eq(ask(young, ASK), SAID);
	now_ms++;
	ck_assert_str_eq(ask(old, ASK), SAID);
	newcomer = connect_from("127.2.2.3");
	ck_assert_str_eq(ask(newcomer, ASK), SAID);
	ck_assert_str_eq(state(young), "closed");
	ck_assert_str_eq(state(old), "open");
	ck_assert_str_eq(state(stranger), "open");
	ck_assert_uint_eq(counted(COUNT_tcp_shed_prefix), 1);
	ck_assert_uint_eq(counted(COUNT_tcp_shed), 0);
	ck_assert_uint_eq(tcp_clients(tcp), 3);
	close(stranger);
	close(old);
	close(young);
	close(newcomer);
}
END_TEST

START_TEST(over_the_limit_of_all_who_waited_longest_goes_whatever_for)
{
	static const char *const addresses[] = { "127.1.1.1", "127.2.2.1", "127.3.3.1", "127.4.4.1", "127.5.5.1" };
	int fd[5];

	limit(3, 100, IDLE_MS);
	fd[0] = connect_from(addresses[0]);
	begin(fd[0]); /* half a query */
	now_ms++;
	fd[1] = connect_from(addresses[1]);
	stuff(fd[1], "big.svc.example TXT");
	now_ms++;
	fd[2] = connect_from(addresses[2]);
	ck_assert_str_eq(ask(fd[2], ASK), SAID);
	now_ms++;
	fd[3] = connect_from(addresses[3]);
	ck_assert_str_eq(ask(fd[3], ASK), SAID);
	ck_assert_str_eq(state(fd[0]), "reset");
	now_ms++;
	fd[4] = connect_from(addresses[4]);
	ck_assert_str_eq(ask(fd[4], ASK), SAID);
	ck_assert_str_eq(state(fd[2]), "open"); /* it was the deaf one's turn */
	ck_assert_uint_eq(counted(COUNT_tcp_shed), 2);
	ck_assert_uint_eq(tcp_clients(tcp), 3);
	for (unsigned i = 0; i < COUNT_OF(fd); i++)
		close(fd[i]);
}
END_TEST

START_TEST(a_limit_that_a_reload_lowers_is_reached_as_others_come)
{
	enum { MANY = 20 };
	int fd[2 * MANY];

	for (unsigned i = 0; i < 2 * MANY; i++) {
		if (i == MANY)
			limit(5, 100, IDLE_MS);
		fd[i] = connect_from("127.0.0.1");
		ck_assert_str_eq(ask(fd[i], ASK), SAID);
	}
	ck_assert_uint_eq(tcp_clients(tcp), 5);
	for (unsigned i = 0; i < 2 * MANY; i++)
		close(fd[i]);
}
END_TEST

START_TEST(deaf_clients_hold_no_more_memory_than_their_places_give)
{
	enum { MANY = 60 };
	size_t before = mallinfo2().uordblks, most = TCP_HEAP_MIN + MANY * TCP_PLACE_LEN + 65536;
	int fd[MANY], newcomer;

	limit(MANY, MANY, IDLE_MS);
	for (unsigned i = 0; i < MANY; i++) {
		fd[i] = connect_from("127.0.0.1");
		stuff(fd[i], "big.svc.example TXT");
	}
	ck_assert_uint_lt(mallinfo2().uordblks - before, most + (size_t)MANY * TCP_HEAP_EACH);
	newcomer = connect_from("127.0.0.1");
	ck_assert_str_eq(ask(newcomer, ASK), SAID);
	for (unsigned i = 0; i < MANY; i++)
		close(fd[i]);
	close(newcomer);
}
END_TEST

START_TEST(a_long_query_that_does_not_end_counts_as_memory)
{
	enum { MANY = 12 };
	static const uint8_t lie[60000] = { 255, 255 };
	int fd[MANY];

	limit(MANY, MANY, IDLE_MS); /* few places: 256 KB, which is four of them */
	for (unsigned i = 0; i < MANY; i++) {
		size_t sent = 0;

		fd[i] = connect_from("127.0.0.1");
		while (sent < sizeof lie) {
			ssize_t n = send(fd[i], lie + sent, sizeof lie - sent, MSG_DONTWAIT);

			sent += n > 0 ? (size_t)n : 0;
			settle();
		}
	}
	ck_assert_uint_ge(counted(COUNT_tcp_shed_memory), MANY - 4);
	ck_assert_str_eq(state(fd[0]), "reset");
	ck_assert_str_eq(state(fd[MANY - 1]), "open");
	for (unsigned i = 0; i < MANY; i++)
		close(fd[i]);
}
END_TEST

START_TEST(a_client_is_told_how_long_it_may_stay)
{
	int first = connect_from("127.1.1.1"), second;

	limit(3, 2, IDLE_MS);
	ck_assert_str_eq(ask(first, ASK " keepalive"), PROMISED(100));
	second = connect_from("127.1.1.2"); /* its network is full now */
	ck_assert_str_eq(ask(first, ASK " keepalive"), PROMISED(0));
	close(second);
	settle();
	ck_assert_str_eq(ask(first, ASK " keepalive"), PROMISED(100));
	limit(1, 2, IDLE_MS); /* all places are taken */
	ck_assert_str_eq(ask(first, ASK " keepalive"), PROMISED(0));
	limit(3, 2, 1500);
	ck_assert_str_eq(ask(first, ASK " keepalive"), PROMISED(15));
	close(first);
}
END_TEST

START_TEST(a_server_that_stops_promises_nothing)
{
	int fd = connect_from("127.1.1.1");
	uint8_t bytes[600];
	size_t len = framed(ASK " keepalive", bytes, sizeof bytes);

	ck_assert_int_eq(send(fd, bytes, len - 1, 0), (ssize_t)len - 1);
	settle();
	tcp_expire(tcp, now_ms, true);
	ck_assert_str_eq(state(fd), "open");
	ck_assert_int_eq(send(fd, bytes + len - 1, 1, 0), 1);
	tcp_serve(tcp, now_ms);
	ck_assert_str_eq(hear(fd, 0), PROMISED(0));
	ck_assert_uint_le(tcp_next_ms(tcp), now_ms);
	tcp_expire(tcp, now_ms, true);
	ck_assert_str_eq(state(fd), "closed");
	close(fd);
}
END_TEST

/* ---- turns ---- */

START_TEST(a_turn_ends_after_some_answers_and_the_next_one_goes_on)
{
	enum { N = 1000 };
	int fd = connect_from("127.0.0.1");
	static uint8_t bytes[N * 50];
	uint64_t before = 0;
	size_t len = 0;

	while (counted(COUNT_tcp_accepted) == 0)
		turn();
	for (unsigned i = 0; i < N; i++)
		len += framed(ASK, bytes + len, sizeof bytes - len);
	ck_assert_int_eq(send(fd, bytes, len, MSG_DONTWAIT), (ssize_t)len);
	shutdown(fd, SHUT_WR);
	while (turn()) {
		ck_assert_uint_le(counted(COUNT_queries_tcp) - before, TURN_ANSWERS);
		before = counted(COUNT_queries_tcp);
	}
	for (unsigned i = 0; i < N; i++)
		ck_assert_msg(strcmp(hear(fd, 0), SAID) == 0, "answer %u: %s", i, text.text);
	ck_assert_str_eq(hear(fd, 0), "closed");
	ck_assert_uint_eq(tcp_clients(tcp), 0);
	close(fd);
}
END_TEST

START_TEST(what_was_read_and_not_answered_in_a_turn_is_answered_without_more_to_read)
{
	enum { N = TURN_ANSWERS + 4 };
	int fd = connect_from("127.0.0.1");
	uint8_t bytes[4096];
	size_t len = 0;

	for (unsigned i = 0; i < N; i++)
		len += framed(". A", bytes + len, sizeof bytes - len);
	ck_assert_uint_lt(len, STREAM_SMALL); /* one read */
	ck_assert_int_eq(send(fd, bytes, len, 0), (ssize_t)len);
	settle();
	for (unsigned i = 0; i < N; i++)
		ck_assert_str_eq(state(fd), "REFUSED; . A");
	now_ms += TCP_QUERY_MS;
	tcp_expire(tcp, now_ms, false);
	ck_assert_str_eq(state(fd), "open"); /* idle, and owes nothing */
	close(fd);
}
END_TEST

START_TEST(whoever_pours_queries_does_not_hold_up_the_others)
{
	enum { GREEDY = 40, TURNS = 400 }; /* more than a slice serves, fewer than a look at the epoll gives */
	static uint8_t lot[16384];
	int fd[GREEDY], meek = connect_from("127.0.0.1");
	size_t len = 0;
	unsigned turns = 0;
	uint8_t bytes[600];

	while (len + 600 <= sizeof lot)
		len += framed(ASK, lot + len, 600);
	for (unsigned i = 0; i < GREEDY; i++)
		fd[i] = connect_from("127.0.0.1");
	for (unsigned i = 0; i < GREEDY; i++)
		ck_assert_int_gt(send(fd[i], lot, len, MSG_DONTWAIT), 0);
	ck_assert_int_gt(send(meek, bytes, framed(ASK, bytes, sizeof bytes), 0), 0);
	while (strcmp(state(meek), SAID) != 0) {
		ck_assert_uint_lt(turns++, TURNS);
		turn();
		for (unsigned i = 0; i < GREEDY; i++) { /* they read, and go on */
			static uint8_t answers[65536];

			if (recv(fd[i], answers, sizeof answers, MSG_DONTWAIT) > 0)
				send(fd[i], lot, len, MSG_DONTWAIT);
		}
	}
	for (unsigned i = 0; i < GREEDY; i++)
		close(fd[i]);
	close(meek);
}
END_TEST

/* ---- times ---- */

START_TEST(thousands_that_are_due_together_go_a_few_a_turn)
{
	enum { MANY = 300 };
	int fd[MANY];
	uint32_t before;

	limit(MANY, MANY, IDLE_MS);
	for (unsigned i = 0; i < MANY; i++)
		fd[i] = connect_from("127.0.0.1");
	ck_assert_uint_eq(tcp_next_ms(tcp), now_ms + TCP_QUERY_MS);
	now_ms += TCP_QUERY_MS - 1;
	tcp_expire(tcp, now_ms, false);
	ck_assert_uint_eq(tcp_clients(tcp), MANY);
	now_ms++;
	for (before = MANY; before > 0; before = tcp_clients(tcp)) {
		ck_assert_uint_le(tcp_next_ms(tcp), now_ms);
		tcp_expire(tcp, now_ms, false);
		ck_assert_uint_le(before - tcp_clients(tcp), TURN_EXPIRES);
		ck_assert_uint_lt(tcp_clients(tcp), before);
	}
	ck_assert_uint_eq(tcp_next_ms(tcp), UINT64_MAX);
	ck_assert_uint_eq(counted(COUNT_tcp_late), MANY);
	for (unsigned i = 0; i < MANY; i++)
		close(fd[i]);
}
END_TEST

START_TEST(each_state_has_its_time_and_its_counter)
{
	int idle = connect_from("127.1.1.1"), late = connect_from("127.1.1.2"), deaf = connect_from("127.1.1.3");

	limit(100, 100, 60000);
	ck_assert_str_eq(ask(idle, ASK), SAID);
	ck_assert_str_eq(ask(late, ASK), SAID);
	begin(late);
	stuff(deaf, "big.svc.example TXT");
	now_ms += 1999;
	tcp_expire(tcp, now_ms, false);
	ck_assert_uint_eq(tcp_clients(tcp), 3);
	now_ms += 1;
	tcp_expire(tcp, now_ms, false);
	ck_assert_uint_eq(counted(COUNT_tcp_late), 1);
	ck_assert_str_eq(state(late), "reset");
	now_ms += 7999;
	tcp_expire(tcp, now_ms, false);
	ck_assert_uint_eq(counted(COUNT_tcp_unread), 0);
	now_ms += 1;
	tcp_expire(tcp, now_ms, false);
	ck_assert_uint_eq(counted(COUNT_tcp_unread), 1);
	now_ms += 49999;
	tcp_expire(tcp, now_ms, false);
	ck_assert_str_eq(state(idle), "open");
	limit(100, 100, 59000); /* a reload may shorten it */
	tcp_expire(tcp, now_ms, false);
	ck_assert_str_eq(state(idle), "closed");
	ck_assert_uint_eq(counted(COUNT_tcp_idle_closed), 1);
	ck_assert_uint_eq(counted(COUNT_tcp_closed), 3);
	close(idle);
	close(late);
	close(deaf);
}
END_TEST

START_TEST(a_reader_who_takes_a_lot_gets_time_for_the_next)
{
	static uint8_t answers[1 << 20];
	int fd = connect_from("127.1.1.1");

	stuff(fd, "big.svc.example TXT");
	for (int i = 0; i < 5; i++) {
		now_ms += IDLE_MS - 1;
		tcp_expire(tcp, now_ms, false);
		while (recv(fd, answers, sizeof answers, MSG_DONTWAIT) > 0)
			settle();
		stuff(fd, "big.svc.example TXT");
	}
	ck_assert_uint_eq(tcp_clients(tcp), 1);
	close(fd);
	settle();
	fd = connect_from("127.1.1.1");
	limit(100, 100, 60000);
	send_until_kept(fd, "big.svc.example TXT");
	while (recv(fd, answers, sizeof answers, MSG_DONTWAIT) > 0)
		settle();
	now_ms += 59999; /* it is idle now */
	tcp_expire(tcp, now_ms, false);
	ck_assert_uint_eq(tcp_clients(tcp), 1);
	close(fd);
}
END_TEST

/* ---- when the system is out of descriptors ---- */

static int set_files(rlim_t n)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = n;
	return setrlimit(RLIMIT_NOFILE, &limit);
}

START_TEST(without_descriptors_accepting_pauses_and_does_not_spin)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct rlimit before;

	getrlimit(RLIMIT_NOFILE, &before);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	ck_assert_int_eq(set_files((rlim_t)fd + 1), 0);
	ck_assert(turn());
	ck_assert(!turn()); /* nothing wakes it */
	ck_assert_uint_eq(counted(COUNT_tcp_paused), 1);
	ck_assert_uint_eq(tcp_next_ms(tcp), now_ms + 100);
	set_files(before.rlim_cur);
	ck_assert(!turn());
	now_ms += 100;
	ck_assert(!turn());
	ck_assert_str_eq(ask(fd, ASK), SAID);
	close(fd);
}
END_TEST

START_TEST(without_descriptors_who_waited_longest_makes_room)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)
	};
	int old = connect_from("127.1.1.1"), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct rlimit before;

	getrlimit(RLIMIT_NOFILE, &before);
	ck_assert_str_eq(ask(old, ASK), SAID);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	ck_assert_int_eq(set_files((rlim_t)fd + 1), 0);
	ck_assert_str_eq(ask(fd, ASK), SAID);
	set_files(before.rlim_cur);
	ck_assert_str_eq(state(old), "closed");
	ck_assert_uint_eq(counted(COUNT_tcp_shed), 1);
	close(old);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tcp");
	TCase *cases = tcase_create("tcp");

	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, over_its_networks_limit_the_neighbour_who_waited_longest_goes);
	tcase_add_test(cases, over_the_limit_of_all_who_waited_longest_goes_whatever_for);
	tcase_add_test(cases, a_limit_that_a_reload_lowers_is_reached_as_others_come);
	tcase_add_test(cases, deaf_clients_hold_no_more_memory_than_their_places_give);
	tcase_add_test(cases, a_long_query_that_does_not_end_counts_as_memory);
	tcase_add_test(cases, a_client_is_told_how_long_it_may_stay);
	tcase_add_test(cases, a_server_that_stops_promises_nothing);
	tcase_add_test(cases, a_turn_ends_after_some_answers_and_the_next_one_goes_on);
	tcase_add_test(cases, what_was_read_and_not_answered_in_a_turn_is_answered_without_more_to_read);
	tcase_add_test(cases, whoever_pours_queries_does_not_hold_up_the_others);
	tcase_add_test(cases, thousands_that_are_due_together_go_a_few_a_turn);
	tcase_add_test(cases, each_state_has_its_time_and_its_counter);
	tcase_add_test(cases, a_reader_who_takes_a_lot_gets_time_for_the_next);
	tcase_add_test(cases, without_descriptors_accepting_pauses_and_does_not_spin);
	tcase_add_test(cases, without_descriptors_who_waited_longest_makes_room);
	suite_add_tcase(suite, cases);
	return unit_run(suite);
}
