/*
 * log.c: the daemon's own messages, a line each, to stderr. Under systemd (stderr is the journal's
 * socket) a line begins with its priority as sd-daemon(3) says and the journal adds the time; else
 * with time and level. Called from the loop thread and from workers: one write a line.
 */
#include "scheduler/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "scheduler/timetext.h"

#define LINE_MAX_BYTES 2048

static enum log_level log_most = LOG_LEVEL_INFO;
static bool log_journal;

/* JOURNAL_STREAM names the journal's socket as "device:inode"; it must be our stderr. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &dev, &ino) != 2 ||
	    fstat(STDERR_FILENO, &st) < 0)
		return false;
	return st.st_dev == dev && st.st_ino == ino;
}

void log_init(enum log_level most)
{
	log_most = most;
	log_journal = stderr_is_journal();
}

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error: ";
	case LOG_LEVEL_WARN:
		return "warning: ";
	case LOG_LEVEL_DEBUG:
		return "debug: ";
	case LOG_LEVEL_INFO:
		break;
	}
	return "";
}

/* Names come from peers and disks: a line stays a line whatever is in them. */
static void make_printable(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	}
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES], stamp[TIMETEXT_MAX];
	struct timespec ts;
	size_t len;
	va_list ap;
	int n;

	if (level > log_most)
		return;
	if (log_journal) {
		n = snprintf(line, sizeof(line), "<%d>", (int)level);
	} else {
		clock_gettime(CLOCK_REALTIME, &ts);
		timetext_utc_ms((struct wall){ts.tv_sec}, (unsigned)(ts.tv_nsec / 1000000), stamp);
		n = snprintf(line, sizeof(line), "%s %s", stamp, level_word(level));
	}
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	make_printable(line);
	len = strlen(line);
	line[len++] = '\n';
	/* Where stderr is gone there is nobody left to tell. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
