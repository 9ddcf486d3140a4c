/*
 * cmd_log.c: the job log over the API: log (its newest lines, and what follows) and events (what
 * follows only). The file is read by a worker thread (joblog_read.h); followers are fed as lines
 * are written. A client that does not read is cut off by the server, nobody else waits for it.
 */
#include "scheduler/handler.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/joblog.h"
#include "scheduler/joblog_read.h"
#include "transfer/server.h"
#include "transfer/worker.h"

#define LINES_DEFAULT 200
#define LINES_MAX     5000
/* What a follower is given of the past must fit what the server keeps for it. */
#define PAST_FOLLOW_MAX (512 * KIB)
#define PAST_MAX	(8 * MIB)

struct log_client {
	struct daemon *daemon;
	struct sreq *request; /* NULL: it left */
	bool follow;
	void *follower;
	struct joblog_filter filter;
	bool reading;
	struct work work;
	struct joblog_past *past;
	char **early; /* lines that were written while the past was read */
	size_t n_early;
};

static void client_free(struct log_client *lc)
{
	for (size_t i = 0; i < lc->n_early; i++)
		free(lc->early[i]);
	free(lc->early);
	joblog_past_free(lc->past);
	joblog_filter_done(&lc->filter);
	free(lc);
}

/* The client left, or was answered. A running worker still uses it: then the worker's end frees. */
static void client_over(void *arg)
{
	struct log_client *lc = arg;

	lc->request = NULL;
	if (lc->follower)
		joblog_unfollow(lc->daemon->joblog, lc->follower);
	lc->follower = NULL;
	if (lc->reading && lc->daemon->stopping) {
		pool_cancel(lc->daemon->pool, &lc->work);
		lc->reading = false;
	}
	if (!lc->reading)
		client_free(lc);
}

/* Written while the past is being read: kept, and sent after it. */
static void keep_early(struct log_client *lc, const char *line)
{
	if (lc->n_early >= LINES_MAX)
		return;
	lc->early = xrealloc(lc->early, (lc->n_early + 1) * sizeof(*lc->early));
	lc->early[lc->n_early++] = xstrdup(line);
}

static void on_line(void *arg, const char *line)
{
	struct log_client *lc = arg;

	if (!lc->request || !joblog_filter_takes(&lc->filter, line))
		return;
	if (lc->reading)
		keep_early(lc, line);
	else if (sreq_lines_push(lc->request, line) < 0)
		lc->request = NULL; /* cut off; client_over() comes */
}

static void read_past(struct work *w)
{
	struct log_client *lc = container_of(w, struct log_client, work);

	lc->past = joblog_past_read(&lc->filter);
}

static void send_whole(struct log_client *lc)
{
	const char *text;
	size_t len;

	text = joblog_past_text(lc->past, &len);
	sreq_reply(lc->request, 200, "application/x-ndjson", text, len);
}

/* Past lines, then those that came meanwhile and are not among them, then what comes. */
static void send_and_follow(struct log_client *lc)
{
	const char *line = NULL, *last = NULL;
	size_t i = 0;

	sreq_lines_begin(lc->request);
	while (lc->request && (line = joblog_past_next(lc->past, line))) {
		last = line;
		if (sreq_lines_push(lc->request, line) < 0)
			lc->request = NULL;
	}
	for (size_t k = 0; last && k < lc->n_early; k++) {
		if (!strcmp(last, lc->early[k]))
			i = k + 1;
	}
	for (; lc->request && i < lc->n_early; i++) {
		if (sreq_lines_push(lc->request, lc->early[i]) < 0)
			lc->request = NULL;
	}
}

static void past_read(struct work *w)
{
	struct log_client *lc = container_of(w, struct log_client, work);

	lc->reading = false;
	if (!lc->request) {
		client_free(lc);
		return;
	}
	if (joblog_past_error(lc->past))
		sreq_problem(lc->request, 500, "job log %s: %s", lc->filter.path,
			     strerror(-joblog_past_error(lc->past)));
	else if (lc->follow)
		send_and_follow(lc);
	else
		send_whole(lc);
}

static struct log_client *client_new(struct call *c)
{
	struct log_client *lc = xcalloc(1, sizeof(*lc));

	lc->daemon = c->daemon;
	lc->request = c->request;
	sreq_on_over(c->request, client_over, lc);
	return lc;
}

enum handled cmd_log(struct call *c)
{
	bool narrowed = args_text(c->args, "job") || args_text(c->args, "since");
	uint64_t lines = args_number(c->args, "lines", narrowed ? LINES_MAX : LINES_DEFAULT);
	struct log_client *lc;

	if (lines > LINES_MAX)
		return call_fail(c, 400, "lines: at most %d; the whole log is the file %s",
				 LINES_MAX, joblog_path(c->daemon->joblog));
	lc = client_new(c);
	lc->follow = args_flag(c->args, "follow");
	lc->filter = (struct joblog_filter){
		.path = xstrdup(joblog_path(c->daemon->joblog)),
		.job = args_number(c->args, "job", 0),
		.since = args_time(c->args, "since", (struct wall){0}),
		.lines = lines,
		.bytes = lc->follow ? PAST_FOLLOW_MAX : PAST_MAX,
	};
	if (lc->follow)
		lc->follower = joblog_follow(c->daemon->joblog, on_line, lc);
	lc->reading = true;
	lc->work = (struct work){.run = read_past, .done = past_read};
	pool_submit(c->daemon->pool, NULL, &lc->work);
	return HANDLED_LATER;
}

enum handled cmd_events(struct call *c)
{
	struct log_client *lc = client_new(c);

	lc->follow = true;
	lc->follower = joblog_follow(c->daemon->joblog, on_line, lc);
	sreq_lines_begin(c->request);
	return HANDLED_LATER;
}
