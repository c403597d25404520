/* A handshake costs ten times what a request does, but a kept connection does not see what a new client sees. So: each probe
 * opens a TCP connection first, and fails when that fails; a kept one is used ten times and a minute at most, then the handshake
 * is done again, in full (no session is resumed, or the certificate would not be shown); the end of the chain that was shown is
 * looked at each time; and no failure on a kept connection counts before it is confirmed on a new one. A certificate that was
 * changed for a bad one, or a server that accepts but no longer shakes hands while an old connection still works, is thus seen
 * within ten intervals or a minute, all else at once. Over plain TCP nothing is kept: a connection was opened anyway. */
#include "health/http_kept.h"

#include <stdlib.h>
#include <sys/socket.h>

bool http_kept_new(struct probe *probe, int fd, unsigned *count, void **at)
{
	struct http_kept *kept;

	if (*count >= HTTP_KEPT_MAX || !probe_hold_descriptor(probe->runner))
		return false;
	kept = mem_alloc(sizeof *kept);
	*kept = (struct http_kept){
		.at = at, .runner = probe->runner, .count = count, .fd = fd, .made_us = clock_monotonic_us()
	};
	*at = kept;
	++*count;
	return true;
}

void http_kept_move(void **from, void **to)
{
	struct http_kept *kept = *from;

	*from = NULL;
	*to = kept;
	kept->at = to;
}

bool http_kept_is_good(const struct http_kept *kept)
{
	return kept != NULL && kept->uses < HTTP_KEPT_USES && clock_monotonic_us() < kept->made_us + HTTP_KEPT_US &&
	       (kept->cert_end_s == 0 || clock_wall_ms() / 1000 < kept->cert_end_s);
}

void http_kept_served(struct http_kept *kept, uint32_t cert_end_s)
{
	kept->uses++;
	if (cert_end_s != 0)
		kept->cert_end_s = cert_end_s;
}

bool http_kept_is_to_blame(enum probe_result result)
{
	return result == PROBE_CLOSED_EARLY || result == PROBE_RESET || result == PROBE_TIMEOUT ||
	       result == PROBE_HTTP_OTHER || result == PROBE_GRPC_OTHER || result == PROBE_TLS_OTHER ||
	       result == PROBE_LOCAL;
}

static void leave(struct http_kept *kept)
{
	if (kept->at != NULL)
		*kept->at = NULL;
	kept->at = NULL;
}

void http_kept_drop(struct http_kept *kept)
{
	if (kept == NULL)
		return;
	leave(kept);
	shutdown(kept->fd, SHUT_RDWR);
}

void http_kept_forget(struct probe *probe)
{
	http_kept_drop(probe->kept);
}

void http_kept_closed(struct http_kept *kept)
{
	leave(kept);
	--*kept->count;
	probe_release_descriptor(kept->runner);
	free(kept);
}
