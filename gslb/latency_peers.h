/* latency_peers - what other hosts measured: their latency.map files, brought into a folder by whatever copies files (each under a
 * name of its own, NAME.map). Nothing of this host's own region is taken from them. The builder's thread. */
#ifndef GSLB_LATENCY_PEERS_H
#define GSLB_LATENCY_PEERS_H

#include "gslb/meter.h"

enum { LATENCY_PEERS_MAX = 64 };

/* A file as it was when it was read. Init with { 0 }. */
struct latency_peers {
	struct {
		char name[256];
		int64_t modified_ns, len;
	} seen[LATENCY_PEERS_MAX];
	size_t nseen;
};

/* Take over what is new in the folder, which need not exist. What cannot be read is logged, once for each state of it. */
void latency_peers_read(
	struct latency_peers *peers, struct meter *meter, const char *folder, const char *region, uint64_t now_s);

#endif
