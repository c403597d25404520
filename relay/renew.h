/* renew - the bus is exchanged for another one while gslb-relay runs: when the files of its certificates have changed, when the configuration was read
 * again and says another bus, and when its connection has ended for good. The new one is opened in a thread, and takes over only once it is
 * connected; until then the old one stays in service, and the new one is tried again. The main thread's. */
#ifndef GSLB_RELAY_RENEW_H
#define GSLB_RELAY_RENEW_H

#include "relay/bus.h"
#include "relay/conf.h"

struct renew;

/* A bus for the caller, which has not begun yet, and what it is of. */
struct renewed {
	const struct bus_ops *ops;
	void *bus;
	const struct relay_conf *conf; /* borrowed until renew_free() */
};

struct renew_status {
	uint64_t renewed, failed;
	const char *trouble; /* why the new one is not in service; "": all is well */
	const char *ending;  /* that the certificate of the one in service ends, or has; "": it does not */
	uint64_t ends_ms;    /* wall: the certificate of the bus in service; 0: it has none */
};

/* path: of the configuration. conf: of the bus in service, which was opened just now. event_fd is written to when there is something to do. */
struct renew *renew_new(const char *path, const struct relay_conf *conf, int event_fd);
/* Stops, waits for what is under way: 2 s a server. */
void renew_end(struct renew *renew);
void renew_free(struct renew *renew); /* NULL is fine; when nobody uses what it lent */
/* SIGHUP: the configuration is read again, of which the section bus is taken up, and certificates are loaded. Says what comes of it. */
void renew_reload(struct renew *renew);
/* Goes on with it; now_ms: monotonic. ended: the bus in service does not come back by itself. True: there is another one. */
bool renew_run(struct renew *renew, bool ended, uint64_t now_ms, uint64_t wall_ms, struct renewed *renewed);
/* Closes one that is not in service any more, in a thread of its own. */
void renew_retire(struct renew *renew, const struct bus_ops *ops, void *bus);
struct renew_status renew_status(const struct renew *renew);

#endif
