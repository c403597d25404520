#include "relay/bus_nats_check.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "relay/bus_nats_link.h"

enum { ASK_MS = 1500, INFO_MAX = 8192, TEXT_MAX = 512, TAKERS_MAX = 64 };

struct look {
	const struct relay_conf *conf;
	natsConnection *connection;
	json_t *findings;
};

static void say(struct look *look, const char *who, const char *level, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void say(struct look *look, const char *who, const char *level, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	json_array_append_new(look->findings, json_pack("{s:s,s:s,s:s}", "cache", who, "level", level, "text", text));
}

/* ---- the server's version, which libnats does not tell: a server greets with "INFO {json}", also before TLS ---- */

static bool greet(const char *host, const char *port, char *text, size_t cap)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const struct timeval most = { 2, 0 };
	struct addrinfo *found = NULL;
	size_t len = 0;
	ssize_t n = 1;
	int fd;

	if (getaddrinfo(host, port, &hints, &found) != 0)
		return false;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
	if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0)
		while (n > 0 && len + 1 < cap && memchr(text, '\n', len) == NULL) {
			n = recv(fd, text + len, cap - 1 - len, 0);
			len += n > 0 ? (size_t)n : 0;
		}
	text[len] = '\0';
	freeaddrinfo(found);
	if (fd >= 0)
		close(fd);
	return strncmp(text, "INFO ", 5) == 0;
}

/* "tls://HOST:PORT" */
static bool ask_version(const char *url, unsigned version[static 3])
{
	const char *host = strstr(url, "://"), *colon = strrchr(url, ':');
	char info[INFO_MAX], name[256];
	json_t *root;
	bool good;

	host = host != NULL ? host + 3 : url;
	if (colon == NULL || colon < host || (size_t)(colon - host) >= sizeof name)
		return false;
	snprintf(name, sizeof name, "%.*s", (int)(colon - host), host);
	if (!greet(name, colon + 1, info, sizeof info))
		return false;
	root = json_loads(info + 5, JSON_DISABLE_EOF_CHECK, NULL);
	good = json_is_object(root) && json_is_string(json_object_get(root, "version")) &&
	       sscanf(json_string_value(json_object_get(root, "version")), "%u.%u.%u", &version[0], &version[1],
		       &version[2]) == 3;
	json_decref(root);
	return good;
}

static void look_at_server(struct look *look)
{
	const char *region = look->conf->name;
	unsigned v[3];

	if (!ask_version(look->conf->servers[0], v)) {
		say(look, region, "unknown", "%s does not tell its version", look->conf->servers[0]);
		return;
	}
	if (v[0] < 2 || (v[0] == 2 && v[1] < 9))
		say(look, region, "error", "nats-server %u.%u.%u is too old: 2.9 or later is wanted", v[0], v[1], v[2]);
	else if (v[0] == 2 && v[1] == 9)
		say(look, region, "warning",
			"nats-server %u.%u.%u writes to disk once a minute: a power loss takes what it had "
			"acknowledged since; "
			"the log of gslb-relay makes up for that, and offers it again",
			v[0], v[1], v[2]);
	else if (v[0] == 2 && v[1] == 10 && v[2] >= 20 && v[2] <= 22)
		say(look, region, "error",
			"nats-server %u.%u.%u may lose a stream when it crashes: 2.10.23 or later is wanted", v[0],
			v[1], v[2]);
	else
		say(look, region, "ok",
			"nats-server %u.%u.%u: sync_interval decides what a power loss takes (default 2 m); the log of "
			"gslb-relay makes up for that",
			v[0], v[1], v[2]);
}

/* ---- streams ---- */

/* A JetStream request in a region's domain; NULL: no answer. */
static json_t *request(struct look *look, const char *region, const char *what, const char *body)
{
	char subject[NATS_SUBJECT_MAX];
	natsMsg *reply = NULL;
	json_t *root = NULL;

	snprintf(subject, sizeof subject, "$JS.%s.API.%s", region, what);
	if (natsConnection_Request(&reply, look->connection, subject, body, (int)strlen(body), ASK_MS) == NATS_OK)
		root = json_loadb(natsMsg_GetData(reply), (size_t)natsMsg_GetDataLength(reply), 0, NULL);
	natsMsg_Destroy(reply);
	return root;
}

static void look_at_subjects(struct look *look, const json_t *config, const char *wanted)
{
	const json_t *subjects = json_object_get(config, "subjects");
	const char *discard = json_string_value(json_object_get(config, "discard"));

	if (json_array_size(subjects) != 1 || json_string_value(json_array_get(subjects, 0)) == NULL ||
		strcmp(json_string_value(json_array_get(subjects, 0)), wanted) != 0)
		say(look, look->conf->name, "error", "our stream takes other subjects than %s: mend its configuration",
			wanted);
	if (discard == NULL || strcmp(discard, "new") != 0)
		say(look, look->conf->name, "error",
			"our stream discards old events when it is full, silently: its discard must be new");
}

/* True: it is there. */
static bool look_at_ours(struct look *look)
{
	const char *name = look->conf->name, *region = look->conf->region;
	char what[NATS_SUBJECT_MAX], wanted[NATS_SUBJECT_MAX];
	const json_t *config;
	json_t *root;
	bool there;

	snprintf(what, sizeof what, "STREAM.INFO.INV_%s", name);
	snprintf(wanted, sizeof wanted, "gslb.inv.%s.>", name);
	root = request(look, region, what, "");
	config = json_object_get(root, "config");
	if (root == NULL)
		say(look, name, "error",
			"JetStream in domain %s does not answer: does the server have it, and may we ask for "
			"$JS.%s.API.%s?",
			region, region, what);
	else if (config == NULL)
		say(look, name, "error", "there is no stream INV_%s: gslb-relay makes it when it runs and may", name);
	else
		look_at_subjects(look, config, wanted);
	if (config != NULL)
		say(look, name, "ok", "stream INV_%s holds %lld events", name,
			(long long)json_integer_value(json_object_get(json_object_get(root, "state"), "messages")));
	there = config != NULL;
	json_decref(root);
	return there;
}

/* Who else keeps what we say? An overlapping stream answers in our stream's place at random. */
static void look_for_others(struct look *look, const char *domain)
{
	char body[NATS_SUBJECT_MAX], own[NATS_SUBJECT_MAX];
	const json_t *names, *name;
	json_t *root;
	size_t i;

	snprintf(body, sizeof body, "{\"subject\":\"gslb.inv.%s.>\"}", look->conf->name);
	snprintf(own, sizeof own, "INV_%s", look->conf->name);
	root = request(look, domain, "STREAM.NAMES", body);
	names = json_object_get(root, "streams");
	if (root == NULL)
		say(look, domain, "unknown",
			"who else captures our subject was not answered: it needs leave to publish "
			"$JS.%s.API.STREAM.NAMES",
			domain);
	json_array_foreach((json_t *)(uintptr_t)names, i,
		name) if (strcmp(json_string_value(name), own) != 0 || strcmp(domain, look->conf->region) != 0)
		say(look, domain, "error", "stream %s captures our subject, too: it must not", json_string_value(name));
	json_decref(root);
}

/* A message for a stream that does not exist is stored by nobody, and each stream that would have taken it says so: also one that stands where
 * nobody thought of asking, on the hub. */
static void look_for_takers(struct look *look, bool there)
{
	char subject[NATS_SUBJECT_MAX], inbox[NATS_SUBJECT_MAX];
	const struct relay_conf *conf = look->conf;
	natsSubscription *sub = NULL;
	natsMsg *msg = NULL;
	unsigned takers = 0;
	natsStatus status;

	snprintf(subject, sizeof subject, "gslb.inv.%s.check", conf->name);
	snprintf(inbox, sizeof inbox, "_INBOX_relay_%s.check.%llx", conf->name,
		(unsigned long long)clock_monotonic_us());
	status = natsConnection_SubscribeSync(&sub, look->connection, inbox);
	if (status == NATS_OK)
		status = natsMsg_Create(&msg, subject, inbox, "check", 5);
	if (status == NATS_OK)
		status = natsMsgHeader_Set(msg, "Nats-Expected-Stream", "gslb-bus-check");
	if (status == NATS_OK)
		status = natsConnection_PublishMsg(look->connection, msg);
	natsMsg_Destroy(msg);
	while (status == NATS_OK && takers < TAKERS_MAX) {
		msg = NULL;
		status = natsSubscription_NextMsg(&msg, sub, ASK_MS);
		takers += status == NATS_OK && natsMsg_GetDataLength(msg) > 0;
		natsMsg_Destroy(msg);
	}
	natsSubscription_Destroy(sub);
	if (takers > 1)
		say(look, conf->name, "error",
			"%u streams take what we say on gslb.inv.%s.>, and INV_%s alone must: look for another one, "
			"also on the hub",
			takers, conf->name, conf->name);
	else if (takers == 0 && there)
		say(look, conf->name, "error", "INV_%s does not take what we say: may we publish gslb.inv.%s.>?",
			conf->name, conf->name);
}

static void look_at_theirs(struct look *look, const struct conf_relay *relay)
{
	char what[NATS_SUBJECT_MAX];
	const json_t *pending;
	json_t *root;

	snprintf(what, sizeof what, "CONSUMER.INFO.INV_%s.relay-%s", relay->name, look->conf->name);
	root = request(look, relay->region, what, "");
	pending = json_object_get(root, "num_pending");
	if (root == NULL && strcmp(relay->region, look->conf->region) == 0)
		say(look, relay->name, "error", "our own server does not answer: may we ask it for $JS.API.%s?", what);
	else if (root == NULL)
		say(look, relay->name, "error",
			"region %s does not answer: is its link to the hub up, and may we ask it for $JS.%s.API.%s?",
			relay->region, relay->region, what);
	else if (pending == NULL)
		say(look, relay->name, "error",
			"%s has no consumer relay-%s on INV_%s: gslb-relay makes it when it runs", relay->name,
			look->conf->name, relay->name);
	else
		say(look, relay->name, "ok", "its stream answers; %lld events of it wait for us",
			(long long)json_integer_value(pending));
	json_decref(root);
}

/* Only gslbctl relay replay wants it. */
static void look_at_kept(struct look *look, const struct conf_relay *relay)
{
	char what[NATS_SUBJECT_MAX], body[NATS_SUBJECT_MAX];
	json_t *root;

	snprintf(what, sizeof what, "STREAM.MSG.GET.INV_%s", relay->name);
	snprintf(body, sizeof body, "{\"last_by_subj\":\"gslb.inv.%s.e\"}", relay->name);
	root = request(look, relay->region, what, body);
	if (root == NULL)
		say(look, relay->name, "unknown",
			"what it keeps was not shown: gslbctl relay replay needs leave to publish $JS.%s.API.%s",
			relay->region, what);
	json_decref(root);
}

/* ---- periodic state ---- */

/* Why something of periodic state was refused; NULL: nothing was. The library keeps the last error of the connection, whatever it was about. */
static const char *state_refusal(natsConnection *connection)
{
	const char *why = NULL;

	natsConnection_GetLastError(connection, &why);
	return why != NULL && strstr(why, "ermission") != NULL && strstr(why, "gslb.state.") != NULL ? why : NULL;
}

/* What we say of ourselves must come back, by a kind that nobody knows; and nothing that we want to hear may be refused, which a server says
 * some time after the subscription. */
static void look_at_state(struct look *look)
{
	const struct relay_conf *conf = look->conf;
	natsSubscription *sub[EVENT_REGIONS_MAX] = { NULL };
	char subject[NATS_SUBJECT_MAX], probe[NATS_SUBJECT_MAX];
	natsSubscription *own = NULL; /* of the probe alone: others of our region may speak all the while */
	const char *why;
	natsMsg *msg = NULL;
	natsStatus status;

	snprintf(probe, sizeof probe, "gslb.state.%s.%s.check", conf->region, conf->node);
	status = natsConnection_SubscribeSync(&own, look->connection, probe);
	for (size_t i = 0; i < conf->nregions && status == NATS_OK; i++) {
		snprintf(subject, sizeof subject, "gslb.state.%s.>", conf->regions[i]);
		status = natsConnection_SubscribeSync(&sub[i], look->connection, subject);
	}
	if (status == NATS_OK)
		status = natsConnection_PublishString(look->connection, probe, "check");
	if (status == NATS_OK)
		status = natsConnection_FlushTimeout(look->connection, ASK_MS);
	if (status == NATS_OK)
		status = natsSubscription_NextMsg(&msg, own, ASK_MS);
	why = state_refusal(look->connection);
	if (msg != NULL && why == NULL)
		say(look, conf->name, "ok", "what this host says of itself (%s) comes back", probe);
	else
		say(look, conf->name, "error",
			"votes do not get through: we must be allowed to publish gslb.state.%s.> and to subscribe to "
			"gslb.state.*.> (%.200s)",
			conf->region, why != NULL ? why : natsStatus_GetText(status));
	natsMsg_Destroy(msg);
	natsSubscription_Destroy(own);
	for (size_t i = 0; i < conf->nregions; i++)
		natsSubscription_Destroy(sub[i]);
}

/* ---- all of it ---- */

static void look_around(struct look *look)
{
	const struct relay_conf *conf = look->conf;
	natsStatus status = nats_connect(conf, &look->connection);
	bool there;

	if (status == NATS_OK) {
		say(look, conf->name, "ok", "connected to %s", conf->servers[0]);
		there = look_at_ours(look);
		look_for_others(look, conf->region);
		look_for_takers(look, there);
		look_at_state(look);
		for (size_t i = 0; i < conf->nrelays; i++) {
			look_at_kept(look, &conf->relays[i]);
			if (strcmp(conf->relays[i].name, conf->name) != 0)
				look_at_theirs(look, &conf->relays[i]);
		}
		for (size_t i = 0; i < conf->nregions; i++)
			if (strcmp(conf->regions[i], conf->region) != 0)
				look_for_others(look, conf->regions[i]);
	} else {
		say(look, conf->name, "error", "%s: %s", conf->servers[0], natsStatus_GetText(status));
	}
	natsConnection_Destroy(look->connection);
	look_at_server(look);
}

json_t *bus_nats_check(const struct relay_conf *conf, const char *what)
{
	struct look look = { .conf = conf, .findings = json_array() };
	const json_t *finding;
	size_t i;
	int status = 0;

	(void)what;
	if (conf->nservers > 0)
		look_around(&look);
	else
		say(&look, conf->name, "ok", "no bus is configured: this host is alone");
	json_array_foreach(look.findings, i,
		finding) if (strcmp(json_string_value(json_object_get(finding, "level")), "error") == 0) status = 1;
	return json_pack("{s:o,s:i}", "findings", look.findings, "exit", status);
}
