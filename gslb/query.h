/* query - a packet read into a plain struct. Knows what a message looks like on the wire, and nothing of zones.
 *
 * What is refused, and how (each is a row of the table in tests/unit/packet.c):
 *   silence   fewer bytes than a header; a response (QR)
 *   NOTIMP    an opcode other than QUERY; QTYPEs that ask for no data: OPT, 128 to 250, MAILB, MAILA
 *   FORMERR   QDCOUNT other than 1 (0 is QUERY_COOKIE when a cookie comes with it: RFC 7873 5.4); TC; records in the answer or authority section (IXFR brings one there); a compressed or
 *             broken question name; records that run over the end, or bytes behind the last one; OPT twice, or not at the
 *             root; options that run over the end; ECS that RFC 7871 does not allow, or twice; NSID with data in it
 *             (RFC 5001 2.1 wants it empty); a cookie of a length that none has (RFC 7873 5.2.2)
 *   BADVERS   EDNS of another version, with any opcode and also without a question: its options are not looked at
 *   REFUSED   AXFR and IXFR
 * A TSIG is a record like any other that we do not know: ignored (the answer goes unsigned). */
#ifndef GSLB_QUERY_H
#define GSLB_QUERY_H

#include "base/base.h"

enum query_verdict { QUERY_OK, QUERY_COOKIE, QUERY_DROP, QUERY_FORMERR, QUERY_NOTIMP, QUERY_BADVERS, QUERY_REFUSED };

enum { CLASS_IN = 1, CLASS_CH = 3, CLASS_ANY = 255 };
enum { QUERY_HEADER_LEN = 12, QUERY_UDP_MIN = 512 };

/* After QUERY_DROP nothing is set; after any other verdict the header's part is, the question's when question_len > 0, and
 * EDNS's when edns is true. */
struct query {
	/* the header */
	uint16_t id, flags; /* flags as they came */
	uint8_t opcode;

	/* EDNS */
	bool edns, dnssec_ok, wants_nsid, wants_keepalive;
	uint16_t payload;       /* what the asker takes over UDP */
	uint8_t cookie_len;     /* a cookie's, which has a length that cookies have; 0: none came */
	bool ecs;               /* Client Subnet came with it: */
	uint8_t ecs_source_len; /* bits; 0: the client wishes not to be located by it */
	struct addr ecs_addr;   /* zero-filled; ADDR_NONE for family 0 */

	/* the question */
	uint16_t question_len;  /* name, type and class; 0: none that can be sent back */
	uint16_t qtype, qclass; /* qtype 0: there is no question */

	/* in the packet */
	const uint8_t *question;   /* as it came: the case of its letters is the asker's cookie (0x20) */
	const uint8_t *ecs_option; /* its data as it came: 4 bytes and the address's */
	const uint8_t *cookie;

	struct name name; /* last, since it is long and never cleared */
};

/* Read one message. The query borrows from the packet. */
enum query_verdict query_parse(struct query *query, const uint8_t *packet, size_t len);

#endif
