/* UDP load in a closed loop: so many queries under way at any time, each with another client's subnet; an answer makes room
 * for the next query. Loopback only.
 *
 * usage: dnsload [-s ADDRESS] [-p PORT] [-t SECONDS] [-W WARM-SECONDS] [-w UNDER-WAY] [-c SOCKETS] [-n NAME | -d NAMES-FILE] [-q TYPE]
 *                [-e none|opt|v4|v6|mix] [-S PID[,PID…] [-C CORE]]
 *
 * Prints one line of key=value. With -S, what those processes used of that core, too, for each answer (cpu.h). The warm-up's
 * queries and answers are not counted; what is under way at the end is lost when no answer comes within a second. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/cpu.h"
#include "tests/bench/question.h"

enum { BATCH = 64, IDS = 65536, ANSWER_MAX = 4096, SOCKETS_MAX = 64, HISTOGRAM_US = 1000000, BUFFER_BYTES = 4 << 20 };
enum { SWEEP_US = 100000, LOST_US = 1000000 };

struct options {
	const char *address, *name, *names, *type, *edns; /* names: a file of one a line, from which each query draws */
	char *pids;
	unsigned port, seconds, warm, under_way, nsockets, core;
};

/* One socket and what was sent over it, by id. */
struct line {
	int fd;
	uint16_t next;
	unsigned out;
	uint64_t sent_us[IDS]; /* 0: nothing is under way */
};

struct tally {
	uint64_t answered, lost, bytes, empty, rcode[16];
	uint32_t histogram[HISTOGRAM_US]; /* by microseconds; what takes longer is in the last one */
};

static struct line *lines;
static struct pollfd polled[SOCKETS_MAX];
static struct tally tally;
static struct question *questions;
static size_t nquestions;
static struct dice dice = { 1 };
static uint8_t queries[BATCH][QUESTION_MAX], answers[BATCH][ANSWER_MAX];
static struct iovec query_parts[BATCH], answer_parts[BATCH];
static struct mmsghdr query_headers[BATCH], answer_headers[BATCH];

static void usage(void)
{
	fprintf(stderr,
		"usage: dnsload [-s ADDRESS] [-p PORT] [-t SECONDS] [-W WARM-SECONDS] [-w UNDER-WAY] [-c SOCKETS]\n"
		"               [-n NAME | -d NAMES-FILE] [-q TYPE] [-e none|opt|v4|v6|mix] [-S PID[,PID...] [-C "
		"CORE]]\n");
	exit(2);
}

static bool add_question(const struct options *options, const char *name)
{
	static size_t cap;

	questions = mem_grow(questions, nquestions, &cap, sizeof *questions);
	return question_init(&questions[nquestions++], name, options->type, options->edns);
}

/* What there is to ask: one name, or those of a file. */
static bool read_questions(const struct options *options)
{
	FILE *file = options->names != NULL ? fopen(options->names, "r") : NULL;
	char name[NAME_TEXT_MAX];
	bool good = true;

	if (options->names == NULL)
		return add_question(options, options->name);
	while (good && file != NULL && fscanf(file, "%1023s", name) == 1)
		good = add_question(options, name);
	if (file != NULL)
		fclose(file);
	return good && nquestions > 0;
}

static struct options read_options(int argc, char **argv)
{
	struct options options = { "127.0.0.1", "www.example.com", NULL, "A", "v4", NULL, 5300, 5, 0, 256, 4, 0 };
	int option;

	while ((option = getopt(argc, argv, "s:p:t:W:w:c:n:d:q:e:S:C:")) != -1)
		switch (option) {
		case 's':
			options.address = optarg;
			break;
		case 'p':
			options.port = (unsigned)atoi(optarg);
			break;
		case 't':
			options.seconds = (unsigned)atoi(optarg);
			break;
		case 'W':
			options.warm = (unsigned)atoi(optarg);
			break;
		case 'w':
			options.under_way = (unsigned)atoi(optarg);
			break;
		case 'c':
			options.nsockets = (unsigned)atoi(optarg);
			break;
		case 'n':
			options.name = optarg;
			break;
		case 'd':
			options.names = optarg;
			break;
		case 'q':
			options.type = optarg;
			break;
		case 'e':
			options.edns = optarg;
			break;
		case 'S':
			options.pids = optarg;
			break;
		case 'C':
			options.core = (unsigned)atoi(optarg);
			break;
		default:
			usage();
		}
	if (!read_questions(&options) || strncmp(options.address, "127.", 4) != 0 || options.nsockets < 1 ||
		options.nsockets > SOCKETS_MAX || options.under_way < options.nsockets || options.seconds < 1)
		usage();
	return options;
}

static void open_lines(const struct options *options)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)options->port) };
	int bytes = BUFFER_BYTES;

	inet_pton(AF_INET, options->address, &to.sin_addr);
	lines = mem_alloc(options->nsockets * sizeof *lines);
	for (unsigned i = 0; i < options->nsockets; i++) {
		lines[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		setsockopt(lines[i].fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
		if (connect(lines[i].fd, (struct sockaddr *)&to, sizeof to) != 0) {
			perror("dnsload: connect");
			exit(1);
		}
		polled[i] = (struct pollfd){ lines[i].fd, POLLIN, 0 };
	}
	for (unsigned i = 0; i < BATCH; i++) {
		query_parts[i].iov_base = queries[i];
		query_headers[i].msg_hdr = (struct msghdr){ .msg_iov = &query_parts[i], .msg_iovlen = 1 };
		answer_parts[i] = (struct iovec){ answers[i], ANSWER_MAX };
		answer_headers[i].msg_hdr = (struct msghdr){ .msg_iov = &answer_parts[i], .msg_iovlen = 1 };
	}
}

/* Send until so many are under way. True when any was sent. */
static bool line_send(struct line *line, unsigned under_way)
{
	bool any = false;

	while (line->out < under_way) {
		unsigned want = under_way - line->out, n = 0;
		uint64_t now_us = clock_monotonic_us();
		int sent;

		for (; n < want && n < BATCH && line->sent_us[(uint16_t)(line->next + n)] == 0; n++)
			query_parts[n].iov_len =
				question_write(&questions[nquestions > 1 ? dice_below(&dice, nquestions) : 0],
					(uint16_t)(line->next + n), &dice, queries[n]);
		sent = n > 0 ? sendmmsg(line->fd, query_headers, n, 0) : 0;
		if (sent <= 0)
			break;
		for (int i = 0; i < sent; i++)
			line->sent_us[line->next++] = now_us;
		line->out += (unsigned)sent;
		any = true;
	}
	return any;
}

static bool line_receive(struct line *line)
{
	int n = recvmmsg(line->fd, answer_headers, BATCH, MSG_DONTWAIT, NULL);
	uint64_t now_us = clock_monotonic_us();

	for (int i = 0; i < n; i++) {
		const uint8_t *answer = answers[i];
		uint16_t id = (uint16_t)(answer[0] << 8 | answer[1]);
		uint64_t us = now_us - line->sent_us[id];

		if (line->sent_us[id] == 0)
			continue;
		line->sent_us[id] = 0;
		line->out--;
		tally.histogram[us < HISTOGRAM_US ? us : HISTOGRAM_US - 1]++;
		tally.answered++;
		tally.bytes += answer_headers[i].msg_len;
		tally.rcode[answer[3] & 15]++;
		tally.empty += answer[6] == 0 && answer[7] == 0;
	}
	return n > 0;
}

/* What is under way for too long is lost. */
static void line_sweep(struct line *line, uint64_t now_us)
{
	for (unsigned id = 0; id < IDS; id++)
		if (line->sent_us[id] != 0 && now_us - line->sent_us[id] > LOST_US) {
			line->sent_us[id] = 0;
			line->out--;
			tally.lost++;
		}
}

/* Load for so long. Returns how long it was. */
static uint64_t load(const struct options *options, unsigned seconds, struct cpu_watch *watch)
{
	uint64_t began_us = clock_monotonic_us(), now_us = began_us, swept_us = began_us;

	while (now_us - began_us < seconds * 1000000ull) {
		bool any = false;

		for (unsigned i = 0; i < options->nsockets; i++) {
			any |= line_send(&lines[i], options->under_way / options->nsockets);
			any |= line_receive(&lines[i]);
		}
		if (!any)
			poll(polled, options->nsockets, 1);
		now_us = clock_monotonic_us();
		if (now_us - swept_us < SWEEP_US)
			continue;
		swept_us = now_us;
		cpu_watch_take(watch);
		for (unsigned i = 0; i < options->nsockets; i++)
			line_sweep(&lines[i], now_us);
	}
	return now_us - began_us;
}

/* When the time is over: what is still under way has its second, too, but counts only when it is lost. */
static void drain(const struct options *options)
{
	uint64_t began_us = clock_monotonic_us(), now_us = began_us, lost;
	unsigned out = 1;
	static struct tally before;

	before = tally;
	while (out > 0 && now_us - began_us < LOST_US) {
		bool any = false;

		out = 0;
		for (unsigned i = 0; i < options->nsockets; i++) {
			any |= line_receive(&lines[i]);
			out += lines[i].out;
		}
		if (!any && out > 0)
			poll(polled, options->nsockets, 1);
		now_us = clock_monotonic_us();
	}
	lost = tally.lost + out;
	tally = before;
	tally.lost = lost;
}

static uint64_t percentile_us(unsigned percent)
{
	uint64_t seen = 0;

	for (unsigned us = 0; us < HISTOGRAM_US; us++) {
		seen += tally.histogram[us];
		if (seen * 100 >= tally.answered * percent)
			return us;
	}
	return 0;
}

static size_t read_pids(char *text, int pids[static CPU_PIDS_MAX])
{
	size_t n = 0;

	for (char *word = text != NULL ? strtok(text, ",") : NULL; word != NULL && n < CPU_PIDS_MAX;
		word = strtok(NULL, ","))
		pids[n++] = atoi(word);
	return n;
}

static void print(uint64_t took_us, const struct cpu_use *use)
{
	double answered = tally.answered > 0 ? (double)tally.answered : 1, ns = (double)use->total_ns / answered;

	printf("qps=%.0f answered=%llu lost=%llu noerror=%llu servfail=%llu nxdomain=%llu refused=%llu empty=%llu "
	       "p50_us=%llu "
	       "p99_us=%llu bytes=%.0f",
		(double)tally.answered * 1e6 / (double)took_us, (unsigned long long)tally.answered,
		(unsigned long long)tally.lost, (unsigned long long)tally.rcode[0], (unsigned long long)tally.rcode[2],
		(unsigned long long)tally.rcode[3], (unsigned long long)tally.rcode[5], (unsigned long long)tally.empty,
		(unsigned long long)percentile_us(50), (unsigned long long)percentile_us(99),
		(double)tally.bytes / answered);
	if (use->total_ns > 0)
		printf(" user_ns=%.1f sys_ns=%.1f cpu_ns=%.1f samples=%llu tick_user_ns=%.1f others_percent=%.1f",
			ns * use->user_share, ns * (1 - use->user_share), ns, (unsigned long long)use->nsamples,
			ns * use->tick_share, use->others_share * 100);
	printf("\n");
}

int main(int argc, char **argv)
{
	struct options options = read_options(argc, argv);
	int pids[CPU_PIDS_MAX];
	size_t npids = read_pids(options.pids, pids);
	struct cpu_watch *watch = cpu_watch_new(pids, npids, options.core);
	struct cpu_use use;
	uint64_t took_us;

	open_lines(&options);
	load(&options, options.warm, watch);
	memset(&tally, 0, sizeof tally);
	cpu_watch_start(watch);
	took_us = load(&options, options.seconds, watch);
	use = cpu_watch_stop(watch);
	drain(&options);
	print(took_us, &use);
	cpu_watch_free(watch);
	return 0;
}
