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

void health_metrics(struct call *call) {
    metrics_write(&call->text);
    call_answer_as(call, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, 0);
}
