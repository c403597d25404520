/* udp - batches of packets: in by recvmmsg, out by sendmmsg. One worker's own. */
#ifndef GSLB_UDP_H
#define GSLB_UDP_H

#include "gslb/listen.h"
#include "gslb/packet.h"

enum { UDP_BATCH = 16 }; /* beyond it a system call costs no less a packet */

struct udp;

struct udp *udp_new(void);
void udp_free(struct udp *udp); /* NULL is fine */
/* Take one batch from the socket, without waiting, and answer it. Returns how many packets came: a whole UDP_BATCH means that
 * more may wait. The context's source is set for each packet. */
unsigned udp_serve(struct udp *udp, const struct source *source, struct packet_context *context);

#endif
