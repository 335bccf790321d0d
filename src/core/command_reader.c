#include "command_reader.h"

#include <string.h>

#include "base/id.h"
#include "base/limits.h"
#include "base/str.h"

const char *reader_show(struct reader *r, const char *text) {
    enum { SHOWN_BYTES = 60 };
    size_t size = strlen(text);
    size_t cut = str_utf8_cut(text, size, SHOWN_BYTES);
    struct buf buf = BUF_INIT(LIMIT_COMMAND_BYTES);
    str_show(&buf, text, cut);
    const char *result = arena_printf(r->arena, "'%s%s'", buf.data, cut < size ? "..." : "");
    buf_finish(&buf);
    return result;
}

int reader_refuse_with(struct reader *r, const char *what, const char *form) {
    return err_set(r->err, ERR_INVALID, "%s; write: %s", what, form);
}

int reader_refuse(struct reader *r, const char *what) {
    const struct command_entry *entry = r->entry;
    return reader_refuse_with(r, what,
                              arena_printf(r->arena, "%s%s%s", entry->name, *entry->usage ? " " : "", entry->usage));
}

const struct command_word *reader_peek(const struct reader *r) {
    return r->at < r->count ? &r->words[r->at] : NULL;
}

/* "Q42", "42", "Interruptions-42", or nearly so ("Q0"): meant as a number rather than as a name. */
static bool is_number_form(char letter, const char *text) {
    static const char digits[] = "0123456789";
    const char *prefix = letter == 'Q' ? "interruptions-" : "deployments-";
    if (str_starts_nocase(text, prefix)) {
        return true;
    }
    text += (*text | 0x20) == (letter | 0x20);
    return *text != '\0' && strspn(text, digits) == strlen(text);
}

bool reader_at_number(const struct reader *r, char letter) {
    const struct command_word *word = reader_peek(r);
    return word && is_number_form(letter, word->text);
}

int reader_take_name(struct reader *r, const char *what, const char **ret_name) {
    const char *text = r->words[r->at].text;
    if (!str_is_name(text)) {
        const char *article = strchr("aeiou", what[0]) != NULL ? "an" : "a";
        return reader_refuse(
            r, arena_printf(r->arena, "%s is not the name of %s %s", reader_show(r, text), article, what));
    }
    r->at++;
    *ret_name = text;
    return 0;
}

int reader_take_needed_name(struct reader *r, const char *what, const char **ret_name) {
    return reader_peek(r) ? reader_take_name(r, what, ret_name)
                          : reader_refuse(r, arena_printf(r->arena, "The %s is missing", what));
}

int reader_take_keyword(struct reader *r, const char *keyword) {
    if (!command_word_is(reader_peek(r), keyword)) {
        return reader_refuse(r, arena_printf(r->arena, "The word '%s' is missing", keyword));
    }
    r->at++;
    return 0;
}

int reader_take_end(struct reader *r) {
    if (r->at < r->count) {
        return reader_refuse(
            r, arena_printf(r->arena, "%s takes no %s", r->entry->name, reader_show(r, r->words[r->at].text)));
    }
    return 0;
}

int reader_take_question(struct reader *r) {
    const struct command_word *word = reader_peek(r);
    if (!word) {
        return 0;
    }
    if (reader_at_number(r, 'Q')) {
        if (!id_parse('Q', word->text, &r->command->question)) {
            return reader_refuse(
                r, arena_printf(r->arena, "%s is not the number of a question", reader_show(r, word->text)));
        }
        r->at++;
        return 0;
    }
    uint64_t deployment;
    if (id_parse('D', word->text, &deployment)) {
        r->command->deployment = deployment;
        return reader_refuse(r, arena_printf(r->arena, "D%llu is a deployment, and %s is for a question",
                                             (unsigned long long)deployment, r->entry->name));
    }
    return 0;
}

int reader_take_deployment(struct reader *r) {
    const struct command_word *word = reader_peek(r);
    if (!word) {
        return 0;
    }
    if (reader_at_number(r, 'D')) {
        if (!id_parse('D', word->text, &r->command->deployment)) {
            return reader_refuse(
                r, arena_printf(r->arena, "%s is not the number of a deployment", reader_show(r, word->text)));
        }
        r->at++;
        return 0;
    }
    uint64_t question;
    if (id_parse('Q', word->text, &question)) {
        r->command->question = question;
        return reader_refuse(r, arena_printf(r->arena, "Q%llu is a question, and %s is for a deployment",
                                             (unsigned long long)question, r->entry->name));
    }
    return 0;
}

int reader_take_needed_deployment(struct reader *r) {
    if (!reader_peek(r)) {
        return reader_refuse(r, "The number of the deployment is missing");
    }
    int rc = reader_take_deployment(r);
    if (rc == 0 && r->command->deployment == 0) {
        rc = reader_refuse(
            r, arena_printf(r->arena, "%s is not the number of a deployment", reader_show(r, reader_peek(r)->text)));
    }
    return rc;
}

void reader_add_name(struct reader *r, struct plan_names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal(names->items[i], name)) {
            return;
        }
    }
    names->items = arena_push(r->arena, names->items, names->count, sizeof *names->items);
    names->items[names->count++] = name;
}

int reader_add_targets(struct reader *r, struct plan_names *targets, const char *text) {
    while (*text) {
        size_t size = strcspn(text, ",");
        const char *name = arena_strndup(r->arena, text, size);
        if (size > 0 && !str_is_name(name)) {
            return reader_refuse(r, arena_printf(r->arena, "%s is not the name of a target", reader_show(r, name)));
        }
        if (size > 0) {
            reader_add_name(r, targets, name);
        }
        text += size + (text[size] == ',');
    }
    return 0;
}
