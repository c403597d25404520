/* Any bytes as a message: the answer is silence, or a well-formed response with the same id that keeps to the size that was
 * asked for. The first byte picks transport and source. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/message.h"
#include "tests/unit/packet_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const uint8_t *in, const uint8_t *out, size_t len)
{
	static struct buf text;

	message_text(out, len, &text);
	if (strncmp(text.text, "MALFORMED", 9) != 0 && memcmp(in, out, 2) == 0)
		return;
	fprintf(stderr, "%s\n", text.text);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct world world;
	static struct counters counters;
	static struct dice dice = { 1 };
	static uint8_t out[PACKET_TCP_MAX];
	struct packet_context context = {
		.world = &world,
		.identity = &packet_world_identity,
		.dice = &dice,
		.counters = &counters,
		.now_ms = 1700000000000,
		.now_s = 1700000000,
		.source_port = 53,
	};
	size_t cap, out_len;

	if (world.snapshot == NULL)
		packet_world_init(&world, 1);
	context.row = ledger_row(world.ledger, 0);
	if (len == 0)
		return 0;
	context.transport = data[0] & 1 ? TRANSPORT_TCP : TRANSPORT_UDP;
	if (!addr_parse(data[0] & 2 ? "2001:db8:aa::1" : "198.51.100.1", &context.source))
		abort();
	cap = context.transport == TRANSPORT_TCP ? PACKET_TCP_MAX : PACKET_UDP_MAX;
	out_len = packet_answer(&context, data + 1, len - 1, out, cap);
	if (out_len > cap)
		abort();
	if (out_len > 0)
		check(data + 1, out, out_len);
	return 0;
}
