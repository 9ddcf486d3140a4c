/*
 * args.h: the arguments of one call, checked against the command's row. Filled by the dispatcher
 * from query or JSON, and by the program from its command line; both get the same checks
 * and the same words.
 */
#ifndef SPOKESYNC_SCHEDULER_ARGS_H
#define SPOKESYNC_SCHEDULER_ARGS_H

#include <jansson.h>

#include "scheduler/command.h"

#define ARG_VALUE_MAX 4096

struct args {
	const struct command *cmd;
	char *value[COMMAND_ARGS_MAX]; /* NULL: not given; a flag: "1" */
};

void args_init(struct args *a, const struct command *cmd);
void args_done(struct args *a);

/* All return 0 or -EINVAL with e in words. */
int args_set(struct args *a, const char *name, const char *value, struct err *e) WARN_UNUSED;
int args_set_json(struct args *a, const json_t *object, struct err *e) WARN_UNUSED;
/* The words after the command. "--" ends the options. */
int args_set_words(struct args *a, int argc, char *const *argv, struct err *e) WARN_UNUSED;
/* Needed arguments are there. The last step of filling. */
int args_complete(const struct args *a, struct err *e) WARN_UNUSED;

/* Values; what was checked at filling cannot fail here. Absent: NULL, false, the default given. */
const char *args_text(const struct args *a, const char *name);
bool args_flag(const struct args *a, const char *name);
uint64_t args_number(const struct args *a, const char *name, uint64_t absent);
int64_t args_duration(const struct args *a, const char *name, int64_t absent_us);
uint64_t args_rate(const struct args *a, const char *name, uint64_t absent);
struct wall args_time(const struct args *a, const char *name, struct wall absent);

#endif
