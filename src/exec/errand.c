#include "exec/errand.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"

enum { OUTPUT_KEPT = 1000, READ_SIZE = 4096 };

struct errand {
    uv_process_t process;
    uv_pipe_t pipe;     /* of its output */
    uv_pipe_t lifeline; /* closed when we are gone, however that comes */
    struct timer *limit;
    struct timer *soon; /* tells that it could not be started */
    errand_done *done;  /* NULL = nobody waits any more */
    void *user;
    char output[OUTPUT_KEPT + 1];
    size_t size;
    bool cut;
    char buffer[READ_SIZE];
    bool timed_out;
    struct err err;
    int open_handles;
};

static void handle_closed(uv_handle_t *handle) {
    struct errand *errand = handle->data;
    if (--errand->open_handles == 0) {
        mem_free(errand);
    }
}

static void errand_close(struct errand *errand) {
    timer_destroy(errand->limit);
    errand->limit = NULL;
    uv_close((uv_handle_t *)&errand->pipe, handle_closed);
    uv_close((uv_handle_t *)&errand->lifeline, handle_closed);
    uv_close((uv_handle_t *)&errand->process, handle_closed);
}

/* --- its output ---------------------------------------------------------------------------------------------- */

static void keep(struct errand *errand, const char *data, size_t size) {
    errand->cut = errand->cut || errand->size + size > OUTPUT_KEPT;
    if (size >= OUTPUT_KEPT) {
        data += size - OUTPUT_KEPT;
        size = OUTPUT_KEPT;
        errand->size = 0;
    }
    size_t over = errand->size + size > OUTPUT_KEPT ? errand->size + size - OUTPUT_KEPT : 0;
    memmove(errand->output, errand->output + over, errand->size - over);
    memcpy(errand->output + errand->size - over, data, size);
    errand->size += size - over;
    errand->output[errand->size] = '\0';
}

static void give_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *ret_buf) {
    struct errand *errand = handle->data;
    (void)wanted;
    *ret_buf = uv_buf_init(errand->buffer, sizeof errand->buffer);
}

static void output_came(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf) {
    struct errand *errand = stream->data;
    if (size > 0) {
        keep(errand, buf->base, (size_t)size);
    } else if (size < 0) {
        (void)uv_read_stop(stream);
    }
}

/* What it wrote last may still lie in the pipe. */
static void drain(struct errand *errand) {
    uv_os_fd_t fd;
    ssize_t size;
    (void)uv_read_stop((uv_stream_t *)&errand->pipe);
    if (uv_fileno((uv_handle_t *)&errand->pipe, &fd) < 0) {
        return;
    }
    for (int i = 0; i < 64 && (size = read(fd, errand->buffer, sizeof errand->buffer)) > 0; i++) {
        keep(errand, errand->buffer, (size_t)size);
    }
}

/* --- its end -------------------------------------------------------------------------------------------------- */

static void kill_all(const struct errand *errand) {
    if (errand->process.pid > 0) {
        (void)kill(-errand->process.pid, SIGKILL);
    }
}

static void exited(uv_process_t *process, int64_t status, int signal) {
    struct errand *errand = process->data;
    kill_all(errand);
    drain(errand);
    if (errand->done != NULL) {
        errand->done(&(struct errand_end){.status = (int)status,
                                          .signal = signal,
                                          .timed_out = errand->timed_out,
                                          .output = errand->output,
                                          .cut = errand->cut},
                     errand->user);
    }
    errand_close(errand);
}

static void limit_came(void *user) {
    struct errand *errand = user;
    errand->timed_out = true;
    kill_all(errand);
}

static void tell_not_started(void *user) {
    struct errand *errand = user;
    errand->soon = NULL;
    if (errand->done != NULL) {
        errand->done(&(struct errand_end){.output = "", .err = &errand->err}, errand->user);
    }
    errand_close(errand);
}

/* --- its beginning -------------------------------------------------------------------------------------------- */

/* What watches the lifeline is no child of the script, which may wait for all of its own. */
static const char prelude[] = "( (read -r end <&3; kill -9 0) >/dev/null 2>&1 & )\nexec 3<&- 2>&1\n";

struct errand *errand_start(struct loop *loop, const struct errand_options *options, errand_done *done, void *user) {
    struct errand *errand = mem_alloc(sizeof *errand);
    const char **env = mem_array(options->env_count + 1, sizeof *env);
    struct buf script = BUF_INIT(LIMIT_JSON_STRING);
    buf_printf(&script, "%s%s", prelude, options->script);
    const char *const argv[] = {"/bin/sh", "-c", script.data, NULL};
    for (size_t i = 0; i < options->env_count; i++) {
        env[i] = options->env[i];
    }
    errand->done = done;
    errand->user = user;
    errand->open_handles = 3;
    errand->limit = loop_timer(loop, limit_came, errand);
    (void)uv_pipe_init(loop_uv(loop), &errand->pipe, 0);
    (void)uv_pipe_init(loop_uv(loop), &errand->lifeline, 0);
    errand->pipe.data = errand;
    errand->lifeline.data = errand;
    errand->process.data = errand;
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&errand->pipe},
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&errand->lifeline},
    };
    const uv_process_options_t how = {
        .exit_cb = exited,
        .file = argv[0],
        .args = (char **)argv,
        .env = (char **)env,
        .cwd = options->work_dir,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = sizeof stdio / sizeof stdio[0],
        .stdio = stdio,
    };
    int code = uv_spawn(loop_uv(loop), &errand->process, &how);
    mem_free(env);
    buf_finish(&script);
    if (code < 0) {
        (void)err_set(&errand->err, ERR_IO, "it can't be started: %s", uv_strerror(code));
        errand->soon = loop_soon(loop, tell_not_started, errand);
        return errand;
    }
    (void)uv_read_start((uv_stream_t *)&errand->pipe, give_buffer, output_came);
    timer_start(errand->limit, options->limit_ms);
    return errand;
}

void errand_destroy(struct errand *errand) {
    if (errand == NULL) {
        return;
    }
    errand->done = NULL;
    if (errand->soon != NULL) {
        loop_cancel_soon(errand->soon);
        errand->soon = NULL;
        errand_close(errand);
        return;
    }
    timer_stop(errand->limit);
    kill_all(errand); /* It is collected by exited. */
}
