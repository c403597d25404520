/* sign - events that come with a signature of who made them, for a bus whose servers are not trusted: RELAY 5.1. bus.sign-file has the secrets,
 * lines of
 *     NAME SECRET [SECRET …]
 * of which the first signs and each is accepted, so that one can be exchanged for another. A signature is the last member of an event's JSON
 * object, over all before it; whoever has the secret of a name can speak for it. Immutable; any thread. */
#ifndef GSLB_RELAY_SIGN_H
#define GSLB_RELAY_SIGN_H

#include "relay/event.h"

enum { SIGN_SECRET_MIN = 32 }; /* characters */
enum { SIGN_MARK_LEN = 8, SIGN_ID_MAX = EVENT_ID_MAX + 1 + SIGN_MARK_LEN };

struct sign;

/* All lies in the arena. NULL with a sentence that names the line. */
const struct sign *sign_parse(const char *path, const char *text, size_t len, struct arena *arena, struct err *err);
bool sign_same(const struct sign *a, const struct sign *b); /* NULL is fine */
bool sign_has(const struct sign *sign, const char *name);
/* The event with the signature of that name, which has a secret. */
void sign_event(const struct sign *sign, const char *name, const char *bytes, size_t len, struct buf *out);
/* The bus's message id of an event of that name: "name:epoch:oseq", and with secrets a mark of the one that signs. What is signed in another way is
 * another message to the bus, which else would keep the first one only; a number that is given away for the second time is none. sign NULL:
 * there are no secrets. */
void sign_id(const struct sign *sign, const char *name, uint32_t epoch, uint64_t oseq, char id[static SIGN_ID_MAX]);
/* Was it made by who that name is? False with a sentence. */
bool sign_check(const struct sign *sign, const char *name, const char *bytes, size_t len, struct err *err);

#endif
