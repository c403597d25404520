/* check=tcp: does somebody accept a connection? */
#include <stdlib.h>

#include "health/connect.h"
#include "health/probe.h"

static void tcp_connected(struct connecting *connecting, int error)
{
	struct probe *probe = connecting->probe;
	struct probe_report report = { .connect_us = connect_took_us(connecting) };

	connect_close(connecting);
	free(connecting);
	if (error != 0)
		probe_end_errno(probe, error);
	else
		probe_done(probe, &report);
}

static void tcp_start(struct probe *probe)
{
	struct connecting *connecting = mem_alloc(sizeof *connecting);
	int error = connect_start(connecting, probe, tcp_connected);

	if (error != 0) {
		free(connecting);
		probe_end_errno(probe, error);
		return;
	}
	probe->work = connecting;
}

static void tcp_stop(struct probe *probe, struct probe_report *report)
{
	if (report != NULL)
		probe_set_detail(report, "no answer to connect");
	connect_close(probe->work);
	free(probe->work);
}

const struct probe_method probe_tcp = { .descriptors = 1, .most = UINT_MAX, .start = tcp_start, .stop = tcp_stop };
