#include "listing.h"

#include "base/mem.h"

static bool is_listed(const struct listing *listing, const struct table *table) {
    for (size_t i = 0; i < listing->count; i++) {
        if (listing->tables[i] == table) {
            return true;
        }
    }
    return false;
}

static void list_tables(struct listing *listing, const struct table *table, const char *path) {
    if (is_listed(listing, table) || listing->count == LISTING_MAX) {
        return;
    }
    listing->tables[listing->count] = table;
    listing->paths[listing->count++] = mem_strdup(path);
    for (const struct field *field = table->fields; field->key != NULL; field++) {
        if (field->table != NULL) {
            struct buf below = BUF_INIT(500);
            buf_printf(&below, "%s%s%s%s", path, *path != '\0' ? "." : "", field->key,
                       field->type == FIELD_MAP    ? ".NAME"
                       : field->type == FIELD_LIST ? "[]"
                                                   : "");
            list_tables(listing, field->table, below.data);
            buf_finish(&below);
        }
    }
}

void listing_init(struct listing *listing) {
    *listing = (struct listing){0};
    list_tables(listing, &table_root, "");
}

void listing_finish(struct listing *listing) {
    for (size_t i = 0; i < listing->count; i++) {
        mem_free(listing->paths[i]);
    }
}
