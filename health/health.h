/* health - is an endpoint alive? The board that carries verdicts, the detector, and the protocol with gslb-health.
 *
 * gslb-health is a process of its own: it probes and writes verdicts to the board (shared memory that gslbd made, sealed
 * against resizing, mapped read-only by gslbd). Nothing it writes can harm gslbd: every read is bounded, and a slot whose
 * generation is not the expected one counts as unknown, hence as up. */
#ifndef GSLB_HEALTH_H
#define GSLB_HEALTH_H

#include <stdatomic.h>

#include "base/base.h"

/* ---- verdicts ---- */

enum health_state { HEALTH_UNKNOWN = 0, HEALTH_UP = 1, HEALTH_DOWN = 2 };

/* One word of the board: bits 0–1 state, 2 in doubt, 3 recovered, 4 damped, 5 held, 6 regional, 7 frozen, 8–15 reason (enum probe_result), 16–31
 * generation, 32–63 since (Unix seconds). It is read and written whole: relaxed atomics suffice. */
struct verdict {
	enum health_state state;
	bool doubt;     /* a change is under way: answers fall to the minimum TTL */
	bool recovered; /* up, and it was down before: its weight ramps; a first verdict does not */
	bool damped; /* it flaps. Up: at most a tenth of its weight. Down with reason PROBE_OK: it answers, but is held down
	                 * yet; a last resort may use it */
	bool held; /* results speak against the state, which stands: we abstain, or are over the mass-failure budget */
	bool regional;  /* what this region sees, and the fleet does not */
	bool frozen;    /* no majority of those who vote on it is heard: it stands as it was */
	uint8_t reason; /* enum probe_result of the last probe */
	uint16_t generation;
	uint32_t since_s; /* when state was reached; up: or when its damping ended, where the ramp starts */
};

/* Where they are, for who looks at a bit or two only. */
enum {
	VERDICT_STATE = 3,
	VERDICT_DOUBT = 1 << 2,
	VERDICT_RECOVERED = 1 << 3,
	VERDICT_DAMPED = 1 << 4,
	VERDICT_HELD = 1 << 5,
	VERDICT_REGIONAL = 1 << 6,
	VERDICT_FROZEN = 1 << 7,
	VERDICT_GENERATION_AT = 16,
	VERDICT_SINCE_AT = 32
};

uint64_t verdict_pack(const struct verdict *verdict);
struct verdict verdict_unpack(uint64_t word); /* any word is safe; a state 3 is unknown */

enum probe_result {
	PROBE_OK = 0,
	PROBE_NONE,
	PROBE_REFUSED,
	PROBE_TIMEOUT,
	PROBE_RESET,
	PROBE_UNREACHABLE,
	PROBE_CLOSED_EARLY,
	PROBE_TLS_EXPIRED,
	PROBE_TLS_NAME,
	PROBE_TLS_UNTRUSTED,
	PROBE_TLS_OTHER,
	PROBE_STATUS,
	PROBE_BODY,
	PROBE_HTTP_OTHER,
	PROBE_DNS_RCODE,
	PROBE_DNS_OTHER,
	PROBE_EXEC_EXIT,
	PROBE_EXEC_SIGNAL,
	PROBE_EXEC_START,
	PROBE_PUSHED_DOWN,
	PROBE_PUSHED_UP,
	PROBE_LOCAL, /* no descriptor, no memory here: says nothing of the endpoint */
	PROBE_HTTP_HEADER,
	PROBE_GRPC_STATUS, /* number: the grpc-status */
	PROBE_GRPC_HEALTH, /* the server answered with something else than SERVING */
	PROBE_GRPC_OTHER,
	PROBE_PUSH_OVER, /* a pushed state that was not pushed again in time */
	PROBE_RESULTS    /* new ones before this: numbers are kept in files */
};
const char *probe_result_name(unsigned result); /* "connect refused"; "?" when out of range */

/* ---- the board ---- */

enum { BOARD_DETAIL_MAX = 28 };

/* 64 bytes, one cache line. All but `word` is for tables only. Written by gslb-health. */
struct board_slot {
	_Atomic uint64_t word;
	_Atomic uint32_t rtt_us;      /* of the last successful probe */
	_Atomic uint32_t last_s;      /* Unix seconds of the last result; 0: none yet */
	_Atomic uint32_t transitions; /* since the board was made */
	_Atomic uint32_t probes;
	_Atomic uint16_t streak;       /* consecutive results against the state; it stops at the last number */
	_Atomic uint16_t number;       /* HTTP status, DNS rcode, exit status: with the reason */
	char detail[BOARD_DETAIL_MAX]; /* text of the last failure; may be torn or unterminated: copy with care */
	_Atomic uint32_t terms;        /* struct detector_terms, packed */
	_Atomic uint32_t
		cert_end_s; /* Unix seconds when the certificate last seen ends; 0: none seen. check=push: when the state does */
};

/* gslbd's side. Main thread, but board_word is for any thread. */
struct board;
struct board *board_new(uint32_t nslots, struct err *err);
void board_free(struct board *board);
int board_fd(const struct board *board); /* to hand to gslb-health; stays the board's */
uint32_t board_nslots(const struct board *board);
const struct board_slot *board_slots(const struct board *board); /* read-only mapping */
/* Set a slot's first content before gslb-health knows of it (pwrite through the descriptor). */
bool board_put(struct board *board, uint32_t slot, const struct verdict *verdict);
/* What the slot says now; unknown when slot is out of range or the generation differs. Any thread. */
static inline struct verdict board_read(
	const struct board_slot *slots, uint32_t nslots, uint32_t slot, uint16_t generation)
{
	struct verdict v = { 0 };

	if (slot < nslots)
		v = verdict_unpack(atomic_load_explicit(&slots[slot].word, memory_order_relaxed));
	return v.generation == generation ? v : (struct verdict){ .generation = generation };
}

/* The same as a word; 0, which is unknown, too. */
static inline uint64_t board_word(const struct board_slot *slots, uint32_t nslots, uint32_t slot, uint16_t generation)
{
	uint64_t word = slot < nslots ? atomic_load_explicit(&slots[slot].word, memory_order_relaxed) : 0;

	return (uint16_t)(word >> VERDICT_GENERATION_AT) == generation ? word : 0;
}

/* ---- a vantage that does not trust its own eyes (abstain.h) ---- */

enum abstain_why { ABSTAIN_NOT, ABSTAIN_ANCHORS, ABSTAIN_ENDPOINTS };

/* "3 of 3 anchors fail: no endpoint is taken down until they answer"; "" when it does not abstain. */
enum { ABSTAIN_TEXT_MAX = 128 };
const char *abstain_sentence(enum abstain_why why, uint32_t failing, uint32_t of, char text[static ABSTAIN_TEXT_MAX]);

/* ---- the mass-failure budget (budget.h) ---- */

/* How many of a service's pools automation may take out within ten minutes: a quarter, or one. */
uint32_t budget_most(uint32_t npools);

/* ---- targets: what gslb-health is to probe ---- */

enum health_check { /* part of an identity: numbers stay */
	HEALTH_CHECK_NONE,
	HEALTH_CHECK_TCP,
	HEALTH_CHECK_HTTP,
	HEALTH_CHECK_HTTPS,
	HEALTH_CHECK_DNS,
	HEALTH_CHECK_EXEC,
	HEALTH_CHECK_PUSH,
	HEALTH_CHECK_GRPC,  /* over plain HTTP/2 */
	HEALTH_CHECK_GRPCS, /* over TLS */
	HEALTH_CHECKS
};

/* ---- statistics: they lie in the board's memory, too, on pages of their own behind the slots ---- */

enum { BOARD_BUCKETS = 20 };

/* Times on a logarithmic scale, for as long as the board lives. */
struct board_histogram {
	_Atomic uint64_t count, sum_us;
	_Atomic uint64_t buckets[BOARD_BUCKETS]; /* each holds its own only, not what lies below */
};

/* The longest time of a bucket: 50 µs, 100 µs, 200 µs, 500 µs, … 50 s; UINT64_MAX for the last, which takes the rest. */
uint64_t board_bucket_us(unsigned bucket);

struct board_check_stats {
	_Atomic uint64_t results[PROBE_RESULTS]; /* ended probes by result */
	_Atomic uint64_t reused;                 /* probes over a connection that was open already */
	/* Each part by itself, of the probes that got through it: to the connect's end, of the TLS handshake, from then to the
	 * answer's first byte; and the whole, of every probe. */
	struct board_histogram connect, tls, first_byte, total;
	_Atomic uint32_t running, queued; /* now */
};

/* What gslb-health hears of the fleet: all zero outside of one. */
enum { BOARD_REGIONS_MAX = 64, BOARD_REGION_MAX = 64 };
struct board_fleet {
	_Atomic uint32_t nregions;
	_Atomic uint32_t relay, bus; /* 1: gslb-relay is there; and is connected with others */
	_Atomic uint32_t members, assigned, frozen, old, alarming, held, regional;
	_Atomic uint32_t hosts, alive, agree; /* others: known, heard within 30 s, and with our digest */
	_Atomic uint32_t differs;             /* 1: `differing` has another digest, for more than 30 s */
	_Atomic uint64_t digest, said, heard, refused;
	char differing[2 * BOARD_REGION_MAX]; /* "region/node"; may be torn, as all text here: copy with care */
	char region[BOARD_REGIONS_MAX][BOARD_REGION_MAX];
};

/* Written by gslb-health alone; gslbd maps it read-only. Counters go on over a restart of gslb-health and begin anew with a
 * new board. Any thread may read, with relaxed loads; fields do not wait for each other. Any bits are possible. */
struct board_stats {
	struct board_check_stats checks[HEALTH_CHECKS];
	struct board_histogram late;  /* from when a probe was due to its start, of every probe */
	_Atomic uint64_t late_max_us; /* since gslb-health was started */
	_Atomic uint32_t running, queued;
	_Atomic uint32_t descriptors, max_descriptors; /* in use by probes, at most; and allowed */
	_Atomic uint32_t targets;                      /* in the plan in force */
	struct board_fleet fleet;
};

const struct board_stats *board_stats(const struct board *board);

/* What the regions say of each slot, on pages of their own, too: one word a slot, 0 outside of a fleet. */
enum { BOARD_SAYS_MAX = 7, BOARD_SAYS_BITS = 9 };
const _Atomic uint64_t *board_says(const struct board *board);
struct board_say {
	uint8_t region; /* of bus.regions */
	enum { BOARD_SILENT, BOARD_UP, BOARD_DOWN } says;
	bool leaning; /* its last results speak against what it says */
};
/* How many say something; any word is safe. */
unsigned board_says_unpack(uint64_t word, struct board_say says[static BOARD_SAYS_MAX]);

/* ---- how to probe ---- */

/* Strings may be "" and are borrowed. */
struct health_probe {
	enum health_check check;
	const char *host, *path, *body, *qname, *command;
	uint8_t nstatus;
	struct {
		uint16_t from, to;
	} status[8];
	bool verify;
	uint16_t cert_days;
	uint16_t qtype;
	uint32_t interval_ms, timeout_ms;
	uint16_t rise, fall;
	const char *load; /* check=http, https: a load that answers tell of: a header's name, or HEALTH_LOAD_BODY */
};

#define HEALTH_LOAD_BODY "=" /* which is no header's name */

struct health_target {
	uint32_t slot;
	uint16_t generation;
	uint16_t port;
	struct addr addr;
	struct health_probe probe;
	const char *label; /* "eu/lb1.eu.svc.example 192.0.2.10": for log lines */
	uint32_t
		group; /* of endpoints that can fail together (gslb/kin.h); of none when it is not below the plan's ngroups */
	uint8_t vantages; /* regions that probe it (fleet.h); 0: this host judges it alone */
};

/* Who else votes. No regions: this host is alone. */
struct health_fleet {
	const char *relay_socket;
	const char *region; /* ours, which is among them */
	const char *const *regions;
	size_t nregions;
};

/* An address of our own choice, to tell our own failures from those of endpoints: it is alive when it accepts a TCP connection
 * or refuses it. */
struct health_anchor {
	struct addr addr;
	uint16_t port;
};

/* A pool and a service as the mass-failure budget sees them (budget.h). */
struct health_pool {
	const uint32_t *slots; /* of IPv4 endpoints, then of IPv6 ones */
	uint32_t nslots, nv4;
	uint32_t min_up;   /* slots of a family */
	const char *label; /* "eu.svc.example" */
};

struct health_service {
	const uint32_t *pools; /* indices into the plan's pools */
	uint32_t npools;
	uint32_t keep;
	const char *label; /* "www.svc.example" */
};

/* The identity under which state outlives reloads and restarts: all that makes a probe of an address what it is, but not
 * interval, timeout, rise and fall. */
uint64_t health_identity(const struct addr *addr, uint16_t port, const struct health_probe *probe);

/* A name to be resolved: addresses come back in a HEALTH_RESOLVED message. */
struct health_lookup {
	uint32_t id;      /* gslbd's number for it; stays the same over reloads */
	const char *name; /* absolute, text form */
};

/* A URL that gives a pool's load: what is read comes back in HEALTH_LOAD messages, every HEALTH_LOAD_EVERY_MS. */
struct health_gauge {
	uint32_t id; /* gslbd's number for it; stays the same over reloads */
	bool tls;
	uint16_t port;
	const char *host, *path; /* a name or an address; with its query */
};

enum { HEALTH_LOAD_EVERY_MS = 5000, HEALTH_LOAD_TIMEOUT_MS = 2000 };

/* A load out of what an application wrote: a number as plain text or JSON has it ("412", " 0.75\n", "1.2e3"), or the member "load" of a JSON
 * object; in thousandths, rounded. False when it is none, is negative, or is more than 10^12. text may be NULL when len is 0. */
bool health_load_read(const char *text, size_t len, uint64_t *milli);

/* A whole configuration, written to a sealed memfd that is handed over; the last one replaces all before. */
struct health_plan {
	uint64_t serial;
	const struct health_target *targets;
	size_t ntargets;
	const struct health_lookup *lookups;
	size_t nlookups;
	const struct health_gauge *gauges;
	size_t ngauges;
	const char *checks_directory; /* for check=exec, "" for none */
	uint32_t ngroups;             /* of targets; at most ntargets */
	const struct health_anchor *anchors;
	size_t nanchors;
	struct health_fleet fleet;
	/* The pools and services are there only in a fleet: a single vantage has no budget. */
	const struct health_pool *pools;
	size_t npools;
	const struct health_service *services;
	size_t nservices;
};

int health_plan_write(const struct health_plan *plan, struct err *err); /* a memfd, or -1 */
/* Parse one; what it points to lies in the arena. False on damage. */
bool health_plan_read(int fd, struct arena *arena, struct health_plan *plan, struct err *err);

/* ---- messages, one a packet over a SOCK_SEQPACKET pair ---- */

enum health_message_kind {
	HEALTH_BOARD = 1, /* → health: fd of the board, value = nslots */
	HEALTH_PLAN,      /* → health: fd of a plan, value = serial */
	HEALTH_PUSH, /* → health: slot, generation, state: a pushed verdict (check=push), for `value` ms (0: three intervals) */
	HEALTH_TAKEN,   /* ← health: value = serial of the plan in force */
	HEALTH_CHANGED, /* ← health: slot's state or doubt changed; look at the board */
	HEALTH_RESOLVED, /* ← health: value = lookup id, ttl_s, addresses; naddrs 0 with ok = false: failed, keep the last */
	HEALTH_ALIVE, /* ← health: once a second */
	HEALTH_ABSTAIN, /* ← health: it abstains, or no longer: state = enum abstain_why, slot failing of ttl_s, value = since, wall ms */
	HEALTH_LOAD, /* ← health: a load, in thousandths: value. state 0: of the gauge with the id `slot`; ok = false: it could not be
			 * read, generation = enum probe_result. state 1: of the target in the slot, of its generation */
};

enum { HEALTH_ADDRS_MAX = 64 };

struct health_message {
	uint32_t kind;
	uint32_t slot;
	uint16_t generation;
	uint16_t state;
	uint64_t value;
	uint32_t ttl_s;
	uint16_t ok;
	uint16_t naddrs;
	struct addr addrs[HEALTH_ADDRS_MAX];
};

/* Non-blocking. fd -1: none. health_receive: 1 a message (*fd owned by the caller, or -1), 0 nothing now, -1 the other side
 * is gone or wrote garbage. */
bool health_send(int sock, const struct health_message *message, int fd);
int health_receive(int sock, struct health_message *message, int *fd);

/* ---- the detector: a pure function of (rule, state, observation, now) ---- */

struct detector_rule {
	uint16_t rise, fall; /* at least 1 */
	uint32_t interval_ms;
};

struct observation {
	enum probe_result result;
	uint32_t took_ms; /* from the probe's start to its result */
};

/* What the path loses, and what speaks against an endpoint that is not down: evidence.h. */
struct evidence {
	float nats;            /* for "down", against "up"; 0 or more */
	float loss;            /* of the path, 0 to 1 */
	uint16_t probes;       /* that `loss` rests on, up to a thousand */
	uint8_t lost, refused; /* failures of the doubt in progress, not learned yet */
};

/* What becomes of one that keeps failing and coming back: damping.h. */
struct damping {
	uint64_t at_ms, came_back_ms; /* wall: of the last fall and comeback; 0: never */
	uint16_t penalty;             /* at at_ms */
	bool flaps;
};

/* All zero is a target that nobody has probed. */
struct detector {
	enum health_state state;
	uint16_t streak; /* consecutive results against the state; for unknown, of the last kind */
	bool doubt;
	bool last_ok;
	bool recovered;            /* up after down: goes into the verdict */
	bool damped;               /* likewise */
	uint16_t misses;           /* consecutive failures of one that is held down though it answers */
	uint64_t since_ms;         /* wall: when state was reached, or the damping of one that is up ended */
	uint64_t answers_since_ms; /* wall, while down: of the streak's first success */
	struct evidence evidence;
	struct damping damping;
};

/* Take in one result. True when the state changed. *next_ms: how long until the next probe: the interval, or sooner while in
 * doubt. PROBE_LOCAL and PROBE_NONE leave the state as it is; what is pushed takes effect at once and is never damped. */
bool detector_step(struct detector *detector, const struct detector_rule *rule, const struct observation *seen,
	uint64_t now_ms, uint32_t *next_ms);

/* What tables need to know of a detector, and a restarted gslb-health to go on. One word of the board. */
struct detector_terms {
	uint8_t needed;         /* consecutive results that change the state, the streak's included; 255: or more */
	uint16_t loss_permille; /* of the path; 0: none, or not known */
	uint16_t penalty;       /* of flap damping, in steps of 128 */
	bool flaps;             /* it has been beyond the limit, and is not below the other yet */
	uint16_t
		hold_s; /* from the last result on, in steps of 8: how long it is held down, were it to answer; up and damped: how
	                  * long it is capped */
};

struct detector_terms detector_terms(
	const struct detector *detector, const struct detector_rule *rule, uint64_t now_ms);
uint32_t detector_terms_pack(const struct detector_terms *terms); /* what is too large becomes the largest */
struct detector_terms detector_terms_unpack(uint32_t word);       /* any word is safe */
/* A detector that goes on where the board's slot shows another one to have been. last_ms: wall, of the last result. */
struct detector detector_restore(
	const struct verdict *verdict, uint16_t streak, const struct detector_terms *terms, uint64_t last_ms);

enum { DETECTOR_TEXT_MAX = 160 };

/* A sentence on which rule is at work, for people: "in doubt: 2 of 4 failures that it takes (this path loses 8.0% of its
 * probes)". "" when there is nothing to say. fall is the operator's. */
const char *detector_explain(const struct verdict *verdict, uint16_t streak, const struct detector_terms *terms,
	uint16_t fall, uint32_t last_s, uint64_t now_ms, char text[static DETECTOR_TEXT_MAX]);
/* Failures counted against one that is not down count no longer: they were perhaps ours. */
void detector_forget_failures(struct detector *detector);

/* ---- the process ---- */

/* gslb-health's main: serves the socket until the other side closes. Exit status. */
int health_main(int argc, char **argv);

#endif
