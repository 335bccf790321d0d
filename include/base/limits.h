#ifndef GP_BASE_LIMITS_H
#define GP_BASE_LIMITS_H

/* Every limit of the program, in one place. Sizes in bytes, times in milliseconds. */

#include <assert.h>

enum {
    /* configuration and plans */
    LIMIT_CONFIG_BYTES = 1 << 20,
    LIMIT_CONFIG_NODES = 80000, /* after aliases; 5000 targets take 50000 */
    LIMIT_CONFIG_DEPTH = 20,
    LIMIT_CONFIG_ERRORS = 100, /* reported in one run */
    LIMIT_SECRET_BYTES = 64 << 10,
    LIMIT_SECRETS = 256,
    LIMIT_CA_BYTES = 1 << 20, /* a file of authorities */
    LIMIT_PLAN_BYTES = 1 << 20,
    LIMIT_PLAN_STEPS = 500,
    LIMIT_PLAN_TARGETS = 5000,
    LIMIT_PLAN_RUNS = 100000, /* steps x targets */
    LIMIT_OPEN_SHOWN = 100,   /* open questions, the oldest, on the first page and where no number is named */
    LIMIT_LIVE_SHOWN = 100,   /* deployments that are not over, the oldest, on the first page and in `status` */
    LIMIT_PAGE = 1000,        /* what one call may ask for */
    LIMIT_UNREADABLE = 256,   /* stored deployments that are known to be set aside */
    LIMIT_NAME_BYTES = 128,
    LIMIT_STEP_NAME_BYTES = 200,
    LIMIT_SCRIPT_BYTES = 64 << 10,
    LIMIT_MAX_PARALLEL = 1000,

    /* guidance */
    LIMIT_RETRIES = 10, /* by people, unless set */
    LIMIT_RETRIES_MAX = 100,
    LIMIT_AUTO_RETRIES = 20,
    LIMIT_NOTE_BYTES = 2000,
    LIMIT_EXCERPT_BYTES = 2000,
    LIMIT_EXCERPT_LINES = 12,
    LIMIT_CONFIRMED = 100, /* of a lane: versions that it had */

    /* what people and programs send */
    LIMIT_COMMAND_BYTES = 4000,
    LIMIT_COMMAND_WORDS = 200,
    LIMIT_JSON_DEPTH = 32,
    LIMIT_JSON_TOKENS = 20000,
    LIMIT_JSON_REPLY_TOKENS = 3000000, /* what we have asked for ourselves: a deployment of LIMIT_PLAN_RUNS */
    LIMIT_JSON_NUMBER = 32,
    LIMIT_JSON_STRING = 64 << 10,
    LIMIT_HTTP_HEADER_BYTES = 16 << 10,
    LIMIT_HTTP_HEADERS = 64,
    LIMIT_HTTP_BODY_BYTES = 1 << 20,
    LIMIT_HTTP_HEADER_MS = 10000,
    LIMIT_HTTP_BODY_MS = 30000,
    LIMIT_HTTP_BODY_RATE = 1024, /* bytes a second at least, after the first 5 s */
    LIMIT_HTTP_IDLE_MS = 60000,
    LIMIT_HTTP_CONNECTIONS = 256,
    LIMIT_HTTP_CONNECTIONS_PER_IP = 64,
    LIMIT_HTTP_STREAMS = 128,            /* open event streams */
    LIMIT_HTTP_STREAM_BACKLOG = 1 << 20, /* bytes a slow reader may lag */
    LIMIT_HTTP_RESPONSE_BYTES = 16 << 20,
    LIMIT_SIGN_IN_PER_MINUTE = 20,  /* failed ones, of one address */
    LIMIT_MESSAGE_BYTES = 64 << 10, /* one card or chat text */
    LIMIT_CARD_ROWS = 100,          /* steps or machines listed on one card */
    LIMIT_SLACK_ID_BYTES = 255,     /* an id, a time stamp or a trigger of Slack */

    /* WebSocket connections to chat platforms */
    LIMIT_WS_MESSAGE_BYTES = 1 << 20,
    LIMIT_WS_SEND_BYTES = 20480,      /* Slack takes no longer frame */
    LIMIT_WS_BACKLOG_BYTES = 1 << 20, /* unsent */
    LIMIT_WS_HANDSHAKE_MS = 10000,
    LIMIT_WS_PING_MS = 5000,
    LIMIT_WS_IDLE_MS = 20000,
    LIMIT_WS_CLOSE_MS = 1000,
    LIMIT_SLACK_HELLO_MS = 10000,
    LIMIT_SLACK_LASTING_MS = 10000,    /* a connection that lived so long was a good one */
    LIMIT_SLACK_DRAIN_MS = 10000,      /* an old connection beside a new one */
    LIMIT_SLACK_ACKNOWLEDGE_MS = 2000, /* of 3 s that Slack waits */
    LIMIT_LISTENER_SECONDS = 15,       /* how long a silent process is believed to be connected to a platform */
    LIMIT_SLACK_PENDING = 1000,        /* envelopes that are not acknowledged yet */

    /* what we ask other servers over HTTP */
    LIMIT_REQUEST_CONNECTIONS = 16,
    LIMIT_REQUEST_WAITING = 200, /* for a connection */
    LIMIT_REQUEST_CONNECT_MS = 5000,
    LIMIT_REQUEST_MS = 10000,
    LIMIT_REQUEST_IDLE_SECONDS = 30, /* a kept connection */
    LIMIT_REQUEST_REPLY_BYTES = 4 << 20,
    LIMIT_REQUEST_HEADER_BYTES = 64 << 10, /* of a reply */

    /* Slack */
    LIMIT_SLACK_IN_FLIGHT = 8, /* calls; views.open may pass */
    LIMIT_SLACK_WAITING = 5000,
    LIMIT_SLACK_CALL_MS = 600000, /* all attempts of a call */
    LIMIT_SLACK_TRIGGER_MS = 3000,
    LIMIT_SLACK_OPEN_MS = 10000,
    LIMIT_SLACK_PEOPLE_MS = 600000,    /* how long it is believed who somebody is */
    LIMIT_SLACK_GROUP_MS = 60000,      /* and who is in a group */
    LIMIT_SLACK_BELIEVED_MS = 3600000, /* the same while Slack does not answer */
    LIMIT_SLACK_CLOCK_MS = 300000,     /* by which its clock and ours may differ */
    LIMIT_SLACK_EDIT_MS = 2000,        /* between two edits of a message */
    LIMIT_SLACK_PAUSE_MS = 500,        /* before the second attempt; twice as long before the next */
    LIMIT_SLACK_PAUSE_MAX_MS = 30000,
    LIMIT_SLACK_RETRY_AFTER_MS = 30000, /* where Slack says no time */
    LIMIT_SLACK_BURST = 3,              /* messages in a channel at once; then one a second */
    LIMIT_SLACK_RESPONSES = 5,          /* by one response_url */

    /* Slack's messages, as Slack publishes it, in UTF-16 units */
    LIMIT_SLACK_TEXT = 4000, /* beside the blocks; longer ones can't be edited */
    LIMIT_SLACK_SECTION = 3000,
    LIMIT_SLACK_CONTEXT = 2000,
    LIMIT_SLACK_BUTTON = 75, /* also an option and its value */
    LIMIT_SLACK_CONFIRM_TITLE = 100,
    LIMIT_SLACK_CONFIRM_TEXT = 300,
    LIMIT_SLACK_CONFIRM_BUTTON = 30,
    LIMIT_SLACK_OPTIONS = 100,
    LIMIT_SLACK_INPUT = 3000, /* what can be typed into a field */
    LIMIT_SLACK_URL = 3000,
    LIMIT_SLACK_METADATA = 3000,      /* that a window carries */
    LIMIT_SLACK_BLOCKS_UNITS = 13000, /* all texts of a message; not published, found by others */

    /* output of steps */
    LIMIT_OUTPUT_SEGMENT = 128 << 10,
    LIMIT_OUTPUT_SEGMENTS_HEAD = 4,
    LIMIT_OUTPUT_SEGMENTS_TAIL = 4,
    LIMIT_OUTPUT_BYTES = LIMIT_OUTPUT_SEGMENT * (LIMIT_OUTPUT_SEGMENTS_HEAD + LIMIT_OUTPUT_SEGMENTS_TAIL),
    LIMIT_LOG_BATCH_BYTES = 16 << 10, /* one stream entry */
    LIMIT_LOG_BATCH_MS = 200,

    /* Redis */
    LIMIT_REDIS_PENDING = 10000,   /* commands waiting for a reply */
    LIMIT_REDIS_SILENCE_MS = 5000, /* oldest reply outstanding: the connection is given up */
    LIMIT_REDIS_RETRY_MS = 1000,   /* longest pause between two attempts to connect */
    LIMIT_COMMIT_MS = 10000,       /* then the person is told */
    LIMIT_COMMIT_OPS = 4000,
    LIMIT_INBOX_BATCH = 256,
    LIMIT_CACHE_RESTING = 32, /* deployments that wait for people and that the leader has at hand all the same */
    LIMIT_CACHE_RESTING_BYTES = 32 << 10, /* of one of them */
    LIMIT_RECENT = 32,                    /* deployments that ask, as they were drawn last */
    LIMIT_RECENT_BYTES = 32 << 10,        /* of one of them */
    LIMIT_CHANGES_LENGTH = 10000,         /* entries of the wake-up stream for views */
    LIMIT_ROOM_MESSAGES = 500,            /* kept in one console room */
    LIMIT_METRIC_SERIES = 1000,

    /* workers and leaders */
    LIMIT_HEARTBEAT_MS = 1000,
    LIMIT_LEADER_SILENCE_MS = 5000,
    LIMIT_SWEEP_MS = 30000,
    LIMIT_SWEEP_PAUSED = 300, /* paused deployments that one sweep looks at */
    LIMIT_RETIRE_BATCH = 50,  /* deployments that leave Redis in one sweep */
    LIMIT_KILL_MS = 10000,    /* from SIGTERM to SIGKILL */
    LIMIT_CANCEL_MS = 30000,
    LIMIT_ADOPT_MS = 3000,          /* for a worker of the host to look; then a person is asked */
    LIMIT_LOST_RETRIES = 3,         /* by safe_to_rerun, for one run */
    LIMIT_UNSTARTED = 6,            /* attempts of one run that surely never started; then a person is asked */
    LIMIT_UNSTARTED_PAUSE_MS = 500, /* before the third of them; twice as long before the next */

    /* questions that nobody answers */
    LIMIT_RUNGS = 8,                  /* of an escalation ladder */
    LIMIT_CALL_TOLD = 3,              /* tries of a rung's command or webhook that fail before people are told */
    LIMIT_CALL_PAUSE_MS = 2000,       /* before the second try; four times as long before the next */
    LIMIT_CALL_PAUSE_MAX_MS = 128000, /* and so on until the question is over */
    LIMIT_CALL_RUN_MS = 30000,        /* a command; then it is killed */
    LIMIT_CALL_SEND_MS = 10000,       /* a webhook */
    LIMIT_CALLS_AT_ONCE = 8,
    LIMIT_CALLS_AGAIN = 4,               /* of these, those that have failed before */
    LIMIT_CALL_TARGETS_BYTES = 32 << 10, /* names of machines that are told */
    LIMIT_LANE_REDRAWN = 50, /* waiting deployments that are drawn again when the holder of their lane changes */

    /* steps over ssh */
    LIMIT_SSH_CONNECT_MS = 8000,      /* until the host answers */
    LIMIT_SSH_HELLO_MS = 20000,       /* until our shell answers there */
    LIMIT_SSH_SHARED_HELLO_MS = 4000, /* the same over a connection that is there already */
    LIMIT_SSH_SILENCE_MS = 7000,      /* then the connection is given up; the target speaks every 2 s */
    LIMIT_SSH_LOST_MS = 10000,        /* then the outcome is called unknown */
    LIMIT_SSH_PROVE_MS = 12000,       /* for an attempt to be proved gone before the next */
    LIMIT_SSH_PAUSE_MS = 500,         /* before the second attempt; twice as long before the next */
    LIMIT_SSH_PAUSE_MAX_MS = 15000,
    LIMIT_SSH_TRY_MS = 6 * 3600 * 1000,   /* to find a lost target again */
    LIMIT_WHEN_BACK_MS = 2 * 3600 * 1000, /* a person's "Retry when back" */
    LIMIT_PROBE_PAUSE_MS = 2000,          /* before the second probe; twice as long before the next */
    LIMIT_PROBE_PAUSE_MAX_MS = 30000,
    LIMIT_PROBE_RUN_MS = 60000,     /* one probe; then it is killed */
    LIMIT_PROBES_AT_ONCE = 16,      /* of one worker */
    LIMIT_SSH_PERSIST_SECONDS = 60, /* an unused shared connection */

    LIMIT_STOP_MS = 15000, /* an ordered stop of the server */
    LIMIT_WORKER_SLOTS = 256,
};

#define LIMIT_DONE_SECONDS (24 * 3600)        /* how long the result of what a person did can be asked for again */
#define LIMIT_FACT_SECONDS 600                /* the same of what a worker tells: there are many */
#define LIMIT_LOG_SECONDS (14 * 24 * 3600)    /* how long output is kept */
#define LIMIT_THREAD_SECONDS (30 * 24 * 3600) /* how long a reply under a question's message finds the question */
#define LIMIT_PAST_SECONDS (180 * 24 * 3600)  /* how long answers to an error are remembered after the last of them */
#define LIMIT_SESSION_SECONDS (12 * 3600)
#define LIMIT_LOGIN_LINK_SECONDS 900

static_assert(LIMIT_OUTPUT_BYTES <= 1 << 20, "a log keeps at most 1 MiB");
static_assert(LIMIT_LOG_BATCH_BYTES < LIMIT_OUTPUT_SEGMENT, "a segment is sent in several batches");
static_assert(LIMIT_FACT_SECONDS * 1000 > 2 * LIMIT_COMMIT_MS, "a result outlives the last time it is asked for");
static_assert(LIMIT_WS_IDLE_MS + LIMIT_WS_PING_MS < 30000, "a dead connection is found within 30 s");
static_assert(LIMIT_SLACK_IN_FLIGHT < LIMIT_REQUEST_CONNECTIONS, "an urgent call finds a free connection");
static_assert(LIMIT_SSH_SILENCE_MS < LIMIT_SSH_LOST_MS, "it is tried again before the outcome is called unknown");
static_assert(LIMIT_SSH_SHARED_HELLO_MS + LIMIT_SSH_CONNECT_MS < 15000, "a host that is away is told within 15 s");
static_assert(LIMIT_HEARTBEAT_MS * 3 <= LIMIT_LEADER_SILENCE_MS, "two lost beats are no silence");

#endif
