#ifndef GP_API_PAGE_H
#define GP_API_PAGE_H

/* The files of the page: built in, or from a folder while somebody works on them. */

#include "call.h"

void page_schema(struct call *call); /* of the configuration */
void page_index(struct call *call);  /* the page finds its way by its address */
void page_file(struct call *call);

/* Exported for its test: a path that names a file below the folder and nothing else. */
bool page_path_is_plain(const char *path);

#endif
