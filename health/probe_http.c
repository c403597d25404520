/* check=http and https, through curl's multi_socket interface, driven by our loop. A probe does what a new client does: it
 * opens a connection of its own (nothing is reused, no TLS session either, or an expired certificate would go unseen), to the
 * endpoint's address, under the name in `host`. What the answer is worth is http_answer's to say; the runner's deadline ends
 * what is slow. */
#include <curl/curl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "health/http_answer.h"
#include "health/probe.h"

enum { IDLE_MAX = 64, MOST = 512 };

/* What CURLINFO_SSL_VERIFYRESULT says with OpenSSL (its x509_vfy.h). */
enum {
	VERIFY_OK = 0,
	VERIFY_UNSPECIFIED = 1,
	VERIFY_NOT_YET_VALID = 9,
	VERIFY_EXPIRED = 10,
	VERIFY_OTHER_HOST = 62,
	VERIFY_OTHER_ADDRESS = 64
};

struct http {
	struct loop *loop;
	struct loop_timer timer;
	CURLM *multi;
	const char *ca_file; /* NULL: the system's */
	CURL *idle[IDLE_MAX];
	unsigned nidle;
};

struct http_socket {
	struct loop_watch watch;
	struct http *http;
};

struct http_work {
	struct http *http;
	struct probe *probe;
	CURL *easy;
	int fd; /* curl's socket; -1: none yet */
	struct curl_slist *headers, *connect_to;
	struct http_answer answer;
	char error[CURL_ERROR_SIZE];
};

/* ---- what the server says: returning less than what came in ends the transfer ---- */

static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_work *work = arg;
	size_t len = size * n;
	long status = 0;

	if (!http_answer_header(&work->answer, len))
		return 0;
	if (len > 2 || len == 0 || line[len - 1] != '\n')
		return len;
	curl_easy_getinfo(work->easy, CURLINFO_RESPONSE_CODE, &status);
	return http_answer_status(&work->answer, status) ? len : 0;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_work *work = arg;

	return http_answer_body(&work->answer, bytes, size * n) ? size * n : 0;
}

/* ---- how it ended ---- */

static enum probe_result result_of_verify(const struct http_work *work, const char **why)
{
	long verify = VERIFY_OK;

	curl_easy_getinfo(work->easy, CURLINFO_SSL_VERIFYRESULT, &verify);
	switch (verify) {
	case VERIFY_NOT_YET_VALID:
		*why = "not valid yet";
		return PROBE_TLS_EXPIRED;
	case VERIFY_EXPIRED:
		*why = NULL;
		return PROBE_TLS_EXPIRED;
	case VERIFY_OK:
	case VERIFY_UNSPECIFIED: /* the handshake was good: what failed is curl's own look at the name, which comes first */
	case VERIFY_OTHER_HOST:
	case VERIFY_OTHER_ADDRESS:
		*why = NULL;
		return PROBE_TLS_NAME;
	default:
		*why = "see openssl verify";
		return PROBE_TLS_UNTRUSTED;
	}
}

/* A transfer that broke: curl and OpenSSL put the kernel's words into the sentence (there is no locale to change them). */
static enum probe_result result_of_break(const struct http_work *work, enum probe_result otherwise)
{
	if (strstr(work->error, "reset by peer") != NULL || strstr(work->error, "Broken pipe") != NULL)
		return PROBE_RESET;
	if (strstr(work->error, "SSL_ERROR_SYSCALL") != NULL || strstr(work->error, "unexpected eof") != NULL)
		return PROBE_CLOSED_EARLY;
	return otherwise;
}

static enum probe_result result_of_connect(const struct http_work *work)
{
	long error = 0;

	curl_easy_getinfo(work->easy, CURLINFO_OS_ERRNO, &error);
	return error != 0 ? probe_result_of_errno((int)error) : PROBE_UNREACHABLE;
}

/* The last part of "OpenSSL/3.0: error:0A00010B:SSL routines::wrong version number". */
static const char *last_part(const char *text)
{
	const char *colon = strrchr(text, ':');

	if (colon == NULL)
		return text;
	return colon + 1 + strspn(colon + 1, " ");
}

static enum probe_result result_of_curl(const struct http_work *work, CURLcode code, const char **why)
{
	*why = last_part(work->error);
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		*why = NULL;
		return result_of_connect(work);
	case CURLE_OPERATION_TIMEDOUT:
		return PROBE_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
		return result_of_verify(work, why);
	case CURLE_SSL_CONNECT_ERROR:
		return result_of_break(work, PROBE_TLS_OTHER);
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return result_of_break(work, PROBE_CLOSED_EARLY);
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
	case CURLE_URL_MALFORMAT:
	case CURLE_SSL_CACERT_BADFILE:
		return PROBE_LOCAL;
	default: /* bad chunks, no HTTP at all, HTTP/0.9, … */
		return PROBE_HTTP_OTHER;
	}
}

/* "Expire date:Nov 22 10:20:30 2027 GMT" of the server's own certificate. */
static uint32_t certificate_end_s(const struct http_work *work)
{
	static const char key[] = "Expire date:";
	struct curl_certinfo *info = NULL;

	if (curl_easy_getinfo(work->easy, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL ||
		info->num_of_certs < 1)
		return 0;
	for (struct curl_slist *line = info->certinfo[0]; line != NULL; line = line->next) {
		time_t end = strncmp(line->data, key, sizeof key - 1) == 0
				     ? curl_getdate(line->data + sizeof key - 1, NULL)
				     : -1;

		if (end != -1)
			return end < 1 ? 1 : end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
	}
	return 0;
}

static struct probe_report report_of(struct http_work *work, CURLcode code)
{
	struct probe_report report = { .cert_end_s = certificate_end_s(work) };
	struct http_answer *answer = &work->answer;
	const char *why;

	if (code == CURLE_OK)
		http_answer_end(answer);
	if (answer->decided != PROBE_NONE) { /* a code then says no more than that we hung up */
		report.result = answer->decided;
		report.number = (uint16_t)answer->number;
		why = answer->why;
	} else {
		report.result = result_of_curl(work, code, &why);
	}
	if (why != NULL)
		probe_set_detail(&report, why);
	return report;
}

/* A handle is used again only after a success: one that failed keeps its errno, which a later failure might not replace. */
static void work_free(struct http_work *work, bool reuse)
{
	struct http *http = work->http;

	if (reuse && http->nidle < IDLE_MAX) {
		curl_easy_reset(work->easy); /* it must not keep pointers into the work */
		http->idle[http->nidle++] = work->easy;
	} else {
		curl_easy_cleanup(work->easy);
	}
	curl_slist_free_all(work->headers);
	curl_slist_free_all(work->connect_to);
	http_answer_fini(&work->answer);
	free(work);
}

static void take_ended(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		CURLcode code = message->data.result;
		struct http_work *work = NULL;
		struct probe_report report;
		struct probe *probe;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &work);
		probe = work->probe;
		report = report_of(work, code);
		curl_multi_remove_handle(http->multi, work->easy);
		work_free(work, report.result == PROBE_OK);
		probe_done(probe, &report);
	}
}

/* ---- curl on our loop ---- */

static void socket_ready(struct loop_watch *watch, uint32_t events)
{
	struct http *http = LOOP_OWNER(watch, struct http_socket, watch)->http;
	int flags = 0, running;

	if (events & EPOLLIN)
		flags |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		flags |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		flags |= CURL_CSELECT_IN | CURL_CSELECT_OUT; /* whichever it tries shows the error */
	curl_multi_socket_action(http->multi, watch->fd, flags, &running);
	take_ended(http);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct http *http = arg;
	struct http_socket *sock = known;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (sock != NULL)
			loop_unwatch(http->loop, &sock->watch);
		free(sock);
		return 0;
	}
	if (sock != NULL)
		return loop_rewatch(http->loop, &sock->watch, events) ? 0 : -1;
	sock = mem_alloc(sizeof *sock);
	*sock = (struct http_socket){ .watch = { socket_ready, fd }, .http = http };
	curl_multi_assign(http->multi, fd, sock);
	return loop_watch(http->loop, &sock->watch, events) ? 0 : -1;
}

static void time_is_up(struct loop_timer *timer)
{
	struct http *http = LOOP_OWNER(timer, struct http, timer);
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_ended(http);
}

static int timer_wanted(CURLM *multi, long ms, void *arg)
{
	struct http *http = arg;

	(void)multi;
	if (ms < 0)
		loop_clear(http->loop, &http->timer);
	else
		loop_set(http->loop, &http->timer, clock_monotonic_us() + (uint64_t)ms * 1000);
	return 0;
}

static void http_close(void *context)
{
	struct http *http = context;

	while (http->nidle > 0)
		curl_easy_cleanup(http->idle[--http->nidle]);
	curl_multi_cleanup(http->multi);
	loop_clear(http->loop, &http->timer);
	free(http);
	curl_global_cleanup();
}

static const char *ca_file_from_environment(void)
{
	const char *path = getenv("CURL_CA_BUNDLE");

	return path != NULL ? path : getenv("SSL_CERT_FILE");
}

static void *http_open(struct loop *loop, struct err *err)
{
	struct http *http;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(err, "libcurl cannot be initialised");
		return NULL;
	}
	http = mem_alloc(sizeof *http);
	*http = (struct http){ .loop = loop, .timer = { .fire = time_is_up }, .ca_file = ca_file_from_environment() };
	http->multi = curl_multi_init();
	if (http->multi == NULL) {
		free(http);
		curl_global_cleanup();
		err_set(err, "libcurl has no multi handle for us");
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	return http;
}

/* ---- asking ---- */

/* A closed probe leaves no port in TIME_WAIT; its answer has been read, or is not wanted any more. */
static int socket_made(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct http_work *work = arg;

	(void)purpose;
	work->fd = fd;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	return CURL_SOCKOPT_OK;
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

static void set_names(struct http_work *work, const struct health_target *target)
{
	const struct health_probe *probe = &target->probe;
	const char *scheme = probe->check == HEALTH_CHECK_HTTPS ? "https" : "http";
	char *host = url_host(target), address[ADDR_TEXT_MAX];
	char *url = mem_printf("%s://%s:%u%s", scheme, host, target->port, probe->path[0] != '\0' ? probe->path : "/");
	char *to = mem_printf(target->addr.family == ADDR_V6 ? "::[%s]:%u" : "::%s:%u",
		addr_format(&target->addr, address), target->port);
	char *header = mem_printf("Host: %s", probe->host);

	work->connect_to = curl_slist_append(NULL, to);
	work->headers = curl_slist_append(NULL, "Connection: close");
	if (probe->host[0] != '\0')
		work->headers = curl_slist_append(work->headers, header);
	curl_easy_setopt(work->easy, CURLOPT_URL, url);
	curl_easy_setopt(work->easy, CURLOPT_PROTOCOLS_STR, scheme);
	curl_easy_setopt(work->easy, CURLOPT_CONNECT_TO, work->connect_to);
	curl_easy_setopt(work->easy, CURLOPT_HTTPHEADER, work->headers);
	free(host);
	free(url);
	free(to);
	free(header);
}

static void set_tls(struct http_work *work, const struct health_probe *probe)
{
	if (!probe->verify) {
		curl_easy_setopt(work->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(work->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (work->http->ca_file != NULL)
		curl_easy_setopt(work->easy, CURLOPT_CAINFO, work->http->ca_file);
	curl_easy_setopt(work->easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(work->easy, CURLOPT_CERTINFO, work->probe->look_at_cert ? 1L : 0L);
}

static void set_manners(struct http_work *work)
{
	curl_easy_setopt(work->easy, CURLOPT_PRIVATE, work);
	curl_easy_setopt(work->easy, CURLOPT_ERRORBUFFER, work->error);
	curl_easy_setopt(work->easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(work->easy, CURLOPT_HEADERDATA, work);
	curl_easy_setopt(work->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(work->easy, CURLOPT_WRITEDATA, work);
	curl_easy_setopt(work->easy, CURLOPT_SOCKOPTFUNCTION, socket_made);
	curl_easy_setopt(work->easy, CURLOPT_SOCKOPTDATA, work);
	curl_easy_setopt(work->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(work->easy, CURLOPT_USERAGENT, "gslb-health/" PACKAGE_VERSION);
	curl_easy_setopt(work->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(work->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(work->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(work->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(work->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(work->easy, CURLOPT_FORBID_REUSE, 1L);
}

static void http_start(struct probe *probe)
{
	struct http *http = probe->context;
	CURL *easy = http->nidle > 0 ? http->idle[--http->nidle] : curl_easy_init();
	struct http_work *work;

	if (easy == NULL) {
		probe_end(probe, PROBE_LOCAL, 0, "no memory");
		return;
	}
	work = mem_alloc(sizeof *work);
	*work = (struct http_work){ .http = http, .probe = probe, .easy = easy, .fd = -1 };
	http_answer_init(&work->answer, &probe->target->probe);
	probe->work = work;
	set_manners(work);
	set_names(work, probe->target);
	set_tls(work, &probe->target->probe);
	if (curl_multi_add_handle(http->multi, easy) != CURLM_OK) {
		work_free(work, false);
		probe_end(probe, PROBE_LOCAL, 0, "libcurl took no more");
	}
}

/* curl notes the connect only when TLS is done, too: the kernel knows better. */
static bool is_connected(const struct http_work *work)
{
	struct tcp_info info;
	socklen_t len = sizeof info;

	return work->fd >= 0 && getsockopt(work->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_state != TCP_SYN_SENT;
}

static const char *what_it_waits_for(const struct http_work *work, bool tls)
{
	curl_off_t secured = 0, started = 0;

	curl_easy_getinfo(work->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	curl_easy_getinfo(work->easy, CURLINFO_STARTTRANSFER_TIME_T, &started);
	if (!is_connected(work))
		return "no answer to connect";
	if (tls && secured == 0)
		return "in the TLS handshake";
	return started == 0 ? "no answer to the request" : "in the midst of the answer";
}

static void http_stop(struct probe *probe, struct probe_report *report)
{
	struct http_work *work = probe->work;

	if (report != NULL)
		probe_set_detail(report, what_it_waits_for(work, probe->target->probe.check == HEALTH_CHECK_HTTPS));
	curl_multi_remove_handle(work->http->multi, work->easy);
	work_free(work, false);
}

const struct probe_method probe_http = {
	.descriptors = 1,
	.most = MOST,
	.open = http_open,
	.close = http_close,
	.start = http_start,
	.stop = http_stop,
};
