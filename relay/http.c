/* libmicrohttpd without threads of its own: its epoll descriptor is waited for with the others. A request that waits for its caches is
 * suspended until http_answer. */
#include "relay/http.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { WAIT_MAX_S = 60 };

struct http {
	struct MHD_Daemon *daemon;
	struct http_ops ops;
	const struct relay_conf *conf;
};

struct http_request {
	struct http *http;
	struct MHD_Connection *connection;
	const char *actor;
	struct buf body;
	bool too_long, asked, answered, suspended;
	unsigned status;
	uint32_t after_s;
	json_t *answer;
};

/* ---- answers ---- */

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status, const char *type, const char *text,
	size_t len, uint32_t after_s)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;
	char after[16];

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	snprintf(after, sizeof after, "%u", after_s);
	if (after_s > 0)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, after);
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned status, const char *sentence)
{
	json_t *root = json_pack("{s:s}", "error", sentence);
	char *text = json_dumps(root, JSON_COMPACT);
	enum MHD_Result result = queue(connection, status, "application/json", text, strlen(text), 0);

	free(text);
	json_decref(root);
	return result;
}

static enum MHD_Result give(struct http_request *request)
{
	char *text = json_dumps(request->answer, JSON_COMPACT);
	enum MHD_Result result =
		queue(request->connection, request->status, "application/json", text, strlen(text), request->after_s);

	free(text);
	return result;
}

void http_answer(struct http_request *request, unsigned status, uint32_t after_s, json_t *body)
{
	request->status = status;
	request->after_s = after_s;
	request->answer = body;
	request->answered = true;
	if (!request->suspended)
		return;
	request->suspended = false;
	MHD_resume_connection(request->connection);
}

/* ---- who asks ---- */

/* Its time tells nothing of where two tokens differ. */
static bool is_same(const char *given, const char *token)
{
	size_t len = strlen(token);
	volatile unsigned char differs = strlen(given) != len;

	for (size_t i = 0; given[i] != '\0'; i++)
		differs |= (unsigned char)(given[i] ^ token[len > 0 ? i % len : 0]);
	return differs == 0 && len > 0;
}

/* NULL: nobody we know. */
static const char *actor_of(const struct http *http, struct MHD_Connection *connection)
{
	const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION),
		   *actor = NULL;

	if (text == NULL || strncasecmp(text, "Bearer ", 7) != 0)
		return NULL;
	for (size_t i = 0; i < http->conf->ntokens; i++)
		if (is_same(text + 7, http->conf->tokens[i].secret))
			actor = http->conf->tokens[i].name;
	return actor;
}

/* RFC 7240, 4.3: wait=SECONDS among others. */
static uint64_t wait_of(struct MHD_Connection *connection)
{
	const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Prefer");
	const char *at = text != NULL ? strstr(text, "wait=") : NULL;
	unsigned long s = at != NULL ? strtoul(at + 5, NULL, 10) : 0;

	return (s < WAIT_MAX_S ? s : WAIT_MAX_S) * 1000;
}

/* ---- requests ---- */

#define TOO_LONG "a request has at most 65536 bytes: split it"

static enum MHD_Result turn_away(
	struct http *http, struct MHD_Connection *connection, const char *actor, unsigned status, const char *sentence)
{
	http->ops.refused(http->ops.arg, actor, sentence);
	return say(connection, status, sentence);
}

static bool is_long(struct MHD_Connection *connection)
{
	const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text != NULL && strtoull(text, NULL, 10) > HTTP_BODY_MAX;
}

static enum MHD_Result begin_post(struct http *http, struct MHD_Connection *connection, void **context)
{
	const char *actor = actor_of(http, connection);
	struct http_request *request;

	if (actor == NULL)
		return turn_away(http, connection, "", MHD_HTTP_UNAUTHORIZED,
			"a token of relay.token-file must come as Authorization: Bearer");
	if (is_long(connection))
		return turn_away(http, connection, actor, MHD_HTTP_CONTENT_TOO_LARGE, TOO_LONG);
	request = mem_alloc(sizeof *request);
	request->http = http;
	request->connection = connection;
	request->actor = actor;
	*context = request;
	return MHD_YES;
}

static enum MHD_Result take_body(struct http_request *request, const char *bytes, size_t *len)
{
	if (request->body.len + *len > HTTP_BODY_MAX)
		request->too_long = true;
	else
		buf_add(&request->body, bytes, *len);
	*len = 0;
	return MHD_YES;
}

static enum MHD_Result end_post(struct http_request *request)
{
	const struct http_ops *ops = &request->http->ops;

	if (request->too_long)
		return turn_away(
			request->http, request->connection, request->actor, MHD_HTTP_CONTENT_TOO_LARGE, TOO_LONG);
	if (!request->asked) {
		request->asked = true;
		ops->invalidate(ops->arg, request, request->actor, request->body.text != NULL ? request->body.text : "",
			request->body.len, wait_of(request->connection));
	}
	if (request->answered)
		return give(request);
	request->suspended = true;
	MHD_suspend_connection(request->connection);
	return MHD_YES;
}

static enum MHD_Result get(struct http *http, struct MHD_Connection *connection, const char *path)
{
	struct buf text = { 0 };
	struct err err;
	enum MHD_Result result;

	if (strcmp(path, "/healthz") == 0) {
		bool good = http->ops.healthy(http->ops.arg, &err);

		return good ? queue(connection, MHD_HTTP_OK, "text/plain", "ok\n", 3, 0)
			    : say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, err.text);
	}
	if (strcmp(path, "/metrics") != 0)
		return say(connection, MHD_HTTP_NOT_FOUND, "there is /v1/invalidate (POST), /metrics and /healthz");
	http->ops.metrics(http->ops.arg, &text);
	result = queue(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text.text, text.len, 0);
	buf_fini(&text);
	return result;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
	const char *version, const char *bytes, size_t *len, void **context)
{
	struct http *http = arg;

	(void)version;
	if (strcmp(method, "GET") == 0 && strcmp(path, "/v1/invalidate") != 0)
		return get(http, connection, path);
	if (*context == NULL && strcmp(path, "/v1/invalidate") != 0)
		return say(connection, MHD_HTTP_NOT_FOUND, "there is /v1/invalidate (POST), /metrics and /healthz");
	if (*context == NULL && strcmp(method, "POST") != 0)
		return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "/v1/invalidate takes POST");
	if (*context == NULL)
		return begin_post(http, connection, context);
	if (*len > 0)
		return take_body(*context, bytes, len);
	return end_post(*context);
}

static void end(void *arg, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why)
{
	struct http_request *request = *context;

	(void)arg;
	(void)connection;
	(void)why;
	if (request == NULL)
		return;
	buf_fini(&request->body);
	json_decref(request->answer);
	free(request);
	*context = NULL;
}

/* ---- life ---- */

struct http *http_open(const struct relay_conf *conf, const struct http_ops *ops, struct err *err)
{
	struct http *http = mem_alloc(sizeof *http);
	struct sockaddr_storage at;

	http->ops = *ops;
	http->conf = conf;
	addr_to_sockaddr(&conf->listen, conf->listen_port, &at);
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (at.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0),
		conf->listen_port, NULL, NULL, handle, http, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_NOTIFY_COMPLETED,
		end, http, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768,
		MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
	if (http->daemon != NULL)
		return http;
	free(http);
	err_set(err, "relay.listen: cannot be opened: is something else listening there?");
	return NULL;
}

void http_close(struct http *http)
{
	if (http == NULL)
		return;
	MHD_run(http->daemon); /* what was answered is sent */
	MHD_stop_daemon(http->daemon);
	free(http);
}

int http_fd(const struct http *http)
{
	return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

uint64_t http_left_ms(const struct http *http)
{
	MHD_UNSIGNED_LONG_LONG left_ms;

	return MHD_get_timeout(http->daemon, &left_ms) == MHD_YES ? left_ms : UINT64_MAX;
}

void http_run(struct http *http)
{
	MHD_run(http->daemon);
}
