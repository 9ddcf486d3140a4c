/*
 * handler.h: one call of one command inside the daemon, and the table that finds its handler. The
 * dispatcher (control.c) has checked rights, role and arguments before a handler runs.
 */
#ifndef SPOKESYNC_SCHEDULER_HANDLER_H
#define SPOKESYNC_SCHEDULER_HANDLER_H

#include <jansson.h>

#include "scheduler/args.h"
#include "scheduler/daemon.h"

struct sreq;

struct call {
	struct daemon *daemon;
	const struct args *args; /* gone when the handler returns */
	const char *who;	 /* "uid 1000 (anna)" */
	bool may_change;	 /* not only read */
	struct now now;
	struct sreq *request; /* for handlers that answer later */
	/* the answer */
	unsigned status; /* HTTP; 200 unless set */
	json_t *answer;	 /* a reference; or */
	char problem[512];
};

enum handled {
	HANDLED,       /* answer or problem is set */
	HANDLED_LATER, /* the handler took the request and answers it itself */
};

typedef enum handled handler_fn(struct call *c);

handler_fn *handler_of(enum command_id id);

/* Sets status and the problem in words; returns HANDLED. */
enum handled call_fail(struct call *c, unsigned status, const char *fmt, ...) PRINTF(3, 4);
/* Takes the answer; returns HANDLED. */
enum handled call_answer(struct call *c, json_t *answer);
/* To the job log: that this was asked for, by whom, and these facts of it. Takes them. */
void call_audit(const struct call *c, json_t *facts);
/* A configuration with mistakes: all of them, by file and line; nothing was changed. */
enum handled call_refuse_config(struct call *c, const struct config_errors *errors);
/* The scope arguments name something that exists: false, and 404 with the nearest name, if not. */
bool call_scope_known(struct call *c, const char *spoke, const char *group);

/* A sync-now that somebody waits for is held so long from each look at what has not settled: who
 * goes away holds it no longer. */
#define SYNC_HOLD_US (30 * SECOND_US)

handler_fn cmd_status, cmd_spokes, cmd_groups;
handler_fn cmd_jobs, cmd_job, cmd_cancel, cmd_retry;
handler_fn cmd_confirm, cmd_publish;
handler_fn cmd_why, cmd_explain;
handler_fn cmd_backlog, cmd_matrix, cmd_report;
handler_fn cmd_inspect;
handler_fn cmd_windows;
handler_fn cmd_plan;
handler_fn cmd_sync_now, cmd_pause, cmd_resume, cmd_stop_now;
handler_fn cmd_wait, cmd_probe;
handler_fn cmd_log, cmd_events;
handler_fn cmd_config, cmd_reload;
handler_fn cmd_doctor;
handler_fn cmd_pair;
handler_fn cmd_preserved, cmd_restore;
handler_fn cmd_verify;
handler_fn cmd_adopt;

#endif
