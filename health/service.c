/* One thread, one loop. Messages from gslbd change the plan or the board; results become words on the board, and messages
 * back are sent at the end of each round of the loop, so that ten changes of one slot in a round are one message. */
#include "health/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "health/board.h"
#include "health/council.h"
#include "health/eyes.h"
#include "health/gauge.h"
#include "health/lookup.h"
#include "health/post.h"
#include "health/probing.h"

enum { ALIVE_US = 1000000, OWN_DESCRIPTORS = 128, PROBE_DESCRIPTORS_MIN = 16, MESSAGES_A_ROUND = 64 };

struct service {
	struct loop *loop;
	struct loop_watch sock;
	struct loop_timer alive, flush;
	struct board_slot *slots;
	uint32_t nslots;
	struct arena *plan; /* what the probing's targets point to */
	struct probe_runner *runner;
	struct eyes *eyes;
	struct probing *probing;
	struct council *council;
	struct lookups *lookups;
	struct gauges *gauges;
	struct post *post;
	bool sandboxed;
	struct log_limit push_limit;
};

/* ---- to gslbd ---- */

static void flush_post(struct loop_timer *timer)
{
	struct service *service = LOOP_OWNER(timer, struct service, flush);

	loop_rewatch(service->loop, &service->sock, post_flush(service->post) ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

static void flush_soon(struct service *service)
{
	if (!loop_is_set(&service->flush))
		loop_set(service->loop, &service->flush, 0);
}

static void say_changed(void *arg, uint32_t slot)
{
	struct service *service = arg;

	post_changed(service->post, slot);
	flush_soon(service);
}

static void say_resolved(void *arg, const struct health_message *message)
{
	struct service *service = arg;

	post_resolved(service->post, message);
	flush_soon(service);
}

static void say_abstain(void *arg, const struct health_message *message)
{
	struct service *service = arg;

	post_abstain(service->post, message);
	flush_soon(service);
}

/* Sent at once or not at all: the next one follows soon. */
static void say_load(void *arg, const struct health_message *message)
{
	const struct service *service = arg;

	health_send(service->sock.fd, message, -1);
}

static void say_target_load(void *arg, const struct health_target *target, uint64_t load_milli)
{
	say_load(arg, &(struct health_message){ .kind = HEALTH_LOAD,
			      .slot = target->slot,
			      .generation = target->generation,
			      .state = 1,
			      .ok = true,
			      .value = load_milli });
}

static void voted(void *arg)
{
	struct service *service = arg;

	council_stir(service->council);
}

static void look_again(void *arg, uint32_t slot, bool suspect)
{
	struct service *service = arg;

	probing_again(service->probing, slot, suspect);
}

static struct board_fleet *fleet_stats(const struct service *service)
{
	return service->slots == NULL ? NULL : &board_attached_stats(service->slots, service->nslots)->fleet;
}

static void say_alive(struct loop_timer *timer)
{
	struct service *service = LOOP_OWNER(timer, struct service, alive);

	post_alive(service->post);
	probing_tick(service->probing);
	eyes_tick(service->eyes);
	council_tick(service->council, eyes_abstain(service->eyes), fleet_stats(service));
	loop_set(service->loop, timer, clock_monotonic_us() + ALIVE_US);
}

/* ---- from gslbd ---- */

static void take_board(struct service *service, const struct health_message *message, int fd)
{
	uint32_t nslots = message->value < UINT32_MAX ? (uint32_t)message->value : UINT32_MAX;
	struct board_slot *slots;
	struct err err;

	slots = board_attach(fd, nslots, &err);
	if (slots == NULL) {
		log_error("board refused: %s", err.text);
		return;
	}
	probing_set_board(service->probing, slots, nslots);
	probe_runner_set_stats(service->runner, board_attached_stats(slots, nslots));
	post_set_board(service->post, slots, nslots);
	board_detach(service->slots, service->nslots);
	service->slots = slots;
	service->nslots = nslots;
}

/* A command of an exec check may need its set-uid bit (ping); nothing else here does. It cannot be taken back. */
static void forbid_privileges(struct service *service, const struct health_plan *plan)
{
	bool exec = false;

	for (size_t i = 0; i < plan->ntargets; i++)
		exec |= plan->targets[i].probe.check == HEALTH_CHECK_EXEC;
	if (exec && service->sandboxed)
		log_notice("checks by command were added after the start: one with a set-uid bit needs a "
			   "restart of gslb-health");
	if (exec || service->sandboxed)
		return;
	service->sandboxed = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static void put_in_force(struct service *service, struct arena *arena, const struct health_plan *plan)
{
	forbid_privileges(service, plan);
	probe_runner_set_checks_directory(service->runner, plan->checks_directory);
	eyes_set(service->eyes, plan);
	council_set(service->council, plan, service->nslots);
	probing_set_targets(service->probing, plan->targets, plan->ntargets);
	lookups_replace(service->lookups, plan->lookups, plan->nlookups);
	gauges_replace(service->gauges, plan->gauges, plan->ngauges);
	arena_free(service->plan);
	service->plan = arena;
	atomic_store_explicit(&board_attached_stats(service->slots, service->nslots)->targets, (uint32_t)plan->ntargets,
		memory_order_relaxed);
	post_taken(service->post, plan->serial);
	flush_soon(service);
	log_info("plan=%llu targets=%zu lookups=%zu", (unsigned long long)plan->serial, plan->ntargets, plan->nlookups);
}

static void take_plan(struct service *service, int fd)
{
	struct arena *arena = arena_new();
	struct health_plan plan;
	struct err err;

	if (service->slots == NULL)
		log_error("plan refused: it must come after a board");
	else if (!health_plan_read(fd, arena, &plan, &err))
		log_error("plan refused, the one before stays in force: %s", err.text);
	else {
		put_in_force(service, arena, &plan);
		return;
	}
	arena_free(arena);
}

static void take_push(struct service *service, const struct health_message *message)
{
	bool up = message->state == HEALTH_UP;
	unsigned held;

	if ((up || message->state == HEALTH_DOWN) &&
		probing_push(service->probing, message->slot, message->generation, up, message->value))
		return;
	if (log_allowed(&service->push_limit, clock_monotonic_ms(), &held))
		log_warning(
			"push for slot %u refused: no target with check=push is there (held=%u)", message->slot, held);
}

static void take_message(struct service *service, const struct health_message *message, int fd)
{
	switch (message->kind) {
	case HEALTH_BOARD:
		take_board(service, message, fd);
		break;
	case HEALTH_PLAN:
		take_plan(service, fd);
		break;
	case HEALTH_PUSH:
		take_push(service, message);
		break;
	default:
		log_warning("message of kind %u is for gslbd, not for gslb-health", message->kind);
		break;
	}
	if (fd >= 0)
		close(fd);
}

static void sock_ready(struct loop_watch *watch, uint32_t events)
{
	struct service *service = LOOP_OWNER(watch, struct service, sock);
	struct health_message message;
	int fd, got = 0;

	if (events & EPOLLOUT)
		flush_soon(service);
	for (int i = 0; i < MESSAGES_A_ROUND; i++) {
		got = health_receive(watch->fd, &message, &fd);
		if (got <= 0)
			break;
		take_message(service, &message, fd);
	}
	if (got < 0) {
		log_info("gslbd has closed the socket: ending");
		loop_stop(service->loop);
	}
}

/* ---- life ---- */

unsigned service_descriptors(void)
{
	const struct rlimit no_core = { 0, 0 };
	struct rlimit files;

	setrlimit(RLIMIT_CORE, &no_core);
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return PROBE_DESCRIPTORS_MIN;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < OWN_DESCRIPTORS + PROBE_DESCRIPTORS_MIN)
		return PROBE_DESCRIPTORS_MIN;
	return files.rlim_cur - OWN_DESCRIPTORS < INT_MAX ? (unsigned)files.rlim_cur - OWN_DESCRIPTORS : INT_MAX;
}

static bool service_init(struct service *service, int sock, struct err *err)
{
	int type = 0;
	socklen_t len = sizeof type;

	if (getsockopt(sock, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_SEQPACKET)
		return err_set(err, "--fd %d: must be the SOCK_SEQPACKET socket that gslbd hands over", sock);
	fcntl(sock, F_SETFD, FD_CLOEXEC);
	*service = (struct service){
		.sock = { sock_ready, sock }, .alive = { .fire = say_alive }, .flush = { .fire = flush_post }
	};
	service->loop = loop_new(err);
	if (service->loop == NULL)
		return false;
	service->runner = probe_runner_new(service->loop, service_descriptors(), err);
	if (service->runner == NULL)
		return false;
	service->eyes = eyes_new(service->loop, service->runner, say_abstain, service);
	service->council = council_new(service->loop, look_again, service);
	service->probing = probing_new(service->loop, service->runner, service->eyes, council_fleet(service->council),
		&(struct probing_ops){ service, say_changed, voted });
	service->post = post_new(sock);
	service->lookups = lookups_new(service->loop, say_resolved, service, err);
	if (service->lookups == NULL)
		return false;
	probing_tell_loads(service->probing, say_target_load);
	service->gauges = gauges_new(service->loop, service->runner, say_load, service, err);
	if (service->gauges == NULL)
		return false;
	if (!loop_watch(service->loop, &service->sock, EPOLLIN))
		return err_set(err, "--fd %d: %s", sock, strerror(errno));
	loop_set(service->loop, &service->alive, 0);
	return true;
}

static void service_fini(struct service *service)
{
	gauges_free(service->gauges);
	lookups_free(service->lookups);
	probing_free(service->probing);
	council_free(service->council);
	eyes_free(service->eyes);
	probe_runner_free(service->runner);
	post_free(service->post);
	loop_free(service->loop);
	board_detach(service->slots, service->nslots);
	arena_free(service->plan);
}

bool service_run(int sock, struct err *err)
{
	struct service service = { 0 };
	bool started = service_init(&service, sock, err);

	if (started)
		loop_run(service.loop);
	service_fini(&service);
	return started;
}
