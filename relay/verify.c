/* An address that the resolver gives and the authority does not, in any of some answers, is an old one. */
#include "relay/verify.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_LEN = 12, TYPE_A = 1, TYPE_AAAA = 28, TYPE_OPT = 41, ASKS = 3, ANSWER_MAX = 4096, OPTION_ECS = 8 };

/* ---- questions ---- */

static uint8_t *put_u16(uint8_t *at, unsigned n)
{
	*at++ = (uint8_t)(n >> 8);
	*at++ = (uint8_t)n;
	return at;
}

/* The name has passed check_name. */
static uint8_t *put_name(uint8_t *at, const char *name)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		*at++ = (uint8_t)len;
		memcpy(at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	*at++ = 0;
	return at;
}

/* RFC 6891 and 7871. */
static uint8_t *put_edns(uint8_t *at, const struct addr *client)
{
	unsigned len = client != NULL ? (unsigned)addr_len(client) : 0;

	*at++ = 0;
	at = put_u16(at, TYPE_OPT);
	at = put_u16(at, 1232);
	memset(at, 0, 4);
	at = put_u16(at + 4, len > 0 ? 8 + len : 0);
	if (len == 0)
		return at;
	at = put_u16(at, OPTION_ECS);
	at = put_u16(at, 4 + len);
	at = put_u16(at, client->family == ADDR_V4 ? 1 : 2);
	*at++ = (uint8_t)(len * 8);
	*at++ = 0;
	memcpy(at, client->bytes, len);
	return at + len;
}

size_t verify_question(
	const char *name, uint16_t type, uint16_t id, const struct addr *client, uint8_t bytes[static VERIFY_QUERY_MAX])
{
	uint8_t *at = put_u16(bytes, id);

	at = put_u16(at, 0x0100); /* RD */
	at = put_u16(at, 1);
	at = put_u16(at, 0);
	at = put_u16(at, 0);
	at = put_u16(at, 1);
	at = put_name(at, name);
	at = put_u16(at, type);
	at = put_u16(at, 1);
	return (size_t)(put_edns(at, client) - bytes);
}

/* ---- answers ---- */

struct reader {
	const uint8_t *bytes;
	size_t at, len;
	bool bad;
};

static unsigned get_u16(struct reader *r)
{
	if (r->bad || r->len - r->at < 2) {
		r->bad = true;
		return 0;
	}
	r->at += 2;
	return (unsigned)r->bytes[r->at - 2] << 8 | r->bytes[r->at - 1];
}

static void skip(struct reader *r, size_t len)
{
	if (r->bad || r->len - r->at < len)
		r->bad = true;
	else
		r->at += len;
}

/* Nobody follows its pointers: whose records these are is not asked, CNAMEs lead from one to the other. */
static void skip_name(struct reader *r)
{
	while (!r->bad && r->at < r->len) {
		uint8_t n = r->bytes[r->at++];

		if (n == 0)
			return;
		if (n >= 0xc0) {
			skip(r, 1);
			return;
		}
		skip(r, n);
	}
	r->bad = true;
}

static void take_record(struct reader *r, uint16_t type, struct verify_answer *answer)
{
	unsigned own, len;

	skip_name(r);
	own = get_u16(r);
	skip(r, 6); /* class, TTL */
	len = get_u16(r);
	if (!r->bad && own == type && len <= VERIFY_DATA_MAX && r->len - r->at >= len &&
		answer->n < VERIFY_RECORDS_MAX) {
		memcpy(answer->data[answer->n], r->bytes + r->at, len);
		answer->len[answer->n++] = (uint8_t)len;
	}
	skip(r, len);
}

bool verify_parse(const uint8_t *bytes, size_t len, uint16_t id, uint16_t type, struct verify_answer *answer)
{
	struct reader r = { .bytes = bytes, .len = len };
	unsigned flags, nanswers;

	*answer = (struct verify_answer){ 0 };
	if (len < HEADER_LEN || get_u16(&r) != id)
		return false;
	flags = get_u16(&r);
	answer->rcode = flags & 15;
	if ((flags & 0x8000) == 0 || get_u16(&r) != 1)
		return false;
	nanswers = get_u16(&r);
	skip(&r, 4);
	skip_name(&r);
	if (get_u16(&r) != type)
		return false;
	skip(&r, 2);
	for (unsigned i = 0; i < nanswers && !r.bad; i++)
		take_record(&r, type, answer);
	return !r.bad;
}

/* ---- asking ---- */

static bool await(int fd, uint16_t id, uint16_t type, uint64_t until_ms, struct verify_answer *answer)
{
	uint8_t bytes[ANSWER_MAX];

	for (;;) {
		uint64_t now_ms = clock_monotonic_ms();
		struct pollfd poller = { fd, POLLIN, 0 };
		ssize_t len;

		if (now_ms >= until_ms || poll(&poller, 1, (int)(until_ms - now_ms)) == 0)
			return false;
		len = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (len > 0 && verify_parse(bytes, (size_t)len, id, type, answer))
			return true;
		if (len < 0 && errno != EAGAIN && errno != EINTR)
			return false; /* refused: nobody is there */
	}
}

static bool ask(const char *to, const char *name, uint16_t type, const struct addr *client, uint32_t timeout_ms,
	struct verify_answer *answer)
{
	uint8_t bytes[VERIFY_QUERY_MAX];
	struct dice dice = dice_from_kernel();
	uint16_t id = (uint16_t)dice_next(&dice), port;
	size_t len = verify_question(name, type, id, client, bytes);
	struct sockaddr_storage at;
	struct addr addr;
	socklen_t at_len;
	bool good;
	int fd;

	if (!conf_address(to, &addr, &port))
		return false;
	at_len = addr_to_sockaddr(&addr, port, &at);
	fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	good = fd >= 0 && connect(fd, (const struct sockaddr *)&at, at_len) == 0 &&
	       send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len &&
	       await(fd, id, type, clock_monotonic_ms() + timeout_ms, answer);
	if (fd >= 0)
		close(fd);
	return good;
}

static bool has(const struct verify_answer *answer, const uint8_t *data, size_t len)
{
	for (unsigned i = 0; i < answer->n; i++)
		if (answer->len[i] == len && memcmp(answer->data[i], data, len) == 0)
			return true;
	return false;
}

/* The first record of ours that is none of theirs: its number; n when there is none. */
static unsigned stranger(const struct verify_answer *ours, const struct verify_answer *theirs)
{
	unsigned i = 0;

	while (i < ours->n && has(theirs, ours->data[i], ours->len[i]))
		i++;
	return i;
}

static bool is_same(const struct verify_answer *cached, const struct verify_answer *right)
{
	if (cached->rcode != right->rcode || (cached->n == 0) != (right->n == 0))
		return false;
	return stranger(cached, right) == cached->n;
}

static void join_answers(struct verify_answer *all, const struct verify_answer *more)
{
	for (unsigned i = 0; i < more->n && all->n < VERIFY_RECORDS_MAX; i++) {
		if (has(all, more->data[i], more->len[i]))
			continue;
		memcpy(all->data[all->n], more->data[i], more->len[i]);
		all->len[all->n++] = more->len[i];
	}
}

static void describe(const struct verify_answer *answer, char text[static 128])
{
	size_t at = 0;

	snprintf(text, 128, answer->rcode != 0 ? "rcode %u" : "no record", answer->rcode);
	for (unsigned i = 0; i < answer->n && at < 80; i++) {
		struct addr addr = { .family = answer->len[i] == 4 ? ADDR_V4 : ADDR_V6 };
		char one[ADDR_TEXT_MAX];

		memcpy(addr.bytes, answer->data[i], answer->len[i]);
		addr_format(&addr, one);
		at += (size_t)snprintf(text + at, 128 - at, "%s%s", i > 0 ? " " : "", one);
	}
}

enum verify_result verify_name(const struct cache_conf *cache, const char *name, uint16_t type, struct err *err)
{
	struct verify_answer cached, right = { 0 }, more;
	char theirs[128], ours[128];
	struct addr resolver;
	uint16_t port;

	err->text[0] = '\0';
	if (!conf_address(cache->verify, &resolver, &port) ||
		!ask(cache->verify, name, type, NULL, cache->timeout_ms, &cached) || cached.rcode == 2) {
		err_set(err, "%s gives no answer", cache->verify);
		return VERIFY_UNKNOWN;
	}
	for (int asks = 0; asks < ASKS; asks++) {
		if (!ask(cache->authority, name, type, &resolver, cache->timeout_ms, &more)) {
			err_set(err, "%s gives no answer", cache->authority);
			return VERIFY_UNKNOWN;
		}
		right.rcode = more.rcode;
		join_answers(&right, &more);
		if (is_same(&cached, &right))
			return VERIFY_FRESH;
	}
	describe(&cached, ours);
	describe(&right, theirs);
	err_set(err, "after its flush it still gives %s (%s), where %s gives %s", ours, type == TYPE_A ? "A" : "AAAA",
		cache->authority, theirs);
	return VERIFY_STALE;
}

json_t *verify_all(const struct relay_conf *conf, const char *name)
{
	static const char *const words[] = { "none", "fresh", "STALE", "unknown" };
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
	json_t *list = json_array();
	int status = 0;

	for (size_t i = 0; i < conf->ncaches; i++) {
		const struct cache_conf *cache = &conf->cache[i];

		for (unsigned k = 0; cache->verify[0] != '\0' && k < COUNT_OF(types); k++) {
			struct err why;
			enum verify_result result = verify_name(cache, name, types[k], &why);

			status = result == VERIFY_FRESH ? status : 1;
			json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}", "cache", cache->name, "type",
							    types[k] == TYPE_A ? "A" : "AAAA", "result", words[result],
							    "reason", why.text));
		}
	}
	return json_pack("{s:o,s:i,s:s}", "caches", list, "exit", status, "name", name);
}
