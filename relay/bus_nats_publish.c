#include "relay/bus_nats_publish.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "relay/bus_nats_link.h"

enum { PUBLISH_MS = 2000, RETRY_MS = 250, DUPLICATES_S = 600 };

#define SECOND_NS INT64_C(1000000000)

void nats_publisher_init(struct nats_publisher *out, const struct relay_conf *conf, struct bus_queue *queue)
{
	*out = (struct nats_publisher){ .conf = conf, .queue = queue };
	pthread_mutex_init(&out->lock, NULL);
	pthread_cond_init(&out->landed, NULL);
}

void nats_publisher_begin(struct nats_publisher *out, uint32_t epoch, uint64_t last_oseq)
{
	pthread_mutex_lock(&out->lock);
	out->epoch = epoch;
	out->last_oseq = last_oseq;
	pthread_mutex_unlock(&out->lock);
}

void nats_publisher_inherit(struct nats_publisher *out, struct nats_publisher *from, bool same)
{
	struct spread took;
	uint64_t sequence;

	pthread_mutex_lock(&from->lock);
	sequence = from->sequence;
	took = from->took;
	pthread_mutex_unlock(&from->lock);
	pthread_mutex_lock(&out->lock);
	if (same)
		out->sequence = sequence;
	out->took = took;
	pthread_mutex_unlock(&out->lock);
}

/* Once: later on there is among it what we published. */
static void note_stream(struct nats_publisher *out, const jsStreamInfo *info)
{
	if (info == NULL || out->noted)
		return;
	pthread_mutex_lock(&out->lock);
	out->had = info->State.LastSeq;
	out->noted = true;
	pthread_mutex_unlock(&out->lock);
}

static bool make_stream(struct nats_publisher *out)
{
	char name[NATS_SUBJECT_MAX], subject[NATS_SUBJECT_MAX];
	const char *subjects[] = { subject };
	jsStreamConfig config;
	jsStreamInfo *info = NULL;
	jsErrCode code = 0;
	natsStatus status;

	snprintf(name, sizeof name, "INV_%s", out->conf->name);
	snprintf(subject, sizeof subject, "gslb.inv.%s.>", out->conf->name);
	jsStreamConfig_Init(&config);
	config.Name = name;
	config.Subjects = subjects;
	config.SubjectsLen = 1;
	config.Storage = js_FileStorage;
	config.Discard = js_DiscardNew;
	config.MaxAge = (int64_t)out->conf->keep_ms * (SECOND_NS / 1000);
	config.MaxMsgSize = 65536;
	config.Duplicates = DUPLICATES_S * SECOND_NS;
	if (config.Duplicates > config.MaxAge)
		config.Duplicates = config.MaxAge;
	status = js_AddStream(&info, out->js, &config, NULL, &code);
	note_stream(out, info);
	jsStreamInfo_Destroy(info);
	if (status == NATS_OK || code == JSStreamNameExistErr)
		return true;
	bus_queue_trouble(out->queue, "the stream cannot be made", natsStatus_GetText(status));
	return false;
}

/* Each row that is on its way comes back once: as taken, as refused, or as unanswered. In a thread of libnats. */
void nats_publisher_ack(jsCtx *js, natsMsg *msg, jsPubAck *ack, jsPubAckErr *failure, void *arg)
{
	struct nats_publisher *out = arg;
	bool regressed = false, known;
	uint64_t was;

	(void)js;
	pthread_mutex_lock(&out->lock);
	was = out->sequence;
	if (ack != NULL && !ack->Duplicate) {
		regressed = ack->Sequence <= was;
		out->sequence = ack->Sequence;
		out->had = ack->Sequence <= out->had ? ack->Sequence - 1 : out->had;
	}
	known = ack != NULL && ack->Duplicate && out->made_since && ack->Sequence <= out->had;
	if (ack == NULL)
		snprintf(out->why, sizeof out->why, "%s",
			failure != NULL && failure->ErrText != NULL ? failure->ErrText : "no answer");
	if (ack != NULL && out->back < NATS_FLIGHT_MAX)
		spread_add(&out->took, clock_monotonic_us() - out->sent_us[out->back]);
	out->taken += ack != NULL;
	if (++out->back == out->sent)
		pthread_cond_signal(&out->landed);
	pthread_mutex_unlock(&out->lock);
	if (regressed) {
		log_warning("bus=nats sequence=%llu was=%llu: it has lost what it had taken: that is sent anew",
			(unsigned long long)ack->Sequence, (unsigned long long)was);
		bus_queue_regress(out->queue);
	}
	if (known)
		bus_queue_know(out->queue);
	natsMsg_Destroy(msg);
}

struct spread nats_publisher_took(struct nats_publisher *out)
{
	struct spread took;

	pthread_mutex_lock(&out->lock);
	took = out->took;
	pthread_mutex_unlock(&out->lock);
	return took;
}

static void note_time(struct nats_publisher *out, size_t row)
{
	pthread_mutex_lock(&out->lock);
	out->sent_us[row] = clock_monotonic_us();
	pthread_mutex_unlock(&out->lock);
}

static bool send_row(struct nats_publisher *out, const struct bus_row *row)
{
	char subject[NATS_SUBJECT_MAX], stream[NATS_SUBJECT_MAX], id[SIGN_ID_MAX];
	jsPubOptions options;
	natsStatus status;

	snprintf(subject, sizeof subject, "gslb.inv.%s.e", out->conf->name);
	snprintf(stream, sizeof stream, "INV_%s", out->conf->name);
	sign_id(out->conf->sign, out->conf->name, row->epoch, row->oseq, id);
	jsPubOptions_Init(&options);
	options.MsgId = id;
	options.ExpectStream = stream;
	options.MaxWait = PUBLISH_MS;
	status = js_PublishAsync(out->js, subject, row->bytes, (int)row->len, &options);
	if (status != NATS_OK)
		bus_queue_trouble(out->queue, "the bus does not take events", natsStatus_GetText(status));
	return status == NATS_OK;
}

static void wait_a_second(struct nats_publisher *out)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	pthread_cond_timedwait(&out->landed, &out->lock, &until);
}

/* In order, without waiting for each: with one answer at a time a busy server takes a thousand a second. Were all taken? If not, all are sent
 * again, of which the bus keeps each only once. */
static bool publish_rows(struct nats_publisher *out, const struct bus_row *const rows[], size_t n)
{
	size_t sent = 0;
	bool all;

	pthread_mutex_lock(&out->lock);
	out->back = out->taken = out->sent = 0;
	out->made_since = rows[0]->epoch == out->epoch && rows[0]->oseq > out->last_oseq;
	pthread_mutex_unlock(&out->lock);
	while (sent < n) {
		note_time(out, sent);
		if (!send_row(out, rows[sent]))
			break;
		sent++;
	}
	pthread_mutex_lock(&out->lock);
	out->sent = sent;
	while (out->back < sent && !bus_queue_stops(out->queue))
		wait_a_second(out);
	all = out->taken == n;
	if (all)
		bus_queue_trouble(out->queue, "", "");
	else if (sent == n)
		bus_queue_trouble(out->queue, "the bus does not take events", out->why);
	pthread_mutex_unlock(&out->lock);
	return all;
}

void *nats_publisher_main(void *arg)
{
	struct nats_publisher *out = arg;
	bool made = false;
	const struct bus_row *rows[NATS_FLIGHT_MAX];
	size_t n;

	while (!made && !bus_queue_stops(out->queue))
		if (!(made = make_stream(out)))
			usleep(RETRY_MS * 1000);
	while ((n = bus_queue_first(out->queue, NATS_FLIGHT_MAX, rows)) > 0) {
		if (publish_rows(out, rows, n)) {
			while (n-- > 0)
				bus_queue_drop_row(out->queue);
			continue;
		}
		usleep(RETRY_MS * 1000);
		make_stream(out); /* it may be gone with the server's files */
	}
	return NULL;
}
