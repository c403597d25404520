/* The command line becomes the JSON arguments of a request, by the rows of the command's tables. Options may stand anywhere:
 * "gslbctl status --json" is what people type. */
#include <string.h>

#include "gslb/ctl.h"

const struct ctl_command *const ctl_commands[] = {
	&ctl_status,
	&ctl_services,
	&ctl_pools,
	&ctl_endpoints,
	&ctl_explain,
	&ctl_check,
	&ctl_plan,
	&ctl_force,
	&ctl_clear,
	&ctl_overrides,
	&ctl_capacity,
	&ctl_drain_status,
	&ctl_push,
	&ctl_latency,
	&ctl_reload,
	&ctl_stats,
	&ctl_purge,
	&ctl_relay,
	&ctl_bus,
	&ctl_drill,
	NULL,
};

static const struct ctl_operand no_operands[] = { { 0 } };
static const struct ctl_option no_options[] = { { 0 } };

struct parsing {
	int argc;
	char **argv;
	int at;
	bool only_operands; /* after "--" */
	struct ctl_line *line;
	const struct ctl_operand *operand;
	struct err *err;
};

static const struct ctl_option *options_of(const struct ctl_command *command)
{
	return command != NULL && command->options != NULL ? command->options : no_options;
}

static const struct ctl_operand *operands_of(const struct ctl_command *command)
{
	return command != NULL && command->operands != NULL ? command->operands : no_operands;
}

static const char *name_of(const struct ctl_command *command)
{
	return command != NULL ? command->name : "gslbctl";
}

/* The value of an option: behind "=", or the next word. */
static const char *take_value(struct parsing *p, const char *inlined)
{
	if (inlined != NULL)
		return inlined;
	return p->at < p->argc ? p->argv[p->at++] : NULL;
}

static bool set_option(struct parsing *p, const struct ctl_option *option, const char *value)
{
	json_t *args = p->line->args, *list;
	uint64_t ms;

	if (json_object_get(args, option->key) != NULL && option->kind != CTL_LIST)
		return err_set(p->err, "--%s: given twice", option->name);
	switch (option->kind) {
	case CTL_FLAG:
		json_object_set_new(args, option->key, json_true());
		return true;
	case CTL_DURATION:
		if (!duration_parse(value, &ms) || ms == 0 || ms > INT64_MAX)
			return err_set(p->err, "--%s %s: not a duration (try 30m)", option->name, value);
		json_object_set_new(args, option->key, json_integer((json_int_t)ms));
		return true;
	case CTL_TEXT:
		if (*value == '\0' || json_object_set_new(args, option->key, json_string(value)) != 0)
			return err_set(p->err, "--%s: wants %s (a text in UTF-8)", option->name, option->value);
		return true;
	case CTL_LIST:
		list = json_object_get(args, option->key);
		if (list == NULL)
			json_object_set_new(args, option->key, list = json_array());
		if (*value == '\0' || json_array_append_new(list, json_string(value)) != 0)
			return err_set(p->err, "--%s: wants %s (a text in UTF-8)", option->name, option->value);
		return true;
	}
	return false;
}

static bool long_option(struct parsing *p, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);

	for (const struct ctl_option *o = options_of(p->line->command); o->name != NULL; o++) {
		const char *value = "";

		if (strlen(o->name) != len || strncmp(o->name, word, len) != 0)
			continue;
		if (o->kind == CTL_FLAG && equals != NULL)
			return err_set(p->err, "--%s: takes no value", o->name);
		if (o->kind != CTL_FLAG && (value = take_value(p, equals != NULL ? equals + 1 : NULL)) == NULL)
			return err_set(p->err, "--%s: wants %s behind it", o->name, o->value);
		return set_option(p, o, value);
	}
	if (strcmp(word, "json") == 0)
		return p->line->json = true;
	if (strcmp(word, "help") == 0)
		return p->line->help = true;
	if (strcmp(word, "version") == 0)
		return p->line->version = true;
	if (len == 6 && strncmp(word, "socket", 6) == 0) {
		p->line->socket = take_value(p, equals != NULL ? equals + 1 : NULL);
		return p->line->socket != NULL || err_set(p->err, "--socket: wants SOCKET behind it");
	}
	return err_set(p->err, "--%.*s: no such option (try gslbctl %s%s--help)", (int)len, word,
		p->line->command != NULL ? p->line->command->name : "", p->line->command != NULL ? " " : "");
}

static bool short_option(struct parsing *p, const char *word)
{
	if (word[0] == 'h' && word[1] == '\0')
		return p->line->help = true;
	if (word[0] == 'V' && word[1] == '\0')
		return p->line->version = true;
	if (word[0] != 's')
		return err_set(p->err, "-%s: no such option (try --help)", word);
	p->line->socket = take_value(p, word[1] != '\0' ? word + 1 : NULL);
	return p->line->socket != NULL || err_set(p->err, "-s: wants SOCKET behind it");
}

/* Of "up|down|load=NUMBER" a word is the first, the second, or begins as the third and goes on. */
static bool is_choice(const char *choices, const char *word)
{
	size_t len = strlen(word), begins = strcspn(word, "=") + 1;

	for (const char *at = choices; *at != '\0';
		at += at[strcspn(at, "|")] != '\0' ? strcspn(at, "|") + 1 : strcspn(at, "|"))
		if ((strcspn(at, "|") == len && strncmp(at, word, len) == 0) ||
			(begins < len && strncmp(at, word, begins) == 0))
			return true;
	return false;
}

static bool find_command(struct parsing *p, const char *word)
{
	for (size_t i = 0; ctl_commands[i] != NULL; i++)
		if (strcmp(ctl_commands[i]->name, word) == 0) {
			p->line->command = ctl_commands[i];
			p->operand = operands_of(ctl_commands[i]);
			return true;
		}
	return err_set(p->err, "%s: no such command (gslbctl --help lists them)", word);
}

static bool operand(struct parsing *p, const char *word)
{
	const struct ctl_operand *o = p->operand;
	json_t *text = json_string(word), *list;

	if (o->name == NULL || text == NULL || *word == '\0') {
		json_decref(text);
		return err_set(p->err,
			o->name == NULL ? "%s: one word too many (try gslbctl %s --help)" : "\"%s\": not a %s", word,
			o->name == NULL ? name_of(p->line->command) : o->name);
	}
	if (o->choices != NULL && !is_choice(o->choices, word)) {
		json_decref(text);
		return err_set(p->err, "%s: not the %s (try %s)", word, o->name, o->choices);
	}
	if (o->arity != CTL_MANY) {
		json_object_set_new(p->line->args, o->key, text);
		p->operand++;
		return true;
	}
	list = json_object_get(p->line->args, o->key);
	if (list == NULL)
		json_object_set_new(p->line->args, o->key, list = json_array());
	json_array_append_new(list, text);
	return true;
}

static bool check_complete(const struct parsing *p)
{
	const struct ctl_line *line = p->line;

	if (line->command == NULL)
		return err_set(p->err, "a command is missing (gslbctl --help lists them)");
	for (const struct ctl_operand *o = operands_of(line->command); o->name != NULL; o++)
		if (o->arity != CTL_OPTIONAL && json_object_get(line->args, o->key) == NULL)
			return err_set(p->err, "%s: %s is missing (%s)", line->command->name, o->name, o->sentence);
	for (const struct ctl_option *o = options_of(line->command); o->name != NULL; o++)
		if (o->required && json_object_get(line->args, o->key) == NULL)
			return err_set(p->err, "%s: --%s %s is missing (%s)", line->command->name, o->name, o->value,
				o->sentence);
	return true;
}

bool ctl_parse(int argc, char **argv, struct ctl_line *line, struct err *err)
{
	struct parsing p = { .argc = argc, .argv = argv, .at = 1, .line = line, .operand = no_operands, .err = err };

	*line = (struct ctl_line){ .args = json_object() };
	while (p.at < argc) {
		const char *word = argv[p.at++];
		bool good;

		if (!p.only_operands && strcmp(word, "--") == 0)
			good = p.only_operands = true;
		else if (!p.only_operands && word[0] == '-' && word[1] == '-')
			good = long_option(&p, word + 2);
		else if (!p.only_operands && word[0] == '-' && word[1] != '\0')
			good = short_option(&p, word + 1);
		else
			good = line->command == NULL ? find_command(&p, word) : operand(&p, word);
		if (!good)
			return false;
	}
	return line->help || line->version || check_complete(&p);
}
