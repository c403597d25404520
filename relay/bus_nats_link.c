#include "relay/bus_nats_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static natsStatus set_options(const struct relay_conf *conf, bool asap, natsOptions *options)
{
	char inbox[NATS_SUBJECT_MAX];
	natsStatus s;

	snprintf(inbox, sizeof inbox, "_INBOX_relay_%s", conf->name);
	s = natsOptions_SetServers(options, (const char **)(uintptr_t)conf->servers, (int)conf->nservers);
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

natsStatus nats_connect(const struct relay_conf *conf, natsConnection **connection)
{
	natsOptions *options = NULL;
	natsStatus status = nats_options(conf, true, &options);

	if (status == NATS_OK)
		status = natsConnection_Connect(connection, options);
	natsOptions_Destroy(options);
	return status;
}

/* For the library: with nobody to be told it would not come back from a bus that is away. */
static void on_later(natsConnection *connection, void *context)
{
	(void)connection;
	(void)context;
}

natsConnection *nats_connect_later(const struct relay_conf *conf)
{
	natsConnection *connection = NULL;
	natsOptions *options = NULL;

	if (nats_options(conf, false, &options) != NATS_OK ||
		natsOptions_SetRetryOnFailedConnect(options, true, on_later, NULL) != NATS_OK)
		log_warning("bus=nats acknowledgements=one-by-one");
	else /* not yet connected is fine */
		(void)natsConnection_Connect(&connection, options);
	natsOptions_Destroy(options);
	return connection;
}

/* libnats leaves out why it cannot read a file. */
static bool can_read(const char *key, const char *path, struct err *err)
{
	return path[0] == '\0' || access(path, R_OK) == 0 ? true
							  : err_set(err, "%s: %s: %s", key, path, strerror(errno));
}

bool nats_why(const struct relay_conf *conf, natsStatus status, struct err *err)
{
	const char *said = nats_GetLastError(NULL), *text = said != NULL ? strstr(said, "): ") : NULL;

	if (!can_read("bus.ca", conf->ca, err) || !can_read("bus.cert", conf->cert, err) ||
		!can_read("bus.key", conf->key, err))
		return false;
	if (conf->nservers > 0 && (status == NATS_NOT_PERMITTED || status == NATS_CONNECTION_AUTH_FAILED))
		return err_set(
			err, "bus: %s: the server has no user for us (bus.cert %s)", conf->servers[0], conf->cert);
	if (conf->nservers > 0 && status == NATS_PROTOCOL_ERROR && conf->cert[0] != '\0')
		return err_set(err, "bus: %s: the server hangs up: it may not trust the CA of bus.cert %s",
			conf->servers[0], conf->cert);
	if (text != NULL && strncmp(text + 3, "Error loading", strlen("Error loading")) == 0)
		return err_set(err, "bus: %s", text + 3);
	return err_set(err, "bus: %s: %s", conf->servers[0], text != NULL ? text + 3 : natsStatus_GetText(status));
}

bool nats_reach(const struct relay_conf *conf, struct err *err)
{
	natsConnection *connection = NULL;
	natsStatus status = nats_connect(conf, &connection);

	natsConnection_Destroy(connection);
	return status == NATS_OK ? true : nats_why(conf, status, err);
}
