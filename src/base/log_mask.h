#ifndef GP_BASE_LOG_MASK_H
#define GP_BASE_LOG_MASK_H

#include "base/buf.h"

/* Appends the text with every registered secret, in each of its forms, replaced by "***". Where two of them overlap,
 * both are covered. */
void log_mask_text(struct buf *out, const char *text, size_t size);

#endif
