/* The verdict word and the vocabulary of probe results. A word comes out of memory that another process writes, so unpacking
 * takes any 64 bits: what is out of range reads as the harmless value, unknown. */
#include "health/health.h"

uint64_t verdict_pack(const struct verdict *verdict)
{
	return (uint64_t)(verdict->state & 3) | (uint64_t)verdict->doubt << 2 | (uint64_t)verdict->recovered << 3 |
	       (uint64_t)verdict->damped << 4 | (uint64_t)verdict->held << 5 | (uint64_t)verdict->regional << 6 |
	       (uint64_t)verdict->frozen << 7 | (uint64_t)verdict->reason << 8 | (uint64_t)verdict->generation << 16 |
	       (uint64_t)verdict->since_s << 32;
}

struct verdict verdict_unpack(uint64_t word)
{
	unsigned state = word & 3;

	return (struct verdict){
		.state = state == 3 ? HEALTH_UNKNOWN : (enum health_state)state,
		.doubt = word >> 2 & 1,
		.recovered = word >> 3 & 1,
		.damped = word >> 4 & 1,
		.held = word >> 5 & 1,
		.regional = word >> 6 & 1,
		.frozen = word >> 7 & 1,
		.reason = (uint8_t)(word >> 8),
		.generation = (uint16_t)(word >> 16),
		.since_s = (uint32_t)(word >> 32),
	};
}

unsigned board_says_unpack(uint64_t word, struct board_say says[static BOARD_SAYS_MAX])
{
	unsigned n = 0;

	for (; n < BOARD_SAYS_MAX && (word & 3) != 0; n++, word >>= BOARD_SAYS_BITS) {
		says[n].region = word >> 3 & 63;
		says[n].leaning = word >> 2 & 1;
		says[n].says = (word & 3) - 1;
	}
	return n;
}

static const char *const result_names[PROBE_RESULTS] = {
	[PROBE_OK] = "ok",
	[PROBE_NONE] = "not probed yet",
	[PROBE_REFUSED] = "connect refused",
	[PROBE_TIMEOUT] = "timeout",
	[PROBE_RESET] = "connection reset",
	[PROBE_UNREACHABLE] = "unreachable",
	[PROBE_CLOSED_EARLY] = "closed early",
	[PROBE_TLS_EXPIRED] = "certificate expired",
	[PROBE_TLS_NAME] = "certificate for another name",
	[PROBE_TLS_UNTRUSTED] = "certificate not trusted",
	[PROBE_TLS_OTHER] = "TLS failed",
	[PROBE_STATUS] = "HTTP status",
	[PROBE_BODY] = "body text not found",
	[PROBE_HTTP_OTHER] = "HTTP protocol error",
	[PROBE_DNS_RCODE] = "DNS rcode",
	[PROBE_DNS_OTHER] = "DNS protocol error",
	[PROBE_EXEC_EXIT] = "exit status",
	[PROBE_EXEC_SIGNAL] = "ended by signal",
	[PROBE_EXEC_START] = "command not started",
	[PROBE_PUSHED_DOWN] = "pushed down",
	[PROBE_PUSHED_UP] = "pushed up",
	[PROBE_LOCAL] = "no resources here",
	[PROBE_HTTP_HEADER] = "HTTP header too long",
	[PROBE_GRPC_STATUS] = "gRPC status",
	[PROBE_GRPC_HEALTH] = "gRPC health",
	[PROBE_GRPC_OTHER] = "gRPC protocol error",
	[PROBE_PUSH_OVER] = "not pushed again",
};

const char *probe_result_name(unsigned result)
{
	return result < PROBE_RESULTS ? result_names[result] : "?";
}
