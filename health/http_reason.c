#include "health/http_reason.h"

#include <string.h>
#include <time.h>

/* From OpenSSL's x509_vfy.h. */
enum {
	VERIFY_OK = 0,
	VERIFY_UNSPECIFIED = 1,
	VERIFY_NOT_YET_VALID = 9,
	VERIFY_EXPIRED = 10,
	VERIFY_SELF_SIGNED = 18,
	VERIFY_SELF_SIGNED_CA = 19,
	VERIFY_NO_ISSUER = 20,
	VERIFY_NO_ISSUER_OF_LEAF = 21,
	VERIFY_OTHER_HOST = 62,
	VERIFY_OTHER_ADDRESS = 64
};

enum probe_result http_result_of_verify(long verify, const char **why)
{
	switch (verify) {
	case VERIFY_NOT_YET_VALID:
		*why = "not valid yet";
		return PROBE_TLS_EXPIRED;
	case VERIFY_EXPIRED:
		*why = NULL;
		return PROBE_TLS_EXPIRED;
	case VERIFY_OK:
	case VERIFY_UNSPECIFIED: /* the handshake was good: what failed is curl's own look at the name, which comes first */
	case VERIFY_OTHER_HOST:
	case VERIFY_OTHER_ADDRESS:
		*why = NULL;
		return PROBE_TLS_NAME;
	case VERIFY_SELF_SIGNED:
		*why = "self-signed";
		return PROBE_TLS_UNTRUSTED;
	case VERIFY_SELF_SIGNED_CA:
		*why = "its root is not known here";
		return PROBE_TLS_UNTRUSTED;
	case VERIFY_NO_ISSUER:
	case VERIFY_NO_ISSUER_OF_LEAF:
		*why = "issuer not sent or unknown";
		return PROBE_TLS_UNTRUSTED;
	default:
		*why = "see openssl verify";
		return PROBE_TLS_UNTRUSTED;
	}
}

/* A transfer that broke: curl and OpenSSL put the kernel's words into the sentence (there is no locale to change them). */
enum probe_result http_result_of_break(const char *error, enum probe_result otherwise)
{
	if (strstr(error, "reset by peer") != NULL || strstr(error, "Broken pipe") != NULL)
		return PROBE_RESET;
	if (strstr(error, "SSL_ERROR_SYSCALL") != NULL || strstr(error, "unexpected eof") != NULL)
		return PROBE_CLOSED_EARLY;
	if (strstr(error, "chunk") != NULL)
		return PROBE_HTTP_OTHER;
	return otherwise;
}

const char *http_last_part(const char *text)
{
	const char *colon = strrchr(text, ':');

	if (strstr(text, "reset by peer") != NULL || strstr(text, "Broken pipe") != NULL) /* the result says so */
		return NULL;
	if (colon == NULL)
		return text;
	return colon + 1 + strspn(colon + 1, " ");
}

uint32_t http_earlier_end_s(uint32_t first_s, const char *line)
{
	struct tm tm = { 0 };
	time_t end;

	if (strptime(line, "Expire date:%b %d %H:%M:%S %Y", &tm) == NULL)
		return first_s;
	end = timegm(&tm);
	if (end < 1)
		return 1;
	return end < (time_t)first_s ? (uint32_t)end : first_s;
}
