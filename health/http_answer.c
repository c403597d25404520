/* Nobody can make us read more than HTTP_HEADER_MAX bytes of header and HTTP_BODY_MAX of body: at the limit a header is wrong,
 * a body is enough. A redirect is an answer like any other. */
#include "health/http_answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void http_answer_init(struct http_answer *answer, const struct health_probe *probe)
{
	*answer = (struct http_answer){ .probe = probe, .decided = PROBE_NONE };
}

void http_answer_fini(struct http_answer *answer)
{
	free(answer->body);
	answer->body = NULL;
}

/* The first decision stands; false, so that a function can end with it. */
static bool decide(struct http_answer *answer, enum probe_result result, unsigned number, const char *why)
{
	if (answer->decided == PROBE_NONE) {
		answer->decided = result;
		answer->number = number;
		answer->why = why;
	}
	return false;
}

static bool status_is_accepted(const struct health_probe *probe, long status)
{
	if (probe->nstatus == 0)
		return status >= 200 && status <= 299;
	for (unsigned i = 0; i < probe->nstatus; i++)
		if (status >= probe->status[i].from && status <= probe->status[i].to)
			return true;
	return false;
}

bool http_answer_header(struct http_answer *answer, size_t len)
{
	answer->header_len += len;
	return answer->header_len <= HTTP_HEADER_MAX || decide(answer, PROBE_HTTP_HEADER, 0, "over 16 KiB");
}

static bool wants_number(const struct http_answer *answer)
{
	return answer->probe->load != NULL && strcmp(answer->probe->load, HEALTH_LOAD_BODY) == 0;
}

void http_answer_line(struct http_answer *answer, const char *line, size_t len)
{
	const char *name = answer->probe->load;
	size_t name_len = name != NULL ? strlen(name) : 0;

	if (name_len > 0 && len > name_len && line[name_len] == ':' && strncasecmp(line, name, name_len) == 0)
		answer->has_load = health_load_read(line + name_len + 1, len - name_len - 1, &answer->load_milli);
}

bool http_answer_status(struct http_answer *answer, long status)
{
	bool interim = status >= 100 && status <= 199 && status != 101; /* the answer proper follows */

	if (interim || status_is_accepted(answer->probe, status))
		return true;
	return decide(answer, PROBE_STATUS, (unsigned)status, status >= 300 && status <= 399 ? "a redirect" : NULL);
}

/* The text may lie across two pieces: look again from as far back as it is long. */
static bool text_is_there(const struct http_answer *answer, size_t fresh_len)
{
	size_t text_len = strlen(answer->probe->body), before = answer->body_len - fresh_len;
	size_t from = before > text_len ? before - text_len : 0;

	return memmem(answer->body + from, answer->body_len - from, answer->probe->body, text_len) != NULL;
}

bool http_answer_body(struct http_answer *answer, const char *bytes, size_t len)
{
	size_t room = HTTP_BODY_MAX - answer->body_len, taken = len < room ? len : room;
	bool wants_text = answer->probe->body[0] != '\0';

	answer->body_len += taken;
	if (wants_text || wants_number(answer)) {
		answer->body = mem_resize(answer->body, answer->body_len);
		memcpy(answer->body + answer->body_len - taken, bytes, taken);
	}
	if (wants_text && text_is_there(answer, taken))
		return decide(answer, PROBE_OK, 0, NULL);
	if (answer->body_len < HTTP_BODY_MAX)
		return true;
	return wants_text ? decide(answer, PROBE_BODY, 0, "not in its first 64 KiB")
			  : decide(answer, PROBE_OK, 0, NULL);
}

void http_answer_end(struct http_answer *answer)
{
	if (wants_number(answer)) {
		answer->has_load = health_load_read(answer->body, answer->body_len, &answer->load_milli);
		if (!answer->has_load)
			decide(answer, PROBE_BODY, 0, "no number");
	}
	decide(answer, answer->probe->body[0] != '\0' ? PROBE_BODY : PROBE_OK, 0, NULL);
}
