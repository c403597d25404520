/* service - gslb-relay at work: its socket, its log, its bus and its caches in one loop. Main thread. */
#ifndef GSLB_RELAY_SERVICE_H
#define GSLB_RELAY_SERVICE_H

#include "base/control.h"
#include "relay/bus.h"
#include "relay/conf.h"
#include "relay/work.h"

enum { SERVICE_WAITERS_MAX = CONTROL_PLACES };

/* Somebody who asked to be told when an event is flushed, in all the regions that it is for. */
struct waiter {
	uint64_t ticket; /* 0: free */
	char id[EVENT_ID_MAX];
	uint64_t until_ms, began_ms; /* monotonic */
	json_t *regions;             /* {"eu": {"state": …}}, as far as they are known */
	size_t missing;
	bool errors;
};

struct service {
	struct relay_conf *conf;
	struct store *store;
	const struct bus_ops *bus_ops;
	void *bus;
	struct work *work;
	struct control *control;
	int event_fd, signal_fd;
	uint64_t refused;  /* requests */
	uint64_t began_ms; /* wall */
	bool stop, receipts_due;
	struct waiter waiter[SERVICE_WAITERS_MAX];
};

/* Serves until SIGTERM or SIGINT. False with a sentence when it could not start. */
bool service_run(struct relay_conf *conf, struct err *err);

/* For intake.c: the ticket is answered when the event is flushed, or after wait_ms. */
void service_wait(struct service *service, uint64_t ticket, const struct event *event, uint64_t wait_ms);
extern const struct control_command intake_commands[];

#endif
