/* plain - the reply that nearly all questions get: the question, a service's addresses, and no option but a Client Subnet. It is what
 * reply_write would write, which leaves it to here; tests/unit/plain.c holds the two against each other. */
#ifndef GSLB_PLAIN_H
#define GSLB_PLAIN_H

#include "gslb/answer.h"

enum { PLAIN_MAX = QUERY_UDP_MIN }; /* what any asker takes, over any transport */

/* Write the message into out, which has room for PLAIN_MAX bytes. Returns its length; 0 when it is not such a reply, or too long
 * for everyone to take. */
size_t plain_write(const struct query *query, const struct answer *answer, uint8_t *restrict out);
/* The answer's addresses as records that are owned by the question's name; at has room for PLAIN_A_LEN or PLAIN_AAAA_LEN each. Returns
 * where they end. */
enum { PLAIN_A_LEN = 12 + 4, PLAIN_AAAA_LEN = 12 + 16 };
uint8_t *plain_addresses(uint8_t *at, const struct answer *answer, bool v6);

#endif
