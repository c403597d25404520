#include "relay/sign.h"

#include <stdio.h>
#include <string.h>

#include "relay/check.h"
#include "relay/crypto.h"
#include "relay/event.h"

static const char before[] = ",\"sig\":\"", behind[] = "\"}";

enum {
	BEFORE_LEN = sizeof before - 1,
	BEHIND_LEN = sizeof behind - 1,
	TAIL_LEN = BEFORE_LEN + CRYPTO_BASE64_LEN + BEHIND_LEN
};
_Static_assert(TAIL_LEN <= EVENT_SIGNED_MAX - EVENT_BYTES_MAX, "the longest event, signed, is read again");

struct secret {
	const char *name, *text;
};

struct sign {
	struct secret *secrets;
	size_t n;
};

/* ---- reading ---- */

static bool read_line(struct sign *sign, char *line, struct arena *arena, struct err *err)
{
	const char *name = check_word(&line), *secret = check_word(&line);

	if (!check_label(name, strlen(name)))
		return err_set(err, "the name must be 1 to 63 letters, digits, - and _");
	if (sign_has(sign, name))
		return err_set(err, "%s: it has a line already: put all its secrets into that", name);
	name = arena_strdup(arena, name);
	do {
		if (secret == NULL || strlen(secret) < SIGN_SECRET_MIN)
			return err_set(err, "%s: a secret has %d characters or more (try openssl rand -base64 32)",
				name, SIGN_SECRET_MIN);
		sign->secrets[sign->n++] = (struct secret){ name, arena_strdup(arena, secret) };
	} while ((secret = check_word(&line)) != NULL);
	return true;
}

const struct sign *sign_parse(const char *path, const char *text, size_t len, struct arena *arena, struct err *err)
{
	struct sign *sign = arena_alloc(arena, sizeof *sign);
	char *rest = arena_alloc(arena, len + 1), *line;
	unsigned number = 0;
	struct err why;

	memcpy(rest, text, len);
	sign->secrets = arena_alloc(arena, (len / SIGN_SECRET_MIN + 1) * sizeof *sign->secrets);
	while ((line = check_line(&rest, &number)) != NULL) {
		if (read_line(sign, line, arena, &why))
			continue;
		err_set(err, "%s:%u: %s", path, number, why.text);
		return NULL;
	}
	return sign;
}

bool sign_has(const struct sign *sign, const char *name)
{
	for (size_t i = 0; i < sign->n; i++)
		if (strcmp(sign->secrets[i].name, name) == 0)
			return true;
	return false;
}

bool sign_same(const struct sign *a, const struct sign *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	for (size_t i = 0; a->n == b->n && i < a->n; i++)
		if (strcmp(a->secrets[i].name, b->secrets[i].name) != 0 ||
			strcmp(a->secrets[i].text, b->secrets[i].text) != 0)
			return false;
	return a->n == b->n;
}

/* ---- signing ---- */

static void sign_as(const struct secret *secret, const char *bytes, size_t len, char text[static CRYPTO_BASE64_LEN + 1])
{
	uint8_t hmac[CRYPTO_HMAC_LEN];

	crypto_hmac(secret->text, strlen(secret->text), bytes, len, hmac);
	crypto_base64(hmac, text);
}

/* The one that signs. */
static const struct secret *secret_of(const struct sign *sign, const char *name)
{
	const struct secret *secret = sign->secrets;

	while (strcmp(secret->name, name) != 0)
		secret++;
	return secret;
}

void sign_event(const struct sign *sign, const char *name, const char *bytes, size_t len, struct buf *out)
{
	char text[CRYPTO_BASE64_LEN + 1];

	len--; /* its brace */
	sign_as(secret_of(sign, name), bytes, len, text);
	buf_add(out, bytes, len);
	buf_add(out, before, BEFORE_LEN);
	buf_add(out, text, CRYPTO_BASE64_LEN);
	buf_add(out, behind, BEHIND_LEN);
}

void sign_id(const struct sign *sign, const char *name, uint32_t epoch, uint64_t oseq, char id[static SIGN_ID_MAX])
{
	char text[CRYPTO_BASE64_LEN + 1];
	int len = snprintf(id, EVENT_ID_MAX, "%s:%u:%llu", name, epoch, (unsigned long long)oseq);

	if (sign == NULL)
		return;
	sign_as(secret_of(sign, name), id, (size_t)len, text);
	snprintf(id + len, SIGN_MARK_LEN + 2, ":%.*s", SIGN_MARK_LEN, text);
}

bool sign_check(const struct sign *sign, const char *name, const char *bytes, size_t len, struct err *err)
{
	const char *tail = len >= TAIL_LEN ? bytes + len - TAIL_LEN : NULL;
	char text[CRYPTO_BASE64_LEN + 1];

	if (tail == NULL || memcmp(tail, before, BEFORE_LEN) != 0)
		return err_set(err, "it has no signature (bus.sign-file must be there, too)");
	for (size_t i = 0; i < sign->n; i++) {
		if (strcmp(sign->secrets[i].name, name) != 0)
			continue;
		sign_as(&sign->secrets[i], bytes, len - TAIL_LEN, text);
		if (crypto_equal(text, tail + BEFORE_LEN, CRYPTO_BASE64_LEN) &&
			memcmp(bytes + len - BEHIND_LEN, behind, BEHIND_LEN) == 0)
			return true;
	}
	return err_set(
		err, sign_has(sign, name)
			     ? "its signature is wrong (bus.sign-file must have the same secret for it here and there)"
			     : "bus.sign-file has no secret for it");
}
