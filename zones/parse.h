/* parse - the data of one record between its text and its wire form (ldns does it). Of one thread. */
#ifndef GSLB_ZONES_PARSE_H
#define GSLB_ZONES_PARSE_H

#include "zones/lexer.h"

enum { RDATA_MAX = 65535 };

struct rdata_parser;

struct rdata_parser *rdata_parser_new(void);
void rdata_parser_free(struct rdata_parser *parser);
/* Names without a last dot are under this one from now on. */
void rdata_parser_origin(struct rdata_parser *parser, const struct name *origin);
/* Tokens to wire form, names as written and uncompressed. False with a sentence "A 192.0.2.300: not … (try …)". */
bool rdata_parse(struct rdata_parser *parser, uint16_t type, const struct token *tokens, size_t ntokens,
	uint8_t rdata[static RDATA_MAX], uint16_t *rdlen, struct err *err);
/* Wire form to text that parses to the same bytes: as the type is written, or as RFC 3597 writes any. */
void rdata_print(struct rdata_parser *parser, uint16_t type, const uint8_t *rdata, uint16_t rdlen, struct buf *out);

/* What keeps a type out of a zone file, as a half sentence; NULL when it may stand there. */
const char *rrtype_refused(uint16_t type);
/* Where in RDATA of this type a host name starts: NS, CNAME, DNAME, PTR, MX, SRV; -1 for other types. */
int rrtype_name_at(uint16_t type);
/* "3600", "1h30m", "1W" (BIND's units), at most 2^31 - 1 (RFC 2181 8). */
bool ttl_parse(const char *text, size_t len, uint32_t *ttl_s);

#endif
