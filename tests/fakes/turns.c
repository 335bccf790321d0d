#include "turns.h"

#include <unistd.h>

#include <uv.h>

void turns_once(struct loop *loop) {
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    usleep(200);
}

void turns_for(struct loop *loop, int64_t ms) {
    for (int64_t end_ms = clock_monotonic_ms() + ms; clock_monotonic_ms() < end_ms;) {
        turns_once(loop);
    }
}
