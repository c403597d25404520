/* Random and mutated packets to a server on 127.0.0.1, as many as are asked for and no more.
 *
 * Most of them get no answer, so a plain closed loop would stand still, and an open one would overrun the receive buffer and
 * test the kernel. So each batch ends with a marker, a good query that a server must answer: the answer proves that it has read
 * all of the batch (one socket is served by one worker, in order), and makes room for the next. A marker that stays away for a
 * second is a batch lost; a server that misses so many in a row is dead.
 *
 * usage: flood -p PORT [-n PACKETS] [-s SEED] [-i SECONDS]   (a line each so many seconds)
 * Another seed (1 if none is named) makes other packets. Exit status: 0 all sent and the server lives, 1 it does not. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/mutate.h"
#include "tests/bench/question.h"

enum { LINES = 4, BATCH = 32, ANSWERS = 64, BUFFER_BYTES = 4 << 20, LOST_MS = 1000, DEAD_AFTER = 20, EACH_S = 10 };
enum { RCODES = 16 };

/* One socket with one batch under way. */
struct line {
	int fd;
	uint16_t marker; /* id of the marker that is waited for; 0: none */
	uint64_t sent_ms;
};

static struct line lines[LINES];
static uint64_t sent, bytes, answered, answer_bytes, rcodes[RCODES], kinds[MUTATE_KINDS], lost, failed, truncated;
static unsigned lost_in_a_row;
static struct dice dice = { 1 };
static struct question marker;

static void open_lines(unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int len = BUFFER_BYTES;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* nowhere else, ever */
	for (unsigned i = 0; i < LINES; i++) {
		lines[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		setsockopt(lines[i].fd, SOL_SOCKET, SO_RCVBUF, &len, sizeof len);
		if (connect(lines[i].fd, (struct sockaddr *)&to, sizeof to) != 0) {
			perror("flood: connect");
			exit(1);
		}
	}
}

/* Markers have odd ids; other packets even ones, unless they were mutated. */
static uint16_t draw_id(bool is_marker)
{
	return (uint16_t)((dice_next(&dice) & 0xfffe) | is_marker);
}

static void line_send(struct line *line, uint64_t left, uint64_t now_ms)
{
	static uint8_t packets[BATCH + 1][MUTATE_MAX];
	struct iovec parts[BATCH + 1];
	struct mmsghdr messages[BATCH + 1];
	unsigned n = left < BATCH ? (unsigned)left : BATCH, at = 0;

	memset(messages, 0, sizeof messages);
	for (unsigned i = 0; i <= n; i++) {
		enum mutate_kind kind = (enum mutate_kind)dice_below(&dice, MUTATE_KINDS);

		parts[i].iov_base = packets[i];
		if (i < n) {
			parts[i].iov_len = mutate_write(kind, draw_id(false), &dice, packets[i]);
			kinds[kind]++;
		} else {
			line->marker = draw_id(true);
			parts[i].iov_len = question_write(&marker, line->marker, &dice, packets[i]);
		}
		bytes += parts[i].iov_len;
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	while (at <= n) {
		int r = sendmmsg(line->fd, messages + at, n + 1 - at, 0);

		if (r <= 0) { /* the first of the rest was not taken: a refused port is told here */
			failed++;
			r = 1;
		}
		at += (unsigned)r;
	}
	sent += n;
	line->sent_ms = now_ms;
}

static bool line_receive(struct line *line)
{
	static uint8_t answers[ANSWERS][MUTATE_MAX];
	static struct iovec parts[ANSWERS];
	static struct mmsghdr messages[ANSWERS];
	int n;

	for (unsigned i = 0; i < ANSWERS; i++) {
		parts[i] = (struct iovec){ answers[i], sizeof answers[i] };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(line->fd, messages, ANSWERS, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		const uint8_t *answer = answers[i];
		uint16_t id = (uint16_t)(answer[0] << 8 | answer[1]);

		answered++;
		answer_bytes += messages[i].msg_len;
		rcodes[answer[3] % RCODES]++;
		truncated += (answer[2] & 2) != 0;
		if (id == line->marker && answer[3] % RCODES == 0) { /* over the limit it is a TC: as good */
			line->marker = 0;
			lost_in_a_row = 0;
		}
	}
	return n > 0;
}

static void line_give_up(struct line *line, uint64_t now_ms)
{
	if (line->marker == 0 || now_ms - line->sent_ms < LOST_MS)
		return;
	line->marker = 0;
	lost++;
	lost_in_a_row++;
}

static void print(uint64_t since_ms)
{
	static const char *const names[RCODES] = { "noerror", "formerr", "servfail", "nxdomain", "notimp", "refused",
		NULL, "badcookie" };

	printf("packets=%llu a_second=%.0f mb=%.0f answered=%llu answer_mb=%.0f", (unsigned long long)sent,
		since_ms > 0 ? (double)sent * 1000 / (double)since_ms : 0, (double)bytes / 1e6,
		(unsigned long long)answered, (double)answer_bytes / 1e6);
	for (unsigned i = 0; i < RCODES; i++)
		if (names[i] != NULL)
			printf(" %s=%llu", names[i], (unsigned long long)rcodes[i]);
		else if (rcodes[i] > 0)
			printf(" rcode%u=%llu", i, (unsigned long long)rcodes[i]);
	printf(" truncated=%llu lost_batches=%llu send_failed=%llu\n", (unsigned long long)truncated,
		(unsigned long long)lost, (unsigned long long)failed);
	fflush(stdout);
}

static bool flood(uint64_t npackets, unsigned each_s)
{
	struct pollfd polled[LINES];
	uint64_t began_ms = clock_monotonic_ms(), now_ms = began_ms, printed_ms = began_ms;
	bool busy = true;

	for (unsigned i = 0; i < LINES; i++)
		polled[i] = (struct pollfd){ lines[i].fd, POLLIN, 0 };
	while (busy && lost_in_a_row < DEAD_AFTER) {
		bool any = false;

		busy = false;
		for (unsigned i = 0; i < LINES; i++) {
			any |= line_receive(&lines[i]);
			line_give_up(&lines[i], now_ms);
			if (lines[i].marker == 0 && sent < npackets) {
				line_send(&lines[i], npackets - sent, now_ms);
				any = true;
			}
			busy |= lines[i].marker != 0;
		}
		if (!any)
			poll(polled, LINES, 1);
		now_ms = clock_monotonic_ms();
		if (now_ms - printed_ms >= each_s * 1000ull) {
			print(now_ms - began_ms);
			printed_ms = now_ms;
		}
	}
	print(now_ms - began_ms);
	for (unsigned i = 0; i < MUTATE_KINDS; i++)
		printf("%s%s=%llu", i > 0 ? " " : "", mutate_name((enum mutate_kind)i), (unsigned long long)kinds[i]);
	printf("\n");
	return lost_in_a_row < DEAD_AFTER && sent == npackets;
}

int main(int argc, char **argv)
{
	uint64_t npackets = 1000000;
	unsigned port = 0, each_s = EACH_S;
	int option;

	while ((option = getopt(argc, argv, "p:n:s:i:")) != -1)
		if (option == 'p')
			port = (unsigned)atoi(optarg);
		else if (option == 'n')
			npackets = strtoull(optarg, NULL, 10);
		else if (option == 's')
			dice.state = strtoull(optarg, NULL, 10);
		else if (option == 'i')
			each_s = (unsigned)atoi(optarg);
		else
			port = 65536;
	if (port == 0 || port > 65535 || npackets == 0 || each_s == 0) {
		fprintf(stderr, "usage: flood -p PORT [-n PACKETS] [-s SEED] [-i SECONDS]\n");
		return 2;
	}
	question_init(&marker, "static.example.com", "A", "none");
	open_lines(port);
	return flood(npackets, each_s) ? 0 : 1;
}
