/* Which state belongs to which probe, over reloads, restarts and upgrades: a hash of all that makes the probe what it is. It
 * is kept in files, so its key is fixed and its input is spelled out byte by byte. What a check does not look at does not
 * count: a pool's `host` may change without its TCP probes starting over. */
#include <string.h>

#include "health/health.h"

enum identity_part { PART_HTTP = 1, PART_VERIFY = 2, PART_DNS = 4, PART_COMMAND = 8 };

static const unsigned parts[] = {
	[HEALTH_CHECK_NONE] = 0,
	[HEALTH_CHECK_TCP] = 0,
	[HEALTH_CHECK_HTTP] = PART_HTTP,
	[HEALTH_CHECK_HTTPS] = PART_HTTP | PART_VERIFY,
	[HEALTH_CHECK_DNS] = PART_DNS,
	[HEALTH_CHECK_EXEC] = PART_COMMAND,
	[HEALTH_CHECK_PUSH] = 0,
	[HEALTH_CHECK_GRPC] = PART_HTTP,
	[HEALTH_CHECK_GRPCS] = PART_HTTP | PART_VERIFY,
};

static void add_u16(struct buf *buf, unsigned number)
{
	buf_add(buf, (uint8_t[]){ (uint8_t)(number >> 8), (uint8_t)number }, 2);
}

static void add_text(struct buf *buf, const char *text)
{
	if (text == NULL)
		text = "";
	buf_add(buf, text, strlen(text) + 1);
}

uint64_t health_identity(const struct addr *addr, uint16_t port, const struct health_probe *probe)
{
	static const uint8_t key[16] = "gslb identity 1";
	unsigned part = probe->check < COUNT_OF(parts) ? parts[probe->check] : 0;
	struct buf buf = { 0 };
	uint64_t identity;

	add_u16(&buf, addr->family);
	buf_add(&buf, addr->bytes, sizeof addr->bytes);
	add_u16(&buf, port);
	add_u16(&buf, probe->check);
	if (part & PART_HTTP) {
		add_text(&buf, probe->host);
		add_text(&buf, probe->path);
		add_text(&buf, probe->body);
		add_u16(&buf, probe->nstatus);
		for (unsigned i = 0; i < probe->nstatus && i < COUNT_OF(probe->status); i++) {
			add_u16(&buf, probe->status[i].from);
			add_u16(&buf, probe->status[i].to);
		}
	}
	if (part & PART_VERIFY)
		add_u16(&buf, probe->verify);
	if (part & PART_DNS) {
		add_text(&buf, probe->qname);
		add_u16(&buf, probe->qtype);
	}
	if (part & PART_COMMAND)
		add_text(&buf, probe->command);
	identity = hash_sip(key, buf.text, buf.len);
	buf_fini(&buf);
	return identity;
}
