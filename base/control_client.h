/* control_client - one connection of the control socket: its bytes in and out, and how long it may take. It knows lines,
 * not what they say. Never blocks. Main thread. */
#ifndef GSLB_BASE_CONTROL_CLIENT_H
#define GSLB_BASE_CONTROL_CLIENT_H

#include "base/control.h"

enum {
	CONTROL_LINE_MAX = 1 << 20,   /* bytes of a request */
	CONTROL_REPLY_MAX = 64 << 20, /* bytes of a reply */
	CONTROL_STALL_MS = 60000,     /* for the rest of a request, or for taking more of a reply */
};

enum client_step { CLIENT_WAIT, CLIENT_CLOSED, CLIENT_TOO_LONG };

struct control_client {
	int fd; /* -1: the place is free */
	struct control_peer peer;
	struct buf in, out;
	size_t sent;        /* of out */
	uint64_t ticket;    /* of the command under way; 0: none */
	bool ended;         /* it sends no more, and may still read */
	bool closing;       /* close once out is sent */
	uint64_t active_ms; /* monotonic: the last byte either way */
	uint32_t events;    /* what epoll waits for */
};

/* Read what is there, up to one line's worth. */
enum client_step client_receive(struct control_client *client, uint64_t now_ms);
/* Send what it takes. */
enum client_step client_send(struct control_client *client, uint64_t now_ms);
/* The next whole request, without its end of line, or NULL; stays until client_next. */
const char *client_line(const struct control_client *client, size_t *len);
void client_next(struct control_client *client, size_t len);
/* Append one document and a newline; a reply that is larger than CONTROL_REPLY_MAX becomes a sentence that says so. */
void client_reply(struct control_client *client, json_t *document);
void client_reply_error(struct control_client *client, const char *sentence);
/* What to wait for: its requests only while no reply is under way. */
uint32_t client_wants(const struct control_client *client);
/* When it is closed if nothing moves until then; 0: it may sit there. */
uint64_t client_deadline(const struct control_client *client);
/* Who is at the other end. False when the kernel does not say. */
bool client_identify(int fd, struct control_peer *peer, gid_t *gid);
/* Is the other end's process a member? By its credentials, as they were when it connected. */
bool client_has_group(int fd, gid_t gid, gid_t group);
void client_close(struct control_client *client);

#endif
