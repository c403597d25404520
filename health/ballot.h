/* ballot - what a host's gslb-health says of endpoints, as the body of a periodic state of kind votes (base/state.h): in full in parts, each
 * for a range of endpoints, or those that changed. Pure.
 *
 * An endpoint is known on all hosts by the first 48 bits of its identity (health_identity). Bytes: version, flags, digest, from and to (6
 * bytes each; what lies between and is not listed, nothing is said of; a change has to < from), then an entry each, by rising number: the
 * distance to the last one and five flags as a varint, then since when (Unix seconds) where it is told, and a verdict that rests on the
 * past. */
#ifndef GSLB_HEALTH_BALLOT_H
#define GSLB_HEALTH_BALLOT_H

#include "base/base.h"
#include "health/votes.h"

#define BALLOT_ID_MAX ((UINT64_C(1) << 48) - 1)

static inline uint64_t ballot_id(uint64_t identity)
{
	return identity >> 16;
}

struct ballot_head {
	bool abstains;     /* the host does not trust its eyes */
	uint64_t digest;   /* of all that it goes by, and what it makes of it: fleet.h */
	uint64_t from, to; /* endpoints; to < from: only what changed */
};

struct ballot_entry {
	uint64_t id;
	enum vote_says says;
	bool leaning;
	uint32_t since_s; /* since when it says so; 0: for more than an hour */
	/* What its verdict is, where there is no quorum: as it was, since then. HEALTH_UNKNOWN: there is a quorum, or it never had one. */
	enum health_state kept;
	bool kept_unanimous;
	uint32_t kept_since_s;
};

enum { BALLOT_ENTRY_MAX = 8 + 5 + 6 }; /* bytes of one */

struct ballot_writer {
	struct buf *buf;
	uint64_t last; /* the next one is above */
	size_t to_at;
};

/* Begin a part, which lists nothing yet and reaches up to head->to. */
void ballot_begin(struct ballot_writer *writer, struct buf *buf, const struct ballot_head *head);
void ballot_add(struct ballot_writer *writer, const struct ballot_entry *entry);
/* It ends here: it speaks of nothing above to. */
void ballot_end(struct ballot_writer *writer, uint64_t to);

struct ballot_reader {
	const uint8_t *at, *end;
	uint64_t last;
	bool first, bad;
};

/* False when it is damaged or of another version. */
bool ballot_open(struct ballot_reader *reader, const void *body, size_t len, struct ballot_head *head);
/* False at the end, and at damage: then reader->bad is set, and what came before is good. */
bool ballot_next(struct ballot_reader *reader, struct ballot_entry *entry);

#endif
