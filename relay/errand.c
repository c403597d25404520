#include "relay/errand.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

struct errand {
	const struct relay_conf *conf;
	int event_fd;
	bool busy; /* the main thread's */
	atomic_bool done;
	pthread_t thread;
	uint64_t ticket;
	json_t *(*run)(const struct relay_conf *conf, const char *what);
	char *what;
	json_t *result;
};

struct errand *errand_new(const struct relay_conf *conf, int event_fd)
{
	struct errand *errand = mem_alloc(sizeof *errand);

	errand->conf = conf;
	errand->event_fd = event_fd;
	return errand;
}

static void *thread_main(void *arg)
{
	struct errand *errand = arg;

	errand->result = errand->run(errand->conf, errand->what);
	atomic_store(&errand->done, true);
	eventfd_write(errand->event_fd, 1);
	return NULL;
}

static void join(struct errand *errand)
{
	pthread_join(errand->thread, NULL);
	free(errand->what);
	errand->what = NULL;
	errand->busy = false;
}

void errand_free(struct errand *errand)
{
	if (errand == NULL)
		return;
	if (errand->busy) {
		join(errand);
		json_decref(errand->result);
	}
	free(errand);
}

bool errand_begin(struct errand *errand, json_t *(*run)(const struct relay_conf *conf, const char *what),
	const char *what, uint64_t ticket, struct err *err)
{
	int error;

	if (errand->busy)
		return err_set(err, "another one is under way: ask again in some seconds");
	errand->run = run;
	errand->what = mem_strdup(what);
	errand->ticket = ticket;
	atomic_store(&errand->done, false);
	error = pthread_create(&errand->thread, NULL, thread_main, errand);
	errand->busy = error == 0;
	if (errand->busy)
		return true;
	free(errand->what);
	return err_set(err, "no thread for it: %s", strerror(error));
}

bool errand_busy(const struct errand *errand)
{
	return errand->busy;
}

bool errand_end(struct errand *errand, uint64_t *ticket, struct control_reply *reply)
{
	if (!errand->busy || !atomic_load(&errand->done))
		return false;
	join(errand);
	*ticket = errand->ticket;
	*reply = (struct control_reply){ .result = errand->result };
	reply->exit = (int)json_integer_value(json_object_get(errand->result, "exit"));
	if (json_object_get(errand->result, "error") == NULL)
		return true;
	err_set(&reply->err, "%s", json_string_value(json_object_get(errand->result, "error")));
	json_decref(reply->result);
	reply->result = NULL;
	return true;
}
