#include "health.h"

#include "base/metrics.h"

static const char plain[] = "text/plain; charset=utf-8";

void health_live(struct call *call) {
    buf_adds(&call->text, "ok\n");
    call_answer_as(call, 200, plain, NULL, 0);
}

void health_ready(struct call *call) {
    const struct api_options *options = &call->api->options;
    bool ready = store_is_ready(options->store);
    if (web_query(call->request, "verbose") != NULL) {
        const struct api_status status = options->status(options->user);
        buf_printf(&call->text, "redis: %s\nleads: %s\n", ready ? "ok" : "away", status.leads ? "yes" : "no");
        if (options->health != NULL) {
            options->health(&call->text, options->user);
        }
        store_write_unreadable(options->store, &call->text);
        if (status.banner != NULL) {
            buf_printf(&call->text, "note: %s\n", status.banner);
        }
    }
    buf_adds(&call->text, ready ? "ok\n" : "not ready\n");
    call_answer_as(call, ready ? 200 : 503, plain, NULL, 0);
}

static void metrics_answer(struct call *call) {
    metrics_write(&call->text);
    call_answer_as(call, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, 0);
}

static void live_counted(const struct head *heads, size_t count, uint64_t total, const struct err *err, void *user) {
    (void)heads;
    (void)count;
    if (err == NULL) {
        metric_set(METRIC_DEPLOYMENTS_ACTIVE, (double)total, NULL, NULL, NULL);
    }
    if (call_continues(user, NULL)) {
        metrics_answer(user);
    }
}

static void questions_counted(const struct head *heads, size_t count, uint64_t total, const struct err *err,
                              void *user) {
    struct call *call = user;
    if (err == NULL) {
        metric_set(METRIC_PENDING, (double)total, NULL, NULL, NULL);
        metric_set(METRIC_OLDEST, count == 0 ? 0 : (double)heads[0].asked_ms / 1000, NULL, NULL, NULL);
    }
    store_read_page(call->api->options.store, &(struct page_wish){.of = PAGE_LIVE}, live_counted, call);
}

/* What waits is counted where it lies, so that each server tells the same; while Redis is away, what it was. */
void health_metrics(struct call *call) {
    struct store *store = call->api->options.store;
    if (store_is_ready(store)) {
        store_read_page(store, &(struct page_wish){.of = PAGE_QUESTIONS, .take = 1}, questions_counted, call);
    } else {
        metrics_answer(call);
    }
}
