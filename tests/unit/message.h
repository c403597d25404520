/* message - DNS messages for tests: made from a line of text or from hexadecimal, and read back into text by a decoder that
 * shares no code with the server. */
#ifndef GSLB_TESTS_MESSAGE_H
#define GSLB_TESTS_MESSAGE_H

#include "base/base.h"

/* Bytes from "be ef 01 00"; blanks are passed over. Returns how many. */
size_t message_from_hex(const char *hex, uint8_t *bytes, size_t cap);
/* A query from words: "www.svc.example A" and any of rd cd do nsid keepalive ch any-class edns=PAYLOAD ecs=ADDR/LEN
 * cookie=HEX id=N. All but rd, cd, ch, any-class and id bring an OPT (of 1232 bytes). The id is 48879 (0xbeef) by default. */
size_t message_query(const char *words, uint8_t *bytes, size_t cap);
/* "NOERROR aa rd; www.svc.example A; answer: www.svc.example 30 A 192.0.2.10, …; authority: …; additional: …; opt: 1232 do
 * ecs=1/24/20"; sections without records are left out. "MALFORMED: …" when it is no message. The text is the caller's buf. */
const char *message_text(const uint8_t *bytes, size_t len, struct buf *text);

#endif
