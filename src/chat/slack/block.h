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

/* A field of a window, and the element in it, which has the same name in each: both are ended by the caller. */
#define BLOCK_ELEMENT "v"
void block_input_begin(const char *block, const char *label, bool optional, struct json_out *out);
void block_element_begin(const char *type, struct json_out *out);

/* What can be chosen in an element. description: NULL or "" = none. */
void block_write_option(const char *label, const char *value, const char *description, struct json_out *out);

#endif
