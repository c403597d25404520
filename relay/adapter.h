/* adapter - how a kind of cache is told to forget: one file and one row each. An adapter speaks the cache's own control protocol on a
 * connection that it keeps, in the one thread of its target, and may block until its timeout. It builds what it sends from parts that
 * passed check.h, and takes apart what comes back without trust. RELAY 2 and 5.7. */
#ifndef GSLB_RELAY_ADAPTER_H
#define GSLB_RELAY_ADAPTER_H

#include "relay/pending.h"

/* A row of `caches:` in gslb.yaml. Texts are "" when not given. */
struct cache_conf {
	const char *type, *name;
	const char *socket;   /* a path, or ADDRESS@PORT */
	const char *url;      /* http: where requests go */
	const char *key;      /* a secret, from its key-file: rndc's, an API's */
	const char *view;     /* bind */
	const char *method;   /* http: PURGE, BAN, POST, … */
	const char *header;   /* http: what carries tags: xkey-purge, Surrogate-Key, … */
	const char *pid_file; /* dnsmasq */
	const char *prefix;   /* redis, memcached: before each key; redis: tag sets are PREFIXtag:NAME */
	size_t nzones;
	const char *const *zones; /* what class=all means for a resolver: these and all under them */
	const char *verify,
		*authority; /* ADDRESS@PORT: of the resolver for questions, and of whoever knows the right answers */
	bool flush_all;     /* redis, memcached: all of it may be dropped when the past is not known */
	uint32_t timeout_ms;
};

enum adapter_result {
	ADAPTER_DONE,    /* it is not cached any more */
	ADAPTER_RETRY,   /* not this one now: the sentence says why */
	ADAPTER_AWAY,    /* no answer: neither this one nor what is behind it, for now */
	ADAPTER_REFUSED, /* never: wrong key, unknown command, not something this cache can do */
};

/* Was it there? Few caches say so. */
enum adapter_found { FOUND_UNKNOWN, FOUND_SOMETHING, FOUND_NOTHING };

struct adapter_work {
	const struct pending_entry *entry; /* a copy: more may be asked of the item meanwhile */
	enum adapter_result result;
	struct err err;
	enum adapter_found found; /* when it is done */
	uint8_t verified[3];      /* questions whose answers were fresh, stale (and flushed again), unknown */
};

struct adapter {
	const char *type;
	unsigned classes;    /* 1 << EVENT_…, of what it can do */
	bool by_consent;     /* EVENT_ALL only with flush_all: what it holds may be more than a cache of ours */
	bool whole;          /* a batch is one command: it is paced as one item */
	unsigned batch;      /* entries at once, at most */
	uint32_t most;       /* items a second, by default */
	uint32_t timeout_ms; /* default */
	/* The state of one target; the conf outlives it. No connection is made yet. NULL with a sentence: the conf cannot be right. */
	void *(*open)(const struct cache_conf *conf, struct err *err);
	void (*close)(void *state);
	/* Do the first entries, filling in their results, and return how many those were, 1 to n: as many as the cache takes in one go, so that
	 * whoever wants to stop waits for one go only. */
	unsigned (*run)(void *state, struct adapter_work *work, unsigned n);
	/* Ask for a sign of life, changing nothing; *lived_s: how long it has lived, rounded down (UINT64_MAX: unknown; so says a cache that
	 * keeps its contents over a restart). */
	bool (*ping)(void *state, uint64_t *lived_s, struct err *err);
};

const struct adapter *adapter_find(const char *type); /* NULL: none of that type */
const char *adapter_types(void);                      /* "unbound, bind, …": for error texts */

/* For adapters: set a result with its sentence. */
void adapter_say(struct adapter_work *work, enum adapter_result result, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for all n. */
void adapter_say_all(struct adapter_work *work, unsigned n, enum adapter_result result, const struct err *err);

extern const struct adapter adapter_unbound, adapter_bind, adapter_powerdns, adapter_knot, adapter_dnsmasq,
	adapter_resolved, adapter_redis, adapter_memcached, adapter_http;

#endif
