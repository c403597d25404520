/* The answer leaves from the address that was asked. A socket bound to one address does so by itself; one bound to the
 * wildcard has the kernel tell the address with each packet (IP_PKTINFO), and hands it back. */
#include "gslb/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_MAX = 2048 }; /* longer ones are cut off by the kernel, and dropped */

union control {
	struct cmsghdr head; /* for its alignment */
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct udp {
	struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
	struct iovec in_bytes[UDP_BATCH], out_bytes[UDP_BATCH];
	struct sockaddr_storage from[UDP_BATCH];
	union control control[UDP_BATCH], back[UDP_BATCH];
	struct packet packet[UDP_BATCH];
	uint8_t query[UDP_BATCH][QUERY_MAX];
	uint8_t reply[UDP_BATCH][PACKET_UDP_MAX];
};

struct udp *udp_new(void)
{
	struct udp *udp = mem_lines(sizeof *udp);

	for (unsigned i = 0; i < UDP_BATCH; i++) {
		udp->in_bytes[i] = (struct iovec){ udp->query[i], sizeof udp->query[i] };
		udp->in[i].msg_hdr = (struct msghdr){
			.msg_name = &udp->from[i],
			.msg_namelen = sizeof udp->from[i],
			.msg_iov = &udp->in_bytes[i],
			.msg_iovlen = 1,
			.msg_control = udp->control[i].bytes,
			.msg_controllen = sizeof udp->control[i].bytes,
		};
		udp->out_bytes[i].iov_base = udp->reply[i];
		udp->out[i].msg_hdr = (struct msghdr){ .msg_iov = &udp->out_bytes[i], .msg_iovlen = 1 };
	}
	return udp;
}

void udp_free(struct udp *udp)
{
	free(udp);
}

static void put_control(struct msghdr *out, union control *back, int level, int type, const void *info, size_t len)
{
	back->head.cmsg_level = level;
	back->head.cmsg_type = type;
	back->head.cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(&back->head), info, len);
	out->msg_control = back->bytes;
	out->msg_controllen = CMSG_SPACE(len);
}

/* Have the answer leave from where the query arrived. The route is the kernel's to find: an interface is named only for
 * link-local addresses, which mean nothing without one. */
static void send_from(struct msghdr *out, union control *back, struct msghdr *in)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(in); c != NULL; c = CMSG_NXTHDR(in, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof info);
			info = (struct in_pktinfo){ .ipi_spec_dst = info.ipi_spec_dst };
			put_control(out, back, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof info);
			if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				info.ipi6_ifindex = 0;
			put_control(out, back, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
		}
	}
}

static void send_batch(struct udp *udp, int fd, unsigned n, struct counters *counters)
{
	unsigned sent = 0;

	while (sent < n) {
		int r = sendmmsg(fd, udp->out + sent, n - sent, MSG_DONTWAIT);

		if (r > 0) {
			sent += (unsigned)r;
			continue;
		}
		if (errno == EINTR)
			continue;
		/* the first of the rest failed (no route, a full device): it is lost, the others have their chance */
		count(counters, COUNT_send_failed);
		sent++;
	}
}

/* Read the packets of a batch, and find what they ask for. */
static void read_batch(struct udp *udp, unsigned n, const struct packet_context *context)
{
	for (unsigned i = 0; i < n; i++) {
		struct packet *packet = &udp->packet[i];

		addr_from_sockaddr(&packet->source, &packet->source_port, &udp->from[i]);
		packet_read(packet, context, udp->query[i], udp->in[i].msg_len);
	}
	packets_find(udp->packet, n, context);
}

/* Answer one packet of the batch into the next place of the answers. True when there is one. */
static bool serve_one(struct udp *udp, unsigned i, unsigned place, bool wildcard, const struct packet_context *context)
{
	struct msghdr *in = &udp->in[i].msg_hdr, *out = &udp->out[place].msg_hdr;
	size_t len = 0;

	if ((in->msg_flags & MSG_TRUNC) != 0)
		count(context->counters, COUNT_dropped);
	else
		len = packet_write(&udp->packet[i], context, udp->reply[place], PACKET_UDP_MAX);
	if (len > 0) {
		udp->out_bytes[place].iov_len = len;
		out->msg_name = &udp->from[i];
		out->msg_namelen = in->msg_namelen;
		out->msg_control = NULL;
		out->msg_controllen = 0;
		if (wildcard)
			send_from(out, &udp->back[place], in);
	}
	/* recvmmsg wrote over them */
	in->msg_namelen = sizeof udp->from[i];
	in->msg_controllen = sizeof udp->control[i].bytes;
	return len > 0;
}

unsigned udp_serve(struct udp *udp, const struct source *source, struct packet_context *context)
{
	int n = recvmmsg(source->fd, udp->in, UDP_BATCH, MSG_DONTWAIT, NULL);
	unsigned nanswers = 0;

	if (n <= 0)
		return 0;
	context->transport = TRANSPORT_UDP;
	read_batch(udp, (unsigned)n, context);
	for (unsigned i = 0; i < (unsigned)n; i++)
		nanswers += serve_one(udp, i, nanswers, source->wildcard, context);
	send_batch(udp, source->fd, nanswers, context->counters);
	return (unsigned)n;
}
