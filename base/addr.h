/* addr - IPv4 and IPv6 addresses and prefixes. Plain values, no resources. */
#ifndef GSLB_BASE_ADDR_H
#define GSLB_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum addr_family { ADDR_NONE = 0, ADDR_V4 = 4, ADDR_V6 = 6 };

struct addr {
	uint8_t family;    /* enum addr_family */
	uint8_t bytes[16]; /* network order; IPv4 uses the first four, the rest is zero */
};

struct prefix {
	struct addr addr; /* bits past len are zero */
	uint8_t len;      /* bits, at most 32 or 128 */
};

enum { ADDR_TEXT_MAX = 64 }; /* also holds "address@port" and a prefix */

static inline unsigned addr_bits(const struct addr *addr)
{
	return addr->family == ADDR_V4 ? 32 : 128;
}

static inline size_t addr_len(const struct addr *addr)
{
	return addr->family == ADDR_V4 ? 4 : 16;
}

/* A copy in pieces of the sizes that addresses are written in: a wider load would have to wait until those stores are done. */
static inline void addr_copy(struct addr *to, const struct addr *from)
{
	to->family = from->family;
	memcpy(to->bytes, from->bytes, 8);
	memcpy(to->bytes + 8, from->bytes + 8, 8);
}

bool addr_parse(const char *text, struct addr *addr);
const char *addr_format(const struct addr *addr, char text[static ADDR_TEXT_MAX]);
int addr_compare(const struct addr *a, const struct addr *b); /* like memcmp; IPv4 before IPv6 */
bool addr_equal(const struct addr *a, const struct addr *b);
void addr_mask(struct addr *addr, unsigned bits); /* zero what lies past bits */
/* Not reachable over the public Internet: private, loopback, link-local, unspecified, multicast (RFC 6890). */
bool addr_is_private(const struct addr *addr);

/* "192.0.2.0/24"; a plain address is a whole-length prefix. False also when bits past the length are set. */
bool prefix_parse(const char *text, struct prefix *prefix);
const char *prefix_format(const struct prefix *prefix, char text[static ADDR_TEXT_MAX]);
bool prefix_contains(const struct prefix *prefix, const struct addr *addr);

void addr_from_sockaddr(
	struct addr *addr, uint16_t *port, const struct sockaddr_storage *from); /* v4-mapped becomes IPv4 */
socklen_t addr_to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *to);
/* "127.0.0.1@5300", "::1@53"; without "@port" the default port. */
bool addr_parse_port(const char *text, uint16_t default_port, struct addr *addr, uint16_t *port);

#endif
