#ifndef GP_CHAT_SLACK_BLOCK_H
#define GP_CHAT_SLACK_BLOCK_H

/* The blocks that messages and windows are made of, as elements of an open array. */

#include "text.h"

/* An object of that type that the caller fills and ends. */
void block_begin(struct json_out *out, const char *type);

/* These finish the text. */
void block_write_section(struct text *text, struct json_out *out);
void block_write_context(struct text *text, struct json_out *out);

/* Harmless text, shown as it is: Slack looks for nothing in it. */
void block_write_output(const char *data, size_t size, struct json_out *out);

#endif
