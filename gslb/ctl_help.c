/* The help texts, made from the same rows as the parser. */
#include <string.h>

#include "gslb/ctl.h"

static void add_usage(const struct ctl_command *command, struct buf *out)
{
	buf_printf(out, "%s", command->name);
	for (const struct ctl_operand *o = command->operands; o != NULL && o->name != NULL; o++) {
		const char *word = o->choices != NULL ? o->choices : o->name;

		switch (o->arity) {
		case CTL_ONE:
			buf_printf(out, " %s", word);
			break;
		case CTL_OPTIONAL:
			buf_printf(out, " [%s]", word);
			break;
		case CTL_MANY:
			buf_printf(out, " %s…", word);
			break;
		}
	}
	for (const struct ctl_option *o = command->options; o != NULL && o->name != NULL; o++)
		buf_printf(out, o->required ? " --%s%s%s%s" : " [--%s%s%s]%s", o->name, o->value != NULL ? " " : "",
			o->value != NULL ? o->value : "", o->kind == CTL_LIST ? "…" : "");
}

static void add_row(const char *name, const char *value, const char *sentence, struct buf *out)
{
	int pad = 18 - (int)strlen(name) - (value != NULL ? (int)strlen(value) + 1 : 0);

	buf_printf(out, "  %s%s%s%*s%s\n", name, value != NULL ? " " : "", value != NULL ? value : "",
		pad > 1 ? pad : 1, "", sentence);
}

static void add_option(const char *name, const char *value, const char *sentence, struct buf *out)
{
	char dashed[64] = "--";

	strncat(dashed, name, sizeof dashed - 3);
	add_row(dashed, value, sentence, out);
}

static void help_program(struct buf *out)
{
	buf_printf(out, "usage: gslbctl [-s SOCKET] [--json] COMMAND\n\n");
	for (size_t i = 0; ctl_commands[i] != NULL; i++)
		add_row(ctl_commands[i]->name, NULL, ctl_commands[i]->summary, out);
	buf_printf(out, "\n");
	add_row("-s, --socket", "PATH", "where gslbd listens (default: $GSLB_SOCKET, else /run/gslb/control.sock)",
		out);
	add_option("json", NULL, "print one JSON document", out);
	add_option("help", NULL, "this text; with a command, its own", out);
	add_option("version", NULL, "print the version", out);
	buf_printf(out, "\nExit status: 0 done, 1 refused or failed, 2 usage, 3 done in part, 4 nothing was to do.\n");
}

void ctl_help(const struct ctl_command *command, struct buf *out)
{
	if (command == NULL) {
		help_program(out);
		return;
	}
	buf_printf(out, "usage: gslbctl [-s SOCKET] [--json] ");
	add_usage(command, out);
	buf_printf(out, "\n%s\n", command->summary);
	if (command->operands != NULL || command->options != NULL)
		buf_printf(out, "\n");
	for (const struct ctl_operand *o = command->operands; o != NULL && o->name != NULL; o++)
		add_row(o->name, NULL, o->sentence, out);
	for (const struct ctl_option *o = command->options; o != NULL && o->name != NULL; o++)
		add_option(o->name, o->value, o->sentence, out);
	if (command->more != NULL)
		buf_printf(out, "\n%s\n", command->more);
}
