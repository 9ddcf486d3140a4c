/*
 * joblog_read.h: the past of the job log: its newest lines that a filter takes, read from the file.
 * Blocking; for a worker thread. What it returns is bounded, whatever the size of the file.
 */
#ifndef SPOKESYNC_SCHEDULER_JOBLOG_READ_H
#define SPOKESYNC_SCHEDULER_JOBLOG_READ_H

#include "policy/base.h"

struct joblog_filter {
	char *path;
	uint64_t job;	   /* 0: any */
	struct wall since; /* 0: any */
	uint64_t lines;	   /* the newest so many */
	size_t bytes;	   /* and no more than this of them */
};
void joblog_filter_done(struct joblog_filter *f);
/* Does it take this line (by job and since)? */
bool joblog_filter_takes(const struct joblog_filter *f, const char *line);

struct joblog_past;

/* Never NULL. */
struct joblog_past *joblog_past_read(const struct joblog_filter *f) WARN_UNUSED;
struct joblog_past *joblog_past_free(struct joblog_past *p);
int joblog_past_error(const struct joblog_past *p); /* 0 or -errno */
/* Line after line, oldest first, without newline; NULL: the first, and at the end. */
const char *joblog_past_next(const struct joblog_past *p, const char *line);
/* All of them as one text, each line with its newline. Ends the use of joblog_past_next(). */
const char *joblog_past_text(struct joblog_past *p, size_t *ret_len);

#endif
