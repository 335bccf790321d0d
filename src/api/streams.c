#include "streams.h"

#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/feed.h"

enum {
    COMMENT_MS = 15000, /* so that no proxy takes a quiet stream for a dead one */
    LIFE_MS = 3600000,  /* then the client comes again, and it is checked again who it is */
    MISSED_BYTES = 1 << 20,
};

struct stream {
    struct streams *streams;
    struct stream *next, **link;
    struct web_stream *web; /* NULL: closed while it caught up */
    int64_t ends_ms;
    bool catching_up;  /* what it missed is being read */
    struct buf coming; /* what happened meanwhile */
};

struct streams {
    struct store *store;
    struct feed *feed;
    struct timer *comment;
    struct stream *first;
};

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void write_event(struct buf *out, const char *id, const char *name, const struct buf *data) {
    if (id != NULL) {
        buf_printf(out, "id: %s\n", id);
    }
    buf_printf(out, "event: %s\ndata: %s\n\n", name, data->data);
}

static void write_change(struct buf *out, const struct change *change) {
    struct buf data = BUF_INIT(4096);
    struct json_out json = {.buf = &data};
    const char *name = "";
    json_object_begin(&json, NULL);
    switch (change->kind) {
    case CHANGE_DEPLOYMENT:
        name = "deployment";
        json_add_int(&json, "id", (int64_t)change->deployment);
        break;
    case CHANGE_LOG:
        name = "log";
        json_add_int(&json, "deployment", (int64_t)change->log.deployment);
        json_add_int(&json, "step", (int64_t)change->log.step);
        json_add_int(&json, "slot", (int64_t)change->log.slot);
        json_add_int(&json, "attempt", change->log.attempt);
        break;
    case CHANGE_ROOM:
        name = "room";
        json_add_string(&json, "room", change->room);
        break;
    case CHANGE_ENVIRONMENT:
        name = "environment";
        json_add_string(&json, "environment", change->environment);
        break;
    case CHANGE_PEOPLE: /* Nobody watches that. */
        break;
    }
    json_object_end(&json);
    if (*name != '\0') {
        write_event(out, change->id, name, &data);
    }
    buf_finish(&data);
}

static void write_reset(struct buf *out) {
    const struct buf nothing = {.data = (char *)"{}", .size = 2};
    write_event(out, NULL, "reset", &nothing);
}

static void stream_tell(struct stream *stream, const struct buf *text) {
    if (stream->catching_up) {
        buf_add(&stream->coming, text->data, text->size);
    } else {
        web_stream_write(stream->web, text->data, text->size);
    }
}

static void tell_all(struct streams *streams, const struct buf *text) {
    for (struct stream *stream = streams->first; stream != NULL; stream = stream->next) {
        stream_tell(stream, text);
    }
}

/* --- what happens ------------------------------------------------------------------------------------------------- */

static void feed_came(const struct change *changes, size_t count, void *user) {
    struct buf text = BUF_INIT(MISSED_BYTES);
    for (size_t i = 0; i < count; i++) {
        write_change(&text, &changes[i]);
    }
    if (text.overflow) {
        buf_clear(&text);
        write_reset(&text);
    }
    tell_all(user, &text);
    buf_finish(&text);
}

static void feed_was_reset(void *user) {
    struct buf text = BUF_INIT(256);
    write_reset(&text);
    tell_all(user, &text);
    buf_finish(&text);
}

static void stream_free(struct stream *stream) {
    buf_finish(&stream->coming);
    mem_free(stream);
}

static void stream_unlink(struct stream *stream) {
    *stream->link = stream->next;
    if (stream->next != NULL) {
        stream->next->link = stream->link;
    }
}

/* One that still catches up is freed when its reading ends. */
static void stream_closed(struct web_stream *web, void *user) {
    struct stream *stream = user;
    (void)web;
    stream_unlink(stream);
    stream->web = NULL;
    if (!stream->catching_up) {
        stream_free(stream);
    }
}

static void comment_due(void *user) {
    static const char comment[] = ": still here\n\n";
    struct streams *streams = user;
    struct stream *next = NULL;
    for (struct stream *stream = streams->first; stream != NULL; stream = next) {
        next = stream->next;
        if (clock_monotonic_ms() < stream->ends_ms || stream->catching_up) {
            web_stream_write(stream->web, comment, sizeof comment - 1);
        } else {
            web_stream_end(stream->web);
            stream_closed(stream->web, stream);
        }
    }
    if (streams->first != NULL) {
        timer_start(streams->comment, COMMENT_MS);
    }
}

/* --- beginning ---------------------------------------------------------------------------------------------------- */

static void missed_came(const struct change *changes, size_t count, bool gap, const struct err *err, void *user) {
    struct stream *stream = user;
    stream->catching_up = false;
    if (stream->web == NULL) {
        stream_free(stream);
        return;
    }
    struct buf text = BUF_INIT(MISSED_BYTES);
    for (size_t i = 0; i < count; i++) {
        write_change(&text, &changes[i]);
    }
    buf_add(&text, stream->coming.data, stream->coming.size);
    if (gap || err != NULL || text.overflow || stream->coming.overflow) {
        buf_clear(&text);
        write_reset(&text);
    }
    web_stream_write(stream->web, text.data, text.size);
    buf_finish(&text);
    buf_finish(&stream->coming);
}

void stream_events(struct call *call) {
    static const struct web_header_line lines[] = {
        {"Content-Type", "text/event-stream"},
        {"X-Accel-Buffering", "no"},
    };
    struct streams *streams = call->api->streams;
    struct stream *stream = mem_alloc(sizeof *stream);
    char *last = mem_strdup(web_header(call->request, "Last-Event-ID"));
    *stream = (struct stream){.streams = streams, .ends_ms = clock_monotonic_ms() + LIFE_MS};
    buf_init(&stream->coming, MISSED_BYTES);
    stream->web = call_stream(call, lines, sizeof lines / sizeof lines[0], stream_closed, stream);
    if (stream->web == NULL) {
        stream_free(stream);
        mem_free(last);
        return;
    }
    stream->next = streams->first;
    stream->link = &streams->first;
    if (stream->next != NULL) {
        stream->next->link = &stream->next;
    }
    streams->first = stream;
    if (!timer_active(streams->comment)) {
        timer_start(streams->comment, COMMENT_MS);
    }
    if (str_empty(last)) {
        struct buf text = BUF_INIT(256);
        buf_adds(&text, "retry: 1000\n\n");
        write_reset(&text);
        web_stream_write(stream->web, text.data, text.size);
        buf_finish(&text);
    } else {
        stream->catching_up = true;
        feed_since(streams->store, last, missed_came, stream);
    }
    mem_free(last);
}

struct streams *streams_create(struct loop *loop, struct store *store) {
    struct streams *streams = mem_alloc(sizeof *streams);
    streams->store = store;
    streams->comment = loop_timer(loop, comment_due, streams);
    streams->feed = feed_create(loop, store, feed_came, feed_was_reset, streams);
    return streams;
}

void streams_destroy(struct streams *streams) {
    if (streams == NULL) {
        return;
    }
    assert(streams->first == NULL);
    feed_destroy(streams->feed);
    timer_destroy(streams->comment);
    mem_free(streams);
}
