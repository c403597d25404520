#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool addr_parse(const char *text, struct addr *addr)
{
	*addr = (struct addr){ 0 };
	if (inet_pton(AF_INET, text, addr->bytes) == 1) {
		addr->family = ADDR_V4;
		return true;
	}
	if (inet_pton(AF_INET6, text, addr->bytes) == 1) {
		addr->family = ADDR_V6;
		return true;
	}
	return false;
}

const char *addr_format(const struct addr *addr, char text[static ADDR_TEXT_MAX])
{
	if (addr->family == ADDR_NONE ||
		inet_ntop(addr->family == ADDR_V4 ? AF_INET : AF_INET6, addr->bytes, text, ADDR_TEXT_MAX) == NULL)
		snprintf(text, ADDR_TEXT_MAX, "-");
	return text;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

void addr_mask(struct addr *addr, unsigned bits)
{
	size_t whole = bits / 8;

	if (whole >= sizeof addr->bytes)
		return;
	addr->bytes[whole] &= (uint8_t)(0xff00u >> (bits % 8));
	memset(addr->bytes + whole + 1, 0, sizeof addr->bytes - whole - 1);
}

bool addr_is_private(const struct addr *addr)
{
	static const char *const nets[] = {
		"0.0.0.0/8",
		"10.0.0.0/8",
		"100.64.0.0/10",
		"127.0.0.0/8",
		"169.254.0.0/16",
		"172.16.0.0/12",
		"192.168.0.0/16",
		"224.0.0.0/3",
		"::/127",
		"fc00::/7",
		"fe80::/10",
		"ff00::/8",
	};
	struct prefix net;

	for (size_t i = 0; i < COUNT_OF(nets); i++)
		if (prefix_parse(nets[i], &net) && prefix_contains(&net, addr))
			return true;
	return false;
}

bool prefix_parse(const char *text, struct prefix *prefix)
{
	const char *slash = strchr(text, '/');
	char host[INET6_ADDRSTRLEN], *end;
	struct addr masked;
	unsigned long len;

	*prefix = (struct prefix){ 0 };
	if (slash == NULL) {
		if (!addr_parse(text, &prefix->addr))
			return false;
		prefix->len = (uint8_t)addr_bits(&prefix->addr);
		return true;
	}
	if ((size_t)(slash - text) >= sizeof host || slash[1] < '0' || slash[1] > '9')
		return false;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (!addr_parse(host, &prefix->addr))
		return false;
	len = strtoul(slash + 1, &end, 10);
	if (*end != '\0' || len > addr_bits(&prefix->addr))
		return false;
	prefix->len = (uint8_t)len;
	masked = prefix->addr;
	addr_mask(&masked, prefix->len);
	return addr_equal(&masked, &prefix->addr);
}

const char *prefix_format(const struct prefix *prefix, char text[static ADDR_TEXT_MAX])
{
	addr_format(&prefix->addr, text);
	snprintf(text + strlen(text), ADDR_TEXT_MAX - strlen(text), "/%u", prefix->len);
	return text;
}

bool prefix_contains(const struct prefix *prefix, const struct addr *addr)
{
	struct addr masked = *addr;

	if (addr->family != prefix->addr.family)
		return false;
	addr_mask(&masked, prefix->len);
	return addr_equal(&masked, &prefix->addr);
}

void addr_from_sockaddr(struct addr *addr, uint16_t *port, const struct sockaddr_storage *from)
{
	*addr = (struct addr){ 0 };
	*port = 0;
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;

		addr->family = ADDR_V4;
		memcpy(addr->bytes, &v4->sin_addr, 4);
		*port = ntohs(v4->sin_port);
	} else if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;

		*port = ntohs(v6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
			addr->family = ADDR_V4;
			memcpy(addr->bytes, v6->sin6_addr.s6_addr + 12, 4);
			return;
		}
		addr->family = ADDR_V6;
		memcpy(addr->bytes, &v6->sin6_addr, 16);
	}
}

socklen_t addr_to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *to)
{
	memset(to, 0, sizeof *to);
	if (addr->family == ADDR_V4) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)to;

		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, addr->bytes, 4);
		return sizeof *v4;
	}
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, addr->bytes, 16);
	return sizeof *v6;
}

bool addr_parse_port(const char *text, uint16_t default_port, struct addr *addr, uint16_t *port)
{
	const char *at = strchr(text, '@');
	char host[INET6_ADDRSTRLEN], *end;
	unsigned long number;

	*port = default_port;
	if (at == NULL)
		return addr_parse(text, addr);
	if ((size_t)(at - text) >= sizeof host || at[1] < '0' || at[1] > '9')
		return false;
	memcpy(host, text, (size_t)(at - text));
	host[at - text] = '\0';
	number = strtoul(at + 1, &end, 10);
	if (*end != '\0' || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return addr_parse(host, addr);
}
