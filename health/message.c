/* Messages are fixed fields in the host's byte order, then the addresses; descriptors travel beside them (SCM_RIGHTS). Both
 * programs run on one host, but neither trusts the other's bytes. */
#include "health/message.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static uint8_t *put(uint8_t *at, const void *field, size_t len)
{
	memcpy(at, field, len);
	return at + len;
}

static const uint8_t *get(const uint8_t *at, void *field, size_t len)
{
	memcpy(field, at, len);
	return at + len;
}

size_t message_format(const struct health_message *message, uint8_t packet[static MESSAGE_LEN_MAX])
{
	uint8_t *at = packet;

	assert(message->naddrs <= HEALTH_ADDRS_MAX);
	at = put(at, &message->kind, 4);
	at = put(at, &message->slot, 4);
	at = put(at, &message->generation, 2);
	at = put(at, &message->state, 2);
	at = put(at, &message->value, 8);
	at = put(at, &message->ttl_s, 4);
	at = put(at, &message->ok, 2);
	at = put(at, &message->naddrs, 2);
	assert(at == packet + MESSAGE_HEAD_LEN);
	for (unsigned i = 0; i < message->naddrs; i++) {
		at = put(at, &message->addrs[i].family, 1);
		at = put(at, message->addrs[i].bytes, 16);
	}
	return (size_t)(at - packet);
}

bool message_parse(const uint8_t *packet, size_t len, struct health_message *message)
{
	const uint8_t *at = packet;

	if (len < MESSAGE_HEAD_LEN)
		return false;
	*message = (struct health_message){ 0 };
	at = get(at, &message->kind, 4);
	at = get(at, &message->slot, 4);
	at = get(at, &message->generation, 2);
	at = get(at, &message->state, 2);
	at = get(at, &message->value, 8);
	at = get(at, &message->ttl_s, 4);
	at = get(at, &message->ok, 2);
	at = get(at, &message->naddrs, 2);
	if (message->kind < HEALTH_BOARD || message->kind > HEALTH_LOAD || message->state > HEALTH_DOWN ||
		message->naddrs > HEALTH_ADDRS_MAX ||
		len != MESSAGE_HEAD_LEN + message->naddrs * (size_t)MESSAGE_ADDR_LEN)
		return false;
	for (unsigned i = 0; i < message->naddrs; i++) {
		struct addr *addr = &message->addrs[i];

		at = get(at, &addr->family, 1);
		at = get(at, addr->bytes, 16);
		if (addr->family != ADDR_V4 && addr->family != ADDR_V6)
			return false;
		if (addr->family == ADDR_V4)
			memset(addr->bytes + 4, 0, 12);
	}
	return true;
}

union control {
	struct cmsghdr head; /* for its alignment */
	char bytes[CMSG_SPACE(4 * sizeof(int))];
};

bool health_send(int sock, const struct health_message *message, int fd)
{
	uint8_t packet[MESSAGE_LEN_MAX];
	struct iovec iov = { packet, message_format(message, packet) };
	union control control = { .bytes = { 0 } };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof fd);
		control.head = (struct cmsghdr){ CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	}
	do
		sent = sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)iov.iov_len;
}

/* Keep the first descriptor that came along, close the others: nobody may fill our table. */
static void take_descriptors(struct msghdr *msg, int *fd)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t n = c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS
				   ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int)
				   : 0;

		for (size_t i = 0; i < n; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
			if (*fd < 0)
				*fd = got;
			else
				close(got);
		}
	}
}

int health_receive(int sock, struct health_message *message, int *fd)
{
	uint8_t packet[MESSAGE_LEN_MAX];
	struct iovec iov = { packet, sizeof packet };
	union control control = { .bytes = { 0 } };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
	};
	ssize_t len;

	*fd = -1;
	do
		len = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
	take_descriptors(&msg, fd);
	if (!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && message_parse(packet, (size_t)len, message))
		return 1;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return -1;
}
