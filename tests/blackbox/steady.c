/* steady - asks at a steady rate and checks every answer: what a reload, a crash or an override must not break.
 *
 * usage: steady ADDRESS PORT NAME RATE SECONDS MIN-TTL/MAX-TTL ADDRESS[,ADDRESS…]
 *
 * Each query has an id that is not to be guessed from the last and an EDNS Client Subnet of its own. It must be answered once,
 * within a second; the answer must echo question and subnet, be NOERROR with at least one A record, and hold only the addresses
 * named, with a TTL in the range. SIGTERM ends it early. Prints one line, key=value; exit status 0 when nothing was lost, late
 * or wrong. Loopback only. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"
#include "base/slice.h"

enum { SOCKETS = 8, IDS = 65536, ALLOWED_MAX = 16, LATE_US = 1000000, QUERY_MAX = 320, BUCKETS = 100000 };

struct asked {
	uint64_t sent_us; /* 0: not under way */
	uint8_t subnet[3];
};

struct steady {
	int sock[SOCKETS];
	struct asked *asked[SOCKETS];
	uint8_t question[QUERY_MAX];
	size_t question_len;
	struct in_addr allowed[ALLOWED_MAX];
	size_t nallowed;
	uint32_t ttl_min, ttl_max;
	struct dice dice;
	uint64_t sent, answered, lost, wrong, unasked;
	uint32_t *latency; /* by 10 µs */
	char first_wrong[160];
};

static volatile sig_atomic_t enough;

static void stop(int number)
{
	enough = number;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void open_sockets(struct steady *steady, const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int room = 8 << 20;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || strncmp(address, "127.", 4) != 0)
		die("steady: loopback only");
	for (int i = 0; i < SOCKETS; i++) {
		steady->sock[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		if (setsockopt(steady->sock[i], SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
			setsockopt(steady->sock[i], SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
		if (connect(steady->sock[i], (struct sockaddr *)&to, sizeof to) != 0)
			die("connect");
		steady->asked[i] = mem_alloc(IDS * sizeof(struct asked));
	}
}

static void make_question(struct steady *steady, const char *text)
{
	struct name name;

	if (!name_from_text(&name, text))
		die("steady: not a name");
	memcpy(steady->question, name.wire, name.len);
	memcpy(steady->question + name.len, "\0\1\0\1", 4);
	steady->question_len = name.len + 4u;
}

static void ask(struct steady *steady, int i)
{
	static const uint8_t opt[] = { 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0 };
	uint8_t query[12 + QUERY_MAX + sizeof opt + 3] = { 0 }, *at = query + 12;
	uint64_t random = dice_next(&steady->dice);
	uint16_t id = (uint16_t)(random >> 32);
	struct asked *asked;

	while (steady->asked[i][id].sent_us != 0) /* of those under way each has its own */
		id++;
	asked = &steady->asked[i][id];
	query[0] = (uint8_t)(id >> 8);
	query[1] = (uint8_t)id;
	query[5] = query[11] = 1;
	memcpy(at, steady->question, steady->question_len);
	at += steady->question_len;
	memcpy(at, opt, sizeof opt);
	at += sizeof opt;
	asked->subnet[0] = (uint8_t)(1 + random % 223);
	asked->subnet[1] = (uint8_t)(random >> 8);
	asked->subnet[2] = (uint8_t)(random >> 16);
	memcpy(at, asked->subnet, 3);
	at += 3;
	asked->sent_us = clock_monotonic_us();
	steady->sent++;
	if (send(steady->sock[i], query, (size_t)(at - query), 0) < 0)
		die("send");
}

static uint32_t ttl_at(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is_allowed(const struct steady *steady, const uint8_t *address)
{
	for (size_t i = 0; i < steady->nallowed; i++)
		if (memcmp(&steady->allowed[i], address, 4) == 0)
			return true;
	return false;
}

/* NULL when the answer is right, else what is wrong. */
static const char *judge(const struct steady *steady, const struct asked *asked, const uint8_t *m, size_t len)
{
	size_t at = 12 + steady->question_len;
	unsigned n;

	if (len < at || (m[3] & 15) != 0)
		return "rcode";
	if (memcmp(m + 12, steady->question, steady->question_len) != 0)
		return "question";
	if ((m[2] & 0x84) != 0x84 || (m[2] & 2) != 0)
		return "flags";
	n = (unsigned)(m[6] << 8 | m[7]);
	if (n == 0)
		return "empty";
	for (unsigned i = 0; i < n; i++, at += 16) {
		if (len < at + 16 || memcmp(m + at, "\300\14\0\1\0\1", 6) != 0 || !is_allowed(steady, m + at + 12))
			return "address";
		if (ttl_at(m + at + 6) < steady->ttl_min || ttl_at(m + at + 6) > steady->ttl_max)
			return "ttl";
	}
	if (len != at + 22 || memcmp(m + at + 11, "\0\10", 2) != 0 || memcmp(m + at + 19, asked->subnet, 3) != 0)
		return "subnet";
	return NULL;
}

static void take(struct steady *steady, int i)
{
	uint8_t message[1500];
	ssize_t len;

	while ((len = recv(steady->sock[i], message, sizeof message, 0)) >= 12) {
		struct asked *asked = &steady->asked[i][message[0] << 8 | message[1]];
		uint64_t took_us = clock_monotonic_us() - asked->sent_us;
		const char *wrong;

		if (asked->sent_us == 0) { /* twice, or of an id that was not asked */
			steady->unasked++;
			continue;
		}
		wrong = judge(steady, asked, message, (size_t)len);
		asked->sent_us = 0;
		steady->answered++;
		if (took_us > LATE_US)
			wrong = "late";
		if (wrong != NULL && steady->wrong++ == 0)
			snprintf(steady->first_wrong, sizeof steady->first_wrong, "%s", wrong);
		steady->latency[took_us / 10 < BUCKETS ? took_us / 10 : BUCKETS - 1]++;
	}
}

static void run(struct steady *steady, unsigned rate, unsigned seconds)
{
	uint64_t start_us = clock_monotonic_us(), end_us = start_us + (uint64_t)seconds * 1000000, now_us;
	struct pollfd wait[SOCKETS];

	for (int i = 0; i < SOCKETS; i++)
		wait[i] = (struct pollfd){ steady->sock[i], POLLIN, 0 };
	while ((now_us = clock_monotonic_us()) < end_us + LATE_US) {
		uint64_t due;

		if (enough != 0 && end_us > now_us)
			end_us = now_us;
		due = now_us < end_us ? (now_us - start_us) * rate / 1000000 : steady->sent;

		for (unsigned burst = 0; steady->sent < due && burst < 64; burst++)
			ask(steady, (int)(steady->sent % SOCKETS));
		for (int i = 0; i < SOCKETS; i++)
			take(steady, i);
		if (now_us >= end_us && steady->answered >= steady->sent)
			break;
		poll(wait, SOCKETS, steady->sent < due ? 0 : 1);
	}
	for (int i = 0; i < SOCKETS; i++)
		for (unsigned id = 0; id < IDS; id++)
			steady->lost += steady->asked[i][id].sent_us != 0;
	if (steady->lost > 0)
		return;
	/* all have come: whatever comes now was sent twice */
	poll(wait, SOCKETS, 50);
	for (int i = 0; i < SOCKETS; i++)
		take(steady, i);
}

static double percentile_ms(const struct steady *steady, double share)
{
	uint64_t below = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		below += steady->latency[i];
		if (below > 0 && (double)below >= share * (double)steady->answered)
			return i / 100.0;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct steady steady = { .dice = dice_from_kernel() };
	char *list, *one;

	if (argc != 8 || sscanf(argv[6], "%" SCNu32 "/%" SCNu32, &steady.ttl_min, &steady.ttl_max) != 2) {
		fprintf(stderr, "usage: steady ADDRESS PORT NAME RATE SECONDS MIN-TTL/MAX-TTL ADDRESS[,ADDRESS...]\n");
		return 2;
	}
	slice_ask_short(); /* a clock that waits for others would measure them */
	steady.latency = mem_alloc(BUCKETS * sizeof *steady.latency);
	for (list = argv[7]; (one = strsep(&list, ",")) != NULL && steady.nallowed < ALLOWED_MAX;)
		if (inet_pton(AF_INET, one, &steady.allowed[steady.nallowed++]) != 1)
			die("steady: not an address");
	make_question(&steady, argv[3]);
	open_sockets(&steady, argv[1], argv[2]);
	signal(SIGTERM, stop);
	run(&steady, (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]));
	printf("sent=%" PRIu64 " answered=%" PRIu64 " lost=%" PRIu64 " wrong=%" PRIu64 " unasked=%" PRIu64
	       " first_wrong=%s p50_ms=%.2f p99_ms=%.2f max_ms=%.2f\n",
		steady.sent, steady.answered, steady.lost, steady.wrong, steady.unasked,
		steady.wrong > 0 ? steady.first_wrong : "-", percentile_ms(&steady, 0.5), percentile_ms(&steady, 0.99),
		percentile_ms(&steady, 1));
	return steady.lost > 0 || steady.wrong > 0 || steady.unasked > 0 || steady.answered == 0 ? 1 : 0;
}
