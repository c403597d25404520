#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "gslb/stream.h"
#include "gslb/tcp.h"
#include "gslb/worker.h"
#include "tests/unit/message.h"
#include "tests/unit/packet_world.h"

enum { PATIENCE_MS = 10000, NWORKERS = 2 };

static struct conf conf;
static struct world world;
static struct workers *workers;
static const struct conf_listen *listening;
static struct buf text;

static void start(const char *listen, uint32_t tcp_clients, uint32_t tcp_idle_ms)
{
	struct err err;

	conf = (struct conf){
		.nlisten = 1, .workers = NWORKERS, .tcp_clients = tcp_clients, .tcp_idle_ms = tcp_idle_ms
	};
	ck_assert(addr_parse_port(listen, 0, &conf.listen[0].addr, &conf.listen[0].port));
	packet_world_init(&world, NWORKERS);
	workers = workers_bind(&conf, &err);
	ck_assert_msg(workers != NULL, "%s", err.text);
	ck_assert_uint_eq(workers_listening(workers, &listening), 1);
	ck_assert_uint_ne(listening->port, 0);
	ck_assert_msg(workers_start(workers, &packet_world_identity, &world, &err), "%s", err.text);
}

static void setup(void)
{
	start("127.0.0.1@0", 100, 10000);
}

static void teardown(void)
{
	if (workers != NULL) {
		workers_stop(workers, 100);
		workers_free(workers);
		packet_world_fini(&world);
	}
	workers = NULL;
	buf_fini(&text);
}

static void limit(uint32_t tcp_clients, uint32_t tcp_per_prefix, uint32_t tcp_idle_ms)
{
	conf.tcp_clients = tcp_clients;
	conf.tcp_per_prefix = tcp_per_prefix;
	conf.tcp_idle_ms = tcp_idle_ms;
	ck_assert_uint_eq(workers_limits(workers, &conf), tcp_clients);
}

static uint64_t counted(enum counter which)
{
	uint64_t sums[COUNTERS_N];

	workers_counters(workers, sums);
	return sums[which];
}

static int connect_to(const char *address, int type)
{
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct sockaddr_storage to;
	struct addr addr;
	socklen_t len;
	int fd;

	ck_assert(addr_parse(address, &addr));
	len = addr_to_sockaddr(&addr, listening->port, &to);
	fd = socket(to.ss_family, type | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	ck_assert_msg(connect(fd, (struct sockaddr *)&to, len) == 0, "%s: %s", address, strerror(errno));
	return fd;
}

/* A query with its two bytes of length before it. */
static size_t framed(const char *words, uint8_t *bytes, size_t cap)
{
	size_t len = message_query(words, bytes + 2, cap - 2);

	bytes[0] = (uint8_t)(len >> 8);
	bytes[1] = (uint8_t)len;
	return 2 + len;
}

static void send_all(int fd, const void *bytes, size_t len)
{
	ck_assert(file_write_all(fd, bytes, len));
}

static bool recv_exactly(int fd, uint8_t *bytes, size_t len)
{
	return recv(fd, bytes, len, MSG_WAITALL) == (ssize_t)len;
}

/* The next message as text; "closed" in good order, "reset" when it was cut off, "silence" when patience ended. */
static const char *recv_message(int fd)
{
	static uint8_t bytes[65535];
	uint8_t head[2];
	size_t len;

	errno = 0;
	if (!recv_exactly(fd, head, 2))
		return errno == EAGAIN ? "silence" : errno != 0 ? "reset" : "closed";
	len = (size_t)(head[0] << 8 | head[1]);
	ck_assert(recv_exactly(fd, bytes, len));
	return message_text(bytes, len, &text);
}

static const char *ask_tcp(int fd, const char *words)
{
	uint8_t bytes[600];

	send_all(fd, bytes, framed(words, bytes, sizeof bytes));
	return recv_message(fd);
}

static const char *ask_udp(int fd, const char *words)
{
	uint8_t bytes[1500];
	ssize_t len = (ssize_t)message_query(words, bytes, sizeof bytes);

	ck_assert_int_eq(send(fd, bytes, (size_t)len, 0), len);
	len = recv(fd, bytes, sizeof bytes, 0);
	return len < 0 ? "silence" : message_text(bytes, (size_t)len, &text);
}

#define ASK "ns1.svc.example A"
#define SAID "NOERROR aa; ns1.svc.example A; answer: ns1.svc.example 3600 A 192.0.2.53"

/* ---- UDP ---- */

START_TEST(a_query_over_udp_is_answered)
{
	int fd = connect_to("127.0.0.1", SOCK_DGRAM);

	ck_assert_str_eq(ask_udp(fd, ASK), SAID);
	ck_assert_uint_eq(counted(COUNT_queries_udp), 1);
	close(fd);
}
END_TEST

START_TEST(a_query_over_ipv6_is_answered)
{
	int fd, tcp;

	teardown();
	start("::1@0", 100, 10000);
	fd = connect_to("::1", SOCK_DGRAM);
	tcp = connect_to("::1", SOCK_STREAM);
	ck_assert_str_eq(ask_udp(fd, ASK), SAID);
	ck_assert_str_eq(ask_tcp(tcp, ASK), SAID);
	ck_assert_uint_eq(counted(COUNT_queries_v6), 2);
	close(fd);
	close(tcp);
}
END_TEST

START_TEST(a_wildcard_socket_answers_from_the_address_that_was_asked)
{
	static const struct {
		const char *listen;
		const char *asked[3];
	} cases[] = {
		{ "0.0.0.0@0", { "127.0.0.1", "127.0.0.2", "127.3.2.1" } },
		{ "::@0", { "::1", "::1", "::1" } },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		teardown();
		start(cases[i].listen, 100, 10000);
		for (size_t k = 0; k < COUNT_OF(cases[i].asked); k++) {
			int fd = connect_to(cases[i].asked[k], SOCK_DGRAM); /* takes nothing from any other address */

			ck_assert_str_eq(ask_udp(fd, ASK), SAID);
			close(fd);
		}
	}
}
END_TEST

START_TEST(bursts_are_answered_one_by_one)
{
	enum { N = 200 };
	bool seen[N] = { false };
	int fd = connect_to("127.0.0.1", SOCK_DGRAM);
	uint8_t bytes[1500];

	for (unsigned i = 0; i < N; i++) {
		char words[64];
		size_t len;

		snprintf(words, sizeof words, "four.svc.example A id=%u", i);
		len = message_query(words, bytes, sizeof bytes);
		ck_assert_int_eq(send(fd, bytes, len, 0), (ssize_t)len);
	}
	for (unsigned i = 0; i < N; i++) {
		ssize_t len = recv(fd, bytes, sizeof bytes, 0);
		unsigned id = (unsigned)(bytes[0] << 8 | bytes[1]);

		ck_assert_int_gt(len, 12);
		ck_assert(id < N && !seen[id]);
		seen[id] = true;
		ck_assert_str_eq(message_text(bytes, (size_t)len, &text),
			"NOERROR aa; four.svc.example A; answer: four.svc.example 30 A 192.0.2.20");
	}
	close(fd);
}
END_TEST

START_TEST(packets_that_deserve_none_get_no_answer_and_the_next_one_does)
{
	int fd = connect_to("127.0.0.1", SOCK_DGRAM);
	uint8_t huge[4000] = { 0 };

	ck_assert_int_eq(send(fd, huge, sizeof huge, 0), sizeof huge);
	ck_assert_int_eq(send(fd, huge, 3, 0), 3);
	ck_assert_int_eq(send(fd, huge, 0, 0), 0);
	ck_assert_str_eq(ask_udp(fd, ASK), SAID);
	ck_assert_uint_eq(counted(COUNT_dropped), 3);
	close(fd);
}
END_TEST

/* ---- TCP ---- */

START_TEST(pipelined_queries_are_answered_in_order)
{
	static const char *const asked[] = { ASK, "static.svc.example MX", "big.svc.example TXT",
		"nothing.svc.example A", ASK };
	int fd = connect_to("127.0.0.1", SOCK_STREAM);
	uint8_t bytes[4096];
	size_t len = 0;

	for (size_t i = 0; i < COUNT_OF(asked); i++)
		len += framed(asked[i], bytes + len, sizeof bytes - len);
	send_all(fd, bytes, len);
	ck_assert_str_eq(recv_message(fd), SAID);
	ck_assert_str_eq(recv_message(fd),
		"NOERROR aa; static.svc.example MX; answer: static.svc.example 3600 MX 10 Mail.svc.example");
	ck_assert(strncmp(recv_message(fd), "NOERROR aa; big.svc.example TXT; answer", 39) == 0);
	ck_assert(strncmp(recv_message(fd), "NXDOMAIN", 8) == 0);
	ck_assert_str_eq(recv_message(fd), SAID);
	close(fd);
}
END_TEST

START_TEST(a_query_may_come_byte_by_byte)
{
	int fd = connect_to("127.0.0.1", SOCK_STREAM);
	uint8_t bytes[600];
	size_t len = framed(ASK, bytes, sizeof bytes);

	for (size_t i = 0; i < len; i++)
		ck_assert_int_eq(send(fd, bytes + i, 1, 0), 1);
	ck_assert_str_eq(recv_message(fd), SAID);
	close(fd);
}
END_TEST

START_TEST(thousands_of_pipelined_queries_are_answered_though_nobody_reads_for_a_while)
{
	enum { N = 20000 }; /* 11 MB of answers, more than both kernels' buffers take */
	int fd = connect_to("127.0.0.1", SOCK_STREAM), beside = connect_to("127.0.0.1", SOCK_STREAM);
	uint8_t bytes[600];
	size_t len = framed("big.svc.example TXT", bytes, sizeof bytes);
	struct pollfd full = { .fd = fd, .events = POLLOUT };
	unsigned sent = 0;
	int small = 65536;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	/* stuff it until neither side takes more, or all is gone */
	while (sent < N && poll(&full, 1, 200) == 1) {
		send_all(fd, bytes, len);
		sent++;
	}
	ck_assert_str_eq(ask_tcp(beside, ASK), SAID);
	for (unsigned i = 0; i < sent; i++)
		ck_assert_msg(strncmp(recv_message(fd), "NOERROR aa; big", 15) == 0, "answer %u of %u: %s", i, sent,
			text.text);
	ck_assert_str_eq(ask_tcp(fd, ASK), SAID);
	close(fd);
	close(beside);
}
END_TEST

static const struct close_case {
	const char *sentence, *hex;
} closes[] = {
	{ "a length of 0", "0000" },
	{ "a length less than a header", "000b" },
	{ "a response", "0021 beef 8000 0001 0000 0000 0000 036e7331 03737663 076578616d706c65 00 0001 0001" },
};

START_TEST(what_is_no_query_closes_the_connection)
{
	int fd = connect_to("127.0.0.1", SOCK_STREAM);
	uint8_t bytes[600];

	ck_assert_str_eq(ask_tcp(fd, ASK), SAID);
	send_all(fd, bytes, message_from_hex(closes[_i].hex, bytes, sizeof bytes));
	ck_assert_msg(strcmp(recv_message(fd), "reset") == 0, "%s", closes[_i].sentence);
	close(fd);
}
END_TEST

START_TEST(a_client_that_sends_no_more_still_gets_its_answers)
{
	int fd = connect_to("127.0.0.1", SOCK_STREAM);
	uint8_t bytes[1200];
	size_t len = framed(ASK, bytes, sizeof bytes);

	len += framed(ASK, bytes + len, sizeof bytes - len);
	send_all(fd, bytes, len);
	shutdown(fd, SHUT_WR);
	ck_assert_str_eq(recv_message(fd), SAID);
	ck_assert_str_eq(recv_message(fd), SAID);
	ck_assert_str_eq(recv_message(fd), "closed");
	close(fd);
}
END_TEST

START_TEST(an_idle_connection_is_closed_after_its_time_and_not_before)
{
	uint64_t began_ms;
	int fd;

	limit(100, 100, 300);
	fd = connect_to("127.0.0.1", SOCK_STREAM);
	ck_assert_str_eq(ask_tcp(fd, ASK " keepalive"), SAID "; opt: 1232 keepalive=3");
	began_ms = clock_monotonic_ms();
	ck_assert_str_eq(recv_message(fd), "closed");
	ck_assert_uint_ge(clock_monotonic_ms() - began_ms + 50, 300);
	ck_assert_uint_lt(clock_monotonic_ms() - began_ms, 2000);
	ck_assert_uint_eq(counted(COUNT_tcp_idle_closed), 1);
	close(fd);
}
END_TEST

START_TEST(a_query_that_does_not_end_is_not_waited_for)
{
	int fd = connect_to("127.0.0.1", SOCK_STREAM), silent = connect_to("127.0.0.1", SOCK_STREAM);
	uint64_t began_ms = clock_monotonic_ms();
	uint8_t bytes[600];
	size_t len = framed(ASK, bytes, sizeof bytes), at = 0;
	struct pollfd closed = { .fd = fd, .events = POLLIN };

	/* a byte now and then does not buy more time */
	while (poll(&closed, 1, 150) == 0 && at < len - 1)
		if (send(fd, bytes + at++, 1, MSG_NOSIGNAL) != 1)
			break;
	ck_assert_str_eq(recv_message(fd), "reset");
	ck_assert_uint_lt(clock_monotonic_ms() - began_ms, TCP_QUERY_MS + 1500);
	ck_assert_uint_ge(clock_monotonic_ms() - began_ms + 50, TCP_QUERY_MS);
	ck_assert_str_eq(recv_message(silent), "reset");
	close(fd);
	close(silent);
}
END_TEST

START_TEST(over_the_limit_the_connection_that_was_idle_for_longest_makes_room)
{
	enum { MANY = 40 };
	int fd[MANY];

	limit(4, 100, 10000); /* two a worker */
	for (int i = 0; i < MANY; i++) {
		fd[i] = connect_to("127.0.0.1", SOCK_STREAM);
		ck_assert_str_eq(ask_tcp(fd[i], ASK), SAID);
	}
	ck_assert_uint_eq(counted(COUNT_tcp_accepted), MANY);
	ck_assert_uint_ge(counted(COUNT_tcp_shed), MANY - 4);
	ck_assert_str_eq(ask_tcp(fd[MANY - 1], ASK), SAID);
	ck_assert_str_eq(recv_message(fd[0]), "closed");
	for (int i = 0; i < MANY; i++)
		close(fd[i]);
}
END_TEST

/* ---- all together ---- */

struct asker {
	pthread_t thread;
	_Atomic bool stop;
	_Atomic unsigned answered, wrong;
};

static void *ask_on(void *argument)
{
	struct asker *asker = argument;
	int udp = connect_to("127.0.0.1", SOCK_DGRAM);
	uint8_t query[600], reply[1500];
	size_t len = message_query("four.svc.example A edns=1232", query, sizeof query);

	while (!atomic_load(&asker->stop)) {
		if (send(udp, query, len, 0) != (ssize_t)len || recv(udp, reply, sizeof reply, 0) < 40 ||
			(reply[3] & 15) != 0)
			atomic_fetch_add(&asker->wrong, 1);
		atomic_fetch_add(&asker->answered, 1);
	}
	close(udp);
	return NULL;
}

START_TEST(worlds_are_exchanged_under_load_and_the_old_one_is_free_at_once)
{
	enum { RING = 4096, ANSWERS = 5000 };
	struct asker asker = { .stop = false };
	struct world *ring = mem_alloc(RING * sizeof *ring);
	const struct world *before = &world;

	memset(ring, 0xff, RING * sizeof *ring); /* whoever looks at one that is not in force crashes */
	ck_assert_int_eq(pthread_create(&asker.thread, NULL, ask_on, &asker), 0);
	for (unsigned i = 0; i < RING || atomic_load(&asker.answered) < ANSWERS; i++) {
		struct world *next = &ring[i % RING];

		*next = world;
		ck_assert_ptr_eq(workers_publish(workers, next), before);
		if (i > 0)
			memset(&ring[(i - 1) % RING], 0xff, sizeof *ring);
		before = next;
	}
	ck_assert_ptr_eq(workers_publish(workers, &world), before);
	atomic_store(&asker.stop, true);
	pthread_join(asker.thread, NULL);
	free(ring);
	ck_assert_uint_eq(atomic_load(&asker.wrong), 0);
}
END_TEST

START_TEST(sleeping_workers_do_not_hold_the_publisher)
{
	uint64_t began_ms = clock_monotonic_ms();
	struct world other = world;

	for (int i = 0; i < 100; i++) {
		workers_publish(workers, &other);
		workers_publish(workers, &world);
	}
	ck_assert_uint_lt(clock_monotonic_ms() - began_ms, 5000);
}
END_TEST

START_TEST(an_address_that_another_serves_is_refused_with_a_sentence)
{
	char expected[64];
	struct err err;

	conf.listen[0].port = listening->port;
	ck_assert_ptr_null(workers_bind(&conf, &err));
	snprintf(expected, sizeof expected, "127.0.0.1@%u: UDP: Address already in use: ", listening->port);
	ck_assert_msg(strncmp(err.text, expected, strlen(expected)) == 0, "%s", err.text);
}
END_TEST

START_TEST(stopping_answers_what_has_come_and_ends_in_time)
{
	int udp = connect_to("127.0.0.1", SOCK_DGRAM), owing = connect_to("127.0.0.1", SOCK_STREAM);
	int idle = connect_to("127.0.0.1", SOCK_STREAM);
	uint64_t began_ms;
	uint8_t bytes[600];

	ck_assert_str_eq(ask_tcp(idle, ASK), SAID);
	ck_assert_str_eq(ask_udp(udp, ASK), SAID);
	ck_assert_int_gt(send(udp, bytes, message_query(ASK, bytes, sizeof bytes), 0), 0);
	send_all(owing, bytes, framed(ASK, bytes, sizeof bytes) - 5);
	began_ms = clock_monotonic_ms();
	workers_stop(workers, 300);
	ck_assert_uint_lt(clock_monotonic_ms() - began_ms, 2000);
	ck_assert_int_gt(recv(udp, bytes, sizeof bytes, 0), 12);
	ck_assert_str_eq(recv_message(idle), "closed");
	workers_free(workers);
	workers = NULL;
	packet_world_fini(&world);
	ck_assert_str_eq(recv_message(owing), "reset");
	close(udp);
	close(owing);
	close(idle);
}
END_TEST

/* ---- framing ---- */

START_TEST(a_stream_gives_its_messages_however_it_is_cut)
{
	static uint8_t bytes[3 * 65537];
	static const size_t lens[] = { 12, 600, 1022, 1023, 5000, 65535, 13, 40000, 12 };
	size_t total = 0, chunk = (size_t)_i * _i * _i + 1;
	const uint8_t *message;
	struct stream stream;
	size_t n = 0, len;

	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		bytes[total] = (uint8_t)(lens[i] >> 8);
		bytes[total + 1] = (uint8_t)lens[i];
		memset(bytes + total + 2, (int)i, lens[i]);
		total += 2 + lens[i];
	}
	stream_init(&stream);
	for (size_t at = 0; at < total;) {
		size_t room, take;
		uint8_t *to = stream_room(&stream, &room);

		ck_assert_uint_gt(room, 0);
		take = room < chunk ? room : chunk;
		take = total - at < take ? total - at : take;
		memcpy(to, bytes + at, take);
		stream_took(&stream, take);
		at += take;
		while (stream_next(&stream, &message, &len) == STREAM_MESSAGE) {
			ck_assert_uint_eq(len, lens[n]);
			ck_assert(message[0] == n && message[len - 1] == n);
			n++;
		}
	}
	ck_assert_uint_eq(n, COUNT_OF(lens));
	ck_assert_uint_eq(stream_waiting(&stream), 0);
	stream_fini(&stream);
}
END_TEST

START_TEST(an_announced_length_takes_no_memory_before_the_bytes_come)
{
	struct stream stream;
	size_t room;

	stream_init(&stream);
	memset(stream_room(&stream, &room), 0xff, 2);
	stream_took(&stream, 2);
	memset(stream_room(&stream, &room), 0, STREAM_SMALL - 2);
	ck_assert_ptr_eq(stream.bytes, stream.small);
	stream_took(&stream, STREAM_SMALL - 2);
	stream_room(&stream, &room);
	ck_assert_uint_le(stream.cap, 2 * STREAM_SMALL);
	stream_fini(&stream);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker");
	TCase *cases = tcase_create("worker"), *framing = tcase_create("framing");

	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_query_over_udp_is_answered);
	tcase_add_test(cases, a_query_over_ipv6_is_answered);
	tcase_add_test(cases, a_wildcard_socket_answers_from_the_address_that_was_asked);
	tcase_add_test(cases, bursts_are_answered_one_by_one);
	tcase_add_test(cases, packets_that_deserve_none_get_no_answer_and_the_next_one_does);
	tcase_add_test(cases, pipelined_queries_are_answered_in_order);
	tcase_add_test(cases, a_query_may_come_byte_by_byte);
	tcase_add_test(cases, thousands_of_pipelined_queries_are_answered_though_nobody_reads_for_a_while);
	tcase_add_loop_test(cases, what_is_no_query_closes_the_connection, 0, COUNT_OF(closes));
	tcase_add_test(cases, a_client_that_sends_no_more_still_gets_its_answers);
	tcase_add_test(cases, an_idle_connection_is_closed_after_its_time_and_not_before);
	tcase_add_test(cases, a_query_that_does_not_end_is_not_waited_for);
	tcase_add_test(cases, over_the_limit_the_connection_that_was_idle_for_longest_makes_room);
	tcase_add_test(cases, worlds_are_exchanged_under_load_and_the_old_one_is_free_at_once);
	tcase_add_test(cases, sleeping_workers_do_not_hold_the_publisher);
	tcase_add_test(cases, an_address_that_another_serves_is_refused_with_a_sentence);
	tcase_add_test(cases, stopping_answers_what_has_come_and_ends_in_time);
	tcase_add_loop_test(framing, a_stream_gives_its_messages_however_it_is_cut, 0, 42);
	tcase_add_test(framing, an_announced_length_takes_no_memory_before_the_bytes_come);
	suite_add_tcase(suite, cases);
	suite_add_tcase(suite, framing);
	return unit_run(suite);
}
