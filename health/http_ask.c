#include "health/http_ask.h"

#include <stdlib.h>
#include <string.h>

bool http_is_tls(enum health_check check)
{
	return check == HEALTH_CHECK_HTTPS || check == HEALTH_CHECK_GRPCS;
}

bool http_is_grpc(enum health_check check)
{
	return check == HEALTH_CHECK_GRPC || check == HEALTH_CHECK_GRPCS;
}

/* `host` as it stands in a URL: brackets around an IPv6 address, without a port of its own. */
static char *url_host(const struct health_target *target)
{
	const char *host = target->probe.host, *colon = strrchr(host, ':');
	char text[ADDR_TEXT_MAX];
	struct addr addr;

	if (host[0] == '\0')
		host = addr_format(&target->addr, text);
	if (addr_parse(host, &addr))
		return mem_printf(addr.family == ADDR_V6 ? "[%s]" : "%s", host);
	if (colon != NULL && host[0] != '[')
		return mem_printf("%.*s", (int)(colon - host), host);
	return mem_strdup(host);
}

static const char *path_of(const struct health_probe *probe)
{
	if (http_is_grpc(probe->check))
		return GRPC_HEALTH_PATH;
	return probe->path[0] != '\0' ? probe->path : "/";
}

static void set_fields(struct http_ask *ask, const struct health_probe *probe)
{
	ask->nfields = 0;
	ask->message_len = 0;
	ask->host = probe->host[0] != '\0' ? mem_printf("Host: %s", probe->host) : NULL;
	if (ask->host != NULL)
		ask->fields[ask->nfields++] = ask->host;
	if (http_is_grpc(probe->check)) {
		ask->fields[ask->nfields++] = "Content-Type: application/grpc";
		ask->fields[ask->nfields++] = "TE: trailers";
		ask->message_len = grpc_request(probe->path[0] == '/' ? probe->path + 1 : probe->path, ask->message);
	} else if (!http_is_tls(probe->check)) {
		ask->fields[ask->nfields++] = "Connection: close"; /* nothing is kept over plain TCP */
	}
}

void http_ask_init(struct http_ask *ask, const struct health_target *target)
{
	const struct health_probe *probe = &target->probe;
	char *host = url_host(target), address[ADDR_TEXT_MAX];

	ask->url = mem_printf(
		"%s://%s:%u%s", http_is_tls(probe->check) ? "https" : "http", host, target->port, path_of(probe));
	ask->to = mem_printf(target->addr.family == ADDR_V6 ? "::[%s]:%u" : "::%s:%u",
		addr_format(&target->addr, address), target->port);
	set_fields(ask, probe);
	free(host);
}

void http_ask_fini(struct http_ask *ask)
{
	free(ask->url);
	free(ask->to);
	free(ask->host);
}

const char *http_ca_file(void)
{
	const char *path = getenv("CURL_CA_BUNDLE");

	return path != NULL ? path : getenv("SSL_CERT_FILE");
}
