/* ack_text: the JSON payload of an acknowledge message, composed and read by hand: there is one for every message. */
#ifndef SSM_LAB_ACK_TEXT_H
#define SSM_LAB_ACK_TEXT_H

#include <stdbool.h>

#include "common/bytes.h"
#include "proxy/core/uuid.h"

#define ACK_TEXT_SIZE 256

/* Returns the length; ret_text is terminated. `type` is the type of the acknowledged message. */
size_t ack_text_compose(const char *type, const struct uuid *message_id, int64_t sequence_number,
                        char ret_text[ACK_TEXT_SIZE]);

/* The acknowledged sequence number, which is all that either side looks at. False when there is none. */
bool ack_text_parse(struct bytes payload, int64_t *ret_sequence_number);

#endif
