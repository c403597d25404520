/* Names of endpoints, through c-ares and the system's resolvers (GSLB_RESOLVER=ADDRESS:PORT names another one, for tests).
 *
 * A lookup asks for A and AAAA apart: c-ares calls a pair a success when one of the two failed, and half an answer must not
 * take the other half's endpoints away. A family that failed keeps its last good addresses; both failed, or nothing there, is a
 * failure, and the reader keeps what it has. resolv.conf is read anew with each plan: lookups then start on a new channel, and
 * the old one goes when its last query has ended. */
#include "health/lookup.h"

#include <ares.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "health/lookup_doubt.h"

enum {
	TTL_MIN_S = 5,
	TTL_MAX_S = 3600,
	BACKOFF_MIN_MS = 5000,
	BACKOFF_MAX_MS = 60000,
	QUERY_MS = 2000, /* per try and server */
	TRIES = 2,
	SPREAD_MS = 5,   /* between the first lookups of a plan */
	DOUBT_MS = 5000, /* until a doubted answer is asked for again */
	/* gslbd keeps what has no more than 1.5 s left in force by itself: a lookup that takes a second is still in time */
	AHEAD_MS = 2500,
};

enum answer { ANSWER_FAILED, ANSWER_EMPTY, ANSWER_FULL };

struct channel_watch {
	struct loop_watch watch;
	struct channel *channel;
	LIST_ENTRY(channel_watch) next;
};

struct channel {
	struct lookups *lookups;
	ares_channel ares;
	struct loop_timer timer;
	unsigned flying; /* queries */
	bool retired;    /* no new ones: gone when flying is 0 */
	LIST_HEAD(, channel_watch) watches;
	LIST_ENTRY(channel) next;
};

struct family {
	enum answer answer;
	uint32_t ttl_s;
	unsigned naddrs; /* the last good ones */
	struct addr addrs[HEALTH_ADDRS_MAX];
	unsigned nfresh; /* those of the answer that just came */
	struct addr fresh[HEALTH_ADDRS_MAX];
	struct lookup_doubt doubt;
};

struct lookup {
	struct lookups *lookups;
	struct channel *channel; /* the one its queries fly on */
	uint32_t id;
	char *name;
	struct loop_timer timer;
	unsigned flying;
	bool dropped; /* freed with its last query's end */
	bool taken;   /* into the new list */
	struct log_limit doubt_limit;
	uint32_t backoff_ms;
	struct family families[2]; /* IPv4, IPv6 */
};

struct lookups {
	struct loop *loop;
	struct dice dice;
	void (*take)(void *arg, const struct health_message *message);
	void *arg;
	struct channel *channel;
	LIST_HEAD(, channel) channels; /* the one above, and the retired ones */
	struct lookup **items;
	size_t nitems;
};

/* ---- a c-ares channel on the loop ---- */

static void channel_time(struct channel *channel)
{
	struct timeval most = { 3600, 0 }, left, *tv;
	struct loop *loop = channel->lookups->loop;

	if (channel->flying == 0 && !channel->retired) {
		loop_clear(loop, &channel->timer);
		return;
	}
	tv = channel->flying == 0 ? &(struct timeval){ 0, 0 } : ares_timeout(channel->ares, &most, &left);
	loop_set(loop, &channel->timer,
		clock_monotonic_us() + (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec + 1000);
}

static void channel_free(struct channel *channel)
{
	ares_destroy(channel->ares); /* ends what flies, and closes its sockets through channel_socket */
	loop_clear(channel->lookups->loop, &channel->timer);
	LIST_REMOVE(channel, next);
	free(channel);
}

static void channel_timer(struct loop_timer *timer)
{
	struct channel *channel = LOOP_OWNER(timer, struct channel, timer);

	ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (channel->retired && channel->flying == 0)
		channel_free(channel);
	else
		channel_time(channel);
}

static void channel_ready(struct loop_watch *watch, uint32_t events)
{
	struct channel *channel = LOOP_OWNER(watch, struct channel_watch, watch)->channel;
	bool failed = events & (EPOLLERR | EPOLLHUP);
	int fd = watch->fd;

	ares_process_fd(channel->ares, failed || events & EPOLLIN ? fd : ARES_SOCKET_BAD,
		failed || events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
	channel_time(channel);
}

static void channel_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct channel *channel = arg;
	struct loop *loop = channel->lookups->loop;
	uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
	struct channel_watch *w;

	LIST_FOREACH(w, &channel->watches, next)
	if (w->watch.fd == fd)
		break;
	if (w != NULL && events != 0) {
		loop_rewatch(loop, &w->watch, events);
	} else if (w != NULL) {
		loop_unwatch(loop, &w->watch);
		LIST_REMOVE(w, next);
		free(w);
	} else if (events != 0) {
		w = mem_alloc(sizeof *w);
		*w = (struct channel_watch){ .watch = { channel_ready, fd }, .channel = channel };
		LIST_INSERT_HEAD(&channel->watches, w, next);
		loop_watch(loop, &w->watch, events); /* should it fail, the query times out */
	}
}

static struct channel *channel_new(struct lookups *lookups, struct err *err)
{
	struct channel *channel = mem_alloc(sizeof *channel);
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH, /* names are absolute; ndomains is 0 for the same reason */
		.timeout = QUERY_MS,
		.tries = TRIES,
		.sock_state_cb = channel_socket,
		.sock_state_cb_data = channel,
	};
	const char *servers = getenv("GSLB_RESOLVER");
	int status = ares_init_options(&channel->ares, &options,
		ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB);

	if (status != ARES_SUCCESS) {
		err_set(err, "c-ares cannot be initialised: %s", ares_strerror(status));
		free(channel);
		return NULL;
	}
	channel->lookups = lookups;
	channel->timer.fire = channel_timer;
	LIST_INSERT_HEAD(&lookups->channels, channel, next);
	if (servers != NULL && (status = ares_set_servers_ports_csv(channel->ares, servers)) != ARES_SUCCESS) {
		err_set(err, "GSLB_RESOLVER=%s: %s (try 127.0.0.1:53)", servers, ares_strerror(status));
		channel_free(channel);
		return NULL;
	}
	return channel;
}

/* ---- one lookup ---- */

static void lookup_free(struct lookup *lookup)
{
	loop_clear(lookup->lookups->loop, &lookup->timer);
	free(lookup->name);
	free(lookup);
}

static void lookup_again(struct lookup *lookup, uint64_t ms)
{
	/* up to a tenth sooner, so that names learned together do not stay together */
	ms -= dice_below(&lookup->lookups->dice, ms / 10 + 1);
	loop_set(lookup->lookups->loop, &lookup->timer, clock_monotonic_us() + ms * 1000);
}

static uint32_t backoff(struct lookup *lookup)
{
	uint32_t ms = lookup->backoff_ms;

	lookup->backoff_ms = ms * 2 < BACKOFF_MAX_MS ? ms * 2 : BACKOFF_MAX_MS;
	return ms;
}

static int compare_addrs(const void *a, const void *b)
{
	return addr_compare(a, b);
}

/* The last good addresses of both families, sorted; each once. */
static void gather_addrs(const struct lookup *lookup, struct health_message *message)
{
	for (unsigned f = 0; f < 2; f++) {
		const struct family *family = &lookup->families[f];

		for (unsigned i = 0; i < family->naddrs && message->naddrs < HEALTH_ADDRS_MAX; i++)
			if (i == 0 || !addr_equal(&family->addrs[i], &family->addrs[i - 1]))
				message->addrs[message->naddrs++] = family->addrs[i];
	}
}

/* At 80 % of the TTL, and a short one sooner: what is answered must not outlive it while a lookup is merely slow. */
static uint64_t refresh_ms(uint32_t ttl_s)
{
	uint64_t ttl_ms = (uint64_t)ttl_s * 1000, late_ms = ttl_ms * 8 / 10;

	return late_ms < ttl_ms - AHEAD_MS ? late_ms : ttl_ms - AHEAD_MS;
}

static void log_doubt(struct lookup *lookup, unsigned f, unsigned has)
{
	const struct family *family = &lookup->families[f];
	unsigned held;

	if (log_allowed(&lookup->doubt_limit, clock_monotonic_ms(), &held))
		log_warning("name=%s family=%s addresses=%u kept=%u reason=\"%s\" held=%u", lookup->name,
			f == 0 ? "ipv4" : "ipv6", has, family->naddrs,
			has == 0 ? "the answer lost all its addresses: believed when it has been so for a minute"
				 : "the answer grew beyond measure: believed when it has been so for half a minute",
			held);
}

/* Put what was answered in place of what was known; false when it is doubted. */
static bool believe(struct lookup *lookup, unsigned f)
{
	struct family *family = &lookup->families[f];
	unsigned has = family->answer == ANSWER_FULL ? family->nfresh : 0;

	if (family->answer == ANSWER_FAILED)
		return true;
	switch (lookup_doubt_step(&family->doubt, family->naddrs, has, clock_monotonic_ms())) {
	case LOOKUP_TAKE:
		family->naddrs = has;
		memcpy(family->addrs, family->fresh, has * sizeof *family->addrs);
		return true;
	case LOOKUP_DOUBTED:
		log_doubt(lookup, f, has);
		return false;
	case LOOKUP_STILL_DOUBTED:
		return false;
	}
	return true;
}

static void lookup_finish(struct lookup *lookup)
{
	const struct family *v4 = &lookup->families[0], *v6 = &lookup->families[1];
	struct health_message message = { .kind = HEALTH_RESOLVED, .value = lookup->id };
	bool some = v4->answer == ANSWER_FULL || v6->answer == ANSWER_FULL;
	bool whole = some && v4->answer != ANSWER_FAILED && v6->answer != ANSWER_FAILED;

	if (!some) {
		lookup_again(lookup, backoff(lookup));
	} else {
		bool believed = believe(lookup, 0);

		believed = believe(lookup, 1) && believed;
		gather_addrs(lookup, &message);
		message.ok = 1;
		message.ttl_s = TTL_MIN_S;
		if (whole)
			lookup->backoff_ms = BACKOFF_MIN_MS;
		if (whole && believed)
			message.ttl_s = v4->ttl_s < v6->ttl_s ? v4->ttl_s : v6->ttl_s;
		lookup_again(lookup, !whole ? backoff(lookup) : believed ? refresh_ms(message.ttl_s) : DOUBT_MS);
	}
	lookup->lookups->take(lookup->lookups->arg, &message);
}

static uint32_t clamp_ttl(uint32_t ttl_s)
{
	return ttl_s < TTL_MIN_S ? TTL_MIN_S : ttl_s > TTL_MAX_S ? TTL_MAX_S : ttl_s;
}

/* The answer is good for no longer than the shortest-lived record that led to it. */
static uint32_t ttl_of(const struct ares_addrinfo *info)
{
	int ttl_s = TTL_MAX_S;

	for (const struct ares_addrinfo_node *node = info->nodes; node != NULL; node = node->ai_next)
		ttl_s = node->ai_ttl < ttl_s ? node->ai_ttl : ttl_s;
	for (const struct ares_addrinfo_cname *cname = info->cnames; cname != NULL; cname = cname->next)
		ttl_s = cname->ttl < ttl_s ? cname->ttl : ttl_s;
	return clamp_ttl(ttl_s > 0 ? (uint32_t)ttl_s : 0);
}

static void take_addrs(struct family *family, const struct ares_addrinfo *info)
{
	family->nfresh = 0;
	for (const struct ares_addrinfo_node *node = info->nodes; node != NULL; node = node->ai_next) {
		struct sockaddr_storage from = { 0 };
		uint16_t port;

		if (family->nfresh == HEALTH_ADDRS_MAX || node->ai_addrlen > sizeof from)
			break;
		memcpy(&from, node->ai_addr, node->ai_addrlen);
		addr_from_sockaddr(&family->fresh[family->nfresh++], &port, &from);
	}
	qsort(family->fresh, family->nfresh, sizeof *family->fresh, compare_addrs);
}

static void take_answer(struct lookup *lookup, struct family *family, int status, const struct ares_addrinfo *info)
{
	lookup->channel->flying--;
	if (lookup->channel->retired)
		channel_time(lookup->channel); /* due: it may be the last */
	family->ttl_s = TTL_MAX_S;
	if (status == ARES_SUCCESS && info != NULL && info->nodes != NULL) {
		family->answer = ANSWER_FULL;
		family->ttl_s = ttl_of(info);
		take_addrs(family, info);
	} else if (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND) {
		family->answer = ANSWER_EMPTY;
	} else {
		family->answer = ANSWER_FAILED;
	}
	if (--lookup->flying > 0)
		return;
	if (lookup->dropped)
		lookup_free(lookup);
	else if (status != ARES_EDESTRUCTION)
		lookup_finish(lookup);
}

static void take_v4(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct lookup *lookup = arg;

	(void)timeouts;
	take_answer(lookup, &lookup->families[0], status, info);
	ares_freeaddrinfo(info);
}

static void take_v6(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct lookup *lookup = arg;

	(void)timeouts;
	take_answer(lookup, &lookup->families[1], status, info);
	ares_freeaddrinfo(info);
}

static void lookup_start(struct loop_timer *timer)
{
	const struct ares_addrinfo_hints v4 = { .ai_family = AF_INET, .ai_flags = ARES_AI_NOSORT };
	const struct ares_addrinfo_hints v6 = { .ai_family = AF_INET6, .ai_flags = ARES_AI_NOSORT };
	struct lookup *lookup = LOOP_OWNER(timer, struct lookup, timer);
	struct channel *channel = lookup->lookups->channel;

	/* both are counted first: a callback may come before ares_getaddrinfo returns */
	lookup->channel = channel;
	lookup->flying = 2;
	channel->flying += 2;
	ares_getaddrinfo(channel->ares, lookup->name, NULL, &v4, take_v4, lookup);
	ares_getaddrinfo(channel->ares, lookup->name, NULL, &v6, take_v6, lookup);
	channel_time(channel);
}

static struct lookup *lookup_new(struct lookups *lookups, const struct health_lookup *wanted, uint64_t wait_ms)
{
	struct lookup *lookup = mem_alloc(sizeof *lookup);
	size_t len = strlen(wanted->name);

	lookup->lookups = lookups;
	lookup->id = wanted->id;
	lookup->name = mem_strdup(wanted->name);
	if (len > 1 && lookup->name[len - 1] == '.')
		lookup->name[len - 1] = '\0'; /* the hosts file has names without it */
	lookup->backoff_ms = BACKOFF_MIN_MS;
	lookup->timer.fire = lookup_start;
	loop_set(lookups->loop, &lookup->timer, clock_monotonic_us() + wait_ms * 1000);
	return lookup;
}

static void lookup_drop(struct lookup *lookup)
{
	if (lookup->flying == 0) {
		lookup_free(lookup);
		return;
	}
	lookup->dropped = true;
	loop_clear(lookup->lookups->loop, &lookup->timer);
}

/* ---- all of them ---- */

struct lookups *lookups_new(
	struct loop *loop, void (*take)(void *arg, const struct health_message *message), void *arg, struct err *err)
{
	struct lookups *lookups;

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		err_set(err, "c-ares cannot be initialised");
		return NULL;
	}
	lookups = mem_alloc(sizeof *lookups);
	*lookups = (struct lookups){ .loop = loop, .dice = dice_from_kernel(), .take = take, .arg = arg };
	lookups->channel = channel_new(lookups, err);
	if (lookups->channel == NULL) {
		lookups_free(lookups);
		return NULL;
	}
	return lookups;
}

void lookups_free(struct lookups *lookups)
{
	if (lookups == NULL)
		return;
	for (size_t i = 0; i < lookups->nitems; i++)
		lookup_drop(lookups->items[i]);
	while (!LIST_EMPTY(&lookups->channels))
		channel_free(LIST_FIRST(&lookups->channels));
	free(lookups->items);
	free(lookups);
	ares_library_cleanup();
}

static bool name_is(const struct lookup *lookup, const char *name)
{
	size_t len = strlen(lookup->name);

	return strncmp(lookup->name, name, len) == 0 && (name[len] == '\0' || strcmp(name + len, ".") == 0);
}

static int compare_ids(const void *a, const void *b)
{
	const struct lookup *const *left = a, *const *right = b;

	return ((*left)->id > (*right)->id) - ((*left)->id < (*right)->id);
}

/* Take the old lookup of that id and name out of the list, if it is there. */
static struct lookup *take_old(struct lookups *lookups, const struct health_lookup *wanted)
{
	struct lookup like = { .id = wanted->id }, *key = &like, **found = NULL, *lookup;

	if (lookups->nitems > 0)
		found = bsearch(&key, lookups->items, lookups->nitems, sizeof *lookups->items, compare_ids);
	if (found == NULL || (*found)->taken || !name_is(*found, wanted->name))
		return NULL;
	lookup = *found;
	lookup->taken = true;
	return lookup;
}

static void renew_channel(struct lookups *lookups)
{
	struct channel *fresh = channel_new(lookups, NULL), *old = lookups->channel;

	if (fresh == NULL)
		return; /* resolv.conf cannot be read just now: the old one goes on */
	lookups->channel = fresh;
	old->retired = true;
	channel_time(old);
}

void lookups_replace(struct lookups *lookups, const struct health_lookup *list, size_t n)
{
	struct lookup **items = mem_alloc(n * sizeof *items);
	uint64_t wait_ms = 0;

	renew_channel(lookups);
	for (size_t i = 0; i < n; i++) {
		items[i] = take_old(lookups, &list[i]);
		if (items[i] == NULL)
			items[i] = lookup_new(lookups, &list[i], wait_ms += SPREAD_MS);
	}
	for (size_t i = 0; i < lookups->nitems; i++) {
		if (!lookups->items[i]->taken)
			lookup_drop(lookups->items[i]);
	}
	for (size_t i = 0; i < n; i++)
		items[i]->taken = false;
	if (n > 0)
		qsort(items, n, sizeof *items, compare_ids);
	free(lookups->items);
	lookups->items = items;
	lookups->nitems = n;
}
