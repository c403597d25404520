/* A message of one field each way needs no library: field 1 of the request is the service's name (a string), field 1 of the
 * answer is its status (an enum). A gRPC message stands behind five bytes: compressed or not, and its length. */
#include "health/grpc.h"

#include <string.h>
#include <strings.h>

enum { PREFIX_LEN = 5, FIELD_SERVICE = 1 << 3 | 2, FIELD_STATUS = 1 << 3 };
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
enum { HEALTH_SERVING = 1 };

static size_t put_varint(uint8_t *at, size_t number)
{
	size_t len = 0;

	for (; number >= 0x80; number >>= 7)
		at[len++] = (uint8_t)(number | 0x80);
	at[len++] = (uint8_t)number;
	return len;
}

size_t grpc_request(const char *service, uint8_t message[static GRPC_REQUEST_MAX])
{
	size_t service_len = strnlen(service, GRPC_SERVICE_MAX), len = PREFIX_LEN;

	if (service_len > 0) { /* a default is not sent: no name is the server as a whole */
		message[len++] = FIELD_SERVICE;
		len += put_varint(message + len, service_len);
		memcpy(message + len, service, service_len);
		len += service_len;
	}
	memcpy(message,
		(uint8_t[PREFIX_LEN]){ 0, 0, 0, (uint8_t)((len - PREFIX_LEN) >> 8), (uint8_t)(len - PREFIX_LEN) },
		PREFIX_LEN);
	return len;
}

void grpc_answer_header(struct grpc_answer *answer, const char *line, size_t len)
{
	static const char name[] = "grpc-status:";
	size_t at = sizeof name - 1;
	unsigned status = 0, digits = 0;

	if (len < at || strncasecmp(line, name, at) != 0)
		return;
	while (at < len && (line[at] == ' ' || line[at] == '\t'))
		at++;
	for (; at < len && line[at] >= '0' && line[at] <= '9' && digits < 5; at++, digits++)
		status = status * 10 + (unsigned)(line[at] - '0');
	answer->has_status = digits > 0 && digits < 5;
	answer->status = status;
}

void grpc_answer_body(struct grpc_answer *answer, const char *bytes, size_t len)
{
	size_t room = answer->len < GRPC_ANSWER_MAX ? GRPC_ANSWER_MAX - answer->len : 0;

	memcpy(answer->message + (answer->len < GRPC_ANSWER_MAX ? answer->len : 0), bytes, len < room ? len : room);
	answer->len += len;
}

/* ---- protobuf, as much as this takes ---- */

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t get_varint(struct cursor *c)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 64 && c->at < c->end; shift += 7) {
		uint8_t byte = *c->at++;

		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return number;
	}
	c->bad = true;
	return 0;
}

static void skip(struct cursor *c, uint64_t len)
{
	if ((uint64_t)(c->end - c->at) < len)
		c->bad = true;
	else
		c->at += len;
}

/* The status of a HealthCheckResponse: 0, UNKNOWN, when the field is absent. Fields of later versions are skipped. */
static uint64_t read_status(struct cursor *c)
{
	uint64_t status = 0;

	while (!c->bad && c->at < c->end) {
		uint64_t field = get_varint(c);

		if (field == FIELD_STATUS)
			status = get_varint(c);
		else if ((field & 7) == WIRE_VARINT)
			get_varint(c);
		else if ((field & 7) == WIRE_BYTES)
			skip(c, get_varint(c));
		else if ((field & 7) == WIRE_FIXED64 || (field & 7) == WIRE_FIXED32)
			skip(c, (field & 7) == WIRE_FIXED64 ? 8 : 4);
		else
			c->bad = true;
	}
	return status;
}

static enum probe_result result_of_message(const struct grpc_answer *answer, unsigned *number, const char **why)
{
	static const char *const names[] = { "UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN" };
	struct cursor c = { .at = answer->message + PREFIX_LEN, .end = answer->message + answer->len };
	uint64_t status;

	*why = "not a health answer";
	if (answer->len < PREFIX_LEN || answer->len > GRPC_ANSWER_MAX || answer->message[0] != 0 ||
		answer->message[1] != 0 || answer->message[2] != 0 ||
		(size_t)(answer->message[3] << 8 | answer->message[4]) != answer->len - PREFIX_LEN)
		return PROBE_GRPC_OTHER;
	status = read_status(&c);
	if (c.bad)
		return PROBE_GRPC_OTHER;
	*why = NULL;
	if (status == HEALTH_SERVING)
		return PROBE_OK;
	*number = status < UINT16_MAX ? (unsigned)status : UINT16_MAX;
	*why = status < COUNT_OF(names) ? names[status] : NULL;
	return PROBE_GRPC_HEALTH;
}

static const char *status_name(unsigned status)
{
	static const char *const names[] = { "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED",
		"NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
		"ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED" };

	return status < COUNT_OF(names) ? names[status] : NULL;
}

enum probe_result grpc_answer_end(const struct grpc_answer *answer, unsigned *number, const char **why)
{
	*number = 0;
	*why = "no grpc-status";
	if (!answer->has_status)
		return PROBE_GRPC_OTHER;
	if (answer->status == 0)
		return result_of_message(answer, number, why);
	*number = answer->status;
	*why = status_name(answer->status);
	return PROBE_GRPC_STATUS;
}
