#include "terminal.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

static volatile sig_atomic_t stopped;

static void note_stop(int number) {
    stopped = number;
}

void terminal_catch_stop(void) {
    struct sigaction action = {.sa_handler = note_stop}; /* without SA_RESTART, so that a pause ends */
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

bool terminal_stopped(void) {
    return stopped != 0;
}

bool terminal_pause(int fd, int ms) {
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    return !terminal_stopped() && poll(&poller, 1, ms) > 0;
}

static bool has_color(const struct terminal *terminal, FILE *stream) {
    const char *none = getenv("NO_COLOR"), *type = getenv("TERM");
    return !terminal->no_color && isatty(fileno(stream)) == 1 && str_empty(none) && !str_empty(type) &&
           !str_equal(type, "dumb");
}

void terminal_write(const struct terminal *terminal, FILE *stream, enum terminal_color color, const char *text) {
    static const char *const CODES[] = {
        [TERMINAL_PLAIN] = "",       [TERMINAL_GREEN] = "\033[32m", [TERMINAL_YELLOW] = "\033[33m",
        [TERMINAL_RED] = "\033[31m", [TERMINAL_FAINT] = "\033[2m",  [TERMINAL_BOLD] = "\033[1m"};
    if (isatty(fileno(stream)) != 1) {
        (void)fputs(text, stream);
        return;
    }
    bool colored = color != TERMINAL_PLAIN && has_color(terminal, stream);
    struct buf shown = BUF_INIT((size_t)4 * LIMIT_HTTP_RESPONSE_BYTES);
    str_show(&shown, text, strlen(text));
    (void)fprintf(stream, "%s%s%s", colored ? CODES[color] : "", shown.data, colored ? "\033[0m" : "");
    buf_finish(&shown);
}

void terminal_say(const struct terminal *terminal, const char *format, ...) {
    if (terminal->quiet) {
        return;
    }
    struct buf text = BUF_INIT(LIMIT_MESSAGE_BYTES);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    buf_addc(&text, '\n');
    terminal_write(terminal, stderr, TERMINAL_PLAIN, text.data);
    buf_finish(&text);
}

int terminal_fail(const struct terminal *terminal, const struct err *err) {
    (void)fflush(stdout);
    terminal_write(terminal, stderr, TERMINAL_RED, "guidepost:");
    (void)fputc(' ', stderr);
    terminal_write(terminal, stderr, TERMINAL_PLAIN, err->text);
    (void)fputc('\n', stderr);
    return err_exit_code((int)err->code);
}

bool terminal_has_person(const struct terminal *terminal) {
    return !terminal->no_input && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

bool terminal_confirm(const char *question) {
    char answer[16] = "";
    (void)fprintf(stderr, "%s [y/N] ", question);
    (void)fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) == NULL) {
        (void)fputc('\n', stderr);
        return false;
    }
    return (answer[0] == 'y' || answer[0] == 'Y') && (answer[1] == '\n' || str_equal_nocase(answer, "yes\n"));
}
