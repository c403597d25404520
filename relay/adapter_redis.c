/* Redis through hiredis: keys go by UNLINK, pipelined; a tag is a set PREFIXtag:NAME of the keys that carry it, which go with it (what
 * applications keep up: SADD PREFIXtag:product:42 KEY). No SCAN, no KEYS. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/adapter.h"

enum { BATCH = 128, TAG_KEYS = 512 };

struct redis {
	const struct cache_conf *conf;
	redisContext *context;
};

static void *redis_open(const struct cache_conf *conf, struct err *err)
{
	struct redis *redis;

	if (conf->socket[0] == '\0') {
		err_set(err, "socket: must be given (a path, or ADDRESS@6379)");
		return NULL;
	}
	redis = mem_alloc(sizeof *redis);
	redis->conf = conf;
	return redis;
}

static void shut(struct redis *redis)
{
	if (redis->context != NULL)
		redisFree(redis->context);
	redis->context = NULL;
}

static void redis_close(void *state)
{
	shut(state);
	free(state);
}

static bool broken(struct redis *redis, struct err *err)
{
	const char *why = redis->context != NULL ? redis->context->errstr : "no memory";

	err_set(err, "%s: %s", redis->conf->socket, why);
	shut(redis);
	return false;
}

static bool authorise(struct redis *redis, struct err *err)
{
	redisReply *reply;
	bool good;

	if (redis->conf->key[0] == '\0')
		return true;
	reply = redisCommand(redis->context, "AUTH %s", redis->conf->key);
	good = reply != NULL && reply->type != REDIS_REPLY_ERROR;
	freeReplyObject(reply);
	if (good)
		return true;
	err_set(err, "%s: the key is not accepted", redis->conf->socket);
	shut(redis);
	return false;
}

static bool ready(struct redis *redis, struct err *err)
{
	const struct cache_conf *conf = redis->conf;
	const struct timeval most = { conf->timeout_ms / 1000, (suseconds_t)(conf->timeout_ms % 1000) * 1000 };
	const char *sign = strrchr(conf->socket, '@');
	char *host;

	if (redis->context != NULL)
		return true;
	if (conf->socket[0] == '/') {
		redis->context = redisConnectUnixWithTimeout(conf->socket, most);
	} else {
		host = mem_printf("%.*s", sign != NULL ? (int)(sign - conf->socket) : 0, conf->socket);
		redis->context = redisConnectWithTimeout(host, sign != NULL ? atoi(sign + 1) : 0, most);
		free(host);
	}
	if (redis->context == NULL || redis->context->err != 0)
		return broken(redis, err);
	redisSetTimeout(redis->context, most);
	return authorise(redis, err);
}

static bool take(struct redis *redis, redisReply **reply, struct err *err)
{
	void *got = NULL;

	if (redisGetReply(redis->context, &got) != REDIS_OK)
		return broken(redis, err);
	*reply = got;
	return true;
}

/* What passes by itself; all else is said for good. */
static bool is_passing(const char *text)
{
	static const char *const words[] = { "LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY",
		"MISCONF", "OOM" };

	for (unsigned i = 0; i < COUNT_OF(words); i++)
		if (strncmp(text, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

static void judge(struct adapter_work *work, const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_ERROR)
		adapter_say(work, is_passing(reply->str) ? ADAPTER_RETRY : ADAPTER_REFUSED, "redis answers: %.200s",
			reply->str);
	else
		work->result = ADAPTER_DONE;
	if (reply->type == REDIS_REPLY_INTEGER && work->found != FOUND_SOMETHING)
		work->found = reply->integer > 0 ? FOUND_SOMETHING : FOUND_NOTHING;
}

/* The keys of a tag leave its set and go in one step: between two, a lost connection would leave keys that no set names, and an
 * application's new key could lose its tag. */
static const char pop_and_unlink[] =
	"local k = redis.call('SPOP', KEYS[1], ARGV[1]) if #k > 0 then redis.call('UNLINK', unpack(k)) end return #k";

static bool flush_tag(struct redis *redis, struct adapter_work *work, struct err *err)
{
	long long n = TAG_KEYS;

	while (n == TAG_KEYS) {
		redisReply *reply;

		redisAppendCommand(redis->context, "EVAL %s 1 %stag:%s %d", pop_and_unlink, redis->conf->prefix,
			work->entry->text, TAG_KEYS);
		if (!take(redis, &reply, err))
			return false;
		judge(work, reply);
		n = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
		freeReplyObject(reply);
	}
	return true;
}

/* Keys: all are sent, then all are answered. */
static bool flush_keys(struct redis *redis, struct adapter_work *work, unsigned n, unsigned *done, struct err *err)
{
	redisReply *reply;

	for (unsigned i = 0; i < n; i++) {
		if (work[i].entry->class == EVENT_ALL)
			redisAppendCommand(redis->context, "FLUSHDB ASYNC");
		else
			redisAppendCommand(redis->context, "UNLINK %s%s", redis->conf->prefix, work[i].entry->text);
	}
	for (*done = 0; *done < n; ++*done) {
		if (!take(redis, &reply, err))
			return false;
		judge(&work[*done], reply);
		freeReplyObject(reply);
	}
	return true;
}

/* As many as are alike: keys together, each tag by itself. */
static unsigned alike(const struct adapter_work *work, unsigned n)
{
	unsigned same = 1;

	if (work[0].entry->class == EVENT_TAG)
		return 1;
	while (same < n && work[same].entry->class != EVENT_TAG)
		same++;
	return same;
}

static bool run_once(struct redis *redis, struct adapter_work *work, unsigned n, unsigned *done, struct err *err)
{
	if (!ready(redis, err))
		return false;
	while (*done < n) {
		unsigned same = alike(work + *done, n - *done), did = 1;
		bool good = work[*done].entry->class == EVENT_TAG ? flush_tag(redis, work + *done, err)
								  : flush_keys(redis, work + *done, same, &did, err);

		if (!good)
			return false;
		*done += did;
	}
	return true;
}

static unsigned redis_run(void *state, struct adapter_work *work, unsigned n)
{
	struct redis *redis = state;
	bool kept = redis->context != NULL;
	unsigned done = 0;
	struct err err = { .text = "" };

	/* a kept connection may have been closed: once more on a new one */
	if (!run_once(redis, work, n, &done, &err) && !(kept && run_once(redis, work, n, &done, &err)))
		adapter_say_all(work + done, n - done, ADAPTER_AWAY, &err);
	return n;
}

static bool redis_ping(void *state, uint64_t *lived_s, struct err *err)
{
	struct redis *redis = state;
	redisReply *reply;

	*lived_s = UINT64_MAX; /* what it holds may have been saved, and come back */
	if (!ready(redis, err))
		return false;
	redisAppendCommand(redis->context, "PING");
	if (!take(redis, &reply, err))
		return false;
	freeReplyObject(reply);
	return true;
}

const struct adapter adapter_redis = {
	.type = "redis",
	.classes = 1 << EVENT_KEY | 1 << EVENT_TAG | 1 << EVENT_ALL,
	.by_consent = true,
	.batch = BATCH,
	.most = 50000,
	.timeout_ms = 500,
	.open = redis_open,
	.close = redis_close,
	.run = redis_run,
	.ping = redis_ping,
};
