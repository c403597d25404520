/* Any bytes as a kept map. The first byte says how: even as they are, odd with the seal set right, so that what is inside is read,
 * too. What was read can be asked, fed and kept, and comes back the same. */
#include <stdlib.h>

#include "geo/geo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void seal(uint8_t *bytes, size_t len)
{
	uint64_t hash = hash_sip((const uint8_t *)"gslb latency map", bytes, len - sizeof hash);

	memcpy(bytes + len - sizeof hash, &hash, sizeof hash);
}

static void moved(void *context, const struct misplaced *metro, const struct misplaced_evidence *evidence)
{
	double latitude, longitude;

	must(misplaced_place(context, metro->key, &latitude, &longitude));
	must(latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180);
	must(evidence->nnets >= MISPLACED_NETS_MIN);
}

static void use(struct latency_map *map, uint64_t now_s)
{
	struct latency_map *again = latency_map_new(1 << 20);
	struct place place = { .located = true, .country = "DE", .asn = 64500 };
	struct latency_sample sample = {
		.source = { ADDR_V4, { 198, 51, 100, 7 } }, .rtt_ms = 20, .km = 100, .weight = 1
	};
	struct misplaced_region regions[LATENCY_REGIONS_MAX];
	struct buf bytes = { 0 };
	struct err err;

	for (size_t cell = 0; cell < latency_cells(map); cell++) {
		struct latency_chain chain = { .key = { latency_key(map, cell) } };
		struct latency_estimate estimate;
		struct latency_cell what;

		latency_cell_of(latency_key(map, cell), &what);
		latency_estimate(map, &chain, LATENCY_NETWORK, 0, 1000, now_s, &estimate);
		must(estimate.mean > -10 && estimate.mean < 10 && estimate.variance > 0 && estimate.n >= 0);
	}
	sample.chain = latency_chain_of(&sample.source, &place);
	if (latency_region_add(map, "x") >= 0)
		must(latency_add(map, &sample, now_s) != LATENCY_TOO_SOON);
	for (unsigned i = 0; i < LATENCY_REGIONS_MAX; i++)
		regions[i] = (struct misplaced_region){ true, 80 - 5.0 * i, 11.0 * i - 180 };
	misplaced_look(map, regions, now_s, moved, map);
	must(latency_bytes(map) <= 1 << 20);
	latency_save(map, now_s, &bytes);
	must(latency_restore(again, bytes.text, bytes.len, now_s, &err));
	must(latency_cells(again) <= latency_cells(map));
	latency_map_free(again);
	buf_fini(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct latency_map *map;
	struct err err = { 0 };
	uint64_t now_s = 1767225600;
	uint8_t *bytes;

	if (len < 1)
		return 0;
	map = latency_map_new(1 << 20);
	bytes = mem_dup(data + 1, len - 1);
	if (data[0] % 2 == 1 && len > 8)
		seal(bytes, len - 1);
	if (latency_restore(map, bytes, len - 1, now_s, &err))
		use(map, now_s);
	else
		must(err.text[0] != '\0');
	latency_map_free(map);
	free(bytes);
	return 0;
}
