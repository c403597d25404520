/* gslb-relay's command line. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/relay.h"
#include "relay/service.h"

enum { EXIT_USAGE = 2 };

static int usage(const char *sentence)
{
	fprintf(stderr, "gslb-relay: %s (see --help)\n", sentence);
	return EXIT_USAGE;
}

static void print_help(void)
{
	puts("usage: gslb-relay -c FILE [-t]\n"
	     "       gslb-relay --help | --version\n"
	     "\n"
	     "Drops what has become stale from this region's caches. FILE is gslb.yaml, the same that gslbd reads: its "
	     "sections\n"
	     "caches, relay and bus are for gslb-relay.\n"
	     "  -c FILE   the configuration\n"
	     "  -t        check it and end: exit status 0 when it is right, 1 when not\n"
	     "\n"
	     "gslbctl purge and gslbctl relay speak with it.");
}

static int run(const char *file, bool check)
{
	struct err err;
	struct relay_conf *conf = relay_conf_load(file, &err);
	bool good = conf != NULL && (check || service_run(file, conf, &err));

	if (!good)
		log_error("%s", err.text);
	else if (check)
		printf("%s: right, %zu caches\n", file, conf->ncaches);
	relay_conf_free(conf);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int relay_main(int argc, char **argv)
{
	const char *file = NULL;
	bool check = false;

	log_setup("gslb-relay", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			print_help();
			return EXIT_SUCCESS;
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("gslb-relay " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		}
		if (strcmp(argv[i], "-t") == 0)
			check = true;
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			file = argv[++i];
		else
			return usage("no such option");
	}
	return file != NULL ? run(file, check) : usage("-c FILE must be given");
}
