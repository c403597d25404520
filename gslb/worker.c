/* One epoll a worker for all its sockets. The loop's order keeps two promises: the worker is offline in QSBR while it waits
 * in the kernel, so that a publisher never waits for a sleeping worker; and connections are closed only after the events of
 * a turn were used up, or by their own event, so that no event points to a connection that is gone. */
#include "gslb/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "base/slice.h"
#include "gslb/listen.h"
#include "gslb/tcp.h"
#include "gslb/udp.h"

enum {
	EVENTS_MAX = 64,
	UDP_ROUNDS = 16,     /* batches of one socket before the others have their turn */
	DRAIN_ROUNDS = 1024, /* more batches than a socket's 4 MB can hold */
	SOURCES_MAX = 2 * CONF_LISTEN_MAX + 1,
	SOURCES_BESIDE = 3, /* descriptors of a worker, besides two for each listen address */
	FILES_BESIDE = 300, /* those of the rest of the process */
};

struct worker {
	struct counters counters; /* alone on its cache lines */
	_Atomic uint32_t passed;  /* quiescent states, for workers_publish; wraps */
	struct workers *workers;
	unsigned number;
	pthread_t thread;
	bool bound, started, closed;
	int epoll;
	size_t nsources;
	struct source source[SOURCES_MAX]; /* UDP and listening sockets, and last what wakes it up */
	struct tcp_limits limits;
	struct packet_identity identity;
	struct packet_context context;
	struct sampling sampling;
	struct exploring exploring;
	struct dice dice;
	struct udp *udp;
	struct tcp *tcp;
	struct rtt_ring *rtts;
};

struct workers {
	_Atomic(const struct world *) world;
	_Atomic(const struct guard *) guard;
	_Atomic(struct sampler *) sampler; /* NULL: sampling is off; once made it stays */
	struct sampler *made;
	_Atomic uint64_t stop_ms; /* monotonic: be gone by then; 0: go on */
	unsigned nworkers;
	struct worker *worker;
	size_t nlisten;
	struct conf_listen listen[CONF_LISTEN_MAX];
};

/* ---- binding ---- */

static bool worker_add(struct worker *worker, const struct source *source, struct err *err)
{
	struct source *mine = &worker->source[worker->nsources++];
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = mine };

	*mine = *source;
	if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, mine->fd, &event) == 0)
		return true;
	return err_set(err, "epoll_ctl: %s", strerror(errno));
}

static bool worker_bind(struct worker *worker, struct err *err)
{
	struct source wake = { .kind = SOCKET_WAKE, .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };

	worker->bound = true;
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (wake.fd < 0 || worker->epoll < 0) {
		err_set(err, "epoll_create1, eventfd: %s", strerror(errno));
		if (wake.fd >= 0)
			close(wake.fd);
		return false;
	}
	for (size_t i = 0; i < worker->workers->nlisten; i++) {
		struct conf_listen *listen = &worker->workers->listen[i];
		struct source udp, tcp;
		bool added;

		if (!listen_open(&listen->addr, &listen->port, worker->number == 0, &udp, &tcp, err)) {
			close(wake.fd);
			return false;
		}
		added = worker_add(worker, &udp, err);
		if (!worker_add(worker, &tcp, err) || !added) {
			close(wake.fd);
			return false;
		}
	}
	return worker_add(worker, &wake, err);
}

/* Each TCP client takes a descriptor. As many as asked for, if the system lets us: beyond the hard limit only root. Returns
 * how many there may be. */
static uint32_t raise_files(const struct workers *workers, uint32_t tcp_clients)
{
	rlim_t beside = FILES_BESIDE + (rlim_t)workers->nworkers * (SOURCES_BESIDE + 2 * workers->nlisten);
	rlim_t want = tcp_clients + beside;
	struct rlimit limit, more = { want, want };

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
		return tcp_clients;
	if (limit.rlim_max < want && setrlimit(RLIMIT_NOFILE, &more) == 0)
		return tcp_clients;
	more = (struct rlimit){ limit.rlim_max < want ? limit.rlim_max : want, limit.rlim_max };
	if (setrlimit(RLIMIT_NOFILE, &more) == 0)
		limit = more;
	if (limit.rlim_cur >= want)
		return tcp_clients;
	return limit.rlim_cur > beside ? (uint32_t)(limit.rlim_cur - beside) : 1;
}

struct workers *workers_bind(const struct conf *conf, struct err *err)
{
	struct workers *workers = mem_alloc(sizeof *workers);

	assert(conf->workers > 0 && conf->nlisten <= CONF_LISTEN_MAX);
	workers->nworkers = conf->workers;
	workers->nlisten = conf->nlisten;
	memcpy(workers->listen, conf->listen, conf->nlisten * sizeof *conf->listen);
	workers->worker = mem_lines(conf->workers * sizeof *workers->worker);
	for (unsigned i = 0; i < workers->nworkers; i++) {
		workers->worker[i].workers = workers;
		workers->worker[i].number = i;
		if (!worker_bind(&workers->worker[i], err)) {
			workers_free(workers);
			return NULL;
		}
	}
	workers_limits(workers, conf);
	return workers;
}

size_t workers_listening(const struct workers *workers, const struct conf_listen **listen)
{
	*listen = workers->listen;
	return workers->nlisten;
}

uint32_t workers_limits(struct workers *workers, const struct conf *conf)
{
	uint32_t most = raise_files(workers, conf->tcp_clients);
	uint32_t of_prefix = conf->tcp_per_prefix > 0 ? conf->tcp_per_prefix : (most + 3) / 4;
	uint32_t each = most / workers->nworkers;
	/* up, since the kernel shares out a network's connections evenly by chance only */
	uint32_t each_of_prefix = (of_prefix + workers->nworkers - 1) / workers->nworkers;

	for (unsigned i = 0; i < workers->nworkers; i++) {
		struct tcp_limits *limits = &workers->worker[i].limits;

		atomic_store_explicit(&limits->clients, each > 0 ? each : 1, memory_order_relaxed);
		atomic_store_explicit(&limits->per_prefix, each_of_prefix, memory_order_relaxed);
		atomic_store_explicit(&limits->idle_ms, conf->tcp_idle_ms, memory_order_relaxed);
	}
	return most;
}

/* ---- the loop ---- */

/* Tell that nothing of the world is held. liburcu orders this by itself; the release, taken up in workers_publish, says the
 * same in terms that C11 and the thread sanitizer know. */
static void worker_pass(struct worker *worker)
{
	uint32_t passed = atomic_load_explicit(&worker->passed, memory_order_relaxed);

	atomic_store_explicit(&worker->passed, passed + 1, memory_order_release);
}

/* See the world as it is now. */
static void worker_look(struct worker *worker)
{
	worker->context.world = atomic_load_explicit(&worker->workers->world, memory_order_acquire);
	worker->context.guard = atomic_load_explicit(&worker->workers->guard, memory_order_acquire);
	worker->context.row = ledger_row(worker->context.world->ledger, worker->number);
	worker->sampling.sampler = atomic_load_explicit(&worker->workers->sampler, memory_order_acquire);
	worker->context.now_ms = clock_wall_ms();
	worker->context.now_s = (uint32_t)(worker->context.now_ms / 1000);
	worker->context.now_monotonic_ms = clock_monotonic_ms();
}

static void worker_udp(struct worker *worker, const struct source *source, unsigned rounds)
{
	while (udp_serve(worker->udp, source, &worker->context) == UDP_BATCH && --rounds > 0) {
		worker_pass(worker);
		rcu_quiescent_state();
		worker_look(worker);
	}
}

/* Answer what waits, and take no more. */
static void worker_close_sources(struct worker *worker)
{
	worker->closed = true;
	for (size_t i = 0; i < worker->nsources; i++) {
		struct source *source = &worker->source[i];

		if (source->kind == SOCKET_WAKE)
			continue;
		if (source->kind == SOCKET_UDP)
			worker_udp(worker, source, DRAIN_ROUNDS);
		else
			for (unsigned n = 0; n < DRAIN_ROUNDS && tcp_accept(worker->tcp, source, clock_monotonic_ms());)
				n++;
		close(source->fd);
		source->fd = -1;
	}
}

static int wait_ms(const struct worker *worker, uint64_t stop_ms)
{
	uint64_t next_ms = tcp_next_ms(worker->tcp), now_ms;

	if (stop_ms < next_ms)
		next_ms = stop_ms;
	if (next_ms == UINT64_MAX)
		return -1;
	now_ms = clock_monotonic_ms();
	if (next_ms <= now_ms)
		return 0;
	return next_ms - now_ms < INT32_MAX ? (int)(next_ms - now_ms) : INT32_MAX;
}

/* One turn: wait, then serve UDP; then connections, a slice of what is ready; new ones last, since they may make old ones
 * go. */
static void worker_turn(struct worker *worker, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	struct source *listener[EVENTS_MAX];
	size_t nlisteners = 0;
	bool clients = false;
	uint64_t now_ms;
	int n;

	worker_pass(worker);
	rcu_thread_offline();
	n = epoll_wait(worker->epoll, events, EVENTS_MAX, timeout_ms);
	rcu_thread_online();
	worker_look(worker);
	now_ms = worker->context.now_monotonic_ms;
	for (int i = 0; i < n; i++) {
		struct source *source = events[i].data.ptr;

		switch (source->kind) {
		case SOCKET_UDP:
			worker_udp(worker, source, UDP_ROUNDS);
			break;
		case SOCKET_TCP:
			clients = true;
			break;
		case SOCKET_LISTEN:
			listener[nlisteners++] = source;
			break;
		case SOCKET_WAKE:
			eventfd_read(source->fd, &(eventfd_t){ 0 });
			break;
		}
	}
	if (clients)
		tcp_serve(worker->tcp, now_ms);
	while (nlisteners > 0)
		tcp_accept(worker->tcp, listener[--nlisteners], now_ms);
	tcp_expire(worker->tcp, now_ms, worker->closed);
}

/* After the sockets are closed: serve clients that wait for something, until they have it or the time is over. */
static void worker_drain(struct worker *worker, uint64_t stop_ms)
{
	int timeout_ms = 0; /* first what has arrived by now; whoever is idle then is closed */

	while (tcp_clients(worker->tcp) > 0 && clock_monotonic_ms() < stop_ms) {
		worker_turn(worker, timeout_ms);
		timeout_ms = wait_ms(worker, stop_ms);
	}
}

static void *worker_run(void *argument)
{
	struct worker *worker = argument;
	uint64_t stop_ms;

	slice_ask_short();
	rcu_register_thread();
	worker_look(worker);
	while ((stop_ms = atomic_load_explicit(&worker->workers->stop_ms, memory_order_acquire)) == 0)
		worker_turn(worker, wait_ms(worker, UINT64_MAX));
	worker_look(worker);
	worker_close_sources(worker);
	worker_drain(worker, stop_ms);
	worker_pass(worker);
	rcu_unregister_thread();
	return NULL;
}

/* ---- starting, publishing, stopping ---- */

/* To a core of its own, when there is one for each; which cores we may use is the system's to say. */
static void worker_pin(const struct worker *worker)
{
	unsigned skip = worker->number;
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 ||
		worker->workers->nworkers > (unsigned)CPU_COUNT(&allowed))
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || skip-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		pthread_setaffinity_np(worker->thread, sizeof one, &one);
		return;
	}
}

static bool worker_start(struct worker *worker, const struct packet_identity *identity, struct err *err)
{
	sigset_t all, before;
	char name[16];
	int error;

	worker->identity = *identity;
	worker->dice = dice_from_kernel();
	worker->context = (struct packet_context){
		.identity = &worker->identity,
		.dice = &worker->dice,
		.counters = &worker->counters,
		.worker = worker->number,
		.sampling = &worker->sampling,
		.exploring = &worker->exploring,
	};
	worker->udp = udp_new();
	worker->tcp = tcp_new(worker->epoll, &worker->context, &worker->limits, &worker->identity.tcp_idle_ms, err);
	if (worker->tcp == NULL)
		return false;
	worker->rtts = mem_lines(sizeof *worker->rtts);
	tcp_measure_into(worker->tcp, worker->rtts);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
	error = pthread_create(&worker->thread, NULL, worker_run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		return err_set(err, "pthread_create: %s", strerror(error));
	worker->started = true;
	worker_pin(worker);
	snprintf(name, sizeof name, "gslb-w%u", worker->number);
	pthread_setname_np(worker->thread, name);
	return true;
}

bool workers_start(
	struct workers *workers, const struct packet_identity *identity, const struct world *first, struct err *err)
{
	atomic_store_explicit(&workers->world, first, memory_order_release);
	for (unsigned i = 0; i < workers->nworkers; i++) {
		if (!worker_start(&workers->worker[i], identity, err)) {
			workers_stop(workers, 0);
			return false;
		}
	}
	return true;
}

/* Wait until no worker holds what was replaced. */
static void wait_passed(const struct workers *workers)
{
	synchronize_rcu();
	for (unsigned i = 0; i < workers->nworkers; i++)
		(void)atomic_load_explicit(&workers->worker[i].passed, memory_order_acquire);
}

const struct world *workers_publish(struct workers *workers, const struct world *next)
{
	const struct world *before = atomic_exchange_explicit(&workers->world, next, memory_order_acq_rel);

	wait_passed(workers);
	return before;
}

const struct guard *workers_guard(struct workers *workers, const struct guard *next)
{
	const struct guard *before = atomic_exchange_explicit(&workers->guard, next, memory_order_acq_rel);

	wait_passed(workers);
	return before;
}

void workers_counted(const struct workers *workers, struct counted *counted)
{
	memset(counted, 0, sizeof *counted);
	for (unsigned i = 0; i < workers->nworkers; i++)
		counted_add(counted, &workers->worker[i].counters);
	counted_end(counted);
}

void workers_counters(const struct workers *workers, uint64_t sums[static COUNTERS_N])
{
	struct counted counted;

	workers_counted(workers, &counted);
	memcpy(sums, counted.value, sizeof counted.value);
}

struct sampler *workers_sample(struct workers *workers, bool on)
{
	if (on && workers->made == NULL)
		workers->made = mem_alloc(sizeof *workers->made);
	atomic_store_explicit(&workers->sampler, on ? workers->made : NULL, memory_order_release);
	return on ? workers->made : NULL;
}

bool workers_take_rtt(struct workers *workers, struct rtt_sample *sample)
{
	for (unsigned i = 0; i < workers->nworkers; i++)
		if (workers->worker[i].rtts != NULL && rtt_ring_take(workers->worker[i].rtts, sample))
			return true;
	return false;
}

void workers_stop(struct workers *workers, uint32_t drain_ms)
{
	atomic_store_explicit(&workers->stop_ms, clock_monotonic_ms() + drain_ms, memory_order_release);
	for (unsigned i = 0; i < workers->nworkers; i++)
		if (workers->worker[i].started)
			eventfd_write(workers->worker[i].source[workers->worker[i].nsources - 1].fd, 1);
	for (unsigned i = 0; i < workers->nworkers; i++)
		if (workers->worker[i].started)
			pthread_join(workers->worker[i].thread, NULL);
	for (unsigned i = 0; i < workers->nworkers; i++)
		workers->worker[i].started = false;
}

void workers_free(struct workers *workers)
{
	if (workers == NULL)
		return;
	for (unsigned i = 0; i < workers->nworkers; i++) {
		struct worker *worker = &workers->worker[i];

		assert(!worker->started);
		tcp_free(worker->tcp);
		udp_free(worker->udp);
		free(worker->rtts);
		for (size_t k = 0; k < worker->nsources; k++)
			if (worker->source[k].fd >= 0)
				close(worker->source[k].fd);
		if (worker->bound && worker->epoll >= 0)
			close(worker->epoll);
	}
	free(workers->made);
	free(workers->worker);
	free(workers);
}
