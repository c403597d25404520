/* fleet - what this gslbd shares with those of other hosts, through gslb-relay: its overrides (accord.h), and what it
 * measured and was told (summary.h). Main thread. */
#ifndef GSLB_FLEET_H
#define GSLB_FLEET_H

#include "base/control.h"
#include "gslb/daemon.h"

struct fleet;

/* What is decided on this host bears its name: before the first of it. Without gslb-relay in gslb.yaml it has none. */
void fleet_name(struct daemon *daemon);
/* After the daemon's overrides were read and its zones are in force. NULL: there is no gslb-relay in gslb.yaml. */
struct fleet *fleet_open(struct daemon *daemon);
void fleet_close(struct fleet *fleet); /* NULL is fine */
/* The overrides changed. NULL is fine. */
void fleet_changed(struct fleet *fleet);
/* The last override that was set or cleared is to be in force in all regions: the reply, which has its result, is made whole now, or deferred
 * until they have it or "wait_ms" of the arguments are over. */
void fleet_confirm(struct daemon *daemon, const json_t *args, uint64_t ticket, struct control_reply *reply);
int fleet_fd(const struct fleet *fleet); /* readable: call fleet_run; -1 for NULL */
/* When to call again at the latest (monotonic). */
uint64_t fleet_run(struct fleet *fleet, uint64_t now_ms, uint64_t wall_ms);

/* "alone", or how it stands with the fleet, as words. */
void fleet_words(const struct daemon *daemon, char text[static 320]);
void fleet_alarms(const struct daemon *daemon, json_t *alarms);

#endif
