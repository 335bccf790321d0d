#include "app/inventories.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "exec/errand.h"

enum { TEXT_BYTES = 8 << 20, COMMAND_MS = 60000, SCRIPT_BYTES = 64 << 10, SHELL_BLOCK_BYTES = 512 };

struct source {
    struct inventories *inventories;
    size_t number;
    char *name;     /* owned; what it is asked by: it may hold secrets */
    char label[40]; /* what it is called where everybody may read */
    char *text;     /* owned; what it said last, if that is a list of targets; or NULL */
    char *trouble;  /* owned; why it could not be read last time; or NULL */
    struct errand *errand;
    int fd; /* where the command writes */
    struct timer *timer;
    bool asked;
};

struct inventories {
    struct inventories_options options;
    struct config *base; /* a reference */
    struct source *sources;
    size_t count;
    void (*heard)(struct inventories *inventories); /* each time one has answered; or NULL */
};

/* --- words ------------------------------------------------------------------------------------------------------ */

/* For the shell: within single quotes nothing means anything but a single quote. */
static void add_quoted(struct buf *out, const char *word) {
    buf_addc(out, '\'');
    for (const char *c = word; *c != '\0'; c++) {
        buf_adds(out, *c == '\'' ? "'\\''" : (char[2]){*c, '\0'});
    }
    buf_addc(out, '\'');
}

static void add_command(struct buf *out, const struct config_inventory *inventory) {
    for (size_t i = 0; i < inventory->command.count; i++) {
        buf_adds(out, i == 0 ? "" : " ");
        add_quoted(out, inventory->command.items[i]);
    }
}

static char *source_name(const struct config_inventory *inventory) {
    struct buf name = BUF_INIT(SCRIPT_BYTES);
    if (inventory->file != NULL) {
        buf_adds(&name, inventory->file);
    } else {
        add_command(&name, inventory);
    }
    return buf_take(&name);
}

/* --- what is in force ---------------------------------------------------------------------------------------------- */

static struct config *merge(const struct inventories *inventories, struct err *err) {
    const char **texts = mem_array(inventories->count + 1, sizeof *texts);
    for (size_t i = 0; i < inventories->count; i++) {
        texts[i] = inventories->sources[i].text;
    }
    struct config *config = config_with_inventories(inventories->base, texts, err);
    mem_free(texts);
    return config;
}

static void source_fail(struct source *source, const char *why) {
    if (!str_equal(source->trouble, why)) {
        log_warn("an inventory can't be read, its targets stay as they are", LOG_STR("inventory", source->name),
                 LOG_STR("error", why), LOG_END);
        mem_free(source->trouble);
        source->trouble = mem_strdup(why);
    }
}

/* A text has come that may be a list of targets. */
static void source_take(struct source *source, char *text) {
    struct inventories *inventories = source->inventories;
    struct err err;
    char *before = source->text;
    bool changed = !str_equal(before, text);
    if (!changed && source->trouble == NULL) {
        mem_free(text);
        return;
    }
    source->text = text;
    struct config *config = merge(inventories, &err);
    if (config == NULL) {
        source->text = before;
        mem_free(text);
        source_fail(source, err.text);
        return;
    }
    mem_free(before);
    mem_free(source->trouble);
    source->trouble = NULL;
    if (changed && inventories->options.changed != NULL) {
        log_info("an inventory was read", LOG_STR("inventory", source->name), LOG_INT("targets", config->target_count),
                 LOG_END);
        inventories->options.changed(config, inventories->options.user);
    } else {
        config_unref(config);
    }
}

static void source_over(struct source *source) {
    struct inventories *inventories = source->inventories;
    metric_set(METRIC_INVENTORY_FAILED, source->trouble != NULL, source->label, NULL, NULL);
    source->asked = true;
    timer_start(source->timer, inventories->base->inventories[source->number].refresh_ms);
    if (inventories->heard != NULL) {
        inventories->heard(inventories);
    }
}

/* --- asking ---------------------------------------------------------------------------------------------------------- */

static void source_read(struct source *source, const char *path) {
    struct buf text = BUF_INIT(TEXT_BYTES + 1);
    struct err err;
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) { /* To open a pipe could take for ever. */
        source_fail(source, "it is no regular file");
        return;
    }
    if (file_read(path, TEXT_BYTES, &text, &err) < 0) {
        source_fail(source, err.text);
        buf_finish(&text);
    } else {
        source_take(source, buf_take(&text));
    }
}

/* The command has ended. */
static void command_ended(const struct errand_end *end, void *user) {
    struct source *source = user;
    char path[64];
    struct buf why = BUF_INIT(2 * ERR_TEXT_SIZE);
    source->errand = NULL;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", source->fd);
    if (end->err != NULL || end->timed_out || end->status != 0 || end->signal != 0) {
        buf_adds(&why, end->err != NULL ? end->err->text : end->timed_out ? "it took too long" : "it failed");
        buf_printf(&why, "%s%.300s", end->output[0] == '\0' ? "" : ": ", end->output);
        while (why.size > 0 && why.data[why.size - 1] == '\n') {
            why.data[--why.size] = '\0';
        }
        source_fail(source, why.data);
    } else {
        source_read(source, path);
    }
    (void)close(source->fd);
    buf_finish(&why);
    source_over(source);
}

/* It writes into a file in memory, so that nothing lies on a disk; no more than will be read of it. */
static void command_start(struct source *source, const struct config_inventory *inventory) {
    struct buf script = BUF_INIT(SCRIPT_BYTES);
    size_t count = 0;
    source->fd = memfd_create("inventory", MFD_CLOEXEC);
    buf_printf(&script, "ulimit -f %d\n", TEXT_BYTES / SHELL_BLOCK_BYTES + 1);
    add_command(&script, inventory);
    buf_printf(&script, " >/proc/%d/fd/%d", (int)getpid(), source->fd);
    while (environ[count] != NULL) {
        count++;
    }
    const struct errand_options options = {
        .script = script.data,
        .work_dir = source->inventories->base->folder,
        .env = (const char *const *)environ,
        .env_count = count,
        .limit_ms = COMMAND_MS,
    };
    source->errand = errand_start(source->inventories->options.loop, &options, command_ended, source);
    buf_finish(&script);
}

static void source_ask(void *user) {
    struct source *source = user;
    const struct config_inventory *inventory = &source->inventories->base->inventories[source->number];
    if (inventory->file == NULL) {
        command_start(source, inventory);
        return;
    }
    source_read(source, inventory->file);
    source_over(source);
}

/* --- the whole -------------------------------------------------------------------------------------------------------- */

static void sources_drop(struct source *sources, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (sources[i].errand != NULL) {
            errand_destroy(sources[i].errand);
            (void)close(sources[i].fd);
        }
        timer_destroy(sources[i].timer);
        mem_free(sources[i].name);
        mem_free(sources[i].text);
        mem_free(sources[i].trouble);
    }
    mem_free(sources);
}

struct inventories *inventories_create(const struct inventories_options *options) {
    struct inventories *inventories = mem_alloc(sizeof *inventories);
    inventories->options = *options;
    return inventories;
}

void inventories_destroy(struct inventories *inventories) {
    if (inventories != NULL) {
        sources_drop(inventories->sources, inventories->count);
        config_unref(inventories->base);
        mem_free(inventories);
    }
}

struct config *inventories_use(struct inventories *inventories, struct config *base) {
    struct source *before = inventories->sources;
    size_t before_count = inventories->count;
    struct err err;
    config_unref(inventories->base);
    inventories->base = config_ref(base);
    inventories->count = base->inventory_count;
    inventories->sources = mem_array(inventories->count + 1, sizeof *inventories->sources);
    for (size_t i = 0; i < inventories->count; i++) {
        struct source *source = &inventories->sources[i];
        *source = (struct source){inventories, i, .name = source_name(&base->inventories[i])};
        (void)snprintf(source->label, sizeof source->label, "inventories[%zu]", i);
        for (size_t k = 0; k < before_count; k++) {
            if (source->text == NULL && str_equal(before[k].name, source->name)) {
                source->text = before[k].text;
                before[k].text = NULL;
            }
        }
        source->timer = loop_timer(inventories->options.loop, source_ask, source);
        timer_start(source->timer, 0);
    }
    sources_drop(before, before_count);
    struct config *config = merge(inventories, &err);
    if (config == NULL) { /* What is known does not fit to the file any more: it is asked for anew. */
        log_warn("the targets of inventories are left out until they are read again", LOG_ERR(&err), LOG_END);
        for (size_t i = 0; i < inventories->count; i++) {
            mem_free(inventories->sources[i].text);
            inventories->sources[i].text = NULL;
        }
        config = config_ref(base);
    }
    return config;
}

void inventories_write_health(const struct inventories *inventories, struct buf *out) {
    for (size_t i = 0; inventories != NULL && i < inventories->count; i++) {
        const struct source *source = &inventories->sources[i];
        buf_printf(out, "%s: %s\n", source->label,
                   source->trouble != NULL ? "failed, see the log"
                   : source->text == NULL  ? "not read yet"
                                           : "read");
    }
}

size_t inventories_write_troubles(const struct inventories *inventories, struct buf *out) {
    size_t count = 0;
    for (size_t i = 0; i < inventories->count; i++) {
        if (inventories->sources[i].trouble != NULL) {
            buf_printf(out, "error: inventories[%zu]: %s\n", i, inventories->sources[i].trouble);
            count++;
        }
    }
    return count;
}

static bool all_asked(const struct inventories *inventories) {
    size_t asked = 0;
    for (size_t i = 0; i < inventories->count; i++) {
        asked += inventories->sources[i].asked;
    }
    return asked == inventories->count;
}

static void wait_over(struct inventories *inventories) {
    if (all_asked(inventories)) {
        loop_stop(inventories->options.loop);
    }
}

void inventories_wait(struct inventories *inventories) {
    inventories->heard = wait_over;
    if (!all_asked(inventories)) {
        loop_run(inventories->options.loop);
    }
    inventories->heard = NULL;
}
