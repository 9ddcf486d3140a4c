/*
 * joblog_read.c: see joblog_read.h. One pass over the file; the lines that pass the filter go into
 * one buffer that forgets its oldest ones when it is over a limit.
 */
#include "scheduler/joblog_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "scheduler/timetext.h"

struct joblog_past {
	int error;
	char *buf; /* lines, each ended by '\0' */
	size_t start, end, size;
	uint64_t lines;
};

void joblog_filter_done(struct joblog_filter *f)
{
	free(f->path);
	f->path = NULL;
}

/* Lines are ours: "time" comes first. A cheap look before the line is parsed. */
static bool late_enough(const struct joblog_filter *f, const json_t *o)
{
	const char *text = json_string_value(json_object_get(o, "time"));
	struct wall t;

	return text && !timetext_parse_utc(text, &t, NULL) && t.s >= f->since.s;
}

bool joblog_filter_takes(const struct joblog_filter *f, const char *line)
{
	char want[32];
	bool takes;
	json_t *o;

	if (!f->job && !f->since.s)
		return true;
	if (f->job) {
		snprintf(want, sizeof(want), "\"job\":%llu", (unsigned long long)f->job);
		if (!strstr(line, want))
			return false;
	}
	o = json_loads(line, 0, NULL);
	takes = o && (!f->since.s || late_enough(f, o)) &&
		(!f->job || (uint64_t)json_integer_value(json_object_get(o, "job")) == f->job);
	json_decref(o);
	return takes;
}

static void drop_oldest(struct joblog_past *p)
{
	p->start += strlen(p->buf + p->start) + 1;
	p->lines--;
}

static void add_line(struct joblog_past *p, const struct joblog_filter *f, const char *line,
		     size_t len)
{
	if (len + 1 > f->bytes || !f->lines)
		return;
	while (p->lines >= f->lines || (p->lines && p->end - p->start + len + 1 > f->bytes))
		drop_oldest(p);
	if (p->end + len + 1 > p->size && p->start > p->size / 2) {
		memmove(p->buf, p->buf + p->start, p->end - p->start);
		p->end -= p->start;
		p->start = 0;
	}
	if (p->end + len + 1 > p->size) {
		p->size = MAX(2 * p->size, p->end + len + 1);
		p->buf = xrealloc(p->buf, p->size);
	}
	memcpy(p->buf + p->end, line, len);
	p->buf[p->end + len] = '\0';
	p->end += len + 1;
	p->lines++;
}

struct joblog_past *joblog_past_read(const struct joblog_filter *f)
{
	struct joblog_past *p = xcalloc(1, sizeof(*p));
	FILE *file = fopen(f->path, "re");
	size_t room = 0;
	char *line = NULL;
	ssize_t len;

	if (!file) {
		p->error = errno == ENOENT ? 0 : -errno;
		return p;
	}
	while ((len = getline(&line, &room, file)) > 0) {
		/* A last line without its end is still being written. */
		if (line[len - 1] != '\n')
			break;
		line[--len] = '\0';
		if (len && strlen(line) == (size_t)len && joblog_filter_takes(f, line))
			add_line(p, f, line, (size_t)len);
	}
	if (ferror(file))
		p->error = -EIO;
	free(line);
	fclose(file);
	return p;
}

struct joblog_past *joblog_past_free(struct joblog_past *p)
{
	if (!p)
		return NULL;
	free(p->buf);
	free(p);
	return NULL;
}

int joblog_past_error(const struct joblog_past *p)
{
	return p->error;
}

const char *joblog_past_next(const struct joblog_past *p, const char *line)
{
	size_t at = line ? (size_t)(line - p->buf) + strlen(line) + 1 : p->start;

	return at < p->end ? p->buf + at : NULL;
}

const char *joblog_past_text(struct joblog_past *p, size_t *ret_len)
{
	for (size_t i = p->start; i < p->end; i++) {
		if (p->buf[i] == '\0')
			p->buf[i] = '\n';
	}
	*ret_len = p->end - p->start;
	return p->buf ? p->buf + p->start : "";
}
