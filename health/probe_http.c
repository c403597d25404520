/* check=http, https, grpc and grpcs, through curl's multi_socket interface, driven by our loop. A probe connects by itself, to
 * the endpoint's address; curl is handed what is connected, and asks under the name in `host`. Over TLS the connection may stay
 * for the next probe (http_kept). What the answer is worth is http_answer's and grpc's to say; the runner's deadline ends what
 * is slow. Easy handles belong to probes under way, not to endpoints; they keep the options that all have in common. */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "health/connect.h"
#include "health/grpc.h"
#include "health/http_answer.h"
#include "health/http_ask.h"
#include "health/http_kept.h"
#include "health/http_reason.h"
#include "health/probe.h"

/* Of each handle that ends curl looks through all connections of its multi: hence several, an endpoint always in the same. */
enum { SHARDS = 8, IDLE_MAX = 8, BUFFER_LEN = 4096 };

struct http {
	struct loop *loop;
	struct loop_timer timer;
	CURLM *multi; /* NULL: not needed yet */
	CURL *idle[IDLE_MAX];
	unsigned nidle, nkept;
};

struct http_work {
	struct connecting connecting;
	struct http *http;
	struct probe *probe;
	CURL *easy;                 /* NULL while it connects */
	struct loop_watch watch;    /* of curl's socket */
	bool watched;               /* that descriptor is in epoll already, for `connecting` */
	int fd;                     /* what we connected and curl has not taken yet; -1 */
	bool unwatchable;           /* the kernel had no watch for us */
	bool reused;                /* it goes over probe->kept */
	void *fresh;                /* a new connection that may be kept; NULL: it may not, or is closed */
	struct loop_timer patience; /* half the timeout: then a kept connection is given up for a new one */
	uint32_t connect_us;
	struct curl_slist *fields, *connect_to;
	struct http_ask ask;
	struct http_answer answer;
	struct grpc_answer grpc;
	char error[CURL_ERROR_SIZE];
};

static bool is_tls(const struct http_work *work)
{
	return http_is_tls(work->probe->target->probe.check);
}

static bool is_grpc(const struct http_work *work)
{
	return http_is_grpc(work->probe->target->probe.check);
}

/* ---- what the server says: returning less than what came in ends the transfer ---- */

static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_work *work = arg;
	size_t len = size * n;
	long status = 0;

	if (!http_answer_header(&work->answer, len))
		return 0;
	http_answer_line(&work->answer, line, len);
	if (is_grpc(work))
		grpc_answer_header(&work->grpc, line, len);
	if (len > 2 || len == 0 || line[len - 1] != '\n')
		return len;
	curl_easy_getinfo(work->easy, CURLINFO_RESPONSE_CODE, &status);
	return http_answer_status(&work->answer, status) ? len : 0;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_work *work = arg;

	if (is_grpc(work))
		grpc_answer_body(&work->grpc, bytes, size * n);
	return http_answer_body(&work->answer, bytes, size * n) ? size * n : 0;
}

/* ---- how it ended ---- */

static bool has_begun(const struct http_work *work)
{
	curl_off_t started = 0;

	curl_easy_getinfo(work->easy, CURLINFO_STARTTRANSFER_TIME_T, &started);
	return started > 0;
}

static enum probe_result result_of_curl(const struct http_work *work, CURLcode code, const char **why)
{
	long verify = 0;

	*why = http_last_part(work->error);
	switch (code) {
	case CURLE_COULDNT_CONNECT: /* what it had was closed, and it gets no other */
		*why = NULL;
		return PROBE_CLOSED_EARLY;
	case CURLE_OPERATION_TIMEDOUT:
		return PROBE_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
		curl_easy_getinfo(work->easy, CURLINFO_SSL_VERIFYRESULT, &verify);
		return http_result_of_verify(verify, why);
	case CURLE_SSL_CONNECT_ERROR:
		return http_result_of_break(work->error, PROBE_TLS_OTHER);
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return http_result_of_break(work->error, PROBE_CLOSED_EARLY);
	case CURLE_OUT_OF_MEMORY: /* so it also calls a line of 100 KiB */
		*why = "a line without end";
		return has_begun(work) ? PROBE_HTTP_HEADER : PROBE_LOCAL;
	case CURLE_FAILED_INIT:
	case CURLE_URL_MALFORMAT:
	case CURLE_SSL_CACERT_BADFILE:
		return PROBE_LOCAL;
	default: /* bad chunks, no HTTP at all, … */
		return is_grpc(work) ? PROBE_GRPC_OTHER : PROBE_HTTP_OTHER;
	}
}

/* Of the first of the chain to end; 0: not known. */
static uint32_t certificate_end_s(const struct http_work *work)
{
	struct curl_certinfo *info = NULL;
	uint32_t first = UINT32_MAX;

	if (curl_easy_getinfo(work->easy, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL)
		return 0;
	for (int i = 0; i < info->num_of_certs; i++)
		for (struct curl_slist *line = info->certinfo[i]; line != NULL; line = line->next)
			first = http_earlier_end_s(first, line->data);
	return first < UINT32_MAX ? first : 0;
}

static void fill_times(const struct http_work *work, struct probe_report *report)
{
	curl_off_t secured = 0, asked = 0, started = 0;

	curl_easy_getinfo(work->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	curl_easy_getinfo(work->easy, CURLINFO_PRETRANSFER_TIME_T, &asked);
	curl_easy_getinfo(work->easy, CURLINFO_STARTTRANSFER_TIME_T, &started);
	report->connect_us = work->connect_us;
	report->tls_us = !work->reused && secured > 0 ? (uint32_t)secured : 0;
	report->first_byte_us = asked > 0 && started > asked ? (uint32_t)(started - asked) : 0;
}

static const char *decide_grpc(struct http_work *work)
{
	struct http_answer *answer = &work->answer;
	long version = 0;
	const char *why;

	curl_easy_getinfo(work->easy, CURLINFO_HTTP_VERSION, &version);
	answer->decided = grpc_answer_end(&work->grpc, &answer->number, &why);
	if (version == CURL_HTTP_VERSION_2_0)
		return why;
	answer->decided = PROBE_GRPC_OTHER;
	return "no HTTP/2";
}

static struct probe_report report_of(struct http_work *work, CURLcode code)
{
	struct probe_report report = { .cert_end_s = certificate_end_s(work), .reused = work->reused };
	struct http_answer *answer = &work->answer;
	const char *why = NULL;

	fill_times(work, &report);
	if (code == CURLE_OK && is_grpc(work) && answer->decided == PROBE_NONE)
		answer->why = decide_grpc(work);
	else if (code == CURLE_OK)
		http_answer_end(answer);
	if (answer->decided != PROBE_NONE) { /* a code then says no more than that we hung up */
		report.result = answer->decided;
		report.number = (uint16_t)answer->number;
		why = answer->why;
	} else {
		report.result = result_of_curl(work, code, &why);
	}
	report.has_load = answer->has_load;
	report.load_milli = answer->load_milli;
	if (why != NULL)
		probe_set_detail(&report, why);
	return report;
}

static int close_socket(void *arg, curl_socket_t fd)
{
	struct http_kept *kept = arg;

	close(fd);
	if (kept != NULL)
		http_kept_closed(kept);
	return 0;
}

/* Take the handle from curl, which closes the connection, or keeps it when all went well. */
static void easy_release(struct http_work *work)
{
	struct http *http = work->http;

	loop_clear(http->loop, &work->patience);
	if (work->easy == NULL)
		return;
	curl_multi_remove_handle(http->multi, work->easy);
	curl_easy_setopt(work->easy, CURLOPT_ERRORBUFFER, NULL); /* it must not keep pointers into the work */
	curl_easy_setopt(work->easy, CURLOPT_CLOSESOCKETDATA, NULL);
	if (http->nidle < IDLE_MAX)
		http->idle[http->nidle++] = work->easy;
	else
		curl_easy_cleanup(work->easy);
	work->easy = NULL;
}

static void work_free(struct http_work *work)
{
	easy_release(work);
	connect_close(&work->connecting);
	if (work->fd >= 0)
		close_socket(work->fresh, work->fd);
	http_kept_drop(work->fresh);
	curl_slist_free_all(work->fields);
	curl_slist_free_all(work->connect_to);
	http_ask_fini(&work->ask);
	http_answer_fini(&work->answer);
	free(work);
}

/* The connection has served: it is kept for the next probe, or dropped. It may be closed already. */
static void keep_or_drop(struct http_work *work, const struct probe_report *report)
{
	struct probe *probe = work->probe;
	struct http_kept *kept;

	if (!work->reused && work->fresh != NULL && report->result == PROBE_OK)
		http_kept_move(&work->fresh, &probe->kept);
	kept = probe->kept;
	if (kept == NULL)
		return;
	if (work->watched) { /* all went so fast that curl never waited: epoll has it from our connect */
		work->watch.fd = kept->fd;
		loop_unwatch(work->http->loop, &work->watch);
	}
	if (report->result == PROBE_OK)
		http_kept_served(kept, report->cert_end_s);
	else
		http_kept_drop(kept);
}

static void connect_again(struct http_work *work);

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
		if (work->reused && http_kept_is_to_blame(report.result)) {
			connect_again(work);
			continue;
		}
		easy_release(work);
		keep_or_drop(work, &report);
		work_free(work);
		probe_done(probe, &report);
	}
}

/* ---- curl on our loop ---- */

static void socket_ready(struct loop_watch *watch, uint32_t events)
{
	struct http *http = LOOP_OWNER(watch, struct http_work, watch)->http;
	uint32_t broken = events & (EPOLLERR | EPOLLHUP); /* whichever it tries then shows the error */
	int running, flags = (events & EPOLLIN || broken ? CURL_CSELECT_IN : 0) |
			     (events & EPOLLOUT || broken ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(http->multi, watch->fd, flags, &running);
	take_ended(http);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct http *http = arg;
	struct http_work *work = known;
	bool fresh = false;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);

	if (what == CURL_POLL_REMOVE) {
		if (work != NULL)
			loop_unwatch(http->loop, &work->watch);
		return 0;
	}
	if (work == NULL) {
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &work);
		work->watch = (struct loop_watch){ socket_ready, fd };
		curl_multi_assign(http->multi, fd, work);
		fresh = !work->watched;
		work->watched = false;
	}
	if (!(fresh ? loop_watch : loop_rewatch)(http->loop, &work->watch, events))
		work->unwatchable = true; /* it runs out of time; an error from here would end all others */
	return 0;
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
		loop_set(http->loop, &http->timer, ms == 0 ? 0 : clock_monotonic_us() + (uint64_t)ms * 1000);
	return 0;
}

static void http_close(void *context)
{
	struct http *shards = context;

	for (struct http *http = shards; http < shards + SHARDS; http++) {
		while (http->nidle > 0)
			curl_easy_cleanup(http->idle[--http->nidle]);
		if (http->multi != NULL)
			curl_multi_cleanup(http->multi);
		loop_clear(http->loop, &http->timer);
	}
	free(shards);
	curl_global_cleanup();
}

/* Made with its first probe: each multi has descriptors of its own. */
static bool shard_open(struct http *http)
{
	if (http->multi != NULL)
		return true;
	http->multi = curl_multi_init();
	if (http->multi == NULL)
		return false;
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, 1L << 16); /* http_kept bounds them */
	return true;
}

static void *http_open(struct loop *loop, struct err *err)
{
	struct http *shards;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(err, "libcurl cannot be initialised");
		return NULL;
	}
	shards = mem_alloc(SHARDS * sizeof *shards);
	for (unsigned i = 0; i < SHARDS; i++)
		shards[i] = (struct http){ .loop = loop, .timer = { .fire = time_is_up } };
	return shards;
}

/* ---- asking ---- */

/* curl gets the connection that was made for it, and no second one. */
static curl_socket_t give_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_work *work = arg;
	int fd = work->fd;

	(void)purpose, (void)address;
	work->fd = CURL_SOCKET_BAD; /* -1 */
	return fd;
}

static int is_connected_already(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	(void)arg, (void)fd, (void)purpose;
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

/* What all probes of one kind have in common. */
static CURL *easy_new(const struct http_work *work)
{
	CURL *easy = curl_easy_init();
	bool tls = is_tls(work);

	if (easy == NULL)
		return NULL;
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, give_socket);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, is_connected_already);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
		tls             ? (long)CURL_HTTP_VERSION_2TLS
		: is_grpc(work) ? (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
				: (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "gslb-health/" PACKAGE_VERSION);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_LEN);
	curl_easy_setopt(
		easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L); /* addresses only; it would search all for old ones each time */
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, tls ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (http_ca_file() != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, http_ca_file());
	curl_easy_setopt(
		easy, CURLOPT_CAPATH, NULL); /* with a folder, too, curl would read all certificates for each probe */
	return easy;
}

static void set_request(struct http_work *work)
{
	struct http_ask *ask = &work->ask;

	http_ask_init(ask, work->probe->target);
	work->connect_to = curl_slist_append(NULL, ask->to);
	for (unsigned i = 0; i < ask->nfields; i++)
		work->fields = curl_slist_append(work->fields, ask->fields[i]);
	if (ask->message_len > 0) {
		curl_easy_setopt(work->easy, CURLOPT_POSTFIELDSIZE, (long)ask->message_len);
		curl_easy_setopt(work->easy, CURLOPT_POSTFIELDS, ask->message);
	}
	curl_easy_setopt(work->easy, CURLOPT_URL, ask->url);
	curl_easy_setopt(work->easy, CURLOPT_CONNECT_TO, work->connect_to);
	curl_easy_setopt(work->easy, CURLOPT_HTTPHEADER, work->fields);
}

static void set_connection(struct http_work *work)
{
	const struct health_probe *probe = &work->probe->target->probe;
	bool may_stay = work->reused || work->fresh != NULL;

	curl_easy_setopt(work->easy, CURLOPT_PRIVATE, work);
	curl_easy_setopt(work->easy, CURLOPT_ERRORBUFFER, work->error);
	curl_easy_setopt(work->easy, CURLOPT_HEADERDATA, work);
	curl_easy_setopt(work->easy, CURLOPT_WRITEDATA, work);
	curl_easy_setopt(work->easy, CURLOPT_OPENSOCKETDATA, work);
	curl_easy_setopt(work->easy, CURLOPT_CLOSESOCKETDATA, work->fresh);
	curl_easy_setopt(work->easy, CURLOPT_FRESH_CONNECT, work->reused ? 0L : 1L);
	curl_easy_setopt(work->easy, CURLOPT_FORBID_REUSE, may_stay ? 0L : 1L);
	if (!is_tls(work))
		return;
	curl_easy_setopt(work->easy, CURLOPT_SSL_VERIFYPEER, probe->verify ? 1L : 0L);
	curl_easy_setopt(work->easy, CURLOPT_SSL_VERIFYHOST, probe->verify ? 2L : 0L);
	curl_easy_setopt(work->easy, CURLOPT_CERTINFO, work->probe->look_at_cert || work->fresh != NULL ? 1L : 0L);
}

static void fail(struct http_work *work, int error)
{
	struct probe *probe = work->probe;

	work_free(work);
	probe_end_errno(probe, error);
}

static void ask(struct http_work *work)
{
	struct http *http = work->http;
	CURL *easy = http->nidle > 0 ? http->idle[--http->nidle] : easy_new(work);

	if (easy == NULL) {
		fail(work, ENOMEM);
		return;
	}
	work->easy = easy;
	http_answer_init(&work->answer, &work->probe->target->probe);
	set_request(work);
	set_connection(work);
	if (curl_multi_add_handle(http->multi, easy) != CURLM_OK)
		fail(work, ENOMEM);
	else
		time_is_up(&http->timer); /* it begins at once, however many timers are late */
}

static void give_up_kept(struct loop_timer *timer)
{
	connect_again(LOOP_OWNER(timer, struct http_work, patience));
}

static void http_connected(struct connecting *connecting, int error)
{
	struct http_work *work = LOOP_OWNER(connecting, struct http_work, connecting);
	struct probe *probe = work->probe;

	if (error != 0) {
		fail(work, error);
		return;
	}
	work->connect_us = connect_took_us(connecting);
	work->reused = http_kept_is_good(probe->kept);
	if (work->reused) {
		connect_close(connecting);
		loop_set(work->http->loop, &work->patience,
			clock_monotonic_us() + probe->target->probe.timeout_ms * (uint64_t)500);
	} else {
		http_kept_drop(probe->kept);
		work->fd = connect_hand_over(connecting);
		work->watched = true;
		if (is_tls(work))
			http_kept_new(probe, work->fd, &work->http->nkept, &work->fresh);
	}
	ask(work);
}

static void http_start(struct probe *probe)
{
	struct http_work *work = probe->work = mem_alloc(sizeof *work);
	struct http *shards = probe->context;
	int error;

	*work = (struct http_work){
		.http = &shards[probe->target->slot % SHARDS], .probe = probe, .fd = -1, .patience.fire = give_up_kept
	};
	work->connecting.watch.fd = -1; /* for a fail() before the connect */
	error = shard_open(work->http) ? connect_start(&work->connecting, probe, http_connected) : ENOMEM;
	if (error != 0)
		fail(work, error);
}

/* The kept connection was of no use: the same probe goes on over a new one. */
static void connect_again(struct http_work *work)
{
	struct probe *probe = work->probe;

	easy_release(work);
	work_free(work);
	http_kept_drop(probe->kept);
	http_start(probe);
}

static const char *what_it_waits_for(const struct http_work *work)
{
	curl_off_t secured = 0;

	if (work->easy == NULL)
		return "no answer to connect";
	curl_easy_getinfo(work->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	if (is_tls(work) && secured == 0 && !work->reused)
		return "in the TLS handshake";
	return has_begun(work) ? "in the midst of the answer" : "no answer to the request";
}

static void http_stop(struct probe *probe, struct probe_report *report)
{
	struct http_work *work = probe->work;

	if (report != NULL) {
		probe_set_detail(report, work->unwatchable ? "no watch on its socket" : what_it_waits_for(work));
		report->result = work->unwatchable ? PROBE_LOCAL : report->result;
		report->connect_us = work->connect_us;
	}
	if (work->reused)
		http_kept_drop(probe->kept);
	work_free(work);
}

const struct probe_method probe_http = {
	.descriptors = 1,
	.most = UINT_MAX,
	.open = http_open,
	.close = http_close,
	.start = http_start,
	.stop = http_stop,
	.forget = http_kept_forget,
};
