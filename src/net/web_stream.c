#include "web_internal.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

enum { BLOCK_BYTES = 16 << 10 };

/* The library wants something to send; it gets the backlog, or is suspended until there is one. */
static ssize_t stream_read(void *user, uint64_t position, char *out, size_t room) {
    struct web_stream *stream = user;
    (void)position;
    if (stream->lost) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (stream->backlog.size > 0) {
        size_t size = stream->backlog.size < room ? stream->backlog.size : room;
        memcpy(out, stream->backlog.data, size);
        buf_consume(&stream->backlog, size);
        return (ssize_t)size;
    }
    if (stream->ended) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    stream->suspended = true;
    MHD_suspend_connection(stream->request->connection);
    web_request_watch(stream->request);
    return 0;
}

struct web_stream *web_stream_begin(struct web_request *request, const struct web_header_line *headers,
                                    size_t header_count, void (*closed)(struct web_stream *stream, void *user),
                                    void *user) {
    struct web *web = request->client->web;
    if (web->stream_count >= LIMIT_HTTP_STREAMS || web->stopping) {
        web_request_respond(request, MHD_HTTP_SERVICE_UNAVAILABLE, NULL);
        return NULL;
    }
    struct web_stream *stream = mem_alloc(sizeof *stream);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, stream_read, stream, NULL);
    assert(response != NULL); /* out of memory */
    response = web_request_headers(web, response, headers, header_count);
    if (response == NULL) {
        mem_free(stream);
        web_request_respond(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return NULL;
    }
    stream->web = web;
    stream->request = request;
    buf_init(&stream->backlog, LIMIT_HTTP_STREAM_BACKLOG);
    stream->closed = closed;
    stream->user = user;
    web->stream_count++;
    request->stream = stream;
    web_request_respond(request, MHD_HTTP_OK, response);
    web_client_enter(request->client, PHASE_STREAM);
    return stream;
}

static void stream_wake(struct web_stream *stream) {
    if (stream->suspended) {
        stream->suspended = false;
        web_request_resume(stream->request);
    }
}

void web_stream_write(struct web_stream *stream, const char *data, size_t size) {
    if (stream->lost || stream->ended) {
        return;
    }
    buf_add(&stream->backlog, data, size);
    if (stream->backlog.overflow) {
        web_stream_lose(stream);
    } else {
        stream_wake(stream);
    }
}

void web_stream_end(struct web_stream *stream) {
    stream->told = true;
    stream->ended = true;
    if (stream->request != NULL) {
        web_client_enter(stream->request->client, PHASE_REPLY);
        stream->request->client->bytes = stream->backlog.size;
    }
    stream_wake(stream);
}

static void queue_over(struct web_stream *stream) {
    struct web *web = stream->web;
    if (!stream->queued) {
        stream->queued = true;
        stream->next_over = NULL;
        *web->over_end = stream;
        web->over_end = &stream->next_over;
        web_plan_run(web);
    }
}

void web_stream_stop(struct web_stream *stream) {
    stream->ended = true;
    queue_over(stream);
    stream_wake(stream);
}

void web_stream_lose(struct web_stream *stream) {
    if (!stream->lost) {
        stream->lost = true;
        queue_over(stream);
        web_client_cut(stream->request->client);
        stream_wake(stream);
    }
}

void web_stream_finish(struct web_stream *stream) {
    stream->request = NULL;
    stream->lost = true;
    queue_over(stream);
}

void web_stream_settle(struct web *web) {
    while (web->over != NULL) {
        struct web_stream *stream = web->over;
        web->over = stream->next_over;
        if (web->over == NULL) {
            web->over_end = &web->over;
        }
        stream->queued = false;
        if (!stream->told) {
            stream->told = true;
            stream->closed(stream, stream->user);
        }
        if (stream->request == NULL) {
            web->stream_count--;
            buf_finish(&stream->backlog);
            mem_free(stream);
        }
    }
}
