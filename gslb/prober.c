/* gslb-health can hang, crash or write garbage: its messages are bounded and only ever say "look", its verdicts are words
 * that are read with a generation, and when it ends or falls silent it is started again while the last verdicts stand. */
#include "gslb/prober.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gslb/names.h"
#include "gslb/probe_of.h"
#include "gslb/rules.h"
#include "gslb/slots.h"

enum {
	BACKOFF_FIRST_MS = 200,
	BACKOFF_WORKED_MS = 500, /* the longest wait after one that had taken up its plan: probing is worth a hurry */
	BACKOFF_LAST_MS = 10000, /* after one that never got that far */
	SILENCE_MS = 10000,
	STEADY_MS = 30000,         /* running this long, the backoff begins anew */
	KEPT_MS = 600000,          /* DESIGN 5: a kept verdict younger than ten minutes counts as it stands */
	CHECKPOINT_SOON_MS = 1000, /* after a change */
	CHECKPOINT_LATE_MS = 30000 /* without one: the age of what is kept is counted from here */
};

enum { LOADS_MAX = 1024 }; /* that wait to be taken; what comes beyond that comes again */

enum phase { PHASE_STOPPED, PHASE_STARTING, PHASE_RUNNING, PHASE_ENDING };

struct prober {
	struct spawner *spawner;
	struct board *board;
	pthread_mutex_t held; /* the slots and the names: a snapshot is compiled from them aside */
	struct slots *slots;
	struct names *names;
	char *checkpoint;
	enum phase phase;
	int sock;
	int plan_fd; /* the last plan, for a gslb-health that starts anew; -1: none yet */
	uint64_t plan_serial, plan_taken;
	size_t ntargets, nnames;
	struct health_anchor anchors[PROBER_ANCHORS_MAX];
	size_t nanchors;
	const struct health_gauge *gauges;
	size_t ngauges;
	struct health_message *loads; /* LOADS_MAX */
	size_t first_load, nloads;
	struct health_fleet fleet;
	struct health_message abstain; /* the last that this gslb-health sent; state 0: it does not */
	pid_t pid;
	uint32_t restarts;
	uint64_t since_ms, started_ms, heard_ms, start_ms; /* since: wall; the others monotonic */
	uint64_t word_ms; /* monotonic: the last message, of any gslb-health; at first, when the prober was opened */
	uint32_t backoff_ms;
	uint64_t checkpoint_ms;
	bool started;        /* there was one before */
	bool worked;         /* this gslb-health has taken up a plan */
	bool dirty, unsaved; /* verdicts changed since the checkpoint; the last one could not be written */
};

struct prober *prober_open(struct spawner *spawner, const char *state_directory, uint64_t now_ms, struct err *err)
{
	struct board *board = board_new(PROBER_SLOTS, err);
	struct err kept = { 0 };
	struct prober *prober;

	if (board == NULL)
		return NULL;
	prober = mem_alloc(sizeof *prober);
	prober->spawner = spawner;
	prober->board = board;
	pthread_mutex_init(&prober->held, NULL);
	prober->slots = slots_new(board);
	prober->names = names_new();
	prober->loads = mem_alloc(LOADS_MAX * sizeof *prober->loads);
	prober->checkpoint = mem_printf("%s/verdicts", state_directory);
	prober->sock = prober->plan_fd = -1;
	prober->backoff_ms = BACKOFF_FIRST_MS;
	prober->since_ms = now_ms;
	prober->word_ms = clock_monotonic_ms();
	if (!slots_restore(prober->slots, prober->checkpoint, now_ms, KEPT_MS, &kept))
		log_warning("checkpoint=%s state=not-read reason=\"%s\"", prober->checkpoint, kept.text);
	return prober;
}

static void hold(void *context, bool on)
{
	struct prober *prober = context;

	if (on)
		pthread_mutex_lock(&prober->held);
	else
		pthread_mutex_unlock(&prober->held);
}

static void save(struct prober *prober, uint64_t now_ms)
{
	struct buf text = { 0 };
	struct err err;
	bool written;

	hold(prober, true);
	slots_print(prober->slots, now_ms, &text);
	hold(prober, false);
	written = file_replace(prober->checkpoint, text.text, text.len, 0640, &err);
	buf_fini(&text);

	/* a full disk is said once, and tried again without end */
	if (!written && !prober->unsaved)
		log_error("checkpoint=%s state=not-written reason=\"%s\"", prober->checkpoint, err.text);
	if (written && prober->unsaved)
		log_notice("checkpoint=%s state=written", prober->checkpoint);
	prober->unsaved = !written;
	prober->dirty = false;
}

void prober_save(struct prober *prober)
{
	save(prober, clock_wall_ms());
}

void prober_close(struct prober *prober)
{
	if (prober == NULL)
		return;
	save(prober, clock_wall_ms());
	if (prober->sock >= 0)
		close(prober->sock);
	if (prober->plan_fd >= 0)
		close(prober->plan_fd);
	spawner_close(prober->spawner);
	slots_free(prober->slots);
	names_free(prober->names);
	board_free(prober->board);
	pthread_mutex_destroy(&prober->held);
	free(prober->loads);
	free(prober->checkpoint);
	free(prober);
}

const struct board_slot *prober_slots(const struct prober *prober, uint32_t *nslots)
{
	*nslots = board_nslots(prober->board);
	return board_slots(prober->board);
}

/* ---- targets ---- */

static bool take_slot(void *context, const struct endpoint *endpoint, const struct pool *pool,
	const struct target *target, uint32_t *slot, uint16_t *generation)
{
	struct prober *prober = context;
	char room[NAME_TEXT_MAX];
	struct health_probe probe = probe_of(pool, target, room);

	return slots_take(prober->slots, health_identity(&endpoint->addr, endpoint->port, &probe), slot, generation);
}

static const struct resolved *find_name(void *context, const struct name *name)
{
	struct prober *prober = context;

	return names_find(prober->names, name);
}

void prober_inputs(struct prober *prober, struct snapshot_inputs *inputs)
{
	inputs->resolve = find_name;
	inputs->slot = take_slot;
	inputs->hold = hold;
	inputs->context = prober;
}

static bool look_slot(void *context, const struct endpoint *endpoint, const struct pool *pool,
	const struct target *target, uint32_t *slot, uint16_t *generation)
{
	const struct prober *prober = context;
	char room[NAME_TEXT_MAX];
	struct health_probe probe = probe_of(pool, target, room);

	return slots_known(prober->slots, health_identity(&endpoint->addr, endpoint->port, &probe), slot, generation);
}

static const struct resolved *look_name(void *context, const struct name *name)
{
	const struct prober *prober = context;

	return names_known(prober->names, name);
}

void prober_looks(struct prober *prober, struct snapshot_inputs *inputs)
{
	inputs->resolve = look_name;
	inputs->slot = look_slot;
	inputs->hold = hold;
	inputs->context = prober;
}

void prober_set_anchors(struct prober *prober, const struct health_anchor *anchors, size_t n)
{
	prober->nanchors = n < PROBER_ANCHORS_MAX ? n : PROBER_ANCHORS_MAX;
	memcpy(prober->anchors, anchors, prober->nanchors * sizeof *anchors);
}

void prober_set_gauges(struct prober *prober, const struct health_gauge *gauges, size_t n)
{
	prober->gauges = gauges;
	prober->ngauges = n;
}

static void keep_load(struct prober *prober, const struct health_message *message)
{
	if (prober->nloads < LOADS_MAX)
		prober->loads[prober->nloads++] = *message;
}

bool prober_next_load(struct prober *prober, struct health_message *message)
{
	if (prober->first_load == prober->nloads) {
		prober->first_load = prober->nloads = 0;
		return false;
	}
	*message = prober->loads[prober->first_load++];
	return true;
}

void prober_set_fleet(struct prober *prober, const struct health_fleet *fleet)
{
	prober->fleet = *fleet;
}

/* What is pushed, and what is not probed, is each host's own matter. */
static uint8_t vantages_of(const struct pool *pool)
{
	if (pool->check.type == CHECK_PUSH || pool->check.type == CHECK_NONE)
		return 0;
	return pool->vantages < UINT8_MAX ? (uint8_t)pool->vantages : UINT8_MAX;
}

/* One target a slot: endpoints that share an identity share its probe. */
static size_t collect_targets(
	const struct snapshot *snapshot, const uint32_t *groups, struct arena *arena, struct health_target *targets)
{
	uint8_t *seen = mem_alloc(PROBER_SLOTS / 8);
	char pool_text[NAME_TEXT_MAX], target_text[NAME_TEXT_MAX], addr_text[ADDR_TEXT_MAX];
	size_t n = 0;

	for (uint32_t i = 0; i < snapshot->nendpoints; i++) {
		const struct endpoint *endpoint = &snapshot->endpoints[i];
		const struct pool *pool = &snapshot->set->pools[endpoint->pool];
		const struct target *target = snapshot->set->targets[endpoint->target];
		struct health_target *out = &targets[n];
		char *label;

		if (endpoint->slot == SLOT_NONE || seen[endpoint->slot / 8] & 1u << endpoint->slot % 8)
			continue;
		seen[endpoint->slot / 8] |= (uint8_t)(1u << endpoint->slot % 8);
		*out = (struct health_target){
			.slot = endpoint->slot,
			.generation = endpoint->generation,
			.port = endpoint->port,
			.addr = endpoint->addr,
			.probe = probe_of(pool, target, target_text),
			.group = groups[i],
			.vantages = vantages_of(pool),
		};
		if (out->probe.host == target_text)
			out->probe.host = arena_strdup(arena, target_text);
		if (out->probe.qname == target_text)
			out->probe.qname = arena_strdup(arena, target_text);
		label = mem_printf("%s/%s %s", pool->label,
			name_format_under(&target->name, &pool->zone->apex, pool_text),
			addr_format(&endpoint->addr, addr_text));
		out->label = arena_strdup(arena, label);
		free(label);
		n++;
	}
	free(seen);
	return n;
}

bool prober_plan(struct prober *prober, const struct snapshot *snapshot, const char *checks_directory, struct err *err)
{
	struct health_target *targets = mem_alloc((snapshot->nendpoints + 1) * sizeof *targets);
	uint32_t *groups = mem_alloc((snapshot->nendpoints + 1) * sizeof *groups);
	struct arena *arena = arena_new();
	struct health_plan plan = {
		.serial = prober->plan_serial + 1,
		.targets = targets,
		.checks_directory = checks_directory,
		.gauges = prober->gauges,
		.ngauges = prober->ngauges,
		.anchors = prober->anchors,
		.nanchors = prober->nanchors,
		.fleet = prober->fleet,
	};
	struct health_lookup *lookups;
	int fd;

	hold(prober, true);
	names_sweep(prober->names);
	slots_sweep(prober->slots);
	plan.nlookups = names_lookups(prober->names, &lookups);
	hold(prober, false); /* the lookups' strings stay until the next sweep */
	plan.lookups = lookups;
	plan.ngroups = rules_groups(snapshot, groups);
	plan.ntargets = collect_targets(snapshot, groups, arena, targets);
	if (plan.fleet.nregions > 1)
		rules_budget(snapshot, arena, &plan);
	fd = health_plan_write(&plan, err);
	prober_set_gauges(prober, NULL, 0);
	arena_free(arena);
	free(groups);
	free(targets);
	if (fd < 0)
		return false;
	if (prober->plan_fd >= 0)
		close(prober->plan_fd);
	prober->plan_fd = fd;
	prober->plan_serial = plan.serial;
	prober->ntargets = plan.ntargets;
	prober->nnames = plan.nlookups;
	prober->dirty = true;
	if (prober->phase == PHASE_RUNNING)
		health_send(prober->sock, &(struct health_message){ .kind = HEALTH_PLAN, .value = plan.serial }, fd);
	return true;
}

const struct board *prober_board(const struct prober *prober)
{
	return prober->board;
}

const struct board_stats *prober_stats(const struct prober *prober)
{
	return board_stats(prober->board);
}

bool prober_push(struct prober *prober, const struct endpoint *endpoint, enum health_state state, uint64_t for_ms,
	struct err *err)
{
	struct health_message message = {
		.kind = HEALTH_PUSH,
		.slot = endpoint->slot,
		.generation = endpoint->generation,
		.state = (uint16_t)state,
		.value = for_ms,
	};

	if (prober->phase != PHASE_RUNNING || !health_send(prober->sock, &message, -1))
		return err_set(err, "gslb-health is not running just now: push again in a moment");
	return true;
}

/* ---- the process ---- */

static void ended(struct prober *prober, uint64_t now_ms, uint64_t monotonic_ms)
{
	uint32_t longest_ms;

	if (prober->sock >= 0)
		close(prober->sock);
	prober->sock = -1;
	prober->phase = PHASE_STOPPED;
	prober->pid = 0;
	prober->abstain = (struct health_message){ 0 };
	prober->since_ms = now_ms;
	if (monotonic_ms - prober->started_ms > STEADY_MS)
		prober->backoff_ms = BACKOFF_FIRST_MS;
	longest_ms = prober->worked ? BACKOFF_WORKED_MS : BACKOFF_LAST_MS;
	if (prober->backoff_ms > longest_ms)
		prober->backoff_ms = longest_ms;
	prober->start_ms = monotonic_ms + prober->backoff_ms;
	prober->backoff_ms *= 2;
	prober->worked = false;
}

static void start(struct prober *prober, uint64_t monotonic_ms)
{
	int pair[2], room = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		return;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	prober->started_ms = prober->heard_ms = monotonic_ms;
	if (!spawner_start(prober->spawner, pair[1])) {
		close(pair[0]);
		ended(prober, prober->since_ms, monotonic_ms);
		return;
	}
	prober->sock = pair[0];
	prober->phase = PHASE_STARTING;
}

static void hand_over(struct prober *prober)
{
	struct health_message board = { .kind = HEALTH_BOARD, .value = board_nslots(prober->board) };
	struct health_message plan = { .kind = HEALTH_PLAN, .value = prober->plan_serial };

	health_send(prober->sock, &board, board_fd(prober->board));
	if (prober->plan_fd >= 0)
		health_send(prober->sock, &plan, prober->plan_fd);
}

static void log_end(const struct spawner_event *event)
{
	if (WIFSIGNALED(event->status))
		log_error("program=gslb-health pid=%d state=ended signal=%d verdicts=kept", (int)event->pid,
			WTERMSIG(event->status));
	else
		log_error("program=gslb-health pid=%d state=ended exit=%d verdicts=kept", (int)event->pid,
			WEXITSTATUS(event->status));
}

static bool watch_process(struct prober *prober, uint64_t now_ms, uint64_t monotonic_ms)
{
	struct spawner_event event;
	bool news = false;
	int got;

	while ((got = spawner_next(prober->spawner, &event)) == 1) {
		if (!event.started) {
			if (event.pid != prober->pid)
				continue;
			log_end(&event);
			ended(prober, now_ms, monotonic_ms);
		} else if (event.pid < 0) {
			log_error("program=gslb-health state=not-started reason=\"%s\"", strerror(event.status));
			ended(prober, now_ms, monotonic_ms);
		} else {
			prober->pid = event.pid;
			prober->phase = PHASE_RUNNING;
			prober->since_ms = now_ms;
			prober->heard_ms = monotonic_ms;
			if (prober->started)
				prober->restarts++;
			prober->started = true;
			log_notice("program=gslb-health pid=%d state=running", (int)event.pid);
			hand_over(prober);
		}
		news = true;
	}
	if (got < 0 && prober->phase != PHASE_STOPPED) {
		log_error("program=gslb-health state=unwatched reason=\"the process that starts it is gone: restart "
			  "gslbd\"");
		ended(prober, now_ms, monotonic_ms);
		news = true;
	}
	return news;
}

static void take_messages(struct prober *prober, uint64_t now_ms, uint64_t monotonic_ms, struct prober_news *news)
{
	struct health_message message;
	int got = 0, fd;

	if (prober->phase != PHASE_RUNNING)
		return;
	for (int i = 0; i < 10000 && (got = health_receive(prober->sock, &message, &fd)) == 1; i++) {
		if (fd >= 0)
			close(fd);
		prober->heard_ms = prober->word_ms = monotonic_ms;
		switch (message.kind) {
		case HEALTH_TAKEN:
			prober->plan_taken = message.value;
			prober->worked = true;
			break;
		case HEALTH_CHANGED:
			news->verdicts = prober->dirty = true;
			break;
		case HEALTH_RESOLVED:
			hold(prober, true);
			news->names = names_take(prober->names, &message, now_ms) || news->names;
			hold(prober, false);
			break;
		case HEALTH_ABSTAIN:
			prober->abstain = message;
			break;
		case HEALTH_LOAD:
			keep_load(prober, &message);
			break;
		default: /* HEALTH_ALIVE, and what a gone-mad prober may send */
			break;
		}
	}
	if (got < 0) {
		log_error("program=gslb-health pid=%d state=killed reason=\"it closed its socket or wrote garbage\"",
			(int)prober->pid);
		prober->phase = PHASE_ENDING;
		spawner_kill(prober->spawner);
	}
}

static void kill_the_silent(struct prober *prober, uint64_t monotonic_ms)
{
	if (prober->phase != PHASE_RUNNING || monotonic_ms - prober->heard_ms < SILENCE_MS)
		return;
	log_error("program=gslb-health pid=%d state=killed reason=\"silent for %d s\"", (int)prober->pid,
		SILENCE_MS / 1000);
	prober->phase = PHASE_ENDING;
	spawner_kill(prober->spawner);
}

void prober_fds(const struct prober *prober, int *messages, int *spawner)
{
	*messages = prober->phase == PHASE_RUNNING ? prober->sock : -1;
	*spawner = spawner_fd(prober->spawner);
}

struct prober_news prober_run(struct prober *prober, uint64_t now_ms, uint64_t monotonic_ms, uint64_t *next_ms)
{
	struct prober_news news = { 0 };
	uint64_t due;

	news.alarm = watch_process(prober, now_ms, monotonic_ms);
	take_messages(prober, now_ms, monotonic_ms, &news);
	kill_the_silent(prober, monotonic_ms);
	hold(prober, true);
	names_prolong(prober->names, now_ms);
	hold(prober, false);
	if (prober->phase == PHASE_STOPPED && monotonic_ms >= prober->start_ms && spawner_fd(prober->spawner) >= 0)
		start(prober, monotonic_ms);
	due = prober->checkpoint_ms + (prober->dirty ? CHECKPOINT_SOON_MS : CHECKPOINT_LATE_MS);
	if (monotonic_ms >= due) {
		save(prober, now_ms);
		prober->checkpoint_ms = monotonic_ms;
		due = monotonic_ms + CHECKPOINT_LATE_MS;
	}
	*next_ms = monotonic_ms + (prober->nnames > 0 ? 400 : 1000); /* silence is looked for, names are prolonged */
	if (due < *next_ms)
		*next_ms = due;
	if (prober->phase == PHASE_STOPPED && prober->start_ms > monotonic_ms && prober->start_ms < *next_ms)
		*next_ms = prober->start_ms;
	return news;
}

struct prober_status prober_status(const struct prober *prober)
{
	return (struct prober_status){
		.running = prober->phase == PHASE_RUNNING,
		.unsaved = prober->unsaved,
		.pid = prober->pid,
		.restarts = prober->restarts,
		.since_ms = prober->since_ms,
		.heard_ms = prober->word_ms,
		.plan_sent = prober->plan_serial,
		.plan_taken = prober->plan_taken,
		.ntargets = prober->ntargets,
		.nnames = prober->nnames,
		.nanchors = prober->nanchors,
		.nregions = prober->fleet.nregions,
		.abstaining = (enum abstain_why)prober->abstain.state,
		.abstain_failing = prober->abstain.slot,
		.abstain_of = prober->abstain.ttl_s,
		.abstain_since_ms = prober->abstain.value,
	};
}
