/* Any bytes as a cookie, and as a secret file. A cookie that was changed in any byte is not good; what is sent back is. The
 * first byte says which: even a cookie (its low bits and the next one pick address and time), odd a file. */
#include <stdlib.h>

#include "gslb/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void try_file(const uint8_t *data, size_t len)
{
	struct cookie_secrets secrets = { 0 };
	struct err err;

	if (cookie_secrets_parse(&secrets, (const char *)data, len, &err))
		must(secrets.n > 0 && secrets.n <= COOKIE_SECRETS_MAX);
	else
		must(secrets.n == 0 && err.text[0] != '\0');
}

static void try_cookie(const uint8_t *data, size_t len, unsigned pick, uint32_t now_s)
{
	static const struct cookie_secrets secrets = { 2, { "secret of sixtee", "another of sixte" } };
	struct addr source = { pick & 2 ? ADDR_V6 : ADDR_V4, { 192, 0, 2, (uint8_t)pick } };
	uint8_t reply[COOKIE_LEN], again[COOKIE_LEN];

	if (!cookie_has_length(len))
		return;
	if (cookie_answer(&secrets, &source, now_s, data, len, reply) == COOKIE_GOOD)
		must(len == COOKIE_LEN);
	must(memcmp(reply, data, COOKIE_CLIENT_LEN) == 0);
	must(cookie_answer(&secrets, &source, now_s, reply, COOKIE_LEN, again) == COOKIE_GOOD);
	must(memcmp(reply, again, COOKIE_LEN) == 0);
	reply[pick % COOKIE_LEN] ^= (uint8_t)(1 << pick % 8);
	must(cookie_answer(&secrets, &source, now_s, reply, COOKIE_LEN, again) != COOKIE_GOOD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2)
		return 0;
	if (data[0] % 2 == 1)
		try_file(data + 1, len - 1);
	else
		try_cookie(data + 2, len - 2, data[0], 1559731985u + (uint32_t)data[1] * 32);
	return 0;
}
