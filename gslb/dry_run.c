#include "gslb/dry_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "gslb/drills.h"
#include "gslb/loader.h"

static void print_report(struct report *report)
{
	char line[1400];

	report_sort(report);
	for (size_t i = 0; i < report->nlines; i++) {
		report_format(&report->lines[i], line, sizeof line);
		fprintf(stderr, "%s\n", line);
	}
	report_fini(report);
}

struct conf *dry_run_conf(const char *path)
{
	struct report report = { 0 };
	struct conf *conf = conf_load(path, &report);

	print_report(&report);
	return conf;
}

static bool test_drills(const struct conf *conf)
{
	struct report report = { 0 };
	bool good;

	if (conf->drills_directory[0] != '\0')
		drill_folder_check(conf->drills_directory, &report);
	good = report.nmistakes == 0;
	print_report(&report);
	return good;
}

int dry_run(const struct conf *conf)
{
	struct loader *loader;
	const struct loaded_zone *const *zones;
	size_t n, refused = 0;
	char scratch[] = "/tmp/gslbd-test-XXXXXX";
	struct zone_set *set = NULL;
	struct err err = { 0 };
	struct geo *geo;
	bool changed, good = true;

	log_setup("gslbd", LOG_ERROR);
	geo = geo_open((const char *const *)conf->databases, conf->ndatabases, &err);
	if (geo == NULL) {
		fprintf(stderr, "%s\n", err.text);
		good = false;
	}
	geo_free(geo);
	if (mkdtemp(scratch) == NULL) {
		fputs("gslbd: /tmp cannot be written\n", stderr);
		return 1;
	}
	loader = loader_new(conf->zones_directory, scratch, 1);
	set = loader_load(loader, LOADER_START, clock_wall_ms(), &changed, &err);
	if (set == NULL)
		fprintf(stderr, "%s\n", err.text);
	n = loader_zones(loader, &zones);
	for (size_t i = 0; i < n; i++)
		refused += zones[i]->standing != ZONE_LOADED;
	good = test_drills(conf) && good && set != NULL && refused == 0;
	printf("%s: %zu zone%s, %zu with mistakes%s\n", conf->file, n, n == 1 ? "" : "s", refused,
		good ? ": all is well" : "");
	zone_set_free(set);
	loader_free(loader);
	loader_remove_copies(scratch);
	return good ? 0 : 1;
}
