/* HTTP caches, through curl, one connection kept: Varnish, nginx with the purge module, Squid, and services with an API.
 *
 *   url      METHOD (PURGE) of its path at the cache, with its Host; op=refresh: GET with X-Gslb-Refresh: 1, which nginx's
 *            proxy_cache_bypass and Varnish's hash_always_miss take
 *   tag      METHOD of the cache's URL with the tags in HEADER (xkey-purge), up to 256 of them; op=soft: in SOFT-HEADER form
 *   prefix   BAN with X-Gslb-Ban-Host and X-Gslb-Ban-Regex, whose every special character is escaped here
 *
 * 2xx says that it is gone, 404 that it was not there. 429 and 5xx are tried again; any other answer is a refusal. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/adapter.h"
#include "relay/check.h"

enum { TAGS_MAX = 256, TAGS_BYTES_MAX = 16384 };

struct http {
	const struct cache_conf *conf;
	CURL *easy;
	bool tells; /* it has said 404 */
	char error[CURL_ERROR_SIZE];
};

static void *http_open(const struct cache_conf *conf, struct err *err)
{
	char url[CHECK_TEXT_MAX];
	struct http *http;

	if (conf->url[0] == '\0' || !check_url(conf->url, strlen(conf->url), url, err)) {
		if (conf->url[0] == '\0')
			err_set(err, "url: must be given (where the cache takes requests, for example "
				     "http://127.0.0.1:6081/)");
		return NULL;
	}
	http = mem_alloc(sizeof *http);
	http->conf = conf;
	http->easy = curl_easy_init();
	if (http->easy == NULL) {
		free(http);
		err_set(err, "curl cannot be initialised");
		return NULL;
	}
	return http;
}

static void http_close(void *state)
{
	struct http *http = state;

	curl_easy_cleanup(http->easy);
	free(http);
}

static size_t pass_over(char *bytes, size_t size, size_t n, void *arg)
{
	(void)bytes;
	(void)arg;
	return size * n;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
	char *line = mem_printf("%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(list, line);

	free(line);
	return longer != NULL ? longer : list;
}

static bool request(struct http *http, const char *method, const char *url, struct curl_slist *headers, long *status,
	struct err *err)
{
	CURL *easy = http->easy;
	CURLcode code;

	curl_easy_reset(easy); /* keeps its connections */
	http->error[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, pass_over);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)http->conf->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "gslb-relay/" PACKAGE_VERSION);
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, 1L << 20);
	code = curl_easy_perform(easy);
	if (code == CURLE_OK) {
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, status);
		return true;
	}
	return err_set(err, "%s: %s", http->conf->url, http->error[0] != '\0' ? http->error : curl_easy_strerror(code));
}

/* Varnish says 200 whether it had it or not: 200 says something of a cache that has said 404. */
static void note_found(struct http *http, struct adapter_work *work, unsigned n, long status)
{
	http->tells |= status == 404;
	if (!http->tells || n > 1)
		return;
	work->found = status == 404 ? FOUND_NOTHING : FOUND_SOMETHING;
}

static void judge(struct http *http, struct adapter_work *work, unsigned n, long status)
{
	struct err err = { .text = "" };
	enum adapter_result result = (status >= 200 && status < 300) || status == 404 ? ADAPTER_DONE
				     : status == 429 || status >= 500                 ? ADAPTER_RETRY
										      : ADAPTER_REFUSED;

	if (result != ADAPTER_DONE)
		err_set(&err, "the cache answers with status %ld", status);
	adapter_say_all(work, n, result, &err);
	if (result == ADAPTER_DONE)
		note_found(http, work, n, status);
}

static struct curl_slist *secret_header(const struct http *http, struct curl_slist *list)
{
	const char *colon = strchr(http->conf->key, ':');

	/* "Header: value", or a bearer token */
	if (http->conf->key[0] == '\0')
		return list;
	if (colon != NULL)
		return curl_slist_append(list, http->conf->key);
	return add_header(list, "Authorization", http->conf->key);
}

static void send_one(struct http *http, const char *method, const char *url, struct curl_slist *headers,
	struct adapter_work *work, unsigned n)
{
	struct err err;
	long status;

	headers = secret_header(http, headers);
	if (request(http, method, url, headers, &status, &err))
		judge(http, work, n, status);
	else
		adapter_say_all(work, n, ADAPTER_AWAY, &err);
	curl_slist_free_all(headers);
}

/* The cache's own address with the item's path behind it. */
static char *url_at_cache(const struct http *http, const char *item)
{
	size_t len = strlen(http->conf->url);
	const char *path = strchr(strstr(item, "://") + 3, '/');

	while (len > 0 && http->conf->url[len - 1] == '/')
		len--;
	return mem_printf("%.*s%s", (int)len, http->conf->url, path);
}

static const char *method_of(const struct http *http)
{
	return http->conf->method[0] != '\0' ? http->conf->method : "PURGE";
}

static void flush_url(struct http *http, struct adapter_work *work)
{
	char host[CHECK_TEXT_MAX], *url = url_at_cache(http, work->entry->text);
	bool refresh = work->entry->op == EVENT_REFRESH;
	struct curl_slist *headers;

	check_url_host(work->entry->text, host);
	headers = add_header(NULL, "Host", host);
	if (refresh)
		headers = add_header(headers, "X-Gslb-Refresh", "1");
	send_one(http, refresh ? "GET" : method_of(http), url, headers, work, 1);
	free(url);
}

/* A regular expression that matches just what begins so. */
static void flush_prefix(struct http *http, struct adapter_work *work)
{
	const char *path = strchr(strstr(work->entry->text, "://") + 3, '/');
	char host[CHECK_TEXT_MAX];
	struct buf regex = { 0 };
	struct curl_slist *headers;

	check_url_host(work->entry->text, host);
	buf_printf(&regex, "^");
	for (; *path != '\0'; path++)
		buf_printf(&regex, "%s%c", strchr(".^$*+?()[]{}|\\", *path) != NULL ? "\\" : "", *path);
	headers = add_header(NULL, "X-Gslb-Ban-Host", host);
	headers = add_header(headers, "X-Gslb-Ban-Regex", regex.text);
	send_one(http, "BAN", http->conf->url, headers, work, 1);
	buf_fini(&regex);
}

/* As many tags of one kind as fit into a request; returns how many. */
static unsigned flush_tags(struct http *http, struct adapter_work *work, unsigned n)
{
	const char *header = http->conf->header[0] != '\0' ? http->conf->header : "xkey-purge";
	bool soft = work[0].entry->op != EVENT_FLUSH, xkey = strcmp(header, "xkey-purge") == 0;
	struct curl_slist *headers = NULL;
	struct buf tags = { 0 };
	unsigned same = 0;

	while (same < n && same < TAGS_MAX && work[same].entry->class == EVENT_TAG &&
		(work[same].entry->op != EVENT_FLUSH) == soft &&
		tags.len + strlen(work[same].entry->text) < TAGS_BYTES_MAX)
		buf_printf(&tags, "%s%s", tags.len > 0 ? " " : "", work[same++].entry->text);
	headers = add_header(headers, soft && xkey ? "xkey-softpurge" : header, tags.text);
	if (soft && !xkey)
		headers = add_header(headers, "Fastly-Soft-Purge", "1");
	send_one(http, method_of(http), http->conf->url, headers, work, same);
	buf_fini(&tags);
	return same;
}

static unsigned http_run(void *state, struct adapter_work *work, unsigned n)
{
	struct http *http = state;

	switch (work->entry->class) {
	case EVENT_TAG:
		return flush_tags(http, work, n);
	case EVENT_URL:
		flush_url(http, work);
		break;
	case EVENT_PREFIX:
		flush_prefix(http, work);
		break;
	case EVENT_DNS:
	case EVENT_KEY:
	case EVENT_ZONE:
	case EVENT_ALL:
	case EVENT_OVERRIDE:
	case EVENT_CLASSES:
		adapter_say(work, ADAPTER_REFUSED, "an HTTP cache knows urls, prefixes and tags");
		break;
	}
	return 1;
}

static bool http_ping(void *state, uint64_t *lived_s, struct err *err)
{
	long status;

	*lived_s = UINT64_MAX;
	return request(state, "HEAD", ((struct http *)state)->conf->url, NULL, &status, err);
}

const struct adapter adapter_http = {
	.type = "http",
	.classes = 1 << EVENT_URL | 1 << EVENT_TAG | 1 << EVENT_PREFIX,
	.batch = TAGS_MAX,
	.most = 500,
	.timeout_ms = 2000,
	.open = http_open,
	.close = http_close,
	.run = http_run,
	.ping = http_ping,
};
