/*
 * client.h: what the files of the `spokesync` program share: where the daemon is, how it is called,
 * how an answer is printed, and the exit codes.
 */
#ifndef SPOKESYNC_SCHEDULER_CLIENT_H
#define SPOKESYNC_SCHEDULER_CLIENT_H

#include <jansson.h>

#include "policy/units.h"
#include "scheduler/args.h"

enum client_exit {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_BAD_USAGE = 2,
	EXIT_NO_DAEMON = 3,
	EXIT_REFUSED = 4,
	EXIT_UNFINISHED = 5,
};

struct client {
	const char *socket, *config; /* config: of -c, or NULL */
	bool json;		     /* answers as they are */
	bool tty;		     /* standard output is a terminal */
	unsigned columns;
};

/*
 * Calls a command. EXIT_DONE and the answer in *ret (a reference), or another exit code, with the
 * reason said on stderr. With --json a problem is printed as JSON as well.
 */
int client_call(const struct client *c, const struct args *a, json_t **ret) WARN_UNUSED;
/* The same with arguments by name: NULL-terminated pairs of name and value. */
int client_call_by(const struct client *c, enum command_id id, json_t **ret, ...) WARN_UNUSED;
/* An answer of lines: line() for each; false from it ends the call (EXIT_DONE). */
int client_stream(const struct client *c, const struct args *a,
		  bool (*line)(void *arg, const char *line), void *arg) WARN_UNUSED;

/* Prints an answer for people; returns the exit code. */
typedef int client_show_fn(const struct client *c, const struct args *a, json_t *answer);
client_show_fn client_show_status, client_show_jobs, client_show_job, client_show_spokes;
client_show_fn client_show_groups, client_show_why, client_show_backlog, client_show_matrix;
client_show_fn client_show_windows, client_show_explain, client_show_override, client_show_ended;
client_show_fn client_show_done, client_show_wait, client_show_config, client_show_reload;
client_show_fn client_show_decided, client_show_report;
client_show_fn client_show_preserved, client_show_restored;

/* Commands that do more than one call. */
int client_status(const struct client *c, const struct args *a);
int client_sync_now(const struct client *c, const struct args *a);
int client_plan(const struct client *c, const struct args *a);
int client_log(const struct client *c, const struct args *a);
int client_probe(const struct client *c, const struct args *a);
int client_doctor(const struct client *c, const struct args *a);
int client_inspect(const struct client *c, const struct args *a);
int client_adopt(const struct client *c, const struct args *a);
int client_verify(const struct client *c, const struct args *a);
int client_pair(const struct client *c, const struct args *a);

/* Members of an answer: absent or of another type: "", 0, false, NULL. */
const char *client_str(const json_t *o, const char *key);
int64_t client_int(const json_t *o, const char *key);
double client_real(const json_t *o, const char *key);
bool client_bool(const json_t *o, const char *key);

/* A value as text; lives until the end of the full expression it stands in. */
struct client_text {
	char s[64];
};
struct client_text client_size(int64_t bytes);
struct client_text client_count(int64_t n, const char *one); /* "1 job", "2 jobs" */
struct client_text client_rate(const json_t *rate);	     /* null: unlimited; 0: closed */
struct client_text client_speed(int64_t rate);		     /* measured: 0 is "-" */
struct client_text client_span(double seconds);
/* A time of the API in the zone of this process; "-" where null. */
struct client_text client_when(const json_t *o, const char *key);
/* "(in 2h 05m)" for the same, or "". */
struct client_text client_in(const json_t *o, const char *key);

#endif
