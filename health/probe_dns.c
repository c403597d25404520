/* check=dns: does a name server answer? One question over UDP to the endpoint, asked again at half time, since a lost packet
 * is no dead server. Any answer with rcode NOERROR is success, NODATA too: whether the name has data is the zone's affair,
 * not the server's health. The socket is connected, so that only the endpoint can answer, and a port nobody listens on shows
 * as refused. The packet is built here: twelve bytes and a name need no library. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "health/probe.h"

enum { HEADER_LEN = 12, QUESTION_MAX = NAME_MAX_LEN + 4, FLAG_QR = 0x80, FLAG_RD = 1, CLASS_IN = 1 };

struct dns_work {
	struct loop_watch watch;
	struct loop_timer again;
	struct probe *probe;
	size_t len;
	uint8_t query[HEADER_LEN + QUESTION_MAX];
};

static void dns_release(struct dns_work *work)
{
	loop_clear(probe_loop(work->probe), &work->again);
	loop_unwatch(probe_loop(work->probe), &work->watch);
	close(work->watch.fd);
	free(work);
}

static void dns_fail(struct dns_work *work, int error)
{
	struct probe *probe = work->probe;

	dns_release(work);
	probe_end_errno(probe, error);
}

static void dns_finish(struct dns_work *work, enum probe_result result, unsigned number, const char *detail)
{
	struct probe *probe = work->probe;

	dns_release(work);
	probe_end(probe, result, number, detail);
}

/* RFC 1035 4.1. Recursion is asked for: a resolver needs it, an authoritative server does not mind. */
static bool build_query(struct dns_work *work, const struct health_probe *probe, uint16_t id)
{
	struct name name;
	uint8_t *at = work->query;

	if (!name_from_text(&name, probe->qname))
		return false;
	memcpy(at, (uint8_t[HEADER_LEN]){ (uint8_t)(id >> 8), (uint8_t)id, FLAG_RD, 0, 0, 1 }, HEADER_LEN);
	at += HEADER_LEN;
	memcpy(at, name.wire, name.len);
	at += name.len;
	memcpy(at, (uint8_t[4]){ (uint8_t)(probe->qtype >> 8), (uint8_t)probe->qtype, 0, CLASS_IN }, 4);
	work->len = (size_t)(at + 4 - work->query);
	return true;
}

/* The question must come back as it was asked; a server that could not read it may leave it out, with an rcode. Names are
 * compared without regard to case: the query's is lower case. */
static bool question_is_ours(const struct dns_work *work, const uint8_t *reply, size_t len)
{
	if (reply[4] == 0 && reply[5] == 0)
		return (reply[3] & 15) != 0;
	if (reply[4] != 0 || reply[5] != 1 || len < work->len)
		return false;
	for (size_t i = HEADER_LEN; i < work->len; i++) {
		uint8_t c = reply[i];

		if (i < work->len - 4 && c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != work->query[i])
			return false;
	}
	return true;
}

/* False when the packet is not the answer, and the wait goes on. */
static bool take_reply(struct dns_work *work, const uint8_t *reply, size_t len)
{
	unsigned rcode;

	if (len < HEADER_LEN || memcmp(reply, work->query, 2) != 0)
		return false;
	rcode = reply[3] & 15;
	if (!(reply[2] & FLAG_QR) || !question_is_ours(work, reply, len))
		dns_finish(work, PROBE_DNS_OTHER, 0, "not an answer to the question");
	else if (rcode != 0)
		dns_finish(work, PROBE_DNS_RCODE, rcode, NULL);
	else
		dns_finish(work, PROBE_OK, 0, NULL);
	return true;
}

static void dns_ready(struct loop_watch *watch, uint32_t events)
{
	struct dns_work *work = LOOP_OWNER(watch, struct dns_work, watch);

	(void)events;
	for (;;) {
		uint8_t reply[512];
		ssize_t len = recv(watch->fd, reply, sizeof reply, 0);

		if (len < 0 && errno == EAGAIN)
			return;
		if (len < 0 && errno != EINTR) {
			dns_fail(work, errno);
			return;
		}
		if (len >= 0 && take_reply(work, reply, (size_t)len))
			return;
	}
}

static void ask_again(struct loop_timer *timer)
{
	struct dns_work *work = LOOP_OWNER(timer, struct dns_work, again);

	if (send(work->watch.fd, work->query, work->len, 0) < 0 && errno != EAGAIN)
		dns_fail(work, errno);
}

static bool connect_and_ask(struct dns_work *work, const struct health_target *target)
{
	struct sockaddr_storage to;
	socklen_t len = addr_to_sockaddr(&target->addr, target->port, &to);

	work->watch.fd = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return work->watch.fd >= 0 && connect(work->watch.fd, (struct sockaddr *)&to, len) == 0 &&
	       loop_watch(probe_loop(work->probe), &work->watch, EPOLLIN) &&
	       send(work->watch.fd, work->query, work->len, 0) >= 0;
}

static void dns_start(struct probe *probe)
{
	const struct health_target *target = probe->target;
	struct dns_work *work = mem_alloc(sizeof *work);
	struct dice *dice = probe->context;

	*work = (struct dns_work){ .watch = { dns_ready, -1 }, .again = { .fire = ask_again }, .probe = probe };
	if (!build_query(work, &target->probe, (uint16_t)dice_next(dice))) {
		free(work);
		probe_end(probe, PROBE_LOCAL, 0, "qname is no domain name");
		return;
	}
	probe->work = work;
	if (!connect_and_ask(work, target)) {
		dns_fail(work, errno);
		return;
	}
	loop_set(probe_loop(probe), &work->again, clock_monotonic_us() + target->probe.timeout_ms * (uint64_t)500);
}

static void dns_stop(struct probe *probe, struct probe_report *report)
{
	if (report != NULL)
		probe_set_detail(report, "no answer, asked twice");
	dns_release(probe->work);
}

static void *dns_open(struct loop *loop, struct err *err)
{
	struct dice dice = dice_from_kernel();

	(void)loop;
	(void)err;
	return mem_dup(&dice, sizeof dice);
}

const struct probe_method probe_dns = {
	.descriptors = 1, .most = UINT_MAX, .open = dns_open, .close = free, .start = dns_start, .stop = dns_stop
};
