/* wan - network namespaces, and between them a wide area network that takes its time: a forwarder on TUN devices, for kernels without
 * netem.
 *
 * Namespace N of 1, 2, … has all of 20.N.0.0/16 as addresses of its own and a route to the others. They are nowhere by name: who wants
 * to be in one enters /proc/PID/fd/FD, and they go when this ends.
 *
 * usage: wan MS…: one-way delays, of 1-2, 1-3, 2-3 for three namespaces, 1-2, 1-3, 1-4, 2-3 … for more. Prints "ready FD FD FD" when all
 * is there, or one sentence on stderr and exits 1. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { SITES = 4, QUEUE = 1 << 14, MTU = 1500 };

/* A packet on its way; each way keeps its order, since each has one delay. */
struct flying {
	uint64_t due_us;
	size_t len;
	uint8_t bytes[MTU];
};

struct way {
	uint64_t delay_us;
	struct flying *queue; /* a ring */
	size_t first, n;
};

static unsigned nsites;
static int tun[SITES + 1], namespace[SITES + 1];
static struct way ways[SITES + 1][SITES + 1];

static void __attribute__((noreturn)) give_up(const char *what)
{
	fprintf(stderr, "wan: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- the namespaces ---- */

static void set_address(struct sockaddr *to, uint32_t addr)
{
	const struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(addr) };

	memcpy(to, &in, sizeof in);
}

static void must(int s, unsigned long request, void *arg, const char *what)
{
	if (ioctl(s, request, arg) != 0)
		give_up(what);
}

static void raise_device(int s, const char *name)
{
	struct ifreq device = { .ifr_flags = 0 };

	snprintf(device.ifr_name, sizeof device.ifr_name, "%s", name);
	must(s, SIOCGIFFLAGS, &device, name);
	device.ifr_flags = (short)(device.ifr_flags | IFF_UP);
	must(s, SIOCSIFFLAGS, &device, name);
}

/* What lies on the loopback with a netmask is all of the netmask's. */
static void take_addresses(int s, unsigned site)
{
	struct ifreq alias = { .ifr_name = "lo:1" };

	set_address(&alias.ifr_addr, 0x14000001 | site << 16);
	must(s, SIOCSIFADDR, &alias, "an address for the loopback");
	set_address(&alias.ifr_netmask, 0xffff0000);
	must(s, SIOCSIFNETMASK, &alias, "a netmask for the loopback");
}

static void add_route(int s)
{
	char device[] = "wan0";
	struct rtentry route = { .rt_flags = RTF_UP, .rt_dev = device };

	set_address(&route.rt_dst, 0x14000000);
	set_address(&route.rt_genmask, 0xff000000);
	must(s, SIOCADDRT, &route, "a route");
}

static void make_site(unsigned site)
{
	struct ifreq device = { .ifr_name = "wan0", .ifr_flags = IFF_TUN | IFF_NO_PI };
	int s;

	if (unshare(CLONE_NEWNET) != 0)
		give_up("a network namespace");
	namespace[site] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	tun[site] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun[site] < 0 || namespace[site] < 0)
		give_up("/dev/net/tun");
	must(tun[site], TUNSETIFF, &device, "a TUN device");
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	raise_device(s, "lo");
	take_addresses(s, site);
	raise_device(s, "wan0");
	add_route(s);
	close(s);
}

/* ---- forwarding ---- */

/* To whom: 20.N.x.y. What does not fit is lost, as it would be elsewhere. */
static void take_packet(unsigned from, const uint8_t *bytes, size_t len)
{
	unsigned to = len >= 20 && bytes[0] >> 4 == 4 && bytes[16] == 20 ? bytes[17] : 0;
	struct way *way;
	struct flying *flying;

	if (to == 0 || to > nsites || to == from)
		return;
	way = &ways[from][to];
	if (way->n == QUEUE)
		return;
	flying = &way->queue[(way->first + way->n++) % QUEUE];
	flying->due_us = now_us() + way->delay_us;
	flying->len = len;
	memcpy(flying->bytes, bytes, len);
}

static void take_packets(unsigned from)
{
	uint8_t bytes[MTU];
	ssize_t len;

	while ((len = read(tun[from], bytes, sizeof bytes)) > 0)
		take_packet(from, bytes, (size_t)len);
}

/* What is due arrives. Returns when the next one is. */
static uint64_t deliver(struct way *way, int to)
{
	while (way->n > 0 && way->queue[way->first].due_us <= now_us()) {
		struct flying *flying = &way->queue[way->first];

		if (write(to, flying->bytes, flying->len) < 0 && errno == EAGAIN)
			return flying->due_us + 100;
		way->first = (way->first + 1) % QUEUE;
		way->n--;
	}
	return way->n > 0 ? way->queue[way->first].due_us : UINT64_MAX;
}

static void forward(void)
{
	struct pollfd wait[SITES];

	for (unsigned i = 0; i < nsites; i++)
		wait[i] = (struct pollfd){ .fd = tun[i + 1], .events = POLLIN };
	for (;;) {
		uint64_t next_us = UINT64_MAX, now;
		struct timespec left;

		for (unsigned from = 1; from <= nsites; from++)
			for (unsigned to = 1; to <= nsites; to++) {
				uint64_t due_us = deliver(&ways[from][to], tun[to]);

				next_us = due_us < next_us ? due_us : next_us;
			}
		now = now_us();
		next_us = next_us == UINT64_MAX ? 1000000 : next_us > now ? next_us - now : 0;
		left = (struct timespec){ (time_t)(next_us / 1000000), (long)(next_us % 1000000) * 1000 };
		ppoll(wait, nsites, &left, NULL);
		for (unsigned i = 1; i <= nsites; i++)
			take_packets(i);
	}
}

int main(int argc, char **argv)
{
	unsigned ndelays = 0;

	while (nsites * (nsites - 1) / 2 < (unsigned)argc - 1)
		nsites++;
	if (argc < 2 || nsites > SITES || nsites * (nsites - 1) / 2 != (unsigned)argc - 1) {
		fprintf(stderr, "usage: wan MS…: a delay for each two of 2 to %d namespaces\n", SITES);
		return 2;
	}
	for (unsigned a = 1; a <= nsites; a++)
		for (unsigned b = a + 1; b <= nsites; b++) {
			uint64_t delay_us = (uint64_t)(atof(argv[++ndelays]) * 1000);

			ways[a][b] = (struct way){ delay_us, calloc(QUEUE, sizeof(struct flying)), 0, 0 };
			ways[b][a] = (struct way){ delay_us, calloc(QUEUE, sizeof(struct flying)), 0, 0 };
			if (ways[a][b].queue == NULL || ways[b][a].queue == NULL)
				give_up("memory");
		}
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing of it outlives its test */
	for (unsigned site = 1; site <= nsites; site++)
		make_site(site);
	printf("ready");
	for (unsigned site = 1; site <= nsites; site++)
		printf(" %d", namespace[site]);
	printf("\n");
	fflush(stdout);
	forward();
}
