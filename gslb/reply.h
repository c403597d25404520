/* reply - an answer given its shape on the wire. Knows what a message looks like, and decides nothing but what must be left
 * out when the room is small. */
#ifndef GSLB_REPLY_H
#define GSLB_REPLY_H

#include "gslb/answer.h"
#include "gslb/packet.h"

enum { REPLY_PLAIN_MAX = 512 }; /* UDP without EDNS */
/* Of the header: opcode, RD and CD come back as they came (RFC 1035 4.1.1, RFC 4035 3.2.2). */
enum { REPLY_FLAG_QR = 0x8000, REPLY_FLAG_AA = 0x0400, REPLY_FLAGS_KEPT = 0x7800 | 0x0100 | 0x0010 };

/* Write the message into out, which has room for cap bytes, and for what the asker takes over this transport if that is
 * less. What does not fit is truncated: TC, the question and the OPT stay, and no record. Over TCP, where nobody could ask
 * again in a better way, it is SERVFAIL; answer->rcode is set then. Returns the length; *truncated tells of TC. */
size_t reply_write(const struct query *query, struct answer *answer, const struct packet_identity *identity,
	enum transport transport, uint8_t *restrict out, size_t cap, bool *truncated);

#endif
