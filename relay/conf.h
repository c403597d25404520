/* conf - what gslb-relay reads of gslb.yaml: server.region, state.directory, relay, bus and caches. Other sections are gslbd's, which checks
 * them. */
#ifndef GSLB_RELAY_CONF_H
#define GSLB_RELAY_CONF_H

#include "base/state.h"
#include "relay/adapter.h"
#include "relay/event.h"
#include "relay/pacer.h"
#include "relay/policy.h"
#include "relay/sign.h"

enum { CONF_CACHES_MAX = 64, CONF_TOKENS_MAX = 64, CONF_LOGS_MAX = 16, CONF_RELAYS_MAX = 64 };

/* A gslb-relay of the fleet. What it makes and has done goes by its name; what is to be done, and who may ask for it, by its region. */
struct conf_relay {
	const char *name, *region;
};

struct relay_conf {
	char region[EVENT_LABEL_MAX]; /* "local" when the file names none */
	char name[EVENT_LABEL_MAX];   /* on the bus: bus.name, or as the region */
	char node[STATE_LABEL_MAX];   /* this host among those of its region: server.identity, or the host's name */
	const char *gslbd_user;       /* server.user; "" */
	const char *probe_user;       /* server.probe-user; "": the same */
	const char *state_directory;  /* /var/lib/gslb */
	const char *socket, *group;   /* /run/gslb/relay.sock; "" */
	struct addr listen;           /* of HTTP */
	uint16_t listen_port;         /* 0: no HTTP */
	size_t ntokens;
	struct conf_token {
		const char *name, *secret;
	} tokens[CONF_TOKENS_MAX];
	const struct policy *policy; /* NULL: none */
	uint64_t keep_ms;            /* an event, for a region that is away */
	size_t nlogs;                /* which say what caches were asked for: see hits.h */
	const char *logs[CONF_LOGS_MAX];
	size_t nservers; /* of the bus; 0: there is none */
	const char *const *servers;
	const char *ca, *cert, *key; /* "" without TLS */
	const struct sign *sign;     /* NULL: events have no signatures */
	size_t nregions;             /* all of the fleet, with this one; without a bus only this one */
	const char *const *regions;
	size_t nrelays; /* on the bus, with this one */
	const struct conf_relay *relays;
	size_t ncaches;
	struct cache_conf cache[CONF_CACHES_MAX];
	struct pacer_rule rule[CONF_CACHES_MAX];
	struct arena *arena; /* all texts */
};

/* NULL with one sentence, which names the file and, where it can, the line or the cache. */
struct relay_conf *relay_conf_load(const char *path, struct err *err);
struct relay_conf *relay_conf_parse(const char *path, const char *text, size_t len, struct err *err);
/* Which of regions it is; nregions: none. */
size_t conf_region(const struct relay_conf *conf, const char *region);
/* Which of relays it is; nrelays: none. */
size_t conf_relay(const struct relay_conf *conf, const char *name);
/* "ADDRESS@PORT" */
bool conf_address(const char *text, struct addr *addr, uint16_t *port);
void relay_conf_free(struct relay_conf *conf);

#endif
