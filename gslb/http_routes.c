/* What is answered to whom. A route is a row; /v1/ serves the same table of commands as the control socket, of which only those
 * that look, and pushes, which show a token of their own. */
#include "gslb/http_request.h"

#include <stdlib.h>
#include <string.h>

#include "gslb/daemon.h"
#include "gslb/http_endpoints.h"
#include "gslb/http_page.h"
#include "gslb/latency_import.h"
#include "gslb/metrics.h"

enum { SILENT_MS = 60000, LOOK_SOON_MS = 10000 };

static const char type_json[] = "application/json", type_text[] = "text/plain; charset=utf-8";

static void refuse(struct http_reply *reply, unsigned status, const char *sentence)
{
	json_t *document = json_pack("{s:s}", "error", sentence);
	char *text = json_dumps(document, 0);

	*reply = (struct http_reply){ .status = status, .type = type_json };
	buf_printf(&reply->body, "%s\n", text != NULL ? text : "{\"error\": \"refused\"}");
	free(text);
	json_decref(document);
}

static void give(struct http_reply *reply, json_t *document)
{
	char *text = json_dumps(document, JSON_PRESERVE_ORDER);
	size_t len = text != NULL ? strlen(text) : 0;

	json_decref(document);
	*reply = (struct http_reply){ .status = 200, .type = type_json };
	if (text != NULL)
		text[len] = '\n'; /* in place of the NUL: nobody reads further than len */
	reply->body = (struct buf){ .text = text, .len = text != NULL ? len + 1 : 0, .cap = len + 1 };
}

/* ---- is it well? ---- */

static void run_healthz(struct daemon *daemon, const struct http_request *request, struct http_reply *reply)
{
	(void)daemon;
	(void)request;
	*reply = (struct http_reply){ .status = 200, .type = type_text };
	buf_printf(&reply->body, "ok\n");
}

static size_t zones_served(const struct daemon *daemon)
{
	size_t n = 0;

	for (size_t i = 0; i < daemon->zones->nzones; i++)
		n += daemon->zones->zones[i].zone != NULL;
	return n;
}

/* Ready for queries: a zone is served, and its verdicts are not old. health=no leaves the latter out, for who would rather have
 * old verdicts served than nothing when all hosts lose their probers at once. */
static void run_readyz(struct daemon *daemon, const struct http_request *request, struct http_reply *reply)
{
	const char *health = http_param(request, "health");
	struct prober_status status = prober_status(daemon->prober);
	uint64_t now_ms = clock_monotonic_ms(), age_ms = now_ms > status.heard_ms ? now_ms - status.heard_ms : 0;
	size_t nserved = zones_served(daemon);
	bool silent = age_ms >= SILENT_MS && status.ntargets > 0 && (health == NULL || strcmp(health, "no") != 0);

	*reply = (struct http_reply){ .status = nserved > 0 && !silent ? 200 : 503, .type = type_text };
	if (nserved == 0)
		buf_printf(&reply->body, "not ready: no zone is served\n");
	if (silent)
		buf_printf(&reply->body,
			"not ready: gslb-health has said nothing for %llu s, the last verdicts stand\n",
			(unsigned long long)(age_ms / 1000));
	if (reply->status == 200)
		buf_printf(&reply->body, "ready: %zu zone%s, last word from gslb-health %llu ms ago\n", nserved,
			nserved == 1 ? "" : "s", (unsigned long long)age_ms);
}

static bool next_metrics(void *context, struct buf *piece, size_t len)
{
	return metrics_next(context, piece, len);
}

static void end_metrics(void *context)
{
	metrics_end(context);
}

static void run_metrics(struct daemon *daemon, const struct http_request *request, struct http_reply *reply)
{
	*reply = (struct http_reply){
		.status = 200,
		.type = "text/plain; version=0.0.4; charset=utf-8",
		.streams = true,
		.stream = { .next = next_metrics, .end = end_metrics },
	};
	if (request->method != HTTP_HEAD)
		reply->stream.context = metrics_begin(daemon);
}

/* Nothing but itself, and nobody else may frame it. */
static void run_page(struct daemon *daemon, const struct http_request *request, struct http_reply *reply)
{
	(void)daemon;
	(void)request;
	*reply = (struct http_reply){
		.status = 200,
		.type = "text/html; charset=utf-8",
		.policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src "
			  "'self'; "
			  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	};
	buf_add(&reply->body, http_page, strlen(http_page));
}

/* ---- the tables ---- */

/* What there is below /v1/, and the parameters that it takes, apart by blanks; one that may be repeated ends in '*'. Other commands are for
 * gslbctl: they take time, or tell who asked, and this is for whoever comes by. */
static const struct table {
	const char *command, *asks;
} tables[] = {
	{ "status", "" },
	{ "services", "" },
	{ "pools", "" },
	{ "endpoints", "" },
	{ "capacity", "" },
	{ "overrides", "" },
	{ "stats", "" },
	{ "explain", "name client type at assume*" },
};

static const struct table *find_table(const char *command)
{
	for (size_t i = 0; i < COUNT_OF(tables); i++)
		if (strcmp(tables[i].command, command) == 0)
			return &tables[i];
	return NULL;
}

/* 0: not taken, 1: once, 2: it may be repeated. */
static int parameter_kind(const struct table *table, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = table->asks; *at != '\0'; at += strcspn(at, " "), at += *at == ' ') {
		size_t asked = strcspn(at, " *");

		if (asked == len && strncmp(at, name, len) == 0)
			return at[asked] == '*' ? 2 : 1;
	}
	return 0;
}

static bool read_arguments(const struct http_request *request, const struct table *table, json_t *args, struct err *err)
{
	for (unsigned i = 0; i < request->nparams; i++) {
		const char *name = request->param[i].name;
		json_t *value = json_string(request->param[i].value), *list = json_object_get(args, name);
		int kind = parameter_kind(table, name);

		if (kind == 2) {
			if (list == NULL)
				json_object_set_new(args, name, list = json_array());
			json_array_append_new(list, value);
		} else if (kind == 1 && list == NULL) {
			json_object_set_new(args, name, value);
		} else {
			json_decref(value);
			return err_set(err, kind == 0 ? "%s: no such parameter: %.40s=" : "%s: %.40s= is there twice",
				table->command, name);
		}
	}
	return true;
}

static const struct control_command *find_command(const char *name)
{
	for (const struct control_command *command = daemon_commands; command->name != NULL; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

static void run_command(
	struct daemon *daemon, const struct control_command *command, const json_t *args, struct http_reply *reply)
{
	static const struct control_peer nobody = { .uid = (uid_t)-1, .name = "http", .read_only = true };
	struct control_reply said = { 0 };

	command->run(daemon, args, &nobody, 0, &said);
	if (said.result != NULL)
		give(reply, said.result);
	else
		refuse(reply, 400, said.err.text[0] != '\0' ? said.err.text : "refused");
}

/* Of 100,000 endpoints it is 33 MB: not in one piece. */
static bool is_long(const struct daemon *daemon, const struct control_command *command)
{
	return strcmp(command->name, "endpoints") == 0 && daemon->published->snapshot->nendpoints > 0;
}

static void run_table(struct daemon *daemon, const struct http_request *request, struct http_reply *reply)
{
	const struct control_command *command = request->nsegments == 2 ? find_command(request->segment[1]) : NULL;
	const struct table *table = command != NULL ? find_table(command->name) : NULL;
	json_t *args = json_object();
	struct err err;

	if (command != NULL && command->changes) {
		refuse(reply, 403,
			"what changes something is for gslbctl; over HTTP there are only POST /v1/push/POOL/ENDPOINT "
			"and POST /v1/latency");
	} else if (table == NULL) {
		refuse(reply, 404,
			"no such thing under /v1/ (status, services, pools, endpoints, capacity, overrides, stats, "
			"explain)");
	} else if (!read_arguments(request, table, args, &err)) {
		refuse(reply, 400, err.text);
	} else if (is_long(daemon, command)) {
		*reply = (struct http_reply){
			.status = 200,
			.type = type_json,
			.streams = true,
			.stream = { .next = endpoints_next, .end = endpoints_end },
		};
		if (request->method != HTTP_HEAD)
			reply->stream.context = metrics_begin(daemon);
	} else {
		run_command(daemon, command, args, reply);
	}
	json_decref(args);
}

/* ---- pushes ---- */

static unsigned push_status(enum push_verdict verdict)
{
	switch (verdict) {
	case PUSH_TAKEN:
		return 200;
	case PUSH_MALFORMED:
		return 400;
	case PUSH_UNKNOWN:
		return 404;
	case PUSH_NOT_ASKED:
		return 409;
	case PUSH_NOT_NOW:
		return 503;
	}
	abort();
}

static void run_push(struct daemon *daemon, const struct http_request *request, struct http_reply *reply)
{
	bool whole = request->nsegments == 3; /* the pool's load */
	char *endpoint = mem_printf("%s%s%s", request->segment[2], whole ? "" : "/", whole ? "" : request->segment[3]);
	json_t *result = NULL;
	struct http_push push;
	struct err err;
	unsigned status;

	if (!http_push_parse(&push, request, &err)) {
		status = 400;
	} else {
		uint64_t for_ms = push.for_ms < PUSH_FOR_MAX_MS ? push.for_ms : PUSH_FOR_MAX_MS;

		status = push_status(push.state == NULL
					     ? daemon_push_load(daemon, endpoint, push.load, for_ms, &result, &err)
					     : daemon_push(daemon, endpoint, push.state, for_ms, &result, &err));
	}
	free(endpoint);
	if (result != NULL)
		give(reply, result);
	else
		refuse(reply, status, err.text);
	reply->retry_after_s = status == 503;
}

/* ---- measurements ---- */

/* Beacons post all day: what they say is looked at every ten seconds at the most. */
static void look_soon(struct daemon *daemon, json_int_t lines)
{
	static struct log_limit limit;
	uint64_t now_ms = clock_monotonic_ms(), soon_ms = now_ms + LOOK_SOON_MS;
	unsigned held;

	if (daemon->latency_next_ms == 0 || daemon->latency_next_ms > soon_ms)
		daemon->latency_next_ms = soon_ms;
	if (log_allowed(&limit, now_ms, &held))
		log_info("latency=imported file=http lines=%lld held=%u", (long long)lines, held);
}

static void run_latency(struct daemon *daemon, const struct http_request *request, struct http_reply *reply)
{
	const char *check = http_param(request, "check");
	const struct latency_text text = {
		.text = request->body,
		.len = request->body_len,
		.name = "body",
		.first_line = 1,
		.check = check != NULL && strcmp(check, "yes") == 0,
	};
	json_t *result = latency_import_json(daemon->meter, daemon->published->snapshot, &text, clock_wall_ms() / 1000);
	json_int_t lines = json_integer_value(json_object_get(result, "lines")),
		   mistakes = json_integer_value(json_object_get(result, "nmistakes"));

	if (lines + mistakes == 0) {
		json_decref(result);
		refuse(reply, 400,
			"the body holds no measurement (198.51.100.0/24,eu,31.5,12 on a line: prefix, pool or region, "
			"rtt_ms, n)");
		return;
	}
	if (mistakes > 0)
		json_object_set_new(result, "error", json_string("a line has a mistake: nothing was taken"));
	else if (!text.check)
		look_soon(daemon, lines);
	give(reply, result);
	reply->status = mistakes > 0 ? 400 : 200;
}

/* ---- routes ---- */

struct route {
	const char *first;  /* the path's first segment */
	const char *second; /* NULL: any */
	unsigned nsegments; /* 0: any number */
	bool post, open;    /* else GET and HEAD; for everyone, and however busy we are */
	size_t body_max;    /* 0: HTTP_BODY_MAX */
	void (*run)(struct daemon *daemon, const struct http_request *request, struct http_reply *reply);
};

static const struct route routes[] = {
	{ "healthz", NULL, 1, .open = true, .run = run_healthz },
	{ "readyz", NULL, 1, .open = true, .run = run_readyz },
	{ "metrics", NULL, 1, .run = run_metrics },
	{ "", NULL, 1, .run = run_page },
	{ "v1", "push", 3, .post = true, .run = run_push },
	{ "v1", "push", 4, .post = true, .run = run_push },
	{ "v1", "latency", 2, .post = true, .body_max = HTTP_LATENCY_MAX, .run = run_latency },
	{ "v1", NULL, 0, .run = run_table },
};

static const struct route *find_route(const struct http_request *request)
{
	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		const struct route *route = &routes[i];

		if (strcmp(request->segment[0], route->first) == 0 &&
			(route->nsegments == 0 || route->nsegments == request->nsegments) &&
			(route->second == NULL || strcmp(request->segment[1], route->second) == 0))
			return route;
	}
	return NULL;
}

size_t http_body_max(const struct http_request *request)
{
	const struct route *route = request->method == HTTP_POST ? find_route(request) : NULL;

	return route != NULL && route->body_max > 0 ? route->body_max : HTTP_BODY_MAX;
}

/* A wrong token is for the log, too: somebody guesses, or was given an old one. */
static bool shows(const struct http_request *request, const struct conf_token *token, struct http_reply *reply)
{
	static struct log_limit limit;
	unsigned held;

	if (http_shows_token(request->authorization, token->text))
		return true;
	if (request->authorization != NULL && log_allowed(&limit, clock_monotonic_ms(), &held))
		log_warning("http=refused reason=\"a wrong token was shown\" held=%u", held);
	refuse(reply, 401, "the token is missing or wrong (Authorization: Bearer TOKEN)");
	reply->challenge = true;
	return false;
}

static bool admit(const struct daemon *daemon, const struct route *route, const struct http_request *request,
	struct http_reply *reply)
{
	bool good = route->post ? request->method == HTTP_POST
				: request->method == HTTP_GET || request->method == HTTP_HEAD;

	if (!good) {
		refuse(reply, 405, route->post ? "this takes POST" : "this takes GET and HEAD");
		reply->allow = route->post ? "POST" : "GET, HEAD";
		return false;
	}
	if (request->to_loopback && !http_host_is_local(request->host)) {
		refuse(reply, 403, "this server is called localhost or by its address, and not by another name");
		return false;
	}
	if (route->open)
		return true;
	/* a reload may have taken the token from a listener that others reach until the restart */
	if (!route->post && daemon->conf->http_token.text == NULL && !request->to_loopback) {
		refuse(reply, 403, "reading from another host takes a token, and http.token-file names none");
		return false;
	}
	if (!route->post)
		return daemon->conf->http_token.text == NULL || shows(request, &daemon->conf->http_token, reply);
	if (daemon->conf->push_token.text != NULL)
		return shows(request, &daemon->conf->push_token, reply);
	refuse(reply, 403, "pushing over HTTP takes a token, and health.push-token-file names none");
	return false;
}

void http_route(struct daemon *daemon, const struct http_request *request, struct http_budget *budget, bool whole,
	struct http_reply *reply)
{
	const struct route *route = find_route(request);
	unsigned wait_s;

	if (route == NULL) {
		refuse(reply, 404, "no such page (/, /healthz, /readyz, /metrics, /v1/status and so on)");
		return;
	}
	if (!admit(daemon, route, request, reply) || !whole)
		return;
	wait_s = route->open ? 0 : http_budget_wait_s(budget, clock_monotonic_us());
	if (wait_s > 0) {
		refuse(reply, 503, "too much was asked of this server just now: come back a little later");
		reply->retry_after_s = wait_s;
		return;
	}
	route->run(daemon, request, reply);
}
