#include "relay/bus_nats_consumer.h"

bool nats_consumer_is_forgotten(jsCtx *js, const char *stream, const char *durable)
{
	jsConsumerInfo *info = NULL;
	jsErrCode code = 0;
	natsStatus status = js_GetConsumerInfo(&info, js, stream, durable, NULL, &code);

	jsConsumerInfo_Destroy(info);
	return status == NATS_NOT_FOUND;
}

bool nats_consumer_knew_too_much(jsCtx *js, const char *stream, const char *durable)
{
	jsConsumerInfo *info = NULL;
	jsErrCode code = 0;
	bool knew = js_GetConsumerInfo(&info, js, stream, durable, NULL, &code) == NATS_OK &&
		    (info->Delivered.Stream > 0 || info->AckFloor.Stream > 0);

	jsConsumerInfo_Destroy(info);
	return knew && js_DeleteConsumer(js, stream, durable, NULL, &code) == NATS_OK;
}
