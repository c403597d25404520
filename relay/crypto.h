/* crypto - what is needed of libcrypto: HMAC-SHA256 (RFC 2104, FIPS 180-4), base64 (RFC 4648), and when a certificate ends. Any thread. */
#ifndef GSLB_RELAY_CRYPTO_H
#define GSLB_RELAY_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRYPTO_HMAC_LEN = 32, CRYPTO_BASE64_LEN = 44 };

void crypto_hmac(const void *key, size_t key_len, const void *bytes, size_t len, uint8_t out[static CRYPTO_HMAC_LEN]);
/* As text, with a NUL behind it. */
void crypto_base64(const uint8_t hmac[static CRYPTO_HMAC_LEN], char text[static CRYPTO_BASE64_LEN + 1]);
/* How many bytes the text is of; 0: it is not base64. out has room for 3 bytes of each 4 characters. */
size_t crypto_base64_read(const char *text, uint8_t out[]);
/* In a time that does not tell where they differ. */
bool crypto_equal(const void *a, const void *b, size_t len);
/* The end of the first certificate in a PEM file, in milliseconds since 1970; 0: there is none, or it cannot be read. */
uint64_t crypto_certificate_end(const char *text, size_t len);

#endif
