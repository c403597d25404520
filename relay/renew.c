#include "relay/renew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>

#include "relay/certificates.h"
#include "relay/conf_bus.h"
#include "relay/crypto.h"
#include "relay/expiry.h"

enum { CERTIFICATE_MAX = 1 << 20 };

/* A bus that is being opened. Its thread's until it is done. */
struct attempt {
	pthread_t thread;
	atomic_bool done;
	const struct relay_conf *conf;
	const struct bus_ops *ops;
	int event_fd;
	bool reach; /* it must be connected */
	bool stale; /* the main thread's: something else is wanted by now */
	void *bus;  /* NULL: it failed */
	struct certificates_seen seen;
	struct err err;
};

/* A bus that is being closed. */
struct leaving {
	pthread_t thread;
	atomic_bool done;
	const struct bus_ops *ops;
	void *bus;
	SLIST_ENTRY(leaving) link;
};

struct loaded {
	struct relay_conf *conf;
	SLIST_ENTRY(loaded) link;
};

struct renew {
	const char *path;
	int event_fd;
	const struct relay_conf *conf; /* of the bus in service */
	const struct relay_conf
		*wanted; /* of the one that is to come; the same: only its certificates, or its connection */
	struct certificates certificates;
	uint64_t look_ms;
	bool asked; /* by SIGHUP: without waiting for anything */
	struct attempt *attempt;
	SLIST_HEAD(, leaving) leaving;
	SLIST_HEAD(, loaded) loaded;
	uint64_t renewed, failed;
	struct err trouble, ending; /* why the new one is not in service; that the certificate ends */
	struct expiry expiry;       /* of the certificate in service */
};

/* One that cannot be read is libnats' to complain of. */
static void read_expiry(struct renew *renew)
{
	char *text = NULL;
	struct err err;
	size_t len;

	renew->expiry = (struct expiry){ 0 };
	if (renew->conf->cert[0] != '\0' && file_read(renew->conf->cert, CERTIFICATE_MAX, &text, &len, &err))
		renew->expiry.ends_ms = crypto_certificate_end(text, len);
	free(text);
}

struct renew *renew_new(const char *path, const struct relay_conf *conf, int event_fd)
{
	struct renew *renew = mem_alloc(sizeof *renew);

	renew->path = path;
	renew->conf = renew->wanted = conf;
	renew->event_fd = event_fd;
	certificates_look(conf, &renew->certificates.used);
	renew->certificates.last = renew->certificates.used;
	read_expiry(renew);
	SLIST_INIT(&renew->leaving);
	SLIST_INIT(&renew->loaded);
	return renew;
}

/* ---- opening ---- */

static void open_it(struct attempt *attempt)
{
	struct bus_status status;

	certificates_look(
		attempt->conf, &attempt->seen); /* before they are loaded: what changes now is seen as a change */
	if (attempt->reach && attempt->ops->reach != NULL && !attempt->ops->reach(attempt->conf, &attempt->err))
		return;
	attempt->bus = attempt->ops->open(attempt->conf, attempt->event_fd, &attempt->err);
	if (attempt->bus == NULL || !attempt->reach)
		return;
	attempt->ops->status(attempt->bus, &status);
	if (status.connected)
		return;
	attempt->ops->close(attempt->bus);
	attempt->bus = NULL;
	err_set(&attempt->err, "bus: %s: it was there, and is gone again", attempt->conf->servers[0]);
}

static void *attempt_main(void *arg)
{
	struct attempt *attempt = arg;

	open_it(attempt);
	atomic_store(&attempt->done, true);
	eventfd_write(attempt->event_fd, 1);
	return NULL;
}

static const struct bus_ops *ops_of(const struct relay_conf *conf)
{
	return conf->nservers > 0 ? &bus_nats : &bus_local;
}

/* Where there was no bus none is lost: then it is as after a start, and the new one may be away. */
static void begin(struct renew *renew, uint64_t now_ms)
{
	struct attempt *attempt = mem_alloc(sizeof *attempt);
	int error;

	renew->asked = false;
	attempt->conf = renew->wanted;
	attempt->ops = ops_of(renew->wanted);
	attempt->reach = renew->conf->nservers > 0 && renew->wanted->nservers > 0;
	attempt->event_fd = renew->event_fd;
	error = pthread_create(&attempt->thread, NULL, attempt_main, attempt);
	if (error == 0) {
		renew->attempt = attempt;
		return;
	}
	log_error("bus=kept reason=\"no thread: %s\"", strerror(error));
	certificates_failed(&renew->certificates, now_ms);
	free(attempt);
}

static void fail(struct renew *renew, const struct err *err, uint64_t now_ms)
{
	renew->failed++;
	certificates_failed(&renew->certificates, now_ms);
	if (strcmp(renew->trouble.text, err->text) == 0)
		return;
	renew->trouble = *err;
	log_error("bus=kept reason=\"%s\": what is in service stays, and this is tried again every %d s", err->text,
		CERTIFICATES_AGAIN_MS / 1000);
}

/* Returns whether it is another bus. */
static bool end_attempt(struct renew *renew, uint64_t now_ms, struct renewed *renewed)
{
	struct attempt *attempt = renew->attempt;
	bool good;

	pthread_join(attempt->thread, NULL);
	good = attempt->bus != NULL && !attempt->stale;
	renew->attempt = NULL;
	if (good) {
		*renewed = (struct renewed){ attempt->ops, attempt->bus, attempt->conf };
		renew->conf = attempt->conf;
		renew->certificates.used = attempt->seen;
		read_expiry(renew);
		renew->renewed++;
		renew->trouble.text[0] = '\0';
	} else if (attempt->bus != NULL) {
		renew_retire(renew, attempt->ops, attempt->bus);
	} else if (!attempt->stale) {
		fail(renew, &attempt->err, now_ms);
	}
	free(attempt);
	return good;
}

static void look_at_expiry(struct renew *renew, uint64_t wall_ms)
{
	enum expiry_word is = expiry_is(&renew->expiry, wall_ms);
	char when[CLOCK_TEXT_MAX];

	renew->ending.text[0] = '\0';
	if (is == EXPIRY_NOTHING)
		return;
	err_set(&renew->ending, "bus.cert %s %s on %s: put a new one in its place", renew->conf->cert,
		is == EXPIRY_OVER ? "has ended" : "ends", clock_format(renew->expiry.ends_ms, when));
	switch (expiry_say(&renew->expiry, wall_ms)) {
	case EXPIRY_NOTHING:
		break;
	case EXPIRY_SOON:
		log_warning("%s", renew->ending.text);
		break;
	case EXPIRY_OVER:
		log_error("%s", renew->ending.text);
		break;
	}
}

static bool is_due(struct renew *renew, bool ended, uint64_t now_ms, uint64_t wall_ms)
{
	struct certificates_seen seen;
	bool other = ended || renew->wanted != renew->conf;

	if (renew->asked)
		return true;
	if (now_ms < renew->look_ms)
		return false;
	renew->look_ms = now_ms + CERTIFICATES_LOOK_MS;
	look_at_expiry(renew, wall_ms);
	certificates_look(renew->wanted, &seen);
	if (!other && !certificates_differ(&renew->certificates, &seen))
		renew->trouble.text[0] = '\0'; /* all is as it was before */
	return certificates_due(&renew->certificates, &seen, other, now_ms);
}

static void reap(struct renew *renew, bool all)
{
	struct leaving *leaving, *next;

	for (leaving = SLIST_FIRST(&renew->leaving); leaving != NULL; leaving = next) {
		next = SLIST_NEXT(leaving, link);
		if (!all && !atomic_load(&leaving->done))
			continue;
		pthread_join(leaving->thread, NULL);
		SLIST_REMOVE(&renew->leaving, leaving, leaving, link);
		free(leaving);
	}
}

bool renew_run(struct renew *renew, bool ended, uint64_t now_ms, uint64_t wall_ms, struct renewed *renewed)
{
	reap(renew, false);
	if (renew->attempt != NULL)
		return atomic_load(&renew->attempt->done) && end_attempt(renew, now_ms, renewed);
	if (is_due(renew, ended, now_ms, wall_ms))
		begin(renew, now_ms);
	return false;
}

/* ---- closing ---- */

static void *leaving_main(void *arg)
{
	struct leaving *leaving = arg;

	leaving->ops->close(leaving->bus);
	atomic_store(&leaving->done, true);
	return NULL;
}

void renew_retire(struct renew *renew, const struct bus_ops *ops, void *bus)
{
	struct leaving *leaving = mem_alloc(sizeof *leaving);

	leaving->ops = ops;
	leaving->bus = bus;
	if (pthread_create(&leaving->thread, NULL, leaving_main, leaving) == 0) {
		SLIST_INSERT_HEAD(&renew->leaving, leaving, link);
		return;
	}
	ops->close(bus);
	free(leaving);
}

/* ---- the configuration ---- */

static bool same_bus(const struct relay_conf *a, const struct relay_conf *b)
{
	return conf_bus_same_servers(a, b) && conf_bus_same_fleet(a, b) && strcmp(a->ca, b->ca) == 0 &&
	       strcmp(a->cert, b->cert) == 0 && strcmp(a->key, b->key) == 0 && sign_same(a->sign, b->sign);
}

static struct relay_conf *load(const struct renew *renew, struct err *err)
{
	struct relay_conf *conf = relay_conf_load(renew->path, err);

	if (conf != NULL && conf->nservers == 0)
		conf_bus_none(conf, renew->conf->name);
	if (conf == NULL ||
		(strcmp(conf->region, renew->conf->region) == 0 && strcmp(conf->name, renew->conf->name) == 0))
		return conf;
	if (strcmp(conf->region, renew->conf->region) != 0)
		err_set(err, "%s: server.region: it was %s: another one wants a restart", renew->path,
			renew->conf->region);
	else
		err_set(err, "%s: bus.name: it was %s: another one wants a restart", renew->path, renew->conf->name);
	relay_conf_free(conf);
	return NULL;
}

static void want(struct renew *renew, struct relay_conf *conf)
{
	struct loaded *loaded;

	if (same_bus(conf, renew->conf) || same_bus(conf, renew->wanted)) {
		renew->wanted = same_bus(conf, renew->conf) ? renew->conf : renew->wanted;
		relay_conf_free(conf);
		return;
	}
	loaded = mem_alloc(sizeof *loaded);
	loaded->conf = conf;
	SLIST_INSERT_HEAD(&renew->loaded, loaded, link);
	renew->wanted = conf;
}

void renew_reload(struct renew *renew)
{
	struct certificates_seen seen;
	struct relay_conf *conf;
	struct err err;

	conf = load(renew, &err);
	if (conf == NULL) {
		log_error("reload=refused reason=\"%s\": what was in force stays", err.text);
		return;
	}
	want(renew, conf);
	certificates_look(renew->wanted, &seen);
	renew->asked = renew->wanted != renew->conf || certificates_differ(&renew->certificates, &seen);
	if (renew->attempt != NULL)
		renew->attempt->stale = true;
	renew->trouble.text[0] = '\0'; /* whoever asks wants to be told */
	log_notice("reload=%s: of the file the section bus is taken up, other changes want a restart",
		renew->wanted != renew->conf ? "bus"
		: renew->asked               ? "certificates"
					     : "nothing-new");
}

/* ---- the end ---- */

void renew_end(struct renew *renew)
{
	struct renewed renewed;

	if (renew == NULL)
		return;
	if (renew->attempt != NULL) {
		renew->attempt->stale = true;
		end_attempt(renew, 0, &renewed);
	}
	reap(renew, true);
}

void renew_free(struct renew *renew)
{
	struct loaded *loaded;

	if (renew == NULL)
		return;
	while ((loaded = SLIST_FIRST(&renew->loaded)) != NULL) {
		SLIST_REMOVE_HEAD(&renew->loaded, link);
		relay_conf_free(loaded->conf);
		free(loaded);
	}
	free(renew);
}

struct renew_status renew_status(const struct renew *renew)
{
	return (struct renew_status){ renew->renewed, renew->failed, renew->trouble.text, renew->ending.text,
		renew->expiry.ends_ms };
}
