/* What a person says about a Redis that has lost commits. None of it needs a Redis that is ready. */

#include "base/log.h"
#include "core/permission.h"
#include "v1.h"

static void rollback_confirmed(uint64_t lost, const struct err *err, void *user) {
    struct call *call = user;
    if (!call_continues(call, err)) {
        return;
    }
    if (lost == 0) {
        call_refuse(call, ERR_CONFLICT, "Redis has lost nothing that was not confirmed.");
        return;
    }
    log_warn("the loss of commits was confirmed", LOG_INT("lost", lost), LOG_STR("actor", call->actor.name), LOG_END);
    json_object_begin(&call->out, NULL);
    json_add_int(&call->out, "lost", (int64_t)lost);
    json_object_end(&call->out);
    call_answer(call, 200);
}

void v1_confirm_rollback(struct call *call) {
    struct store *store = call->api->options.store;
    if ((call_permissions(call, NULL, NULL) & PERMISSION_ALL) != PERMISSION_ALL) {
        call_refuse(call, ERR_DENIED, "Only who may do everything may confirm that commits were lost.");
    } else if (!json_bool(json_get(call->body, "confirm"), false)) {
        call_refuse(call, ERR_INVALID, "confirm is true, once it was looked at what runs.");
    } else {
        store_confirm_rollback(store, call->actor.name, call->actor.via, rollback_confirmed, call);
    }
}
