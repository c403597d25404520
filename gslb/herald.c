/* One request at a time is under way: a batch of names of one kind, answered by one line. Until the answer came the names stay; one that
 * changes meanwhile is told again. */
#include "gslb/herald.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { RETRY_MS = 100, RETRY_MAX_MS = 5000, PATIENCE_MS = 5000, ANSWER_MAX = 65536 };

struct news {
	char *owner;
	uint64_t hash, serial;
	bool below;
	enum herald_prio prio;
	bool sent, again;  /* in the request under way; and changed since that was sent */
	struct news *next; /* of the bucket */
};

enum { BUCKETS = 4096 };

struct herald {
	char *path;
	int fd;
	struct buf out, in;
	size_t sent; /* of out */
	bool waiting;
	json_t *hits;    /* NULL: none are to be told */
	bool asked_hits; /* the request under way is of hits, which nobody misses */
	uint64_t deadline_ms, retry_at_ms, retry_ms;
	struct news *bucket[BUCKETS];
	struct herald_status status;
};

struct herald *herald_new(const char *socket)
{
	struct herald *herald = mem_alloc(sizeof *herald);

	herald->path = mem_strdup(socket);
	herald->fd = -1;
	herald->retry_ms = RETRY_MS;
	return herald;
}

static void news_free(struct news *news)
{
	free(news->owner);
	free(news);
}

void herald_free(struct herald *herald)
{
	if (herald == NULL)
		return;
	for (unsigned i = 0; i < BUCKETS; i++)
		while (herald->bucket[i] != NULL) {
			struct news *news = herald->bucket[i];

			herald->bucket[i] = news->next;
			news_free(news);
		}
	if (herald->fd >= 0)
		close(herald->fd);
	json_decref(herald->hits);
	buf_fini(&herald->out);
	buf_fini(&herald->in);
	free(herald->path);
	free(herald);
}

struct herald_status herald_status(const struct herald *herald)
{
	struct herald_status status = herald->status;

	status.connected = herald->fd >= 0;
	return status;
}

/* ---- news ---- */

void herald_tell(struct herald *herald, const struct name *owner, bool below, enum herald_prio prio, uint64_t serial)
{
	char text[NAME_TEXT_MAX];
	uint64_t hash;
	struct news *news;

	name_format(owner, text);
	hash = hash_bytes(below, text, strlen(text));
	news = herald->bucket[hash % BUCKETS];
	while (news != NULL && (news->hash != hash || news->below != below || strcmp(news->owner, text) != 0))
		news = news->next;
	if (news == NULL) {
		news = mem_alloc(sizeof *news);
		*news = (struct news){ .owner = mem_strdup(text),
			.hash = hash,
			.below = below,
			.prio = prio,
			.next = herald->bucket[hash % BUCKETS] };
		herald->bucket[hash % BUCKETS] = news;
		herald->status.waiting++;
	}
	news->again = news->sent;
	news->prio = prio < news->prio ? prio : news->prio;
	news->serial = serial > news->serial ? serial : news->serial;
}

/* What was in the request under way: gone when it was taken, unless it changed since; else as if it had never been sent. */
static void settle(struct herald *herald, bool taken)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct news **at = &herald->bucket[i];

		while (*at != NULL) {
			struct news *news = *at;
			bool gone = news->sent && taken && !news->again;

			news->sent = news->again = false;
			if (!gone) {
				at = &news->next;
				continue;
			}
			*at = news->next;
			herald->status.waiting--;
			news_free(news);
		}
	}
}

void herald_hits(struct herald *herald, json_t *hits)
{
	json_decref(herald->hits);
	herald->hits = hits;
}

/* ---- a request ---- */

struct batch {
	const struct news *like;
	json_t *items;
	uint64_t serial;
};

static void add_news(struct batch *batch, struct news *news)
{
	if (batch->like == NULL)
		batch->like = news;
	if (news->below != batch->like->below || news->prio != batch->like->prio ||
		json_array_size(batch->items) == HERALD_BATCH)
		return;
	news->sent = true;
	batch->serial = news->serial > batch->serial ? news->serial : batch->serial;
	json_array_append_new(batch->items, json_pack("{s:s}", "n", news->owner));
}

/* Failovers first. */
static void gather(struct herald *herald, struct batch *batch)
{
	for (int prio = HERALD_FAILOVER; prio <= HERALD_EDIT && batch->like == NULL; prio++)
		for (unsigned i = 0; i < BUCKETS; i++)
			for (struct news *news = herald->bucket[i]; news != NULL; news = news->next)
				if ((int)news->prio == prio)
					add_news(batch, news);
}

/* The request is given away. */
static void send_request(struct herald *herald, json_t *request, uint64_t now_ms)
{
	char *text = json_dumps(request, JSON_COMPACT);

	buf_drop(&herald->out, herald->out.len);
	buf_printf(&herald->out, "%s\n", text);
	free(text);
	json_decref(request);
	herald->sent = 0;
	herald->waiting = true;
	herald->deadline_ms = now_ms + PATIENCE_MS;
}

static void send_hits(struct herald *herald, uint64_t now_ms)
{
	send_request(herald, json_pack("{s:s,s:{s:o}}", "command", "hits", "args", "hits", herald->hits), now_ms);
	herald->hits = NULL;
	herald->asked_hits = true;
}

static void send_batch(struct herald *herald, uint64_t now_ms)
{
	struct batch batch = { .items = json_array() };
	json_t *request;

	gather(herald, &batch);
	request = json_pack("{s:s,s:{s:{s:s,s:i,s:I,s:s,s:o}}}", "command", "invalidate", "args", "event", "class",
		batch.like->below ? "zone" : "dns", "prio", (int)batch.like->prio, "gen", (json_int_t)batch.serial,
		"why", batch.like->prio == HERALD_FAILOVER ? "other pools are in service" : "the zone was edited",
		"items", batch.items);
	send_request(herald, request, now_ms);
}

/* ---- the connection ---- */

static void disconnect(struct herald *herald, const char *why, uint64_t now_ms)
{
	bool idle = (!herald->waiting || herald->asked_hits) &&
		    herald->status.waiting == 0; /* it may come and go while nothing is to be told */

	if (!idle && herald->status.trouble[0] == '\0')
		log_warning("program=gslb-relay state=away reason=\"%s\" names=%zu", why, herald->status.waiting);
	if (!idle)
		snprintf(herald->status.trouble, sizeof herald->status.trouble, "%s: %s", herald->path, why);
	if (herald->fd >= 0)
		close(herald->fd);
	herald->fd = -1;
	herald->waiting = herald->asked_hits = false;
	buf_drop(&herald->in, herald->in.len);
	settle(herald, false);
	herald->retry_at_ms = now_ms + herald->retry_ms;
	herald->retry_ms = herald->retry_ms * 2 < RETRY_MAX_MS ? herald->retry_ms * 2 : RETRY_MAX_MS;
}

static bool connect_relay(struct herald *herald, uint64_t now_ms)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (strlen(herald->path) >= sizeof at.sun_path) {
		disconnect(herald, "too long for a socket", now_ms);
		return false;
	}
	memcpy(at.sun_path, herald->path, strlen(herald->path));
	herald->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (herald->fd >= 0 && connect(herald->fd, (const struct sockaddr *)&at, sizeof at) == 0)
		return true;
	disconnect(herald, strerror(errno), now_ms);
	return false;
}

static bool push_out(struct herald *herald, uint64_t now_ms)
{
	while (herald->sent < herald->out.len) {
		ssize_t n =
			send(herald->fd, herald->out.text + herald->sent, herald->out.len - herald->sent, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n < 0) {
			disconnect(herald, strerror(errno), now_ms);
			return false;
		}
		herald->sent += (size_t)n;
	}
	return true;
}

static void take_answer(struct herald *herald, size_t len, uint64_t now_ms)
{
	json_t *answer = json_loadb(herald->in.text, len, 0, NULL);
	const char *error = json_string_value(json_object_get(answer, "error"));
	size_t before = herald->status.waiting;

	if (!json_is_object(answer)) {
		json_decref(answer);
		disconnect(herald, "what listens there does not speak gslb-relay's language", now_ms);
		return;
	}
	if (herald->asked_hits) {
		herald->asked_hits = herald->waiting = false;
		herald->retry_ms = RETRY_MS;
		buf_drop(&herald->in, len + 1);
		json_decref(answer);
		return;
	}
	settle(herald, true);
	if (json_is_true(json_object_get(answer, "ok"))) {
		herald->status.told += before - herald->status.waiting;
		if (herald->status.trouble[0] != '\0')
			log_notice("program=gslb-relay state=back");
		herald->status.trouble[0] = '\0';
	} else {
		herald->status.refused += before - herald->status.waiting;
		log_error("program=gslb-relay refused=%zu reason=\"%s\"", before - herald->status.waiting,
			error != NULL ? error : "");
	}
	herald->waiting = false;
	herald->retry_ms = RETRY_MS;
	buf_drop(&herald->in, len + 1);
	json_decref(answer);
}

static bool pull_in(struct herald *herald, uint64_t now_ms)
{
	char chunk[4096];
	ssize_t n = recv(herald->fd, chunk, sizeof chunk, 0);
	const char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0 || herald->in.len + (size_t)n > ANSWER_MAX) {
		disconnect(herald, n < 0 ? strerror(errno) : "it closed the connection", now_ms);
		return false;
	}
	buf_add(&herald->in, chunk, (size_t)n);
	end = memchr(herald->in.text, '\n', herald->in.len);
	if (end != NULL)
		take_answer(herald, (size_t)(end - herald->in.text), now_ms);
	return herald->fd >= 0;
}

/* ---- for the loop ---- */

int herald_fd(const struct herald *herald, short *events)
{
	*events = (short)(POLLIN | (herald->sent < herald->out.len ? POLLOUT : 0));
	return herald->fd;
}

uint64_t herald_run(struct herald *herald, uint64_t now_ms)
{
	if (herald->fd >= 0 && !pull_in(herald, now_ms))
		return herald->status.waiting > 0 ? herald->retry_at_ms : UINT64_MAX;
	if (herald->waiting && now_ms >= herald->deadline_ms)
		disconnect(herald, "no answer in 5 s", now_ms);
	if (!herald->waiting && herald->status.waiting > 0) {
		if (herald->fd < 0 && now_ms < herald->retry_at_ms)
			return herald->retry_at_ms;
		if (herald->fd < 0 && !connect_relay(herald, now_ms))
			return herald->retry_at_ms;
		send_batch(herald, now_ms);
	} else if (!herald->waiting && herald->hits != NULL) {
		if (herald->fd >= 0 || (now_ms >= herald->retry_at_ms && connect_relay(herald, now_ms)))
			send_hits(herald, now_ms);
		else
			herald_hits(herald, NULL);
	}
	if (herald->waiting && !push_out(herald, now_ms))
		return herald->retry_at_ms;
	return herald->waiting ? herald->deadline_ms : UINT64_MAX;
}
