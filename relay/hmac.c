#include "relay/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

void hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len, uint8_t out[static HMAC_LEN])
{
	unsigned out_len = HMAC_LEN;

	HMAC(EVP_sha256(), key, (int)key_len, bytes, len, out, &out_len);
}

void hmac_base64(const uint8_t hmac[static HMAC_LEN], char text[static HMAC_BASE64_LEN + 1])
{
	EVP_EncodeBlock((unsigned char *)text, hmac, HMAC_LEN);
}

size_t hmac_base64_read(const char *text, uint8_t out[])
{
	size_t len = strlen(text);
	int n = len > 0 && len % 4 == 0 ? EVP_DecodeBlock(out, (const unsigned char *)text, (int)len) : -1;

	return n < 3 ? 0 : (size_t)n - (text[len - 1] == '=') - (text[len - 2] == '=');
}

bool hmac_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
