/* The one file that knows libmicrohttpd: sockets and bytes here, what is said in http_routes.c. The library's own time limit
 * begins anew with each byte, which somebody who sends a byte now and then can have as long as they like; so each connection
 * has a time here for all of a request, and one for all of an answer, and is shut down when it is over. While all places
 * are taken, who has asked nothing yet has a second. */
#include "gslb/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gslb/daemon.h"
#include "gslb/http_request.h"

enum {
	ASKING_MS = 10000,
	ASKING_FULL_MS = 1000,
	ANSWERING_MS = 60000,
	TURN_US = 2000,
	MEMORY_LEN = 48 * 1024, /* a connection's, for headers and what is being sent */
	PIECE_LEN = 16 * 1024,
	BACKLOG = 256,
};

struct seat {
	int fd; /* -1: free */
	bool answering;
	uint64_t since_ms;
};

struct http {
	int listening;
	bool loopback;
	struct MHD_Daemon *server;
	struct daemon *daemon;
	uint64_t now_ms; /* monotonic, of this turn */
	struct http_budget budget;
	struct http_counts counts;
	struct seat seats[HTTP_PLACES];
};

/* One request, from its first line to its answer's end. */
struct call {
	struct http_request request;
	enum http_verdict verdict;
	bool begun;
	struct buf body; /* up to one byte more than may be */
};

/* ---- binding ---- */

static bool is_loopback(const struct addr *addr)
{
	return addr->family == ADDR_V4 ? addr->bytes[0] == 127 : addr->bytes[15] == 1 && addr_is_private(addr);
}

static bool bind_to(int fd, struct conf_listen *listen_at)
{
	struct sockaddr_storage at;
	socklen_t len = addr_to_sockaddr(&listen_at->addr, listen_at->port, &at);
	struct addr bound;
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (listen_at->addr.family == ADDR_V6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(fd, (const struct sockaddr *)&at, len) != 0 || listen(fd, BACKLOG) != 0)
		return false;
	len = sizeof at;
	if (getsockname(fd, (struct sockaddr *)&at, &len) == 0)
		addr_from_sockaddr(&bound, &listen_at->port, &at);
	return true;
}

bool http_open(struct http **http, struct conf_listen *listen_at, bool must, struct err *err)
{
	int fd, family = listen_at->addr.family == ADDR_V6 ? AF_INET6 : AF_INET;
	char text[ADDR_TEXT_MAX];

	*http = NULL;
	if (listen_at->addr.family == ADDR_NONE)
		return true;
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind_to(fd, listen_at)) {
		*http = mem_alloc(sizeof **http);
		(*http)->listening = fd;
		(*http)->loopback = is_loopback(&listen_at->addr);
		for (size_t i = 0; i < HTTP_PLACES; i++)
			(*http)->seats[i].fd = -1;
		return true;
	}
	err_set(err, "http.listen: %s@%u: %s (name another port, or none)", addr_format(&listen_at->addr, text),
		listen_at->port, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (!must)
		log_warning("http=off reason=\"%s\"", err->text);
	return !must;
}

/* ---- connections ---- */

static struct seat *seat_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

static void note_connection(void *context, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode what)
{
	struct http *http = context;
	struct seat *seat = *socket_context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (seat != NULL)
			seat->fd = -1;
		return;
	}
	for (size_t i = 0; i < HTTP_PLACES; i++) {
		seat = &http->seats[i];
		if (seat->fd >= 0)
			continue;
		*seat = (struct seat){
			.fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
			.since_ms = http->now_ms,
		};
		*socket_context = seat;
		return;
	}
}

/* The socket is shut and not closed: the library finds its end, and cleans up as it always does. */
static void cut_off_late(struct http *http, uint64_t *next_ms)
{
	unsigned n = 0;

	for (size_t i = 0; i < HTTP_PLACES; i++)
		n += http->seats[i].fd >= 0;
	http->counts.connections = n;
	for (size_t i = 0; i < HTTP_PLACES; i++) {
		struct seat *seat = &http->seats[i];
		uint64_t end_ms = seat->since_ms + (seat->answering          ? (uint64_t)ANSWERING_MS
							   : n < HTTP_PLACES ? (uint64_t)ASKING_MS
									     : (uint64_t)ASKING_FULL_MS);

		if (seat->fd < 0)
			continue;
		if (http->now_ms >= end_ms) {
			shutdown(seat->fd, SHUT_RDWR);
			http->counts.cut_off++;
			seat->since_ms = http->now_ms;
		} else if (end_ms < *next_ms) {
			*next_ms = end_ms;
		}
	}
}

/* ---- answers ---- */

static void count_status(struct http *http, unsigned status)
{
	for (size_t i = 0; i < HTTP_STATUSES; i++) {
		if (http->counts.answers[i].status != 0 && http->counts.answers[i].status != status)
			continue;
		http->counts.answers[i].status = status;
		http->counts.answers[i].n++;
		return;
	}
}

struct stream {
	struct http *http;
	struct http_stream from;
	struct buf piece;
	size_t sent; /* of the piece */
};

static ssize_t next_bytes(void *context, uint64_t at, char *out, size_t max)
{
	struct stream *stream = context;
	uint64_t begun_us = clock_monotonic_us();
	size_t left;

	(void)at;
	if (stream->sent == stream->piece.len) {
		stream->sent = stream->piece.len = 0;
		if (stream->from.context == NULL || !stream->from.next(stream->from.context, &stream->piece, PIECE_LEN))
			return MHD_CONTENT_READER_END_OF_STREAM;
		http_budget_use(&stream->http->budget, clock_monotonic_us(), clock_monotonic_us() - begun_us);
	}
	left = stream->piece.len - stream->sent;
	if (left > max)
		left = max;
	memcpy(out, stream->piece.text + stream->sent, left);
	stream->sent += left;
	return (ssize_t)left;
}

static void end_stream(void *context)
{
	struct stream *stream = context;

	if (stream->from.context != NULL)
		stream->from.end(stream->from.context);
	buf_fini(&stream->piece);
	free(stream);
}

static struct MHD_Response *response_of(struct http *http, struct http_reply *reply)
{
	struct stream *stream;

	if (!reply->streams)
		return MHD_create_response_from_buffer(reply->body.len,
			reply->body.text != NULL ? reply->body.text : mem_strdup(""), MHD_RESPMEM_MUST_FREE);
	stream = mem_alloc(sizeof *stream);
	stream->http = http;
	stream->from = reply->stream;
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_LEN, next_bytes, stream, end_stream);
}

static enum MHD_Result answer(struct http *http, struct MHD_Connection *connection, struct http_reply *reply)
{
	struct MHD_Response *response = response_of(http, reply);
	struct seat *seat = seat_of(connection);
	enum MHD_Result done;
	char number[16];

	if (response == NULL)
		return MHD_NO;
	/* HEAD: the library would end the chunks that it does not send */
	if (reply->streams && reply->stream.context == NULL)
		MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	MHD_add_response_header(response, "Content-Type", reply->type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (reply->policy != NULL)
		MHD_add_response_header(response, "Content-Security-Policy", reply->policy);
	if (reply->allow != NULL)
		MHD_add_response_header(response, "Allow", reply->allow);
	if (reply->challenge)
		MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"gslb\"");
	if (reply->retry_after_s > 0) {
		snprintf(number, sizeof number, "%u", reply->retry_after_s);
		MHD_add_response_header(response, "Retry-After", number);
	}
	count_status(http, reply->status);
	done = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	if (seat != NULL) {
		seat->answering = true;
		seat->since_ms = http->now_ms;
	}
	return done;
}

/* ---- requests ---- */

static void *begin_call(void *context, const char *uri, struct MHD_Connection *connection)
{
	struct call *call = mem_alloc(sizeof *call);

	(void)context;
	(void)connection;
	call->verdict = http_request_parse(&call->request, uri);
	return call;
}

static void end_call(void *context, struct MHD_Connection *connection, void **call, enum MHD_RequestTerminationCode how)
{
	struct http *http = context;
	struct seat *seat = seat_of(connection);

	(void)how;
	if (*call != NULL)
		buf_fini(&((struct call *)*call)->body);
	free(*call);
	*call = NULL;
	if (seat != NULL) {
		seat->answering = false;
		seat->since_ms = http->now_ms;
	}
}

static enum http_method method_of(const char *method)
{
	if (strcmp(method, "GET") == 0)
		return HTTP_GET;
	if (strcmp(method, "HEAD") == 0)
		return HTTP_HEAD;
	return strcmp(method, "POST") == 0 ? HTTP_POST : HTTP_OTHER;
}

static enum MHD_Result refuse(
	struct http *http, struct MHD_Connection *connection, unsigned status, const char *sentence)
{
	struct http_reply reply = { .status = status, .type = "application/json" };

	buf_printf(&reply.body, "{\"error\": \"%s\"}\n", sentence);
	return answer(http, connection, &reply);
}

static enum MHD_Result route(struct http *http, struct MHD_Connection *connection, struct call *call, bool whole)
{
	struct http_reply reply = { 0 };
	uint64_t begun_us = clock_monotonic_us(), now_us;

	http_route(http->daemon, &call->request, &http->budget, whole, &reply);
	now_us = clock_monotonic_us();
	http_budget_use(&http->budget, now_us, now_us - begun_us);
	return reply.status != 0 ? answer(http, connection, &reply) : MHD_YES;
}

/* Called when the headers are there, for each part of a body, and at its end. */
static enum MHD_Result take(void *context, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *body, size_t *body_len, void **call_at)
{
	struct http *http = context;
	struct call *call = *call_at;
	struct http_request *request = &call->request;
	size_t most, room;

	(void)url;
	(void)version;
	if (!call->begun) {
		const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");

		call->begun = true;
		if (call->verdict == HTTP_TOO_LONG)
			return refuse(http, connection, 414, "the address is too long");
		if (call->verdict == HTTP_MALFORMED)
			return refuse(http, connection, 400, "the address is malformed");
		request->method = method_of(method);
		if (length != NULL && (strlen(length) > 9 || (size_t)atoi(length) > http_body_max(request)))
			return refuse(http, connection, 413, "the body is too large");
		request->authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
		request->host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
		request->to_loopback = http->loopback;
		/* what is answered before its body came closes the connection: only what is refused */
		return request->method == HTTP_POST ? route(http, connection, call, false) : MHD_YES;
	}
	most = http_body_max(request);
	if (*body_len > 0) {
		room = most + 1 - call->body.len;
		buf_add(&call->body, body, *body_len < room ? *body_len : room);
		*body_len = 0;
		return MHD_YES;
	}
	if (call->body.len > most)
		return refuse(http, connection, 413, "the body is too large");
	request->body = call->body.text != NULL ? call->body.text : "";
	request->body_len = call->body.len;
	return route(http, connection, call, true);
}

/* ---- running ---- */

bool http_start(struct http *http, struct daemon *daemon, struct err *err)
{
	if (http == NULL)
		return true;
	http->daemon = daemon;
	http->now_ms = clock_monotonic_ms();
	http->server = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, take, http, MHD_OPTION_LISTEN_SOCKET,
		http->listening, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_PLACES, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		http->loopback ? 0u : (unsigned)HTTP_OF_ONE, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_LEN,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)ASKING_MS / 1000, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_URI_LOG_CALLBACK, begin_call, http,
		MHD_OPTION_NOTIFY_COMPLETED, end_call, http, MHD_OPTION_NOTIFY_CONNECTION, note_connection, http,
		MHD_OPTION_END);
	if (http->server == NULL)
		return err_set(err, "http.listen: the server did not start: %s", strerror(errno));
	http->listening = -1; /* the server's now */
	return true;
}

void http_close(struct http *http)
{
	if (http == NULL)
		return;
	if (http->server != NULL)
		MHD_stop_daemon(http->server);
	if (http->listening >= 0)
		close(http->listening);
	free(http);
}

int http_fd(const struct http *http)
{
	const union MHD_DaemonInfo *info;

	if (http == NULL || http->server == NULL)
		return -1;
	info = MHD_get_daemon_info(http->server, MHD_DAEMON_INFO_EPOLL_FD);
	return info != NULL ? info->epoll_fd : -1;
}

void http_run(struct http *http, uint64_t now_monotonic_ms, uint64_t *next_ms)
{
	uint64_t end_us = clock_monotonic_us() + TURN_US;
	MHD_UNSIGNED_LONG_LONG wait_ms;
	bool waits;

	if (http == NULL || http->server == NULL)
		return;
	http->now_ms = now_monotonic_ms;
	do {
		MHD_run(http->server);
		waits = MHD_get_timeout(http->server, &wait_ms) == MHD_YES;
	} while (waits && wait_ms == 0 && clock_monotonic_us() < end_us);
	if (waits && now_monotonic_ms + wait_ms < *next_ms)
		*next_ms = now_monotonic_ms + wait_ms;
	cut_off_late(http, next_ms);
}

void http_counts(const struct http *http, struct http_counts *counts)
{
	*counts = http != NULL ? http->counts : (struct http_counts){ 0 };
}
