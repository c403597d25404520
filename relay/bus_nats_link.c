#include "relay/bus_nats_link.h"

#include <stdio.h>

static natsStatus set_options(const struct relay_conf *conf, bool asap, natsOptions *options)
{
	const char *servers[16];
	char inbox[NATS_SUBJECT_MAX];
	natsStatus s;
	int n = 0;

	for (size_t i = 0; i < conf->nservers && n < 16; i++)
		servers[n++] = conf->servers[i];
	snprintf(inbox, sizeof inbox, "_INBOX_relay_%s", conf->region);
	s = natsOptions_SetServers(options, servers, n);
	if (s == NATS_OK)
		s = natsOptions_SetMaxReconnect(options, -1);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectWait(options, 500);
	if (s == NATS_OK)
		s = natsOptions_SetSendAsap(options, asap);
	if (s == NATS_OK)
		s = natsOptions_SetCustomInboxPrefix(options, inbox);
	if (s == NATS_OK)
		s = natsOptions_SetPingInterval(options, 5000);
	if (s == NATS_OK && conf->ca[0] != '\0')
		s = natsOptions_LoadCATrustedCertificates(options, conf->ca);
	if (s == NATS_OK && conf->cert[0] != '\0')
		s = natsOptions_LoadCertificatesChain(options, conf->cert, conf->key);
	if (s == NATS_OK && conf->ca[0] != '\0')
		s = natsOptions_SetSecure(options, true);
	return s;
}

natsStatus nats_options(const struct relay_conf *conf, bool asap, natsOptions **options)
{
	natsStatus s = natsOptions_Create(options);

	return s == NATS_OK ? set_options(conf, asap, *options) : s;
}
