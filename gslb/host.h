/* host - what the daemon asks of the system it runs on: users, the state folder and its lock, systemd, seeds. */
#ifndef GSLB_HOST_H
#define GSLB_HOST_H

#include <sys/types.h>

#include "base/base.h"

/* Make the folder (and give it to the user when we are root), lock it: one gslbd a folder. The lock's descriptor, or -1. */
int host_take_state(const char *directory, const char *user, struct err *err);
/* Become the user for good; "" or not being root: stay. */
bool host_become(const char *user, struct err *err);
/* A group's number. For "": the user's own group when we are root and will become it, else -1. False when there is none of
 * that name. */
bool host_group(const char *name, const char *user, gid_t *group, struct err *err);
/* The program that stands beside this one ("gslb-health"); the caller frees it. */
char *host_beside_us(const char *program);
/* Tell systemd ("READY=1"); nothing happens without NOTIFY_SOCKET. */
void host_notify(const char *state);
/* This host's own seed, kept in a file of 32 hexadecimal digits that is made when it is missing. */
bool host_seed(const char *path, uint8_t seed[static 16], struct err *err);
/* As many descriptors as may be had. */
void host_raise_descriptors(void);

#endif
