/*
 * spoke_epoch.c: is the database the one that was closed last? Where it was restored from a copy,
 * its sequence begins again below what the hub has heard, and what changes then is told under
 * numbers that the hub does not ask for any more. So an orderly end leaves a file beside the store,
 * and in the database when that file was made; a database of another time, or that nobody closed,
 * gets a new epoch, and the hub is told all anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scheduler/log.h"
#include "scheduler/spoke_db.h"
#include "scheduler/spoke_state.h"

#define CLOSED_FILE "closed"
#define NOTE	    "closed"
#define CLOSED_MAX  64

/* The file that the last end left, as it is told apart from any other; "" where there is none. */
static void closed_file(const struct spoke_group *g, char ret[CLOSED_MAX])
{
	struct stat st;

	ret[0] = '\0';
	if (fstatat(g->store->meta_fd, CLOSED_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
		snprintf(ret, CLOSED_MAX, "%ju %jd.%09ld", (uintmax_t)st.st_ino,
			 (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

int spoke_epoch_open(struct spoke_group *g)
{
	char file[CLOSED_MAX], known[CLOSED_MAX];
	bool fresh;
	int r;

	closed_file(g, file);
	r = spoke_db_position(g->db, g->epoch, &g->seq, &fresh);
	if (r == 0)
		r = spoke_db_note(g->db, NOTE, known, sizeof(known));
	if (r < 0)
		return r;
	if (!fresh && (!file[0] || strcmp(file, known) != 0)) {
		r = spoke_db_new_epoch(g->db);
		if (r == 0)
			r = spoke_db_position(g->db, g->epoch, &g->seq, &fresh);
		if (r == 0)
			log_info("group %s: the database is not the one that was closed last (the "
				 "daemon was killed, or it was restored): the hub is told all anew",
				 g->name);
	}
	if (r == 0)
		r = spoke_db_set_note(g->db, NOTE, NULL);
	if (r == 0 && unlinkat(g->store->meta_fd, CLOSED_FILE, 0) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

void spoke_epoch_close(struct spoke_group *g)
{
	char file[CLOSED_MAX];
	int fd;

	if (!g->db || !g->store)
		return;
	fd = openat(g->store->meta_fd, CLOSED_FILE,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return; /* as if it had been killed */
	close(fd);
	closed_file(g, file);
	if (spoke_db_set_note(g->db, NOTE, file) < 0)
		log_warn("group %s: database: %s", g->name, db_error(g->db));
}
