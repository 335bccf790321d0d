#ifndef GP_CORE_COMMAND_OPTIONS_H
#define GP_CORE_COMMAND_OPTIONS_H

/*
 * Options: the same things in the form that shells and scripts are used to.
 */

#include "command_reader.h"

/* Takes them out of the words, wherever they stand. */
int command_options_take(struct reader *r) MUST_USE;

/* Whether the command takes a reason. */
bool command_options_has_note(const struct reader *r);

#endif
