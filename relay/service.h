/* service - gslb-relay at work: its socket, its log, its bus and its caches in one loop. Main thread. */
#ifndef GSLB_RELAY_SERVICE_H
#define GSLB_RELAY_SERVICE_H

#include "base/control.h"
#include "relay/audit.h"
#include "relay/bus.h"
#include "relay/conf.h"
#include "relay/errand.h"
#include "relay/exchange.h"
#include "relay/heat.h"
#include "relay/http.h"
#include "relay/journal.h"
#include "relay/limit.h"
#include "relay/renew.h"
#include "relay/spread.h"
#include "relay/state.h"
#include "relay/strangers.h"
#include "relay/work.h"
#include "relay/writs.h"

enum { SERVICE_WAITERS_MAX = CONTROL_PLACES + HTTP_CONNECTIONS };

/* Somebody who asked for an event, and is answered when the log has it or, where that was asked for, when it is flushed by all the relays
 * that it is for. */
struct waiter {
	bool used, committed;
	uint64_t rollbacks; /* of the store, when it was added: whoever commits, what was rolled back is not there */
	uint64_t ticket;    /* of the socket, or … */
	struct http_request *request; /* … of HTTP */
	char id[EVENT_ID_MAX];
	unsigned caches; /* here, that it concerns */
	enum event_prio prio;
	uint64_t until_ms;            /* monotonic; 0: no longer than the log takes */
	uint64_t began_us, logged_us; /* likewise; logged_us: when the log had it */
	json_t *relays;               /* {"eu": {"state": …}}, as far as they are known */
	size_t missing;
	bool errors;
};

/* Nothing new is taken in. */
struct drain {
	bool on, told;     /* told: the log says that it is done */
	uint64_t since_ms; /* wall */
	uint64_t begun;    /* events that work had begun before */
	char by[64];
};

struct service {
	struct relay_conf *conf;
	struct store *store;
	const struct bus_ops *bus_ops;
	void *bus;
	struct work *work;
	struct writs *writs;
	struct strangers strangers;
	struct exchange exchange; /* of these five */
	struct control *control;
	struct state_hub *state;
	struct heat *heat;
	struct journal *journal;
	uint64_t hot_said_ms; /* monotonic: what is hot here was told to the other hosts */
	struct http *http;    /* NULL: none */
	struct errand *errand;
	struct renew *renew; /* the bus */
	struct audit *audit;
	int event_fd, signal_fd;
	uint64_t refused, limited; /* requests */
	uint64_t probed_ms;        /* monotonic */
	uint64_t began_ms;         /* wall */
	uint64_t taken_ms;         /* monotonic: what had come in was taken into the log */
	bool urgent;               /* a failover was asked for since then, or there was more than a turn takes */
	bool stop, log_good;
	struct drain drain;
	struct err log_why;
	struct limit limit;
	struct waiter waiter[SERVICE_WAITERS_MAX];
	struct spread applied[CONF_RELAYS_MAX][EVENT_PRIOS]; /* by relay: from the request to its caches being told */
};

/* Serves until SIGTERM or SIGINT; at SIGHUP it reads the file at path again, which conf is of. False with a sentence when it could not
 * start. */
bool service_run(const char *path, struct relay_conf *conf, struct err *err);
/* Of the bus, and of one that is to take over from it. */
void service_bus_status(const struct service *service, struct bus_status *status);

/* ---- waiting.c: who waits ---- */

/* To be answered when the log has the event, or after wait_ms more (0: not). One of ticket and request. */
struct waiter *wait_begin(struct service *service, const struct event *event, uint64_t wait_ms);
/* The log has what came in since the last call, or has not, for that reason. */
void wait_settle(struct service *service, bool committed, const struct err *why);
/* How far an event is with a relay. */
void wait_note(struct service *service, const char *name, const struct work_state *state);
/* Those whose time is over; when the next one's is. */
uint64_t wait_run(struct service *service, uint64_t now_ms);
void wait_end(struct service *service); /* all of them are answered */

/* ---- intake.c ---- */

extern const struct control_command intake_commands[];
/* Root, gslbd, and whoever we are. */
bool intake_trusts(const struct service *service, const struct control_peer *peer);
void intake_refuse(struct service *service, struct control_reply *reply, const struct err *err);
/* The cache of that name; NULL: there is none (nor with name NULL), and the reply says so. */
struct target *intake_target(struct service *service, const char *name, struct control_reply *reply);
const char *intake_breaker_word(const struct target_stats *stats); /* works, fails, trying, paused */
uint64_t intake_wait_ms(const json_t *args);
/* What is gathered, for a command that is answered at once; whoever else waits for the log is answered, too. */
bool intake_commit(struct service *service, struct err *err);
void intake_http(
	void *service, struct http_request *request, const char *actor, const char *body, size_t len, uint64_t wait_ms);

/* ---- intake_drain.c ---- */

void intake_drain(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);
/* Is this event not taken in, since gslb-relay is drained? Then the sentence says so. event NULL: any. */
bool intake_is_shut(const struct service *service, const struct event *event, bool trusted, struct err *err);

/* ---- intake_lag.c ---- */

/* How far each relay is with our events, of which `last` is the last one: a row each, also for one that the configuration does not name any
 * more and that lacks some, since the log keeps them for it. behind: only of those that lack some. */
json_t *intake_lag(struct service *service, uint64_t last, bool behind);
void intake_lag_command(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);

/* ---- intake_replay.c ---- */

void intake_kept(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);

/* ---- intake_look.c: one event, the last ones, one cache; what could not be done, once more ---- */

void intake_event(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);
void intake_tail(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);
void intake_pending(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);
void intake_dead_retry(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);

/* ---- intake_hot.c: what is asked for most ---- */

void intake_hits(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);
void intake_hot(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);

/* ---- intake_writs.c: gslbd's side of the overrides ---- */

void intake_overrides(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);
void intake_offer(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);
void intake_writs(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);
/* Periodic state: a relay says what it has, and its name. */
void intake_digest(void *service, const struct state_said *said);
/* Answer gslbds, tell origins, and repair what differs between relays; when to call again at the latest. */
uint64_t intake_run(struct service *service, uint64_t now_ms);

/* ---- metrics.c ---- */

/* How long the oldest of our events has waited for that relay, in seconds; 0: none waits. */
double metrics_lag_s(struct service *service, const char *relay, uint64_t wall_ms);
void metrics_print(void *service, struct buf *text);

#endif
