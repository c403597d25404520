/* policy - who may have what dropped: relay.policy-file, lines of
 *     actor|region NAME CLASS [SELECTOR …]
 * with "*" for any name, and for anything of the class. A selector is, of class dns and zone, a name with all under it; of key and tag, how it
 * begins; of url and prefix, a host. RELAY 5.9. Immutable; any thread. */
#ifndef GSLB_RELAY_POLICY_H
#define GSLB_RELAY_POLICY_H

#include "relay/event.h"

struct policy;

enum policy_kind { POLICY_ACTOR, POLICY_REGION };

/* All lies in the arena. NULL with a sentence that names the line. */
const struct policy *policy_parse(const char *path, const char *text, size_t len, struct arena *arena, struct err *err);
/* May he have that dropped? False with a sentence. Without a policy (NULL) actors may all but zones, prefixes and all, and regions
 * everything; with one, whoever it does not name may nothing, but regions still everything where it names none. */
bool policy_allows(const struct policy *policy, enum policy_kind kind, const char *name, const struct event *event,
	struct err *err);

#endif
