/*
 * trust.c: see trust.h.
 */
#include "scheduler/trust.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/hub_log.h"
#include "scheduler/log.h"
#include "scheduler/timetext.h"
#include "transfer/durable.h"

#define TRUST_LASTS_S (7 * 86400)

bool trust_lasts(struct wall read, struct wall now)
{
	return read.s <= now.s && read.s > now.s - TRUST_LASTS_S;
}

void trust_load(struct hub_group *g)
{
	ssize_t n = -1;
	int fd = openat(g->gen_dirfd, "../" TRUST_MARK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0) {
		n = read(fd, g->distrust, sizeof(g->distrust) - 1);
		close(fd);
		/* Made by hand, perhaps empty: it is there, and that is enough. */
		if (n <= 0)
			n = snprintf(g->distrust, sizeof(g->distrust), TRUST_MARK " lies there");
	}
	g->distrust[MAX(n, 0)] = '\0';
	g->distrust[strcspn(g->distrust, "\n")] = '\0';
}

const char *trust_refused(const struct hub_group *g)
{
	const struct hub_group *other;

	if (g->distrust[0])
		return g->distrust;
	TAILQ_FOREACH (other, &g->hub->groups, entry)
		if (other->dirfd >= 0 && other->dev == g->dev && other->distrust[0])
			return other->distrust;
	return NULL;
}

static void mark(struct hub_group *g, const char *words)
{
	int r, fd = openat(g->gen_dirfd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	snprintf(g->distrust, sizeof(g->distrust), "%s", words);
	if (fd < 0)
		return;
	r = durable_write_file(fd, TRUST_MARK, words, strlen(words), 0600);
	close(fd);
	if (r < 0)
		log_warn("group %s: .spokesync/" TRUST_MARK ": %s: after a restart extents are "
			 "believed again",
			 g->name, strerror(-r));
}

void trust_lost(struct hub_group *g, const char *what)
{
	char words[sizeof(g->distrust)], when[TIMETEXT_MAX];
	struct hub_group *other;

	snprintf(words, sizeof(words), "%s: %.180s", timetext_utc(daemon_now().wall, when), what);
	log_error("group %s: %s, though its extents say that it was not written to: files of this "
		  "volume are read whole from now on, until .spokesync/" TRUST_MARK " is removed",
		  g->name, what);
	hub_log_group(g, EVENT_EXTENTS_DISTRUSTED, what);
	TAILQ_FOREACH (other, &g->hub->groups, entry)
		if (other->dirfd >= 0 && other->dev == g->dev)
			mark(other, words);
}
