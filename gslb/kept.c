#include "gslb/kept.h"

#include <stdlib.h>

/* A map that cannot be read is learned anew. */
static void open_meter(struct daemon *daemon, uint64_t now_ms)
{
	char *path = mem_printf("%s/latency.map", daemon->conf->state_directory);
	struct err err = { 0 };

	daemon->meter = meter_new(LATENCY_BYTES_MAX);
	if (!meter_load(daemon->meter, path, now_ms / 1000, &err))
		log_error("latency_map=not-read reason=\"%s\"", err.text);
	free(path);
}

/* Who asked before the restart is known again. */
static void open_audience(struct daemon *daemon, uint64_t now_ms)
{
	char *path = mem_printf("%s/clients.csv", daemon->conf->state_directory);
	struct err err;

	daemon->audience = audience_new(AUDIENCE_MAX);
	if (!audience_load(daemon->audience, path, now_ms, &err))
		log_error("clients=not-read reason=\"%s\"", err.text);
	free(path);
}

void kept_open(struct daemon *daemon, uint64_t now_ms)
{
	open_meter(daemon, now_ms);
	open_audience(daemon, now_ms);
}

static void close_meter(struct daemon *daemon)
{
	char *path = mem_printf("%s/latency.map", daemon->conf->state_directory);
	struct err err;

	if (!meter_save(daemon->meter, path, clock_wall_ms() / 1000, &err))
		log_error("latency_map=not-kept reason=\"%s\"", err.text);
	meter_free(daemon->meter);
	free(path);
}

static void close_audience(struct daemon *daemon)
{
	char *path = mem_printf("%s/clients.csv", daemon->conf->state_directory);
	struct err err;

	if (!audience_save(daemon->audience, path, clock_wall_ms(), &err))
		log_error("clients=not-kept reason=\"%s\"", err.text);
	audience_free(daemon->audience);
	free(path);
}

void kept_close(struct daemon *daemon)
{
	close_meter(daemon);
	close_audience(daemon);
}
