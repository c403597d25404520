/* errand - what somebody asked for that takes its time: asking a resolver, looking the bus over. A thread of its own for one at a time;
 * the main thread's otherwise. */
#ifndef GSLB_RELAY_ERRAND_H
#define GSLB_RELAY_ERRAND_H

#include "base/control.h"
#include "relay/conf.h"

struct errand;

struct errand *errand_new(const struct relay_conf *conf, int event_fd);
void errand_free(struct errand *errand); /* waits for the one under way; NULL is fine */
/* run is called in the thread, on nothing but the configuration and its argument, which is copied. False with a sentence: another one is
 * under way. */
bool errand_begin(struct errand *errand, json_t *(*run)(const struct relay_conf *conf, const char *what),
	const char *what, uint64_t ticket, struct err *err);
/* One is under way: what it was given is not to change. */
bool errand_busy(const struct errand *errand);
/* Has one ended? Then whose it was, and its answer: the result with its "exit", or its "error". */
bool errand_end(struct errand *errand, uint64_t *ticket, struct control_reply *reply);

#endif
