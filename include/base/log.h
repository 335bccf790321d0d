#ifndef GP_BASE_LOG_H
#define GP_BASE_LOG_H

/*
 * One line per event on standard error: plain on a terminal, JSON lines elsewhere, with a <4> prefix
 * under journald. Values of registered secrets are masked. Logged once, where the decision is taken:
 * base, core, net and store return errors and do not log above debug.
 *
 *     log_info("deployment started", LOG_DEPLOYMENT(id), LOG_STR("step", name), LOG_END);
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    const char *key; /* NULL ends the list */
    const char *text;
    int64_t number;
    bool is_number;
};

#define LOG_STR(name, value) ((struct log_field){.key = (name), .text = (value)})
#define LOG_INT(name, value) ((struct log_field){.key = (name), .number = (int64_t)(value), .is_number = true})
#define LOG_DEPLOYMENT(id) LOG_INT("deployment", id)
#define LOG_QUESTION(id) LOG_INT("question", id)
#define LOG_ERR(err) LOG_STR("error", (err)->text)
#define LOG_END ((struct log_field){.key = NULL})

void log_set_level(enum log_level level);
void log_set_json(bool json); /* the default is decided from the terminal at the first line */
/* The value and its base64 and URL forms, if it has 6 bytes or more; and each of its lines that has 16. */
void log_mask(const char *secret);
/* Appends the text with every registered secret, in each of its forms, replaced by "***". Where two of them overlap,
 * both are covered. */
void log_mask_text(struct buf *out, const char *text, size_t size);

void log_event(enum log_level level, const char *message, const struct log_field *fields);

#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__})
#define log_debug(message, ...) log_event(LOG_DEBUG, message, LOG_FIELDS(__VA_ARGS__))
#define log_info(message, ...) log_event(LOG_INFO, message, LOG_FIELDS(__VA_ARGS__))
#define log_warn(message, ...) log_event(LOG_WARN, message, LOG_FIELDS(__VA_ARGS__))
#define log_error(message, ...) log_event(LOG_ERROR, message, LOG_FIELDS(__VA_ARGS__))

#endif
