/* What a cache answers, read by its adapter itself: this program's wire (below, in place of relay/wire.c) reads the input and sends nothing.
 * The first byte says which adapter, the second what is asked of it. BIND's answers are signed here, so that what lies behind the signature
 * is read, too. Redis and HTTP caches are spoken to by libraries: for them a thread here answers on loopback. Also: a resolver's DNS answer, and
 * what comes over HTTP. */
#include <jansson.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/adapter.h"
#include "relay/event.h"
#include "relay/ingress.h"
#include "relay/verify.h"
#include "relay/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* ---- the wire ---- */

static const uint8_t *input;
static size_t input_len;

bool wire_open(struct wire *wire, const char *to, uint32_t timeout_ms, struct err *err)
{
	(void)to;
	(void)timeout_ms;
	(void)err;
	wire->fd = 1000;
	return true;
}

void wire_close(struct wire *wire)
{
	wire->fd = -1;
}

void wire_timeout(struct wire *wire, uint32_t timeout_ms)
{
	(void)wire;
	(void)timeout_ms;
}

/* All that is sent is readable memory. */
bool wire_send(struct wire *wire, const void *bytes, size_t len, struct err *err)
{
	unsigned sum = 0;

	(void)wire;
	for (size_t i = 0; i < len; i++)
		sum += ((const uint8_t *)bytes)[i];
	return sum < UINT32_MAX ? true : err_set(err, "there are not so many bytes");
}

bool wire_get(struct wire *wire, void *bytes, size_t len, struct err *err)
{
	(void)wire;
	if (input_len < len)
		return err_set(err, "the connection was closed");
	memcpy(bytes, input, len);
	input += len;
	input_len -= len;
	return true;
}

bool wire_line(struct wire *wire, char *line, size_t cap, struct err *err)
{
	for (size_t n = 0; n + 1 < cap; n++) {
		if (!wire_get(wire, line + n, 1, err))
			return false;
		if (line[n] == '\n') {
			line[n > 0 && line[n - 1] == '\r' ? n - 1 : n] = '\0';
			return true;
		}
	}
	return err_set(err, "too long");
}

bool wire_rest(struct wire *wire, char *text, size_t cap, struct err *err)
{
	size_t len = input_len < cap - 1 ? input_len : cap - 1;

	text[len] = '\0';
	return wire_get(wire, text, len, err);
}

/* ---- BIND ---- */

static const char secret[] = "c2VjcmV0IG9mIHRoZSB0ZXN0IHNlY3JldCBvZiB0ZXM=";

static void put_u32(uint8_t *at, size_t n)
{
	at[0] = (uint8_t)(n >> 24);
	at[1] = (uint8_t)(n >> 16);
	at[2] = (uint8_t)(n >> 8);
	at[3] = (uint8_t)n;
}

/* Length, version, and "_auth" with the signature of the rest. */
static size_t sign(const uint8_t *body, size_t len, uint8_t *out)
{
	uint8_t key[64], hash[EVP_MAX_MD_SIZE], text[64];
	unsigned hash_len;
	int key_len = EVP_DecodeBlock(key, (const uint8_t *)secret, sizeof secret - 1) - 1;
	uint8_t *at = out + 8;

	HMAC(EVP_sha256(), key, key_len, body, len, hash, &hash_len);
	EVP_EncodeBlock(text, hash, 32);
	memcpy(at, "\5_auth\2", 7);
	put_u32(at + 7, 10 + 89);
	at += 11;
	memcpy(at, "\4hsha\1", 6);
	put_u32(at + 6, 89);
	at[10] = 163;
	memset(at + 11, 0, 88);
	memcpy(at + 11, text, 44);
	at += 10 + 89;
	memcpy(at, body, len);
	at += len;
	put_u32(out, (size_t)(at - out) - 4);
	put_u32(out + 4, 1);
	return (size_t)(at - out);
}

/* Both answers that a command takes, the first to learn the nonce. */
static size_t sign_twice(const uint8_t *body, size_t len, uint8_t *out)
{
	size_t first = sign(body, len, out);

	return first + sign(body, len, out + first);
}

/* ---- a server, for the libraries that open sockets of their own ---- */

static struct {
	pthread_mutex_t lock;
	int listening; /* -1: not yet */
	uint16_t port;
	uint8_t *bytes;
	size_t len;
} server = { .lock = PTHREAD_MUTEX_INITIALIZER, .listening = -1 };

/* The whole answer, then its end; what is asked is of no interest, but closing before it was read would cut the answer off. */
static void serve(int fd)
{
	const struct timeval most = { 2, 0 };
	uint8_t *bytes, sink[4096];
	size_t len;

	pthread_mutex_lock(&server.lock);
	len = server.len;
	bytes = mem_dup(server.bytes, len);
	pthread_mutex_unlock(&server.lock);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
	if (len == 0 || send(fd, bytes, len, MSG_NOSIGNAL) > 0)
		shutdown(fd, SHUT_WR);
	while (recv(fd, sink, sizeof sink, 0) > 0)
		;
	close(fd);
	free(bytes);
}

static void *serve_all(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept4(server.listening, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		serve(fd);
	return NULL;
}

static void start_server(void)
{
	struct sockaddr_storage at;
	struct addr loopback;
	socklen_t len;
	pthread_t thread;

	if (!addr_parse("127.0.0.1", &loopback))
		abort();
	len = addr_to_sockaddr(&loopback, 0, &at);
	server.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server.listening < 0 || bind(server.listening, (struct sockaddr *)&at, len) != 0 ||
		listen(server.listening, 64) != 0 || getsockname(server.listening, (struct sockaddr *)&at, &len) != 0 ||
		pthread_create(&thread, NULL, serve_all, NULL) != 0)
		abort();
	pthread_detach(thread);
	server.port = ntohs(((const struct sockaddr_in *)(const void *)&at)->sin_port);
}

static uint16_t answer_with(const uint8_t *data, size_t len)
{
	if (server.listening < 0)
		start_server();
	pthread_mutex_lock(&server.lock);
	free(server.bytes);
	server.bytes = mem_dup(data, len);
	server.len = len;
	pthread_mutex_unlock(&server.lock);
	return server.port;
}

/* ---- adapters ---- */

static const char *const types[] = { "unbound", "bind", "powerdns", "knot", "memcached", "redis", "http" };

/* The first class that it takes. */
static void give(struct pending_entry *entry, const struct adapter *adapter, const enum event_class *classes,
	const char *const *texts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if ((adapter->classes & 1u << classes[i]) != 0) {
			entry->class = classes[i];
			entry->text = texts[i];
			return;
		}
}

static void ask(const char *type, uint8_t what, const uint8_t *data, size_t len)
{
	static const char *const zones[] = { "svc.example", "example.com" };
	bool by_library = strcmp(type, "redis") == 0 || strcmp(type, "http") == 0;
	uint16_t port = by_library ? answer_with(data, len) : 0;
	char at[64], url[64];
	const struct cache_conf conf = { .type = type,
		.name = "c",
		.socket = by_library ? at : "/c",
		.url = url,
		.key = strcmp(type, "http") == 0 ? "" : secret,
		.view = "",
		.prefix = "",
		.method = "",
		.header = "",
		.pid_file = "",
		.verify = "",
		.authority = "",
		.zones = zones,
		.nzones = 2,
		.timeout_ms = by_library ? 2000 : 10 };
	const struct adapter *adapter = adapter_find(type);
	struct pending_entry entry[3] = {
		{ .class = EVENT_DNS, .text = "www.svc.example", .ntypes = 1, .type = { 16 } },
		{ .class = EVENT_ZONE, .text = "svc.example" }, { .class = EVENT_ALL, .text = "" }
	};
	struct adapter_work work[3] = { { .entry = &entry[0] }, { .entry = &entry[1] }, { .entry = &entry[2] } };
	struct err err = { .text = "" };
	uint64_t lived_s;
	void *state;

	snprintf(at, sizeof at, "127.0.0.1@%u", port);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
	state = adapter->open(&conf, &err);
	if (state == NULL)
		abort();
	input = data;
	input_len = len;
	give(&entry[0], adapter, (const enum event_class[]){ EVENT_DNS, EVENT_KEY, EVENT_URL },
		(const char *const[]){ "www.svc.example", "key", "http://h.example/a" }, 3);
	give(&entry[1], adapter, (const enum event_class[]){ EVENT_ZONE, EVENT_TAG, EVENT_KEY },
		(const char *const[]){ "svc.example", "tag", "other" }, 3);
	give(&entry[2], adapter, (const enum event_class[]){ EVENT_PREFIX, EVENT_ALL },
		(const char *const[]){ "http://h.example/p/", "" }, 2);
	if (what % 2 == 0)
		adapter->ping(state, &lived_s, &err);
	for (unsigned did = 0, n = 3; n > 0; n -= did) {
		did = adapter->run(state, work + 3 - n, n);
		if (did == 0 || did > n)
			abort();
	}
	for (unsigned i = 0; i < 3; i++)
		if (work[i].result > ADAPTER_REFUSED || memchr(work[i].err.text, '\0', sizeof work[i].err.text) == NULL)
			abort();
	adapter->close(state);
}

static void read_body(const char *bytes, size_t len)
{
	struct arena *arena = arena_new();
	json_t *document = ingress_event(bytes, len, NULL);
	struct event event;
	bool parked;

	if (document != NULL)
		event_read(document, false, arena, &event, &parked, NULL);
	json_decref(document);
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t signed_bytes[2 * (1 << 16) + 1024];
	struct verify_answer answer;

	if (len < 2)
		return 0;
	if (data[0] == 'h') {
		read_body((const char *)data + 1, len - 1);
	} else if (data[0] == 'v') {
		if (len > 3)
			verify_parse(data + 1, len - 1, (uint16_t)(data[1] << 8 | data[2]), 1, &answer);
	} else if (data[0] >= '0' && data[0] < '0' + (int)COUNT_OF(types)) {
		const char *type = types[data[0] - '0'];

		if (strcmp(type, "bind") == 0 && len < 1 << 16 && data[1] != 'r')
			ask(type, data[1], signed_bytes, sign_twice(data + 2, len - 2, signed_bytes));
		else
			ask(type, data[1], data + 2, len - 2);
	}
	return 0;
}
