#include "config/config.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "bind.h"
#include "check.h"
#include "copy.h"
#include "document.h"
#include "problem.h"

/* What a struct config really is: `config` comes first, so that one pointer is the other. */
struct loaded {
    struct config config;
    struct arena *arena; /* owned; holds everything but this struct, and what is borrowed from `base` */
    struct config *base; /* a reference; NULL unless it is a copy */
    size_t references;
};

static void write_generation(struct config *config);

/* Makes a config of a tree; NULL if there is an error anywhere, in the text, too. */
static struct config *build(const char *path, const char *folder, const struct node *root, struct arena *scratch,
                            struct config_problems *problems) {
    if (root == NULL) {
        return NULL;
    }
    struct loaded *loaded = mem_alloc(sizeof *loaded);
    loaded->arena = arena_create();
    loaded->references = 1;
    struct config *config = &loaded->config;
    config->path = arena_strdup(loaded->arena, path);
    config->folder = arena_strdup(loaded->arena, folder);
    struct binder binder = {.arena = loaded->arena, .scratch = scratch, .problems = problems, .folder = config->folder};
    bind_config(&binder, root, config);
    check_config(&binder, root, config);
    bind_finish(&binder);
    if (problems->errors > 0) {
        config_unref(config);
        return NULL;
    }
    write_generation(config);
    return config;
}

/* The absolute form of a folder that may not exist: then it is only put behind the current one. */
static const char *absolute_folder(struct arena *arena, const char *folder) {
    char resolved[PATH_MAX];
    if (realpath(folder, resolved) != NULL) {
        return arena_strdup(arena, resolved);
    }
    if (folder[0] == '/' || getcwd(resolved, sizeof resolved) == NULL) {
        return folder;
    }
    return arena_printf(arena, "%s/%s", resolved, folder);
}

static const char *folder_of_file(struct arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return ".";
    }
    return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

/* The text of a file up to the limit and one byte, which tells that it is too large; NULL after a report. */
static char *read_file(struct arena *arena, const char *path, size_t *ret_size, struct config_problems *problems) {
    struct problem_place whole = {path, 0, 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        problem_error(problems, whole, "cannot be opened: %s", strerror(errno));
        return NULL;
    }
    struct stat status;
    size_t room = fstat(fd, &status) == 0 && status.st_size > 0 && status.st_size <= LIMIT_CONFIG_BYTES
                      ? (size_t)status.st_size + 1
                      : LIMIT_CONFIG_BYTES + 1;
    char *text = arena_alloc(arena, room);
    size_t size = 0;
    while (size < room) {
        ssize_t count = read(fd, text + size, room - size);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            problem_error(problems, whole, "cannot be read: %s", strerror(errno));
            text = NULL;
        }
        if (count <= 0) {
            break;
        }
        size += (size_t)count;
    }
    (void)close(fd);
    *ret_size = size;
    return text;
}

static struct node *read_document(struct arena *scratch, const char *path, bool may_be_empty,
                                  struct config_problems *problems) {
    size_t size;
    char *text = read_file(scratch, path, &size, problems);
    return text != NULL ? document_read(scratch, path, text, size, may_be_empty, problems) : NULL;
}

static int compare_names(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The *.yaml files of a folder in the order of their names; nothing if there is no such folder. */
static struct config_names list_folder(struct arena *scratch, const char *folder, struct config_problems *problems) {
    struct config_names names = {0};
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        if (errno != ENOENT) {
            problem_error(problems, (struct problem_place){folder, 0, 0}, "cannot be opened: %s", strerror(errno));
        }
        return names;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        size_t length = strlen(entry->d_name);
        if (entry->d_name[0] != '.' && length > 5 && str_equal(entry->d_name + length - 5, ".yaml")) {
            names.items = arena_push(scratch, names.items, names.count, sizeof(const char *));
            names.items[names.count++] = arena_printf(scratch, "%s/%s", folder, entry->d_name);
        }
    }
    (void)closedir(directory);
    if (names.count > 0) {
        qsort(names.items, names.count, sizeof(const char *), compare_names);
    }
    return names;
}

static struct node *read_folder(struct arena *scratch, const char *folder, struct config_problems *problems) {
    struct node *root = read_document(scratch, arena_printf(scratch, "%s/guidepost.yaml", folder), false, problems);
    struct config_names more = list_folder(scratch, arena_printf(scratch, "%s/conf.d", folder), problems);
    for (size_t i = 0; i < more.count; i++) {
        const struct node *other = read_document(scratch, more.items[i], true, problems);
        if (root != NULL && other != NULL) {
            document_merge(scratch, root, other, problems);
        }
    }
    return root;
}

static const char *without_end_slash(struct arena *arena, const char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    return arena_strndup(arena, path, length);
}

struct config *config_load(const char *path, struct config_problems *problems) {
    problem_init(problems);
    struct arena *scratch = arena_create();
    struct stat status;
    bool is_folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    const char *folder = is_folder ? without_end_slash(scratch, path) : folder_of_file(scratch, path);
    struct node *root =
        is_folder ? read_folder(scratch, folder, problems) : read_document(scratch, path, false, problems);
    struct config *config = build(path, absolute_folder(scratch, folder), root, scratch, problems);
    problem_sort(problems);
    arena_destroy(scratch);
    return config;
}

struct config *config_load_text(const char *name, const char *text, size_t size, struct config_problems *problems) {
    problem_init(problems);
    struct arena *scratch = arena_create();
    const char *folder = absolute_folder(scratch, folder_of_file(scratch, name));
    const struct node *root = document_read(scratch, name, text, size, false, problems);
    struct config *config = build(name, folder, root, scratch, problems);
    problem_sort(problems);
    arena_destroy(scratch);
    return config;
}

struct config *config_ref(struct config *config) {
    ((struct loaded *)config)->references++;
    return config;
}

void config_unref(struct config *config) {
    struct loaded *loaded = (struct loaded *)config;
    if (loaded == NULL) {
        return;
    }
    assert(loaded->references > 0);
    if (--loaded->references == 0) {
        arena_destroy(loaded->arena);
        config_unref(loaded->base);
        mem_free(loaded);
    }
}

struct config *config_copy(struct config *base, struct arena **ret_arena) {
    struct loaded *copy = mem_alloc(sizeof *copy);
    copy->config = *base;
    copy->base = config_ref(base);
    copy->arena = *ret_arena = arena_create();
    copy->references = 1;
    return &copy->config;
}

/* Every text with its length in front, so that no two configurations give the same bytes. */
static void add_text(struct buf *out, const char *text) {
    buf_printf(out, "%zu:%s;", text != NULL ? strlen(text) + 1 : 0, text != NULL ? text : "");
}

static void add_names(struct buf *out, const struct config_names *names) {
    buf_printf(out, "%zu[", names->count);
    for (size_t i = 0; i < names->count; i++) {
        add_text(out, names->items[i]);
    }
}

static void write_generation(struct config *config) {
    struct buf text = BUF_INIT((size_t)1 << 30); /* far more than the limits of a document allow */
    for (size_t i = 0; i < config->person_count; i++) {
        const struct config_person *person = &config->people[i];
        const char *texts[] = {person->name,  person->slack,      person->matrix,
                               person->email, person->token.name, person->password.name};
        buf_printf(&text, "person %d %d ", (int)person->token.source, (int)person->password.source);
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
            add_text(&text, texts[k]);
        }
    }
    for (size_t i = 0; i < config->team_count; i++) {
        buf_adds(&text, "team ");
        add_text(&text, config->teams[i].name);
        add_names(&text, &config->teams[i].members);
    }
    for (size_t i = 0; i < config->permission_count; i++) {
        const struct config_permission *rule = &config->permissions[i];
        buf_printf(&text, "permission %u ", rule->allow);
        add_names(&text, &rule->to);
        add_names(&text, &rule->projects);
        add_names(&text, &rule->environments);
    }
    assert(!text.overflow);
    id_digest(config->generation, text.data, text.size);
    buf_finish(&text);
}

#define FIND(type, noun, array, counter)                                                   \
    const struct type *config_find_##noun(const struct config *config, const char *name) { \
        for (size_t i = 0; i < config->counter; i++) {                                     \
            if (str_equal(config->array[i].name, name)) {                                  \
                return &config->array[i];                                                  \
            }                                                                              \
        }                                                                                  \
        return NULL;                                                                       \
    }

FIND(config_project, project, projects, project_count)
FIND(config_environment, environment, environments, environment_count)
FIND(config_target, target, targets, target_count)
FIND(config_person, person, people, person_count)
FIND(config_team, team, teams, team_count)
FIND(config_room, room, rooms, room_count)

bool config_names_have(const struct config_names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal(names->items[i], name)) {
            return true;
        }
    }
    return false;
}
