/* probe - run one probe and say how it went. A check type is a file with one struct probe_method and a row in probe.c.
 *
 * The runner bounds how many run at once, keeps the time, and starts what waits in order. All of one thread. */
#ifndef GSLB_HEALTH_PROBE_H
#define GSLB_HEALTH_PROBE_H

#include <limits.h>
#include <sys/queue.h>

#include "health/health.h"
#include "health/loop.h"

struct probe_runner;
struct probe_method;

struct probe_report {
	enum probe_result result;
	uint16_t number; /* HTTP status, DNS rcode, exit status or signal; else 0 */
	uint32_t took_us;
	uint32_t connect_us, tls_us,
		first_byte_us; /* its parts, each by itself; 0: it did not get so far, or has none */
	bool reused;           /* over a connection that was open already */
	uint32_t cert_end_s;   /* Unix seconds when the certificate ends; 0: not looked at */
	bool has_load;
	uint64_t load_milli;           /* what the answer told of load, where the probe asks for it */
	char detail[BOARD_DETAIL_MAX]; /* "" or a few words, always terminated */
};

enum probe_phase { PROBE_IDLE, PROBE_QUEUED, PROBE_RUNNING };

/* One probe of a target, used again and again. The owner sets the first block and may look at `phase`. */
struct probe {
	const struct health_target *target; /* borrowed; may be replaced by one that is equal but for the times */
	bool look_at_cert;                  /* fill in cert_end_s if that can be done */
	uint64_t due_us;                    /* monotonic: when it was to start, for the statistics; 0: no matter */
	void (*finished)(
		struct probe *probe, const struct probe_report *report); /* may start no probe, may free this one */

	enum probe_phase phase;
	struct probe_runner *runner;
	const struct probe_method *method;
	void *context; /* the method's, from open */
	void *work;    /* the method's, from start to done or stop */
	void *kept;    /* the method's, from one probe to the next: an open connection */
	uint64_t started_us;
	struct loop_timer deadline;
	TAILQ_ENTRY(probe) waiting;
};

struct probe_method {
	unsigned descriptors;                              /* that one running probe takes, at most */
	unsigned most;                                     /* at once */
	void *(*open)(struct loop *loop, struct err *err); /* what all its probes share, or NULL if there is nothing */
	void (*close)(void *context);
	/* Begin, and call probe_done once, now or later. NULL: it is never probed, its state is pushed. */
	void (*start)(struct probe *probe);
	/* Give it up and release the work. The time ran out, if report is given: words on what it waited for may be added. */
	void (*stop)(struct probe *probe, struct probe_report *report);
	/* There is no next probe: let go of what was kept. NULL when nothing ever is. */
	void (*forget)(struct probe *probe);
};

/* max_descriptors: how many all probes together may hold open. checks_directory is borrowed and may be set anew. */
struct probe_runner *probe_runner_new(struct loop *loop, unsigned max_descriptors, struct err *err);
void probe_runner_free(struct probe_runner *runner); /* with no probe left in it */
void probe_runner_set_checks_directory(struct probe_runner *runner, const char *path);
/* Where it counts from now on, borrowed; before the first it counts for nobody. */
void probe_runner_set_stats(struct probe_runner *runner, struct board_stats *stats);

const char *probe_check_name(enum health_check check);
bool probe_check_parse(const char *name, enum health_check *check);
bool probe_is_pushed(enum health_check check);
/* What one probe costs this process, roughly, in CPU time. */
uint32_t probe_cost_us(enum health_check check);

/* Start it, or put it in the queue. It must be idle. */
void probe_start(struct probe_runner *runner, struct probe *probe);
/* Give up what is queued or running, and what was kept for the next; finished is not called. */
void probe_cancel(struct probe *probe);

/* From now to the end of the certificate that the report tells of. */
int probe_days_left(const struct probe_report *report);

/* ---- for methods ---- */

struct loop *probe_loop(const struct probe *probe);
const char *probe_checks_directory(const struct probe *probe);
/* One more descriptor, beyond those of running probes, out of the same budget. At most half of it is held: false beyond that. */
bool probe_hold_descriptor(struct probe_runner *runner);
void probe_release_descriptor(struct probe_runner *runner);
/* The end of a probe, after its work was released. The time taken is filled in. */
void probe_done(struct probe *probe, struct probe_report *report);
/* The same in short. detail may be NULL. */
void probe_end(struct probe *probe, enum probe_result result, unsigned number, const char *detail);
void probe_set_detail(struct probe_report *report, const char *text); /* cut to fit */
/* What an errno of connect, send or receive says. */
enum probe_result probe_result_of_errno(int error);
/* The end that an errno means; with its text where the result's name does not say as much. */
void probe_end_errno(struct probe *probe, int error);

extern const struct probe_method probe_none, probe_tcp, probe_http, probe_dns, probe_exec, probe_push;

#endif
