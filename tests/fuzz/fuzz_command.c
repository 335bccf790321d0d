/* Goal: no bytes that a person, a chat platform or a shell sends may break the command parser, and what it
 * accepts or says is fit to be used: names are names, refusals are readable text. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "core/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_names(const struct plan_names *names) {
    for (size_t i = 0; i < names->count; i++) {
        assert(str_is_name(names->items[i]));
    }
}

static void check(int rc, const struct command *command, const struct err *err) {
    if (rc < 0) {
        assert(rc == -(int)err->code);
        assert(*err->text && str_is_utf8(err->text, strlen(err->text)));
        return;
    }
    assert(rc == 0 && command->id > COMMAND_NONE && command->id < COMMAND_COUNT);
    check_names(&command->on);
    check_names(&command->without);
    check_names(&command->targets);
    assert(!command->project || str_is_name(command->project));
    assert(!command->version || str_is_name(command->version));
    assert(!command->environment || str_is_name(command->environment));
    assert(!command->note || (*command->note && strlen(command->note) <= LIMIT_NOTE_BYTES));
    assert((command->id == COMMAND_DEPLOY) == (command->version != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { WORDS_MAX = 300 };
    struct arena *arena = arena_create();
    char *line = arena_strndup(arena, (const char *)data, size);
    struct command command;
    struct err err = {0};
    check(command_parse(line, arena, &command, &err), &command, &err);

    /* The same bytes as a shell might have split them, at each newline. */
    const char *words[WORDS_MAX];
    size_t count = 0;
    for (char *rest = line; rest && count < WORDS_MAX; count++) {
        words[count] = strsep(&rest, "\n");
    }
    err = (struct err){0};
    check(command_parse_words(words, count, arena, &command, &err), &command, &err);
    arena_destroy(arena);
    return 0;
}
