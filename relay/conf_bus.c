#include "relay/conf_bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/check.h"

enum { SECRETS_MAX_LEN = 1 << 20 };

struct naming {
	struct relay_conf *conf;
	const struct conf_bus_text *text;
	struct conf_relay *relays;
	struct err *err;
};

static bool wrong(const struct naming *naming, const char *relay, const char *right)
{
	return err_set(naming->err, "%s: bus.relays: %s: %s", naming->text->path, relay, right);
}

/* ---- regions ---- */

/* They are named in each host's file alike; this one is among them. */
static bool read_regions(struct naming *naming)
{
	struct relay_conf *conf = naming->conf;
	const struct conf_bus_text *text = naming->text;
	const char **regions = arena_alloc(conf->arena, (text->nregions + 1) * sizeof *regions);

	conf->regions = regions;
	for (size_t i = 0; i < text->nregions; i++) {
		const char *region = text->regions[i];

		if (!check_label(region, strlen(region)))
			return err_set(naming->err, "%s: bus.regions: %s: must be 1 to 63 letters, digits, - and _",
				text->path, region);
		if (conf_region(conf, region) < conf->nregions)
			return err_set(naming->err, "%s: bus.regions: %s: listed twice (keep one)", text->path, region);
		regions[conf->nregions++] = arena_strdup(conf->arena, region);
	}
	if (text->nregions == 0)
		regions[conf->nregions++] = conf->region;
	return conf_region(conf, conf->region) < conf->nregions
		       ? true
		       : err_set(naming->err, "%s: bus.regions: server.region %s is not among them", text->path,
				 conf->region);
}

/* ---- relays ---- */

static bool is_region(const struct naming *naming, const char *name)
{
	return conf_region(naming->conf, name) < naming->conf->nregions;
}

/* "NAME@REGION", or the name of a region's first one. */
static bool read_relay(struct naming *naming, const char *text)
{
	struct relay_conf *conf = naming->conf;
	char *name = arena_strdup(conf->arena, text), *region = strchr(name, '@');

	if (region != NULL)
		*region++ = '\0';
	else
		region = name;
	if (!check_label(name, strlen(name)) || !check_label(region, strlen(region)))
		return wrong(naming, text, "must be NAME@REGION, or a region's name for its first one (try eu-2@eu)");
	if (!is_region(naming, region) && region == name)
		return wrong(naming, text,
			"no region of bus.regions is called so: name the one that it serves (try eu-2@eu)");
	if (!is_region(naming, region))
		return wrong(
			naming, text, "bus.regions does not have that region: add it there, alike in each host's file");
	if (strcmp(name, region) != 0 && is_region(naming, name))
		return wrong(naming, text, "only a gslb-relay of that region may have a region's name (try eu-2@eu)");
	if (conf_relay(conf, name) < conf->nrelays)
		return wrong(naming, name, "two have this name, and each must have one of its own (try eu-2@eu)");
	naming->relays[conf->nrelays++] = (struct conf_relay){ name, region };
	return true;
}

/* Without bus.relays each region has one, which is named as it is. */
static bool read_relays(struct naming *naming)
{
	struct relay_conf *conf = naming->conf;
	const struct conf_bus_text *text = naming->text;
	size_t n = text->nrelays > 0 ? text->nrelays : conf->nregions;

	conf->relays = naming->relays = arena_alloc(conf->arena, n * sizeof *conf->relays);
	for (size_t i = 0; i < n; i++)
		if (!read_relay(naming, text->nrelays > 0 ? text->relays[i] : conf->regions[i]))
			return false;
	return true;
}

static bool is_served(const struct relay_conf *conf, const char *region)
{
	for (size_t i = 0; i < conf->nrelays; i++)
		if (strcmp(conf->relays[i].region, region) == 0)
			return true;
	return false;
}

/* We are among them, for our region. */
static bool find_own(const struct naming *naming)
{
	const struct relay_conf *conf = naming->conf;
	size_t i = conf_relay(conf, conf->name);

	if (i < conf->nrelays && strcmp(conf->relays[i].region, conf->region) == 0)
		return true;
	if (i < conf->nrelays)
		return err_set(naming->err, "%s: bus.relays: %s@%s: that is our own name, and server.region is %s",
			naming->text->path, conf->name, conf->relays[i].region, conf->region);
	if (naming->text->name == NULL)
		return err_set(naming->err,
			"%s: bus.name: must be given, since bus.relays does not have %s, as ours is called without it",
			naming->text->path, conf->name);
	return err_set(naming->err, "%s: bus.relays: our own is not among them: add %s@%s, alike in each host's file",
		naming->text->path, conf->name, conf->region);
}

static bool read_names(struct naming *naming)
{
	struct relay_conf *conf = naming->conf;
	const struct conf_bus_text *text = naming->text;
	const char *name = text->name != NULL ? text->name : conf->region;

	if (!check_label(name, strlen(name)))
		return err_set(naming->err, "%s: bus.name: %s: must be 1 to 63 letters, digits, - and _ (try eu-2)",
			text->path, name);
	snprintf(conf->name, sizeof conf->name, "%s", name);
	if (text->nrelays == 0 && strcmp(name, conf->region) != 0)
		return err_set(naming->err,
			"%s: bus.name: %s: bus.relays must have it, alike in each host's file (add %s@%s)", text->path,
			name, name, conf->region);
	if (!read_relays(naming))
		return false;
	for (size_t i = 0; i < conf->nregions; i++)
		if (!is_served(conf, conf->regions[i]))
			return wrong(naming, conf->regions[i],
				"a region without one: add it, or take it out of bus.regions");
	return find_own(naming);
}

/* ---- secrets ---- */

static bool read_sign(const struct naming *naming)
{
	struct relay_conf *conf = naming->conf;
	char *path, *text = NULL;
	struct err why;
	size_t len;

	if (naming->text->sign_file == NULL)
		return true;
	path = file_beside(naming->text->path, naming->text->sign_file);
	if (file_read(path, SECRETS_MAX_LEN, &text, &len, &why))
		conf->sign = sign_parse(path, text, len, conf->arena, &why);
	for (size_t i = 0; conf->sign != NULL && i < conf->nrelays; i++)
		if (!sign_has(conf->sign, conf->relays[i].name)) {
			err_set(&why, "%s: no line for %s: all of %s need one", path, conf->relays[i].name,
				naming->text->nrelays > 0 ? "bus.relays" : "bus.regions");
			conf->sign = NULL;
		}
	free(text);
	free(path);
	return conf->sign != NULL ? true : err_set(naming->err, "%s: bus.sign-file: %s", naming->text->path, why.text);
}

/* ---- all of it ---- */

bool conf_bus_read(struct relay_conf *conf, const struct conf_bus_text *text, struct err *err)
{
	struct naming naming = { .conf = conf, .text = text, .err = err };

	return read_regions(&naming) && read_names(&naming) && read_sign(&naming);
}

void conf_bus_none(struct relay_conf *conf, const char *name)
{
	struct conf_relay *relay = arena_alloc(conf->arena, sizeof *relay);

	snprintf(conf->name, sizeof conf->name, "%s", name);
	*relay = (struct conf_relay){ conf->name, conf->region };
	conf->relays = relay;
	conf->nrelays = 1;
}

/* ---- the same? ---- */

static bool same_texts(const char *const *a, size_t na, const char *const *b, size_t nb)
{
	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

bool conf_bus_same_servers(const struct relay_conf *a, const struct relay_conf *b)
{
	return same_texts(a->servers, a->nservers, b->servers, b->nservers);
}

bool conf_bus_same_fleet(const struct relay_conf *a, const struct relay_conf *b)
{
	bool same = same_texts(a->regions, a->nregions, b->regions, b->nregions) && a->nrelays == b->nrelays;

	for (size_t i = 0; same && i < a->nrelays; i++)
		same = strcmp(a->relays[i].name, b->relays[i].name) == 0 &&
		       strcmp(a->relays[i].region, b->relays[i].region) == 0;
	return same;
}
