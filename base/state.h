/* state - periodic state: what a host says of itself (votes, latency, load, hot names), in full every ten seconds and at once when it
 * changes, to whoever hears it. Nothing of it is kept or acknowledged: a lost one is made good by the next full one. This is how it travels
 * between gslb-relay and its clients on one host (state_client.h), and from host to host (relay/state.h, RELAY 5.2).
 *
 * The origin is a region and a node of it. What it says of a kind is numbered: the newest (epoch, seq) is what counts. A full one may come in
 * parts, each with a number of its own: the parts of one have the same seq - part. What the body is, only the kind's two ends know. */
#ifndef GSLB_BASE_STATE_H
#define GSLB_BASE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum state_kind { STATE_VOTES, STATE_LATENCY, STATE_LOAD, STATE_HOT, STATE_WRITS, STATE_KINDS };

enum {
	STATE_FULL_MS = 10000,  /* every so often, whether it changed or not */
	STATE_FRESH_MS = 30000, /* what is older says nothing any more */
	STATE_BODY_MAX = 60000, /* bytes; what is more goes in parts */
	STATE_PARTS_MAX = 64,
	STATE_LABEL_MAX = 64,                   /* a region's or a node's text, with NUL: letters, digits, - and _ */
	STATE_BYTES_MAX = STATE_BODY_MAX + 256, /* what state_format makes */
};

struct state_said {
	enum state_kind kind;
	char region[STATE_LABEL_MAX], node[STATE_LABEL_MAX];
	uint64_t epoch; /* rises when the origin's program starts: wall ms */
	uint64_t seq;   /* rises by one with each that is said of this kind */
	bool full;      /* all there is to say, or what changed */
	uint16_t part, nparts;
	uint32_t age_ms; /* since it came to this host; 0 on the bus */
	const void *body;
	size_t len;
};

const char *state_kind_name(enum state_kind kind); /* "votes": the last part of the subject */
bool state_kind_find(const char *name, enum state_kind *kind);
bool state_label_is_good(const char *label, size_t len);
/* Any text as a label: what is none becomes "-"; "" becomes "local". */
void state_label(const char *text, char label[static STATE_LABEL_MAX]);

/* Returns the number of bytes. The body is at most STATE_BODY_MAX, part < nparts <= STATE_PARTS_MAX, labels are good. */
size_t state_format(const struct state_said *said, uint8_t bytes[static STATE_BYTES_MAX]);
/* The body lies in bytes. False when it is damaged, of another version, or of a kind that this version does not know. */
bool state_parse(const void *bytes, size_t len, struct state_said *said);

/* ---- one packet over gslb-relay's socket: a byte that says which, and what it holds ---- */

enum state_packet {
	STATE_HELLO = 'h',   /* → relay: which kinds are to be heard, a bit each */
	STATE_SAY = 's',     /* → relay: bytes of state_format; region and node are the relay's to fill in */
	STATE_WELCOME = 'w', /* ← relay: '0' or '1' (the bus is connected), "region node" */
	STATE_HEARD = 'a',   /* ← relay: age_ms, 4 bytes, then the bytes */
	STATE_REFUSED = 'r', /* ← relay: a sentence; it then closes */
};
enum { STATE_PACKET_MAX = STATE_BYTES_MAX + 8 };

/* The path of the socket for state beside gslb-relay's own: to be freed. */
char *state_socket(const char *relay_socket);

#endif
