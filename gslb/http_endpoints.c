#include "gslb/http_endpoints.h"

#include <stdlib.h>
#include <string.h>

#include "gslb/metrics.h"

static void add_endpoint(const struct metrics *metrics, uint32_t number, struct buf *piece)
{
	const struct metrics_endpoint *now = &metrics->endpoints[number];
	const struct standing standing = {
		.forced = (enum override_action)now->forced,
		.weight_permille = now->weight_permille,
	};
	json_t *document = document_endpoint(&metrics->published->world, number, &standing, metrics->now_ms);
	char *text = json_dumps(document, JSON_PRESERVE_ORDER);

	if (text != NULL)
		buf_printf(piece, "%s%s", number > 0 ? ", " : "{\"endpoints\": [", text);
	free(text);
	json_decref(document);
}

bool endpoints_next(void *context, struct buf *piece, size_t len)
{
	struct metrics *metrics = context;
	size_t n = metrics->snapshot->nendpoints, before = piece->len;

	if (metrics->thing > n)
		return false;
	while (metrics->thing < n && piece->len - before < len)
		add_endpoint(metrics, (uint32_t)metrics->thing++, piece);
	if (metrics->thing == n) {
		buf_printf(piece, "]}\n");
		metrics->thing++;
	}
	return true;
}

void endpoints_end(void *context)
{
	metrics_end(context);
}
