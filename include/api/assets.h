#ifndef GP_API_ASSETS_H
#define GP_API_ASSETS_H

/* The page's files, built into the program from web/ by tools/embed. Sorted by path. */

#include <stddef.h>

struct asset {
    const char *path; /* "/index.html" */
    const char *content_type;
    const unsigned char *bytes;
    size_t size;
    const char *tag; /* changes with the bytes: good for an ETag (without its quotes) */
};

extern const struct asset assets[];
extern const size_t assets_count;

#endif
