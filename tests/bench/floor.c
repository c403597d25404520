/* The kernel floor: the cheapest DNS server there can be. It turns QR round, counts one answer and sends the query back with
 * 16 bytes more, a batch at a time, over one socket. What a server on one thread costs beyond this is its own.
 *
 * usage: floor [PORT [BATCH]]   (127.0.0.1 only) */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { PORT = 5300, BATCH = 32, BATCH_MAX = 64, MESSAGE_MAX = 2048, RECORD_LEN = 16, BUFFER_BYTES = 4 << 20 };

static int open_socket(unsigned port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), bytes = BUFFER_BYTES;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0) {
		perror("floor: bind");
		exit(1);
	}
	return fd;
}

static void serve(int fd, unsigned batch)
{
	static uint8_t bytes[BATCH_MAX][MESSAGE_MAX];
	static struct sockaddr_in from[BATCH_MAX];
	struct iovec parts[BATCH_MAX];
	struct mmsghdr messages[BATCH_MAX];
	int n;

	memset(messages, 0, sizeof messages);
	for (unsigned i = 0; i < batch; i++) {
		parts[i] = (struct iovec){ bytes[i], MESSAGE_MAX - RECORD_LEN };
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &from[i],
			.msg_namelen = sizeof from[i],
			.msg_iov = &parts[i],
			.msg_iovlen = 1,
		};
	}
	n = recvmmsg(fd, messages, batch, MSG_WAITFORONE, NULL);
	for (int i = 0; i < n; i++) {
		bytes[i][2] = 0x84; /* QR, AA */
		bytes[i][7] = 1;    /* ANCOUNT */
		parts[i].iov_len = messages[i].msg_len + RECORD_LEN;
	}
	if (n > 0)
		sendmmsg(fd, messages, (unsigned)n, 0);
}

int main(int argc, char **argv)
{
	unsigned batch = argc > 2 ? (unsigned)atoi(argv[2]) : BATCH;
	int fd = open_socket(argc > 1 ? (unsigned)atoi(argv[1]) : PORT);

	if (batch < 1 || batch > BATCH_MAX)
		return 2;
	for (;;)
		serve(fd, batch);
}
