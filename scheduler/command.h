/*
 * command.h: the one table of commands. Each row says the words, who may use it, on which role, its
 * HTTP method and path, its arguments and its help. The daemon's dispatcher, the `spokesync`
 * program, its --help and completions, and the check of the man page all read this table; handlers
 * (handler.h) and printers (client) are found by the row's id, so that the program does not
 * link the daemon.
 */
#ifndef SPOKESYNC_SCHEDULER_COMMAND_H
#define SPOKESYNC_SCHEDULER_COMMAND_H

#include "policy/base.h"

enum command_id {
	CMD_STATUS,
	CMD_JOBS,
	CMD_JOB,
	CMD_SPOKES,
	CMD_GROUPS,
	CMD_WHY,
	CMD_BACKLOG,
	CMD_MATRIX,
	CMD_INSPECT,
	CMD_REPORT,
	CMD_WINDOWS,
	CMD_PLAN,
	CMD_EXPLAIN,
	CMD_SYNC_NOW,
	CMD_PAUSE,
	CMD_RESUME,
	CMD_STOP_NOW,
	CMD_CANCEL,
	CMD_RETRY,
	CMD_CONFIRM,
	CMD_PUBLISH,
	CMD_WAIT,
	CMD_PROBE,
	CMD_LOG,
	CMD_EVENTS,
	CMD_DOCTOR,
	CMD_CONFIG,
	CMD_RELOAD,
	CMD_PAIR,
	CMD_PRESERVED,
	CMD_RESTORE,
	CMD_VERIFY,
	CMD_ADOPT,
	COMMANDS_N,
};

enum command_right { RIGHT_NONE, RIGHT_READ, RIGHT_CHANGE };
enum command_roles { ON_HUB = 1, ON_SPOKE = 2, ON_BOTH = 3 };

enum arg_kind {
	ARG_FLAG,
	ARG_NAME, /* of a spoke or group */
	ARG_PATH, /* below a group */
	ARG_FILE, /* the same, or absolute */
	ARG_TEXT,
	ARG_NUMBER,
	ARG_DURATION, /* units.h */
	ARG_RATE,
	ARG_TIME, /* the API: RFC 3339; the program: what people write (timetext.h) */
};

struct command_arg {
	const char *name; /* ?name=, "name": and --name; NULL ends the list */
	enum arg_kind kind;
	unsigned place; /* 0: an option; else the place among the plain words (an option as well) */
	bool needed;
	bool local;	  /* for the program only: never sent */
	const char *meta; /* what --help calls the value */
	const char *help;
};

#define COMMAND_ARGS_MAX 10

struct command {
	enum command_id id;
	const char *word;
	const char *method, *path; /* {name} in the path is an argument */
	enum command_right right;
	enum command_roles roles;
	const char *usage; /* the arguments in one line */
	const char *summary;
	const char *help; /* some sentences */
	struct command_arg args[COMMAND_ARGS_MAX + 1];
};

extern const struct command command_table[COMMANDS_N];

const struct command *command_by_word(const char *word); /* or NULL */
/* The word nearest to a mistyped one, or NULL where none is near. */
const char *command_nearest(const char *word);
/* Index of an argument in cmd->args, or -1. */
int command_arg_index(const struct command *cmd, const char *name);
/*
 * Finds the row of a request. 0, -ENOENT: no such path, or -EPERM: the path exists, the method is
 * wrong. A {name} part of the path is copied to part (empty where the path has none).
 */
int command_by_path(const char *method, const char *path, const struct command **ret, char *part,
		    size_t size) WARN_UNUSED;

#endif
