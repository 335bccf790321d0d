#ifndef GP_BASE_METRICS_H
#define GP_BASE_METRICS_H

/*
 * Counters, gauges and histograms of this process in the Prometheus text format. Every metric is a row
 * of the one table below; labels are passed in the table's order.
 * A new label combination makes a new series, up to LIMIT_METRIC_SERIES; then it is counted under "other".
 */

#include "base/buf.h"

#define METRIC_MAX_LABELS 3

/* name, type, help, labels (space-separated) */
#define METRICS(X)                                                                                                     \
    X(BUILD_INFO, "guidepost_build_info", "gauge", "Always 1.", "version")                                             \
    X(DEPLOYMENTS, "guidepost_deployments_total", "counter", "Deployments that ended.", "project environment outcome") \
    X(DEPLOYMENTS_ACTIVE, "guidepost_deployments_active", "gauge", "Deployments that are not final.", "")              \
    X(UNREADABLE, "guidepost_deployments_unreadable", "gauge", "Stored deployments that can't be understood.", "")     \
    X(DEPLOYMENT_SECONDS, "guidepost_deployment_duration_seconds", "histogram", "Whole time of a deployment.",         \
      "project environment")                                                                                           \
    X(DEPLOYMENT_WAITING, "guidepost_deployment_waiting_seconds", "histogram", "Time spent waiting for people.",       \
      "project environment")                                                                                           \
    X(STEP_ATTEMPTS, "guidepost_step_attempts_total", "counter", "Attempts of steps that ended.",                      \
      "project environment result")                                                                                    \
    X(REQUESTS, "guidepost_guidance_requests_total", "counter", "Questions asked.", "project environment reason")      \
    X(ANSWERS, "guidepost_guidance_answers_total", "counter", "Answers accepted.", "answer via")                       \
    X(PENDING, "guidepost_guidance_pending", "gauge", "Questions open now.", "")                                       \
    X(OLDEST, "guidepost_guidance_oldest_timestamp_seconds", "gauge", "When the oldest open question was asked.", "")  \
    X(ANSWER_SECONDS, "guidepost_guidance_answer_seconds", "histogram", "Time from question to answer.",               \
      "environment")                                                                                                   \
    X(CALLS, "guidepost_escalation_calls_total", "counter", "Tries of commands and webhooks of escalations.",          \
      "kind result")                                                                                                   \
    X(CALLS_FAILING, "guidepost_escalation_calls_failing", "gauge",                                                    \
      "Of those to be made, how many people were told of.", "")                                                        \
    X(WORKERS, "guidepost_workers", "gauge", "Workers that report.", "state")                                          \
    X(WORKER_SLOTS, "guidepost_worker_slots", "gauge", "Slots of this process's worker.", "state")                     \
    X(CHAT_CONNECTED, "guidepost_chat_connected", "gauge", "1 if the adapter is connected.", "adapter")                \
    X(CHAT_RECONNECTS, "guidepost_chat_reconnects_total", "counter", "Connections to the platform made again.",        \
      "adapter")                                                                                                       \
    X(CHAT_FOREIGN, "guidepost_chat_foreign_connections", "gauge", "Connections of the app that are not ours.",        \
      "adapter")                                                                                                       \
    X(CHAT_MESSAGES, "guidepost_chat_messages_total", "counter", "Messages to rooms.", "adapter result")               \
    X(CHAT_CALLS, "guidepost_chat_calls_total", "counter", "Requests to a chat platform.", "adapter method result")    \
    X(REDIS_RECONNECTS, "guidepost_redis_reconnects_total", "counter", "Connections to Redis made again.", "")         \
    X(REDIS_SECONDS, "guidepost_redis_command_duration_seconds", "histogram", "Round trip of a commit.", "")           \
    X(INVENTORY_FAILED, "guidepost_inventory_failed", "gauge", "1 if it could not be read last time.", "inventory")    \
    X(HTTP_REQUESTS, "guidepost_http_requests_total", "counter", "Requests answered.", "method route code")            \
    X(HTTP_SECONDS, "guidepost_http_request_duration_seconds", "histogram", "Time to answer a request.", "route")

enum metric {
#define X(id, name, type, help, labels) METRIC_##id,
    METRICS(X)
#undef X
        METRIC_COUNT
};

/* label values in the order of the table; unused ones NULL. A used one that is NULL is shown as "". */
void metric_add(enum metric metric, double value, const char *label1, const char *label2, const char *label3);
void metric_set(enum metric metric, double value, const char *label1, const char *label2, const char *label3);
void metric_observe(enum metric metric, double seconds, const char *label1, const char *label2, const char *label3);

/* The exposition, with process_* for this process. */
void metrics_write(struct buf *out);

#endif
