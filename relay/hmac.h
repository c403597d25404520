/* hmac - HMAC-SHA256 (RFC 2104, FIPS 180-4) and base64 (RFC 4648), of libcrypto. Any thread. */
#ifndef GSLB_RELAY_HMAC_H
#define GSLB_RELAY_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HMAC_LEN = 32, HMAC_BASE64_LEN = 44 };

void hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len, uint8_t out[static HMAC_LEN]);
/* As text, with a NUL behind it. */
void hmac_base64(const uint8_t hmac[static HMAC_LEN], char text[static HMAC_BASE64_LEN + 1]);
/* How many bytes the text is of; 0: it is not base64. out has room for 3 bytes of each 4 characters. */
size_t hmac_base64_read(const char *text, uint8_t out[]);
/* In a time that does not tell where they differ. */
bool hmac_equal(const void *a, const void *b, size_t len);

#endif
