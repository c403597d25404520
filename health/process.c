/* gslb-health's command line. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "health/health.h"
#include "health/once.h"
#include "health/service.h"

enum { EXIT_USAGE = 2 };

static void print_help(void)
{
	puts("usage: gslb-health --fd N\n"
	     "       gslb-health --once CHECK ADDRESS PORT [key=value...]\n"
	     "       gslb-health --help | --version\n"
	     "\n"
	     "gslbd starts it with --fd: it probes endpoints and writes verdicts to the board that gslbd "
	     "shares with it.\n"
	     "--once runs one probe (none, tcp, http, https, grpc, grpcs, dns or exec) and prints how it "
	     "went: exit status 0\n"
	     "when the endpoint is up, 1 when not, 2 when it was called wrongly. Its keys are those of a pool:");
	once_print_keys();
}

static int usage(const char *sentence)
{
	fprintf(stderr, "gslb-health: %s (see --help)\n", sentence);
	return EXIT_USAGE;
}

/* A descriptor of ours must not be taken for a closed stdin, stdout or stderr. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int serve(const char *text)
{
	uint64_t fd;
	struct err err;

	if (!number_parse(text, 0, 1 << 20, &fd))
		return usage("--fd wants the number of a descriptor");
	if (service_run((int)fd, &err))
		return EXIT_SUCCESS;
	log_error("%s", err.text);
	return EXIT_FAILURE;
}

int health_main(int argc, char **argv)
{
	const char *option = argc > 1 ? argv[1] : "";

	fill_standard_descriptors();
	log_setup("gslb-health", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(option, "--fd") == 0)
		return argc == 3 ? serve(argv[2]) : usage("--fd wants one number");
	if (strcmp(option, "--once") == 0)
		return once_run(argc - 2, argv + 2);
	if (strcmp(option, "--help") == 0) {
		print_help();
		return EXIT_SUCCESS;
	}
	if (strcmp(option, "--version") == 0) {
		puts("gslb-health " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	}
	return usage(option[0] == '\0' ? "gslbd starts it; by hand try --once" : "no such option");
}
