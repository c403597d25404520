/* Answers are made in one buffer that all connections share, and mostly sent from there at once. What the kernel does not
 * take is copied aside for that connection, which is then not read from until it is gone. */
#include "gslb/tcp_client.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	READS_MAX = 8,    /* a turn, and: */
	ANSWERS_MAX = 48, /* answers */
};

/* What one turn of a connection did. */
struct turn {
	bool progress; /* it took its answers, or was answered */
	unsigned nanswers;
	size_t len;
};

bool tcp_client_watch(struct tcp *tcp, struct tcp_client *client, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = client };
	int operation = client->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (client->watched == events)
		return true;
	client->watched = events;
	return epoll_ctl(tcp->source.fd, operation, client->fd, &event) == 0;
}

/* Count the heap that the connection holds now. */
static void client_hold(struct tcp *tcp, struct tcp_client *client)
{
	size_t held = stream_heap(&client->in) + (client->out != NULL ? client->out_len : 0);

	if (client->held == 0 && held > 0)
		TAILQ_INSERT_TAIL(&tcp->holders, client, link);
	else if (client->held > 0 && held == 0)
		TAILQ_REMOVE(&tcp->holders, client, link);
	tcp->held += held - client->held;
	client->held = held;
}

void tcp_client_close(struct tcp *tcp, struct tcp_client *client, bool reset)
{
	static const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (reset)
		setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	close(client->fd); /* which takes it out of epoll, too */
	client->fd = -1;
	stream_fini(&client->in);
	free(client->out);
	client->out = NULL;
	client_hold(tcp, client);
	roster_leave(tcp->roster, &client->seat);
	TAILQ_INSERT_HEAD(&tcp->unused, client, link);
	count(tcp->context->counters, COUNT_tcp_closed);
}

/* ---- answers ---- */

/* Send what was gathered; keep what the kernel does not take. False when the client is gone. */
static bool client_flush(struct tcp *tcp, struct tcp_client *client)
{
	size_t len = tcp->out_len;
	ssize_t sent;

	tcp->out_len = 0;
	if (len == 0)
		return true;
	sent = send(client->fd, tcp->out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		count(tcp->context->counters, COUNT_send_failed);
		return false;
	}
	if (sent < 0)
		sent = 0;
	if ((size_t)sent < len) {
		client->out = mem_dup(tcp->out + sent, len - (size_t)sent);
		client->out_at = 0;
		client->out_len = len - (size_t)sent;
	}
	return true;
}

/* RFC 7828 3.2.2: how long the client may keep the connection. None when another needs the place. */
static uint32_t promise_ms(const struct tcp *tcp, const struct tcp_client *client)
{
	bool full = roster_count(tcp->roster) >= tcp_limit(&tcp->limits->clients) ||
		    roster_beside(&client->seat) >= tcp_limit(&tcp->limits->per_prefix);

	return full || tcp->closing ? 0 : tcp_limit(&tcp->limits->idle_ms);
}

/* Answer one message into the gathered ones. False when it deserves no answer, over TCP hence no connection. */
static bool client_answer(struct tcp *tcp, const struct tcp_client *client, const uint8_t *message, size_t len)
{
	uint8_t *out = tcp->out + tcp->out_len;
	size_t answer_len;

	assert(tcp->out_len < TCP_TURN_LEN); /* else the turn is over, and there is room for the longest */
	*tcp->promise_ms = promise_ms(tcp, client);
	tcp->context->transport = TRANSPORT_TCP;
	tcp->context->source = client->addr;
	tcp->context->source_port = client->port;
	answer_len = packet_answer(tcp->context, message, len, out + 2, PACKET_TCP_MAX);
	if (answer_len == 0)
		return false;
	out[0] = (uint8_t)(answer_len >> 8);
	out[1] = (uint8_t)answer_len;
	tcp->out_len += 2 + answer_len;
	return true;
}

static bool is_over(const struct turn *turn)
{
	return turn->nanswers >= ANSWERS_MAX || turn->len >= TCP_TURN_LEN;
}

/* Answer the whole messages that are there, as long as the turn lasts; they are sent together at its end. False when the
 * client is to be reset. */
static bool client_answers(struct tcp *tcp, struct tcp_client *client, struct turn *turn)
{
	const uint8_t *message;
	size_t len, before;

	while (!is_over(turn)) {
		switch (stream_next(&client->in, &message, &len)) {
		case STREAM_MORE:
			return true;
		case STREAM_BAD:
			client_flush(tcp, client);
			return false;
		case STREAM_MESSAGE:
			before = tcp->out_len;
			if (!client_answer(tcp, client, message, len)) {
				client_flush(tcp, client);
				return false;
			}
			turn->progress = true;
			turn->nanswers++;
			turn->len += tcp->out_len - before;
			break;
		}
	}
	return true;
}

/* ---- a connection's turn ---- */

/* Send on what was kept. False when the client is to be reset. */
static bool client_write(struct tcp_client *client, struct turn *turn)
{
	ssize_t sent = send(client->fd, client->out + client->out_at, client->out_len - client->out_at,
		MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	client->out_at += (size_t)sent;
	if (client->out_at < client->out_len)
		return true;
	free(client->out);
	client->out = NULL;
	turn->progress = true; /* it read one lot, and gets time for the next */
	return true;
}

/* The handshake proves that the address is the client's, and took a round trip: unless something was sent twice (Karn), or cookies
 * stood in for the state that would have measured it. Nothing was answered yet, so that no answer's round trip is in it. */
static void client_measure(const struct tcp *tcp, struct tcp_client *client)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;

	client->measured = true;
	if (tcp->context->sampling != NULL && tcp->context->sampling->sampler != NULL)
		sampler_came(tcp->context->sampling->sampler, &client->addr, tcp->context->now_ms / 1000);
	if (tcp->rtts == NULL || getsockopt(client->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
		len < offsetof(struct tcp_info, tcpi_total_retrans) + sizeof info.tcpi_total_retrans)
		return;
	if (info.tcpi_total_retrans == 0 && info.tcpi_rtt > 0)
		rtt_ring_put(tcp->rtts, &client->addr, info.tcpi_rtt);
}

/* Read until there is no more, or enough for one turn. False when the client is to be reset. */
static bool client_read(struct tcp *tcp, struct tcp_client *client, struct turn *turn)
{
	for (unsigned reads = 0; reads < READS_MAX && !client->eof && !is_over(turn); reads++) {
		size_t room;
		uint8_t *at = stream_room(&client->in, &room);
		ssize_t got = recv(client->fd, at, room, MSG_DONTWAIT);

		if (got < 0 && errno != EINTR)
			return errno == EAGAIN;
		client->eof = got == 0;
		if (got <= 0)
			continue;
		if (!client->measured)
			client_measure(tcp, client);
		stream_took(&client->in, (size_t)got);
		if (!client_answers(tcp, client, turn))
			return false;
		if ((size_t)got < room)
			return true;
	}
	return true;
}

/* After a turn: what does the client wait for now? False when it is to be reset. */
static bool client_settle(struct tcp *tcp, struct tcp_client *client, const struct turn *turn)
{
	bool waits = stream_waiting(&client->in) > 0;
	/* its turn is over, but not its queries: once it takes more answers it is served again */
	bool writing = client->out != NULL || (waits && is_over(turn));
	enum roster_state before = client->seat.state;

	if (!waits)
		stream_fini(&client->in); /* memory for a long one goes back */
	if (writing) {
		if (before != ROSTER_WRITING || turn->progress)
			roster_enter(tcp->roster, &client->seat, ROSTER_WRITING, tcp->now_ms);
	} else if (client->eof) {
		if (!waits)
			tcp_client_close(tcp, client, false);
		return !waits;
	} else if (waits && (turn->progress || before != ROSTER_OWING)) {
		roster_enter(tcp->roster, &client->seat, ROSTER_OWING, tcp->now_ms);
	} else if (!waits && turn->progress) {
		roster_enter(tcp->roster, &client->seat, ROSTER_IDLE, tcp->now_ms);
	}
	return tcp_client_watch(tcp, client, writing ? EPOLLOUT : EPOLLIN);
}

void tcp_client_turn(struct tcp *tcp, struct tcp_client *client)
{
	struct turn turn = { .progress = false };
	bool alive = client->out == NULL || client_write(client, &turn);

	if (alive && client->out == NULL)
		alive = client_answers(tcp, client, &turn) && client_read(tcp, client, &turn) &&
			client_flush(tcp, client) && client_settle(tcp, client, &turn);
	tcp->out_len = 0;
	if (!alive)
		tcp_client_close(tcp, client, true);
	if (client->fd >= 0)
		client_hold(tcp, client);
}
