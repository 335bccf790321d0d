#include "ask.h"

#include "base/mem.h"
#include "base/str.h"

struct asking {
    struct call *call;
    ask_replied *replied;
};

static void operation_ended(const struct operation_reply *reply, void *user) {
    struct asking *asking = user;
    struct call *call = asking->call;
    ask_replied *replied = asking->replied;
    mem_free(asking);
    if (call_continues(call, NULL)) {
        replied(call, reply);
    }
}

void ask_operation(struct call *call, struct operation *operation, ask_replied *replied) {
    const struct chat_up *up = &call->api->options.up;
    const char *key = web_header(call->request, "Idempotency-Key");
    struct asking *asking = mem_alloc(sizeof *asking);
    *asking = (struct asking){call, replied};
    operation->actor = call->actor;
    if (key != NULL && str_is_name(key)) {
        /* Each person has keys of their own, and each operation of a call. */
        operation->event_id = arena_printf(call->arena, "api/%s/%s/%u", call->actor.name, key, call->asked++);
    }
    up->start(operation, operation_ended, asking, up->user);
}
