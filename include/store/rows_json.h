#ifndef GP_STORE_ROWS_JSON_H
#define GP_STORE_ROWS_JSON_H

/* The shapes of docs/API.md that are rows of the store: Version and Freeze. */

#include "base/json.h"
#include "store/freezes.h"
#include "store/records.h"

void version_write(struct json_out *out, const char *key, const struct version_row *row);
void freeze_write(struct json_out *out, const char *key, const struct freeze *freeze);

#endif
