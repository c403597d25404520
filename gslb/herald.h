/* herald - tells gslb-relay which names are answered otherwise than before, so that it has the caches forget them. What is told is kept
 * until gslb-relay has it in its log; while that is away names gather here, each once. Never blocks. Main thread. */
#ifndef GSLB_HERALD_H
#define GSLB_HERALD_H

#include "base/base.h"

struct herald;

enum herald_prio { HERALD_FAILOVER, HERALD_EDIT }; /* as gslb-relay numbers them */

enum { HERALD_BATCH = 256 };

/* socket: gslb-relay's. No connection is made before there is something to tell. */
struct herald *herald_new(const char *socket);
void herald_free(struct herald *herald); /* NULL is fine */
/* The owner's answers changed; below: all under it (a wildcard's answers), not the owner's own. serial: of the snapshot that has them. */
void herald_tell(struct herald *herald, const struct name *owner, bool below, enum herald_prio prio, uint64_t serial);
/* How often names were asked for: [{"class": "dns", "value": NAME, "times": N}], which is taken over. Told once, when nothing else is to be
 * told; lost while gslb-relay is away. */
struct json_t;
void herald_hits(struct herald *herald, struct json_t *hits);
/* To wait on, and for what (POLLIN, POLLOUT); -1 without a connection. */
int herald_fd(const struct herald *herald, short *events);
/* Send and receive what can be. Returns when to call again at the latest (monotonic); UINT64_MAX: nothing waits. */
uint64_t herald_run(struct herald *herald, uint64_t now_ms);

struct herald_status {
	bool connected;
	size_t waiting; /* names that gslb-relay does not have yet */
	uint64_t told;  /* names that it has taken */
	uint64_t refused;
	char trouble[256]; /* "" when there is none */
};
struct herald_status herald_status(const struct herald *herald);

#endif
