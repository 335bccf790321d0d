#include "auth.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

/* Digests are hex; one that is empty equals nothing. */
struct person {
    char *name;
    bool everything;
    char token[ID_DIGEST_SIZE], password[ID_DIGEST_SIZE];
    char mark[AUTH_MARK_SIZE];
};

struct people {
    struct person *items;
    size_t count;
};

struct auth {
    struct people people; /* the local user is the first */
    bool has_local;
};

static void person_free(struct person *person) {
    mem_free(person->name);
}

static void people_free(struct people *people) {
    for (size_t i = 0; i < people->count; i++) {
        person_free(&people->items[i]);
    }
    mem_free(people->items);
    *people = (struct people){NULL, 0};
}

static void set_mark(struct person *person) {
    char both[2 * ID_DIGEST_SIZE], digest[ID_DIGEST_SIZE];
    int size = snprintf(both, sizeof both, "%s:%s", person->token, person->password);
    id_digest(digest, both, (size_t)size);
    memcpy(person->mark, digest, AUTH_MARK_SIZE - 1);
}

static int read_digest(const struct config_secret *secret, const char *name, const char *what, char out[ID_DIGEST_SIZE],
                       struct err *err) {
    char *value = NULL;
    if (secret->source == SECRET_NONE) {
        return 0;
    }
    if (secret_read(secret, &value, err) < 0) {
        return err_set(err, err->code, "people.%s.%s: %s", name, what, err->text);
    }
    log_mask(value);
    id_digest(out, value, strlen(value));
    secret_free(value);
    return 0;
}

static int check_unique(const struct people *people, struct err *err) {
    for (size_t i = 0; i < people->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (people->items[i].token[0] != '\0' && str_equal(people->items[i].token, people->items[k].token)) {
                return err_set(err, ERR_INVALID,
                               "%s and %s have the same token, so nobody could say who of them came with it.",
                               people->items[k].name, people->items[i].name);
            }
        }
    }
    return 0;
}

/* Adds the people of the configuration behind those that are there. */
static int people_read(struct people *people, const struct config *config, struct err *err) {
    struct err why;
    people->items = mem_grow(people->items, people->count + config->person_count + 1, sizeof *people->items);
    for (size_t i = 0; i < config->person_count; i++) {
        const struct config_person *from = &config->people[i];
        struct person *person = &people->items[people->count++];
        *person = (struct person){.name = mem_strdup(from->name)};
        if (read_digest(&from->token, from->name, "token", person->token, &why) < 0 ||
            read_digest(&from->password, from->name, "password", person->password, &why) < 0) {
            return err_set(err, why.code, "%s", why.text);
        }
        set_mark(person);
    }
    return check_unique(people, err);
}

static void people_add_local(struct people *people, const char *token) {
    const struct passwd *user = getpwuid(geteuid());
    struct buf name = BUF_INIT(256);
    if (user != NULL) {
        buf_printf(&name, "local:%s", user->pw_name);
    } else {
        buf_printf(&name, "local:%u", (unsigned)geteuid());
    }
    people->items = mem_grow(people->items, people->count + 1, sizeof *people->items);
    struct person *person = &people->items[people->count++];
    *person = (struct person){.name = buf_take(&name), .everything = true};
    if (!str_empty(token)) {
        log_mask(token);
        id_digest(person->token, token, strlen(token));
    }
    set_mark(person);
}

int auth_create(const struct config *config, const char *local_token, struct auth **ret_auth, struct err *err) {
    struct auth *auth = mem_alloc(sizeof *auth);
    auth->has_local = local_token != NULL;
    people_add_local(&auth->people, local_token);
    int result = people_read(&auth->people, config, err);
    if (result < 0) {
        auth_destroy(auth);
        return result;
    }
    *ret_auth = auth;
    return 0;
}

void auth_destroy(struct auth *auth) {
    if (auth != NULL) {
        people_free(&auth->people);
        mem_free(auth);
    }
}

int auth_reload(struct auth *auth, const struct config *config, struct err *err) {
    struct people people = {mem_alloc(sizeof(struct person)), 1};
    people.items[0] = auth->people.items[0];
    people.items[0].name = mem_strdup(auth->people.items[0].name);
    int result = people_read(&people, config, err);
    if (result < 0) {
        people_free(&people);
        return result;
    }
    people_free(&auth->people);
    auth->people = people;
    return 0;
}

static bool identify(const struct person *person, struct auth_identity *ret_identity) {
    if (person == NULL) {
        return false;
    }
    *ret_identity = (struct auth_identity){.name = person->name, .everything = person->everything};
    memcpy(ret_identity->mark, person->mark, AUTH_MARK_SIZE);
    return true;
}

/* All are looked at, also after one fits, so that the time does not tell where in the list it stands. */
bool auth_by_token(const struct auth *auth, const char *token, struct auth_identity *ret_identity) {
    char digest[ID_DIGEST_SIZE];
    const struct person *found = NULL;
    id_digest(digest, token, strlen(token));
    for (size_t i = 0; i < auth->people.count; i++) {
        const struct person *person = &auth->people.items[i];
        found = str_equal_secret(person->token, digest) ? person : found;
    }
    return identify(found, ret_identity);
}

bool auth_by_password(const struct auth *auth, const char *name, const char *password,
                      struct auth_identity *ret_identity) {
    char digest[ID_DIGEST_SIZE];
    const struct person *found = NULL;
    id_digest(digest, password, strlen(password));
    for (size_t i = 0; i < auth->people.count; i++) {
        const struct person *person = &auth->people.items[i];
        bool right = str_equal_secret(person->password, digest);
        found = right && str_equal(person->name, name) ? person : found;
    }
    return identify(found, ret_identity);
}

bool auth_by_mark(const struct auth *auth, const char *name, const char *mark, struct auth_identity *ret_identity) {
    for (size_t i = 0; i < auth->people.count; i++) {
        const struct person *person = &auth->people.items[i];
        if (str_equal(person->name, name) && (i > 0 || auth->has_local)) {
            return str_equal_secret(person->mark, mark) && identify(person, ret_identity);
        }
    }
    return false;
}

void auth_local(const struct auth *auth, struct auth_identity *ret_identity) {
    (void)identify(&auth->people.items[0], ret_identity);
}
