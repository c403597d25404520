/* grpc - the question of a gRPC health check (grpc.health.v1.Health/Check) as bytes, and what the answer says. It knows no
 * library and no socket. */
#ifndef GSLB_HEALTH_GRPC_H
#define GSLB_HEALTH_GRPC_H

#include "health/health.h"

enum { GRPC_SERVICE_MAX = 1024, GRPC_REQUEST_MAX = GRPC_SERVICE_MAX + 16, GRPC_ANSWER_MAX = 64 };
#define GRPC_HEALTH_PATH "/grpc.health.v1.Health/Check"

/* The message with its prefix; a service that is longer than GRPC_SERVICE_MAX is cut. Its length. */
size_t grpc_request(const char *service, uint8_t message[static GRPC_REQUEST_MAX]);

struct grpc_answer {
	bool has_status;
	unsigned status; /* grpc-status, of the header or a trailer */
	uint8_t message[GRPC_ANSWER_MAX];
	size_t len; /* over GRPC_ANSWER_MAX: it is no health answer */
};

void grpc_answer_header(struct grpc_answer *answer, const char *line, size_t len);
void grpc_answer_body(struct grpc_answer *answer, const char *bytes, size_t len);
/* All is there: PROBE_OK for SERVING. *why: a word, or NULL. */
enum probe_result grpc_answer_end(const struct grpc_answer *answer, unsigned *number, const char **why);

#endif
