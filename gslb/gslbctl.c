/* gslbctl - the operator's command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gslb/ctl.h"

/* no-color.org: set and not empty */
static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

int main(int argc, char **argv)
{
	struct ctl_view view = { .colour = wants_colour(), .now_ms = clock_wall_ms() };
	struct buf out = { 0 }, err = { 0 };
	enum ctl_exit code = ctl_main(argc, argv, &view, &out, &err);

	if (out.len > 0 && !file_write_all(STDOUT_FILENO, out.text, out.len)) {
		perror("gslbctl: standard output");
		code = code == CTL_DONE ? CTL_FAILED : code;
	}
	if (err.len > 0)
		file_write_all(STDERR_FILENO, err.text, err.len);
	buf_fini(&out);
	buf_fini(&err);
	return (int)code;
}
