#include "relay/crypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <string.h>
#include <time.h>

void crypto_hmac(const void *key, size_t key_len, const void *bytes, size_t len, uint8_t out[static CRYPTO_HMAC_LEN])
{
	unsigned out_len = CRYPTO_HMAC_LEN;

	HMAC(EVP_sha256(), key, (int)key_len, bytes, len, out, &out_len);
}

void crypto_base64(const uint8_t hmac[static CRYPTO_HMAC_LEN], char text[static CRYPTO_BASE64_LEN + 1])
{
	EVP_EncodeBlock((unsigned char *)text, hmac, CRYPTO_HMAC_LEN);
}

size_t crypto_base64_read(const char *text, uint8_t out[])
{
	size_t len = strlen(text);
	int n = len > 0 && len % 4 == 0 ? EVP_DecodeBlock(out, (const unsigned char *)text, (int)len) : -1;

	return n < 3 ? 0 : (size_t)n - (text[len - 1] == '=') - (text[len - 2] == '=');
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

uint64_t crypto_certificate_end(const char *text, size_t len)
{
	char password[] = ""; /* else it would ask for one, at the terminal */
	BIO *file = BIO_new_mem_buf(text, (int)len);
	X509 *certificate = PEM_read_bio_X509(file, NULL, NULL, password);
	struct tm tm;
	time_t end_s = 0;

	if (certificate != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1)
		end_s = timegm(&tm);
	X509_free(certificate);
	BIO_free(file);
	ERR_clear_error(); /* this thread's next call of TLS, libnats', would take it for its own */
	return end_s > 0 ? (uint64_t)end_s * 1000 : 0;
}
