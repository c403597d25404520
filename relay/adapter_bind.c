/* BIND's rndc protocol (isccc, version 1), over one TCP connection that is kept: a message is its length, a version, and a table; the
 * table's first part is an HMAC-SHA256 over the rest. The first answer brings a nonce, which each later message repeats. named drops a
 * message whose serial and time it has seen, without a word: serials begin at random. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/adapter.h"
#include "relay/check.h"
#include "relay/crypto.h"
#include "relay/wire.h"

enum {
	MESSAGE_MAX = 65536,
	KEY_MAX = 256,
	HSHA_LEN = 89, /* the algorithm's number, then base64 filled up with zeros */
	ALGORITHM_SHA256 = 163,
	TYPE_BINARY = 1,
	TYPE_TABLE = 2,
	EXPIRES_S = 240 /* less than the 300 that named allows clocks to differ by */
};

struct bind {
	const struct cache_conf *conf;
	struct wire wire;
	uint8_t key[KEY_MAX];
	size_t key_len;
	uint32_t serial;
	char nonce[32]; /* "" before the first answer */
};

static void bind_shut(struct bind *bind)
{
	wire_close(&bind->wire);
	bind->nonce[0] = '\0';
}

static void bind_close(void *state)
{
	bind_shut(state);
	free(state);
}

static void *bind_open(const struct cache_conf *conf, struct err *err)
{
	size_t len = strlen(conf->key);
	struct bind *bind;
	struct dice dice = dice_from_kernel();

	if (conf->socket[0] == '\0' || len == 0 || len % 4 != 0 || len > KEY_MAX) {
		err_set(err, "socket and key-file: must be given (ADDRESS@PORT of named's controls, and a file with "
			     "rndc.key's secret in base64)");
		return NULL;
	}
	bind = mem_alloc(sizeof *bind);
	bind->conf = conf;
	bind->wire.fd = -1;
	bind->serial = (uint32_t)dice_next(&dice) & 0x3fffffff;
	bind->key_len = crypto_base64_read(conf->key, bind->key);
	if (bind->key_len == 0) {
		free(bind);
		err_set(err, "key-file: is not base64");
		return NULL;
	}
	return bind;
}

/* ---- writing ---- */

static void put_u32(struct buf *buf, uint32_t n)
{
	const uint8_t bytes[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	buf_add(buf, bytes, sizeof bytes);
}

static void put(struct buf *buf, const char *key, uint8_t type, const void *value, size_t len)
{
	uint8_t key_len = (uint8_t)strlen(key);

	buf_add(buf, &key_len, 1);
	buf_add(buf, key, key_len);
	buf_add(buf, &type, 1);
	put_u32(buf, (uint32_t)len);
	buf_add(buf, value, len);
}

static void put_number(struct buf *buf, const char *key, uint64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%llu", (unsigned long long)n);

	put(buf, key, TYPE_BINARY, text, (size_t)len);
}

static void sign(const struct bind *bind, const void *bytes, size_t len, uint8_t hsha[static HSHA_LEN])
{
	uint8_t hash[CRYPTO_HMAC_LEN];
	char text[CRYPTO_BASE64_LEN + 1];

	crypto_hmac(bind->key, bind->key_len, bytes, len, hash);
	memset(hsha, 0, HSHA_LEN);
	hsha[0] = ALGORITHM_SHA256;
	crypto_base64(hash, text);
	memcpy(hsha + 1, text, strlen(text));
}

static bool send_command(struct bind *bind, const char *type, struct err *err)
{
	struct buf ctrl = { 0 }, data = { 0 }, body = { 0 }, auth = { 0 }, out = { 0 };
	uint64_t now_s = clock_wall_ms() / 1000;
	uint8_t hsha[HSHA_LEN];
	bool good;

	put_number(&ctrl, "_ser", bind->serial++);
	put_number(&ctrl, "_tim", now_s);
	put_number(&ctrl, "_exp", now_s + EXPIRES_S);
	if (bind->nonce[0] != '\0')
		put(&ctrl, "_nonce", TYPE_BINARY, bind->nonce, strlen(bind->nonce));
	put(&data, "type", TYPE_BINARY, type, strlen(type));
	put(&body, "_ctrl", TYPE_TABLE, ctrl.text, ctrl.len);
	put(&body, "_data", TYPE_TABLE, data.text, data.len);
	sign(bind, body.text, body.len, hsha);
	put(&auth, "hsha", TYPE_BINARY, hsha, HSHA_LEN);
	put_u32(&out, 1);
	put(&out, "_auth", TYPE_TABLE, auth.text, auth.len);
	buf_add(&out, body.text, body.len);
	put_u32(&auth, 0); /* room is not needed any more: the length goes first */
	auth.len = 0;
	put_u32(&auth, (uint32_t)out.len);
	buf_add(&auth, out.text, out.len);
	good = wire_send(&bind->wire, auth.text, auth.len, err);
	buf_fini(&ctrl);
	buf_fini(&data);
	buf_fini(&body);
	buf_fini(&auth);
	buf_fini(&out);
	return good;
}

/* ---- reading ---- */

struct part {
	const uint8_t *at, *end;
};

static uint32_t read_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The next element; false at the end and on damage. */
static bool next(struct part *part, struct part *key, struct part *value)
{
	size_t left = (size_t)(part->end - part->at);
	uint32_t len;

	if (left < 1 || left < 1u + part->at[0] + 5)
		return false;
	*key = (struct part){ part->at + 1, part->at + 1 + part->at[0] };
	left -= 1u + part->at[0] + 5;
	len = read_u32(key->end + 1);
	if (len > left)
		return false;
	*value = (struct part){ key->end + 5, key->end + 5 + len };
	part->at = value->end;
	return true;
}

static bool find(struct part table, const char *name, struct part *value)
{
	struct part key;

	while (next(&table, &key, value))
		if ((size_t)(key.end - key.at) == strlen(name) && memcmp(key.at, name, strlen(name)) == 0)
			return true;
	return false;
}

static void copy(struct part part, char *text, size_t cap)
{
	size_t len = (size_t)(part.end - part.at) < cap - 1 ? (size_t)(part.end - part.at) : cap - 1;

	for (size_t i = 0; i < len; i++)
		text[i] = part.at[i] >= 0x20 && part.at[i] < 0x7f ? (char)part.at[i] : ' ';
	text[len] = '\0';
}

/* The HMAC covers everything behind the first element. */
static bool is_signed(const struct bind *bind, struct part all)
{
	struct part key, auth, hsha;
	uint8_t wanted[HSHA_LEN];

	if (!next(&all, &key, &auth) || !find(auth, "hsha", &hsha) || (size_t)(hsha.end - hsha.at) != HSHA_LEN)
		return false;
	sign(bind, all.at, (size_t)(all.end - all.at), wanted);
	return memcmp(hsha.at, wanted, HSHA_LEN) == 0;
}

/* *result: named's code, "0" when all is well; text: its words. */
static bool get_answer(struct bind *bind, char result[static 16], char text[static 200], struct err *err)
{
	struct part all, ctrl, data, value;
	uint8_t head[8], *bytes;
	uint32_t len;
	bool good = false;

	if (!wire_get(&bind->wire, head, sizeof head, err))
		return false;
	len = read_u32(head);
	if (len < 4 || len > MESSAGE_MAX || read_u32(head + 4) != 1)
		return err_set(err, "named's answer is no rndc message");
	len -= 4;
	bytes = mem_alloc(len + 1);
	all = (struct part){ bytes, bytes + len };
	if (!wire_get(&bind->wire, bytes, len, err)) {
		good = false;
	} else if (!is_signed(bind, all)) {
		err_set(err, "named's answer is not signed with our key");
	} else if (!find(all, "_ctrl", &ctrl) || !find(all, "_data", &data)) {
		err_set(err, "named's answer is damaged");
	} else {
		if (find(ctrl, "_nonce", &value))
			copy(value, bind->nonce, sizeof bind->nonce);
		result[0] = text[0] = '\0';
		if (find(data, "result", &value))
			copy(value, result, 16);
		if (find(data, "err", &value) || find(data, "text", &value))
			copy(value, text, 200);
		good = true;
	}
	free(bytes);
	return good;
}

/* ---- commands ---- */

static bool exchange(
	struct bind *bind, const char *type, char result[static 16], char text[static 200], struct err *err)
{
	wire_timeout(&bind->wire, bind->conf->timeout_ms);
	return send_command(bind, type, err) && get_answer(bind, result, text, err);
}

/* On the kept connection, or, where that was closed meanwhile, on a new one. */
static bool command(struct bind *bind, const char *type, char result[static 16], char text[static 200], struct err *err)
{
	for (int tries = 0; tries < 2; tries++) {
		bool kept = bind->wire.fd >= 0;
		struct err why = { .text = "" };

		if (!kept) {
			if (!wire_open(&bind->wire, bind->conf->socket, bind->conf->timeout_ms, err))
				return false;
			if (!exchange(bind, "null", result, text, &why)) {
				bind_shut(bind);
				return err_set(err,
					"%s: %s: named leaves strangers without an answer: is the secret in key-file "
					"its own, and do the clocks agree?",
					bind->conf->socket, why.text);
			}
		}
		if (exchange(bind, type, result, text, err))
			return true;
		bind_shut(bind);
		if (!kept)
			return false;
	}
	return false;
}

static void tell(struct bind *bind, struct adapter_work *work, const char *type)
{
	char result[16], text[200];
	struct err err;

	if (!command(bind, type, result, text, &err))
		adapter_say(work, ADAPTER_AWAY, "%s", err.text);
	else if (result[0] != '\0' && strcmp(result, "0") != 0)
		adapter_say(work, ADAPTER_REFUSED, "named answers: %s (result %s)", text, result);
	else
		work->result = ADAPTER_DONE;
}

static unsigned bind_run(void *state, struct adapter_work *work, unsigned n)
{
	struct bind *bind = state;
	const char *space = bind->conf->view[0] != '\0' ? " " : "", *view = bind->conf->view;
	char text[CHECK_TEXT_MAX + 128];

	(void)n;
	work->result = ADAPTER_DONE;
	if (work->entry->class == EVENT_ALL) {
		for (size_t k = 0; k < bind->conf->nzones && work->result == ADAPTER_DONE; k++) {
			snprintf(text, sizeof text, "flushtree %s%s%s", bind->conf->zones[k], space, view);
			tell(bind, work, text);
		}
		return 1;
	}
	snprintf(text, sizeof text, "%s %s%s%s", work->entry->class == EVENT_ZONE ? "flushtree" : "flushname",
		work->entry->text, space, view);
	tell(bind, work, text);
	return 1;
}

/* Which life of named this is would be in the text of "status", which is for people: it is left unknown. */
static bool bind_ping(void *state, uint64_t *lived_s, struct err *err)
{
	char result[16], text[200];

	*lived_s = UINT64_MAX;
	return command(state, "null", result, text, err);
}

const struct adapter adapter_bind = {
	.type = "bind",
	.classes = 1 << EVENT_DNS | 1 << EVENT_ZONE | 1 << EVENT_ALL,
	.batch = 64,
	.most = 2000,
	.timeout_ms = 2000,
	.open = bind_open,
	.close = bind_close,
	.run = bind_run,
	.ping = bind_ping,
};
