/* message - one message between gslbd and gslb-health as the bytes of a packet. */
#ifndef GSLB_HEALTH_MESSAGE_H
#define GSLB_HEALTH_MESSAGE_H

#include "health/health.h"

enum {
	MESSAGE_HEAD_LEN = 28,
	MESSAGE_ADDR_LEN = 17,
	MESSAGE_LEN_MAX = MESSAGE_HEAD_LEN + HEALTH_ADDRS_MAX * MESSAGE_ADDR_LEN
};

size_t message_format(const struct health_message *message, uint8_t packet[static MESSAGE_LEN_MAX]);
/* False when the packet is no message: an unknown kind, a wrong length, an address of no family. */
bool message_parse(const uint8_t *packet, size_t len, struct health_message *message);

#endif
