/*
 * generation.c: see generation.h.
 */
#include "scheduler/generation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scheduler/log.h"
#include "transfer/durable.h"
#include "transfer/source.h"

#define MARK_FILE "group"

static int make_dir(int at, const char *name, int *ret_fd, struct err *e)
{
	int fd;

	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "making %s: %s", name, strerror(errno));
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "opening %s: %s", name, strerror(errno));
	*ret_fd = fd;
	return 0;
}

int generation_dir(int group_dirfd, int *ret_fd, struct err *e)
{
	int own, r;

	r = make_dir(group_dirfd, ".spokesync", &own, e);
	if (r < 0)
		return r;
	r = make_dir(own, "gen", ret_fd, e);
	close(own);
	return r;
}

void generation_mark(int gen_dirfd, char ret[GROUP_MARK + 1])
{
	ssize_t n = 0;
	int fd = openat(gen_dirfd, "../" MARK_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0) {
		n = read(fd, ret, GROUP_MARK);
		close(fd);
	}
	ret[n > 0 ? n : 0] = '\0';
}

int generation_set_mark(int gen_dirfd, const char *mark, struct err *e)
{
	int fd = openat(gen_dirfd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_set(e, -errno, ".spokesync: %s", strerror(errno));
	r = durable_write_file(fd, MARK_FILE, mark, strlen(mark), 0600);
	close(fd);
	return r < 0 ? err_set(e, r, "writing .spokesync/" MARK_FILE ": %s", strerror(-r)) : 0;
}

bool generation_probe(int gen_dirfd)
{
	static const char from[] = "probe", to[] = "probe.clone";
	char block[BLOCK_SIZE] = {1};
	int fd, r = -EIO;

	fd = openat(gen_dirfd, from, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	if (durable_pwrite(fd, block, sizeof(block), 0) == 0)
		r = source_clone(fd, gen_dirfd, to);
	close(fd);
	unlinkat(gen_dirfd, from, 0);
	if (r == 0)
		unlinkat(gen_dirfd, to, 0);
	return r == 0;
}

const char *generation_name(uint64_t id, char buf[24])
{
	snprintf(buf, 24, "%" PRIu64, id);
	return buf;
}

static int open_live(const struct hub_version *hv, int *ret_fd)
{
	struct identity now;
	struct stat st;
	int fd, r;

	r = beneath_open(hv->group->dirfd, hv->v->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, &fd);
	if (r < 0)
		return r == -ENOENT || r == -ELOOP || r == -ENOTDIR ? -ESTALE : r;
	if (fstat(fd, &st) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	identity_of(&st, &now);
	if (!S_ISREG(st.st_mode) || !identity_equal(&now, &hv->identity)) {
		close(fd);
		return -ESTALE;
	}
	*ret_fd = fd;
	return 0;
}

int generation_open(struct hub_version *hv, int *ret_fd)
{
	char name[24];
	int fd;

	if (hv->group->dirfd < 0)
		return -ENXIO;
	if (!hv->generation)
		return open_live(hv, ret_fd);
	fd = openat(hv->group->gen_dirfd, generation_name(hv->v->id, name),
		    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		/* Somebody tidied up .spokesync: the live file may still be the very same. */
		hv->generation = false;
		return open_live(hv, ret_fd);
	}
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

struct dropping {
	struct work work;
	int dirfd;
	char name[24];
};

static void dropping_run(struct work *w)
{
	struct dropping *d = container_of(w, struct dropping, work);

	/* One that is gone already was tidied up by hand; what stays is swept at the next start. */
	unlinkat(d->dirfd, d->name, 0);
	close(d->dirfd);
}

static void dropping_done(struct work *w)
{
	free(container_of(w, struct dropping, work));
}

void generation_drop(struct hub_group *g, uint64_t id)
{
	struct dropping *d;
	int fd;

	if (g->gen_dirfd < 0)
		return;
	fd = fcntl(g->gen_dirfd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0) {
		log_warn("group %s: generation %" PRIu64 " stays until the next start: %s", g->name,
			 id, strerror(errno));
		return;
	}
	d = xcalloc(1, sizeof(*d));
	d->dirfd = fd;
	generation_name(id, d->name);
	d->work = (struct work){.run = dropping_run, .done = dropping_done};
	pool_submit(g->hub->d->pool, NULL, &d->work);
}

void generation_sweep(struct hub_group *g, bool (*keep)(void *arg, uint64_t id), void *arg)
{
	struct dirent *entry;
	DIR *d = g->gen_dirfd < 0 ? NULL : dir_list(g->gen_dirfd);

	if (!d)
		return;
	while ((entry = readdir(d))) {
		char *end;
		uint64_t id = strtoull(entry->d_name, &end, 10);
		/* Only names that we give: nothing else there is ours to remove. */
		if (*end || end == entry->d_name || keep(arg, id))
			continue;
		generation_drop(g, id);
	}
	closedir(d);
}
