/* chaos - who serves, in class CH: version.bind, version.server, id.server and hostname.bind (RFC 4892). */
#ifndef GSLB_CHAOS_H
#define GSLB_CHAOS_H

#include "gslb/answer.h"
#include "gslb/packet.h"

/* Answer a question of class CH: TXT (or ANY) of the names above, REFUSED for all else, and for what was left empty. */
void chaos_answer(struct answer *answer, const struct query *query, const struct packet_identity *identity);

#endif
