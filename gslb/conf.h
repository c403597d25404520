/* conf - gslb.yaml read into a plain struct: strict, with file, line and column for every mistake (DESIGN 7). */
#ifndef GSLB_CONF_H
#define GSLB_CONF_H

#include "base/base.h"
#include "gslb/cookie.h"

enum {
	CONF_LISTEN_MAX = 64,
	CONF_ANCHORS_MAX = 16,
	CONF_REGIONS_MAX = 64,
	CONF_DATABASES_MAX = 16,
	CONF_KEYS_MAX = 64,
	CONF_TOKEN_MIN = 16,
};

struct conf_listen {
	struct addr addr;
	uint16_t port;
	unsigned line;
};

/* A secret that whoever may do something shows, and the file it was read from. */
struct conf_token {
	char *file; /* "": none */
	char *text; /* NULL: none; else at least CONF_TOKEN_MIN printable characters */
};

/* Paths are absolute: relative ones in the file count from the file's own folder. Strings are owned by the conf; "" is not
 * given. */
struct conf {
	char *file;
	/* server */
	struct conf_listen listen[CONF_LISTEN_MAX];
	size_t nlisten;
	uint32_t workers;              /* 0 in the file: one per core; here always > 0 */
	char *identity;                /* NSID and id.server; default: the host's name */
	char *region;                  /* "" */
	char *user;                    /* "": stay who we are */
	char *probe_user;              /* "": the same as user */
	uint32_t tcp_clients;          /* 10000 */
	uint32_t tcp_per_prefix;       /* 0: a quarter of tcp_clients */
	uint32_t tcp_idle_ms;          /* 10 s */
	bool latency_sampling;         /* no */
	uint32_t latency_explore;      /* no: 0, else of 65536 answers those that explore */
	uint32_t latency_interval_ms;  /* 10 min: between looks at what was measured */
	uint32_t rrl_rate;             /* answers a second, 200; 0: no limit */
	uint32_t rrl_burst;            /* 500 */
	char *cookie_file;             /* "": one secret of our own, in the state folder */
	struct cookie_secrets cookies; /* what the file held when the conf was read; none without one */
	/* zones */
	char *zones_directory;
	bool zones_watch; /* yes */
	/* geo */
	char *databases[CONF_DATABASES_MAX];
	unsigned database_line[CONF_DATABASES_MAX];
	size_t ndatabases;
	/* health */
	char *checks_directory;
	struct conf_listen
		anchors[CONF_ANCHORS_MAX]; /* addresses that gslb-health asks to know whether its own network works */
	size_t nanchors;
	struct conf_token push_token; /* for POST /v1/push */
	/* drills */
	char *drills_directory; /* "": none run by themselves */
	/* selection */
	char *seed_file;  /* 32 hexadecimal digits; "": made once and kept in the state folder */
	uint8_t seed[16]; /* what the file held when the conf was read; zero without one */
	/* state */
	char *state_directory; /* default /var/lib/gslb */
	/* control */
	char *control_socket; /* default /run/gslb/control.sock */
	char *control_group;  /* group that may use it, "": the user's own */
	char *readonly_group; /* members may only look, "": nobody */
	/* relay */
	char *relay_socket; /* gslb-relay's; "": nobody is told what changes */
	/* bus, which is gslb-relay's: all regions of the fleet, with this one */
	char *regions[CONF_REGIONS_MAX];
	size_t nregions; /* 0 or 1: there is no fleet */
	/* http */
	struct conf_token http_token; /* to read anything but /healthz and /readyz */
	struct conf_listen http;      /* 127.0.0.1@9153; family ADDR_NONE: none */
	bool http_given;              /* it stands in the file: that it cannot be bound is an error */
	bool endpoint_metrics;        /* yes */
	/* log */
	enum log_level log_level;

	/* For conf.c: each key's values as written, or its default, by its row. */
	char *written[CONF_KEYS_MAX];
};

/* The name of this host's region in the fleet: as gslb-relay has it. */
const char *conf_region(const struct conf *conf);
bool conf_measures(const struct conf *conf); /* there is a region that round trips to clients are of */
/* NULL with every mistake in the report ("gslb.yaml:3:12: server.workers: …"). Also checks that files, folders, users and
 * groups exist; the state folder and the socket's folder may be missing when the folder above them is there. */
struct conf *conf_load(const char *path, struct report *report);
/* The same from text in memory; path is the name that mistakes carry and the folder that relative paths start from. */
struct conf *conf_parse(const char *path, const char *text, size_t len, struct report *report);
void conf_free(struct conf *conf); /* NULL is fine */
/* What of `next` cannot be taken up without a restart, as a sentence ("server.listen, server.user"); false when nothing. */
bool conf_needs_restart(const struct conf *now, const struct conf *next, char *text, size_t cap);
/* What is bound, counted and named at start stays as it is until a restart: `next` gets it, and `now` what was to replace it. The text of
 * what waits goes with it, so that each reload names it again. */
void conf_keep(struct conf *now, struct conf *next);
/* All keys of this version ("server.listen", …), for the manual's test; NULL behind the last. */
const char *conf_key(size_t number);

#endif
