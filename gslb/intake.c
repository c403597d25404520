#include "gslb/intake.h"

enum { RTTS_MAX = 4096 };

void intake_rtts(struct daemon *daemon, uint64_t now_ms)
{
	struct rtt_sample sample;

	for (unsigned i = 0; i < RTTS_MAX && workers_take_rtt(daemon->workers, &sample); i++) {
		struct prefix client = { .addr = sample.client, .len = (uint8_t)addr_bits(&sample.client) };

		if (conf_measures(daemon->conf))
			meter_take(daemon->meter, daemon->published->snapshot, &client, conf_region(daemon->conf),
				sample.rtt_us / 1000.0, 1, false, now_ms / 1000);
	}
}

void intake_loads(struct daemon *daemon, uint64_t now_ms)
{
	struct health_message message;

	while (prober_next_load(daemon->prober, &message))
		loads_take(daemon->loads, daemon->published->snapshot, &message, now_ms);
	loads_look(daemon->loads, now_ms);
}

void intake_answers(struct daemon *daemon, uint64_t now_ms)
{
	recent_take(daemon->recent, daemon->published->ledger, now_ms);
	audience_take(daemon->audience, daemon->recent, daemon->published->snapshot, now_ms);
}
