/* ingress - what applications may send over HTTP, as the event that it means: our own JSON, a structured CloudEvent (its data is the event),
 * or the JSON of draft-nottingham-http-invalidation. Pure. */
#ifndef GSLB_RELAY_INGRESS_H
#define GSLB_RELAY_INGRESS_H

#include "base/base.h"

/* The body as an event's JSON, for event_read: the caller's reference. NULL with a sentence. */
struct json_t *ingress_event(const char *body, size_t len, struct err *err);

#endif
