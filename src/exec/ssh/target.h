#ifndef GP_EXEC_SSH_TARGET_H
#define GP_EXEC_SSH_TARGET_H

/* The texts for the target's shell, without their comments: contact.sh and supervise.sh, embedded by tools/embed. */
extern const char target_contact[];
extern const char target_supervise[];

#endif
