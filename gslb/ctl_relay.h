/* ctl_relay - those of gslbctl relay that are a conversation: a file each. As struct ctl_command's talk and print. */
#ifndef GSLB_CTL_RELAY_H
#define GSLB_CTL_RELAY_H

#include "gslb/ctl_text.h"

/* ctl_relay_drain.c: until nothing is left, or the time is over. */
enum ctl_exit ctl_relay_drain(const struct ctl_line *line, const char *socket, json_t **result, struct err *err);
void ctl_relay_drain_print(const json_t *result, struct buf *out);

/* ctl_relay_bench.c: many events, and how long they took. */
enum ctl_exit ctl_relay_bench(const struct ctl_line *line, const char *socket, json_t **result, struct err *err);
void ctl_relay_bench_print(const json_t *result, const struct ctl_view *view, struct buf *out);

/* ctl_relay_replay.c: what is kept of a region's events, once more. */
enum ctl_exit ctl_relay_replay(const struct ctl_line *line, const char *socket, json_t **result, struct err *err);
void ctl_relay_replay_print(const json_t *result, struct buf *out);

#endif
