/* The one file that includes ldns. Owner, TTL, class and type are the reader's; ldns sees ". 0 IN TYPE data" and gives the
 * data's wire form. ldns takes a number of things that are slips of an operator (seen in 1.8.3): it cuts numbers to their
 * field's width (SRV port 99443 becomes 33907), reads TTLs up to the first odd letter and cuts data at 65,535 characters
 * as it is written. What it would take wrongly is looked at before it gets it. LOC is parsed here (loc.c): ldns loses fields
 * of it. So is TXT, whose data may be longer than that as text and fit on the wire. */
#include "zones/parse.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "zones/loc.h"
#include "zones/zones.h"

struct rdata_parser {
	ldns_rdf *origin;
	struct buf line;
};

struct rdata_parser *rdata_parser_new(void)
{
	return mem_alloc(sizeof(struct rdata_parser));
}

void rdata_parser_free(struct rdata_parser *parser)
{
	if (parser == NULL)
		return;
	ldns_rdf_deep_free(parser->origin);
	buf_fini(&parser->line);
	free(parser);
}

void rdata_parser_origin(struct rdata_parser *parser, const struct name *origin)
{
	ldns_rdf_deep_free(parser->origin);
	parser->origin = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, origin->len, origin->wire);
	if (parser->origin == NULL)
		abort();
}

/* ---- types ---- */

bool rrtype_parse(const char *text, uint16_t *type)
{
	uint64_t number;

	if (strncasecmp(text, "TYPE", 4) == 0 && text[4] >= '0' && text[4] <= '9') {
		if (!number_parse(text + 4, 0, UINT16_MAX, &number))
			return false;
		*type = (uint16_t)number;
		return true;
	}
	*type = (uint16_t)ldns_get_rr_type_by_name(text);
	return *type != 0;
}

const char *rrtype_format(uint16_t type, char text[static 16])
{
	char *name = ldns_rr_type2str((ldns_rr_type)type);

	snprintf(text, 16, "%s", name == NULL ? "?" : name);
	free(name);
	return text;
}

const char *rrtype_refused(uint16_t type)
{
	switch (type) {
	case 24: /* SIG */
	case 30: /* NXT */
	case LDNS_RR_TYPE_RRSIG:
	case LDNS_RR_TYPE_NSEC:
	case LDNS_RR_TYPE_NSEC3:
	case LDNS_RR_TYPE_NSEC3PARAM:
		return "a signature or denial record: a zone file is unsigned (leave it out)";
	case 0:
	case LDNS_RR_TYPE_OPT:
		return "a type of messages, which no zone holds (leave it out)";
	default:
		return type >= 128 && type <= 255 ? "a type of questions, which no zone holds (leave it out)" : NULL;
	}
}

int rrtype_name_at(uint16_t type)
{
	switch (type) {
	case RR_NS:
	case RR_CNAME:
	case RR_PTR:
	case RR_DNAME:
		return 0;
	case RR_MX:
		return 2;
	case RR_SRV:
		return 6;
	default:
		return -1;
	}
}

static const char *example_of(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *example;
	} examples[] = {
		{ RR_A, "A 192.0.2.1" },
		{ RR_NS, "NS ns1" },
		{ RR_CNAME, "CNAME www" },
		{ RR_SOA, "SOA ns1 hostmaster 1 3600 600 604800 30" },
		{ RR_PTR, "PTR www" },
		{ RR_MX, "MX 10 mail" },
		{ RR_TXT, "TXT \"text\"" },
		{ RR_AAAA, "AAAA 2001:db8::1" },
		{ RR_SRV, "SRV 0 60 443 lb1" },
		{ RR_DNAME, "DNAME example.org." },
		{ RR_DS, "DS 12345 13 2 and a digest in hex" },
		{ RR_SVCB, "SVCB 1 . alpn=h2" },
		{ RR_HTTPS, "HTTPS 1 . alpn=h2" },
		{ LDNS_RR_TYPE_CAA, "CAA 0 issue \"ca.example\"" },
		{ LDNS_RR_TYPE_TLSA, "TLSA 3 1 1 and a digest in hex" },
		{ LDNS_RR_TYPE_URI, "URI 10 1 \"https://example.org/\"" },
	};

	for (size_t i = 0; i < COUNT_OF(examples); i++)
		if (examples[i].type == type)
			return examples[i].example;
	return NULL;
}

/* ---- what ldns takes wrongly ---- */

bool ttl_parse(const char *text, size_t len, uint32_t *ttl_s)
{
	static const char units[] = "smhdw";
	static const uint32_t seconds[] = { 1, 60, 3600, 86400, 604800 };
	uint64_t total = 0;
	size_t at = 0;

	do {
		uint64_t number = 0;
		size_t start = at;
		const char *unit;

		for (; at < len && text[at] >= '0' && text[at] <= '9' && number <= INT32_MAX; at++)
			number = number * 10 + (uint64_t)(text[at] - '0');
		if (at == start || number > INT32_MAX)
			return false;
		if (at == len) {
			if (start != 0)
				return false; /* "1h30": minutes or seconds? */
			total = number;
			break;
		}
		unit = strchr(units, text[at++] | 0x20);
		if (unit == NULL || *unit == '\0')
			return false;
		total += number * seconds[unit - units];
		if (total > INT32_MAX)
			return false;
	} while (at < len);
	*ttl_s = (uint32_t)total;
	return true;
}

static bool is_number(const struct token *token, uint64_t max)
{
	char text[24];
	uint64_t number;

	if (token->len >= sizeof text)
		return false;
	memcpy(text, token->text, token->len);
	text[token->len] = '\0';
	return number_parse(text, 0, max, &number);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool starts_with_digit(const struct token *token)
{
	return token->len > 0 && is_digit(token->text[0]);
}

/* How many bytes a token stands for: \DDD and \X are one. */
static size_t token_bytes(const struct token *token)
{
	size_t n = 0;

	for (size_t i = 0; i < token->len; i++, n++)
		if (token->text[i] == '\\')
			i += i + 1 < token->len && token->text[i + 1] >= '0' && token->text[i + 1] <= '9' ? 3 : 1;
	return n;
}

static bool field_fits(ldns_rdf_type field, const struct token *token, struct err *err)
{
	uint32_t ttl_s;
	uint64_t max;

	switch (field) {
	case LDNS_RDF_TYPE_INT8:
		max = UINT8_MAX;
		break;
	case LDNS_RDF_TYPE_INT16:
		max = UINT16_MAX;
		break;
	case LDNS_RDF_TYPE_INT32:
		max = UINT32_MAX;
		break;
	case LDNS_RDF_TYPE_PERIOD:
		return ttl_parse(token->text, token->len, &ttl_s) || err_set(err, "not a time (try 3600 or 1h)");
	case LDNS_RDF_TYPE_ALG:
	case LDNS_RDF_TYPE_CERTIFICATE_USAGE:
	case LDNS_RDF_TYPE_SELECTOR:
	case LDNS_RDF_TYPE_MATCHING_TYPE:
	case LDNS_RDF_TYPE_CERT_ALG:
		if (!starts_with_digit(token))
			return true; /* a mnemonic */
		max = field == LDNS_RDF_TYPE_CERT_ALG ? UINT16_MAX : UINT8_MAX;
		break;
	case LDNS_RDF_TYPE_STR:
		return token_bytes(token) <= UINT8_MAX ||
		       err_set(err, "a string longer than 255 bytes (try several strings)");
	default:
		return true;
	}
	return is_number(token, max) || err_set(err, "not a number from 0 to %llu", (unsigned long long)max);
}

static bool fields_fit(uint16_t type, const struct token *tokens, size_t ntokens, struct err *err)
{
	const ldns_rr_descriptor *shape = ldns_rr_descript(type);
	size_t nfields = ldns_rr_descriptor_maximum(shape), bytes = 0;
	char name[16];

	for (size_t i = 0; i < ntokens && i < nfields; i++) {
		ldns_rdf_type field = ldns_rr_descriptor_field_type(shape, i);
		struct err why;

		if (!field_fits(field, &tokens[i], &why))
			return err_set(err, "%s %.*s: %s", rrtype_format(type, name),
				(int)(tokens[i].len < 80 ? tokens[i].len : 80), tokens[i].text, why.text);
		bytes += field == LDNS_RDF_TYPE_STR ? 1 + token_bytes(&tokens[i]) : 0;
	}
	return bytes <= RDATA_MAX || err_set(err, "%s: %zu bytes of data where 65535 fit (try several records)",
					     rrtype_format(type, name), bytes);
}

/* Names that the server will follow must be whole: ldns reads what \# gives without looking into it. */
static bool names_whole(uint16_t type, const uint8_t *rdata, size_t rdlen)
{
	int at = rrtype_name_at(type);
	struct name name;
	size_t first, second;

	if (at >= 0)
		return (size_t)at < rdlen &&
		       name_from_wire(&name, rdata + at, rdlen - (size_t)at) == rdlen - (size_t)at;
	if (type != RR_SOA)
		return true;
	first = name_from_wire(&name, rdata, rdlen);
	second = first > 0 ? name_from_wire(&name, rdata + first, rdlen - first) : 0;
	return second > 0 && rdlen - first - second == 20;
}

/* ---- text to wire ---- */

/* Returns how many characters the data has. */
static size_t line_of(struct buf *line, const char *type, const struct token *tokens, size_t ntokens)
{
	size_t start;

	line->len = 0;
	buf_add(line, ". 0 IN ", 7);
	buf_add(line, type, strlen(type));
	start = line->len + 1;
	for (size_t i = 0; i < ntokens; i++) {
		buf_add(line, " \"", tokens[i].quoted ? 2 : 1);
		buf_add(line, tokens[i].text, tokens[i].len);
		buf_add(line, "\"", tokens[i].quoted ? 1 : 0);
	}
	return line->len > start ? line->len - start : 0;
}

static bool by_ldns(struct rdata_parser *parser, uint16_t type, uint8_t rdata[static RDATA_MAX], uint16_t *rdlen)
{
	ldns_rr *rr = NULL;
	uint8_t *wire = NULL;
	size_t len = 0;
	bool ok;

	/* the root's owner, type, class, TTL and RDLENGTH are 11 bytes */
	ok = ldns_rr_new_frm_str(&rr, parser->line.text, 0, parser->origin, NULL) == LDNS_STATUS_OK &&
	     ldns_rr2wire(&wire, rr, LDNS_SECTION_ANSWER, &len) == LDNS_STATUS_OK && len >= 11 &&
	     len - 11 <= RDATA_MAX && len - 11 == (size_t)(wire[9] << 8 | wire[10]) &&
	     (wire[1] << 8 | wire[2]) == type && names_whole(type, wire + 11, len - 11);
	if (ok) {
		*rdlen = (uint16_t)(len - 11);
		memcpy(rdata, wire + 11, *rdlen);
	}
	free(wire);
	ldns_rr_free(rr);
	return ok;
}

/* One string of TXT data, which is known to be short enough. Returns where the next one goes; NULL: an escape that is none. */
static uint8_t *put_string(uint8_t *out, const struct token *token)
{
	uint8_t *at = out + 1;

	for (size_t i = 0; i < token->len; i++) {
		const char *c = &token->text[i];
		size_t left = token->len - i;
		unsigned value;

		if (*c != '\\') {
			*at++ = (uint8_t)*c;
		} else if (left > 1 && !is_digit(c[1])) {
			*at++ = (uint8_t)c[1];
			i++;
		} else {
			if (left < 4 || !is_digit(c[1]) || !is_digit(c[2]) || !is_digit(c[3]))
				return NULL;
			value = (unsigned)((c[1] - '0') * 100 + (c[2] - '0') * 10 + c[3] - '0');
			if (value > UINT8_MAX)
				return NULL;
			*at++ = (uint8_t)value;
			i += 3;
		}
	}
	out[0] = (uint8_t)(at - out - 1);
	return at;
}

/* TXT is the one type whose data gets long, and much longer as text: a byte may take four characters. */
static bool strings(uint16_t type, const struct token *tokens, size_t ntokens, uint8_t *rdata, uint16_t *rdlen)
{
	uint8_t *at = rdata;

	if (type != RR_TXT || ntokens == 0)
		return false;
	for (size_t i = 0; i < ntokens; i++)
		if ((at = put_string(at, &tokens[i])) == NULL)
			return false;
	*rdlen = (uint16_t)(at - rdata);
	return true;
}

/* Most records of most zones are addresses; this saves them four fifths of their time. */
static bool address(uint16_t type, const struct token *tokens, size_t ntokens, uint8_t *rdata, uint16_t *rdlen)
{
	char text[ADDR_TEXT_MAX];
	struct addr addr;

	if ((type != RR_A && type != RR_AAAA) || ntokens != 1 || tokens[0].quoted || tokens[0].len >= sizeof text)
		return false;
	memcpy(text, tokens[0].text, tokens[0].len);
	text[tokens[0].len] = '\0';
	if (!addr_parse(text, &addr) || addr.family != (type == RR_A ? ADDR_V4 : ADDR_V6))
		return false;
	*rdlen = (uint16_t)addr_len(&addr);
	memcpy(rdata, addr.bytes, *rdlen);
	return true;
}

bool rdata_parse(struct rdata_parser *parser, uint16_t type, const struct token *tokens, size_t ntokens,
	uint8_t rdata[static RDATA_MAX], uint16_t *rdlen, struct err *err)
{
	bool generic = ntokens > 0 && !tokens[0].quoted && tokens[0].len == 2 && memcmp(tokens[0].text, "\\#", 2) == 0;
	const char *example;
	char name[16];
	size_t len;

	if (address(type, tokens, ntokens, rdata, rdlen))
		return true;
	if (type == RR_LOC && !generic) {
		*rdlen = LOC_LEN;
		return loc_parse(tokens, ntokens, rdata, err);
	}
	if (!generic && !fields_fit(type, tokens, ntokens, err))
		return false;
	if (!generic && strings(type, tokens, ntokens, rdata, rdlen))
		return true;
	if (generic && ntokens > 1 && !is_number(&tokens[1], RDATA_MAX))
		return err_set(err, "%s \\#: the length of the data is a number from 0 to 65535 (RFC 3597)",
			rrtype_format(type, name));
	len = line_of(&parser->line, rrtype_format(type, name), tokens, ntokens);
	if (len > LDNS_MAX_PACKETLEN)
		return err_set(err, "%s: %zu characters of data where %d fit (try several records)", name, len,
			LDNS_MAX_PACKETLEN);
	if (by_ldns(parser, type, rdata, rdlen))
		return true;
	example = generic ? NULL : example_of(type);
	return err_set(err, "%.200s: not the data of a record of type %s%s%s%s", parser->line.text + 7, name,
		example == NULL ? "" : " (try ", example == NULL ? "" : example, example == NULL ? "" : ")");
}

/* ---- wire to text ---- */

static void print_generic(const uint8_t *rdata, uint16_t rdlen, struct buf *out)
{
	buf_printf(out, "\\# %u", rdlen);
	for (size_t i = 0; i < rdlen; i++)
		buf_printf(out, i == 0 ? " %02x" : "%02x", rdata[i]);
}

/* ldns' text of the data, or NULL; the caller frees it. */
static char *text_by_ldns(uint16_t type, const uint8_t *rdata, uint16_t rdlen)
{
	uint8_t head[11] = { 0, (uint8_t)(type >> 8), (uint8_t)type, 0, 1, 0, 0, 0, 0, (uint8_t)(rdlen >> 8),
		(uint8_t)rdlen };
	struct buf wire = { 0 };
	char *line = NULL, *text = NULL;
	ldns_rr *rr = NULL;
	size_t at = 0;

	buf_add(&wire, head, sizeof head);
	buf_add(&wire, rdata, rdlen);
	if (ldns_wire2rr(&rr, (uint8_t *)wire.text, wire.len, &at, LDNS_SECTION_ANSWER) == LDNS_STATUS_OK)
		line = ldns_rr2str_fmt(ldns_output_format_nocomments, rr);
	for (int tabs = 0; line != NULL && tabs < 4; tabs++) { /* owner, TTL, class, type */
		char *tab = strchr(text == NULL ? line : text, '\t');

		if (tab == NULL) {
			text = NULL;
			break;
		}
		text = tab + 1;
	}
	if (text != NULL) {
		text[strcspn(text, "\n")] = '\0';
		text = mem_strdup(text);
	}
	free(line);
	ldns_rr_free(rr);
	buf_fini(&wire);
	return text;
}

/* ldns does not read all that it writes, so that what it wrote is read once before it is used. */
static bool reads_back(
	struct rdata_parser *parser, uint16_t type, const char *text, const uint8_t *rdata, uint16_t rdlen)
{
	struct report report = { 0 };
	struct entry entry = { 0 };
	uint8_t again[RDATA_MAX];
	uint16_t again_len = 0;
	struct lexer lexer;
	struct err err;
	bool same;

	same = lexer_init(&lexer, "", text, strlen(text), &report) && lexer_next(&lexer, &entry, &report) &&
	       rdata_parse(parser, type, entry.tokens, entry.ntokens, again, &again_len, &err) && again_len == rdlen &&
	       memcmp(again, rdata, rdlen) == 0;
	entry_fini(&entry);
	report_fini(&report);
	return same;
}

static bool print_address(uint16_t type, const uint8_t *rdata, uint16_t rdlen, struct buf *out)
{
	struct addr addr = { .family = type == RR_A ? ADDR_V4 : ADDR_V6 };
	char text[ADDR_TEXT_MAX];

	if ((type != RR_A && type != RR_AAAA) || rdlen != addr_len(&addr))
		return false;
	memcpy(addr.bytes, rdata, rdlen);
	addr_format(&addr, text);
	buf_add(out, text, strlen(text));
	return true;
}

static void print_string(const uint8_t *bytes, size_t len, struct buf *out)
{
	buf_add(out, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] < 0x20 || bytes[i] >= 0x7f) {
			buf_printf(out, "\\%03u", bytes[i]);
			continue;
		}
		if (bytes[i] == '"' || bytes[i] == '\\')
			buf_add(out, "\\", 1);
		buf_add(out, &bytes[i], 1);
	}
	buf_add(out, "\"", 1);
}

/* False when the lengths of its strings do not add up: a generic form may hold what it likes. */
static bool print_strings(const uint8_t *rdata, uint16_t rdlen, struct buf *out)
{
	size_t at = 0;

	while (at < rdlen)
		at += 1u + rdata[at];
	if (rdlen == 0 || at != rdlen)
		return false;
	for (at = 0; at < rdlen; at += 1u + rdata[at]) {
		if (at > 0)
			buf_add(out, " ", 1);
		print_string(rdata + at + 1, rdata[at], out);
	}
	return true;
}

void rdata_print(struct rdata_parser *parser, uint16_t type, const uint8_t *rdata, uint16_t rdlen, struct buf *out)
{
	char *text;

	if (print_address(type, rdata, rdlen, out) || (type == RR_TXT && print_strings(rdata, rdlen, out)))
		return;
	text = text_by_ldns(type, rdata, rdlen);
	if (text != NULL && reads_back(parser, type, text, rdata, rdlen))
		buf_add(out, text, strlen(text));
	else
		print_generic(rdata, rdlen, out);
	free(text);
}
