/*
 * delta_cost.c: what a delta costs, without daemons and network: the bundle that makes NEW from the
 * bases, made by the hub's modules and applied by the spoke's, in one process. Prints its bytes,
 * the CPU of each half and the peak of anonymous memory; fails unless the result is NEW.
 *
 *   delta_cost DIR LEVEL NEW [BASE...]      DIR: an empty directory for the work
 *
 * Bases are given in order; with -c they are what a spoke holds, and bases_choose() chooses.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

#include "transfer/bases.h"
#include "transfer/bundle.h"
#include "transfer/staging.h"
#include "transfer/worker.h"

#define READ_LEN ((size_t)1 << 20)

struct file {
	int fd;
	struct hash root;
	uint64_t size;
	struct identity identity;
};

struct world {
	struct ev_loop *loop;
	struct file file[1 + FRAME_BASES_MAX]; /* the new one first */
	unsigned n_bases;
	struct bundle *bundle;
	int error;
	bool answered, ready;
};

static void die(const char *what, int error)
{
	fprintf(stderr, "delta_cost: %s: %s\n", what, strerror(-error));
	exit(1);
}

static void must(const char *what, int r)
{
	if (r < 0)
		die(what, r);
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void get_file(struct file *f, const char *path, int index_dirfd)
{
	struct err e = {""};
	struct stat st;

	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		die(path, -errno);
	f->size = (uint64_t)st.st_size;
	identity_of(&st, &f->identity);
	must(path, index_build(f->fd, index_dirfd, NULL, NULL, &f->root, &e));
}

static int old_bytes_of(void *arg, const struct hash *root, int *ret_fd)
{
	struct world *w = arg;

	for (unsigned i = 1; i <= w->n_bases; i++) {
		if (hash_equal(&w->file[i].root, root)) {
			*ret_fd = dup(w->file[i].fd);
			return *ret_fd < 0 ? -errno : 0;
		}
	}
	return -ENOENT;
}

static void got(void *arg, int error, struct bundle *b)
{
	struct world *w = arg;

	w->answered = true;
	w->error = error;
	w->bundle = b;
}

static void ready(void *arg)
{
	((struct world *)arg)->ready = true;
}

/* The stream's bytes into `spool`; returns their number. */
static uint64_t make_bundle(struct world *w, const struct hash *bases, unsigned n, int level,
			    struct bundler *b, int spool, struct hash *ret_id)
{
	struct content c = {.root = w->file[0].root, .size = w->file[0].size, .fd = w->file[0].fd};
	uint8_t *buf = malloc(READ_LEN);
	struct bundle_stream *s;
	uint64_t at = 0;

	w->answered = false;
	if (bundler_get(b, &c, bases, n, got, w) == NULL)
		abort();
	while (!w->answered)
		ev_run(w->loop, EVRUN_ONCE);
	must("planning", w->error);
	must("stream", stream_new(w->bundle, level, NULL, 0, &s));
	stream_on_ready(s, ready, w);
	for (;;) {
		int64_t r;

		w->ready = false;
		r = stream_read(s, at, buf, READ_LEN);
		if (r == 0)
			break;
		if (r == -EAGAIN) {
			while (!w->ready)
				ev_run(w->loop, EVRUN_ONCE);
			continue;
		}
		must("reading the stream", (int)MIN(r, 0));
		if (pwrite(spool, buf, (size_t)r, (off_t)at) != r)
			die("spool", -errno);
		at += (uint64_t)r;
		stream_acked(s, at);
	}
	*ret_id = *stream_id(s);
	free(buf);
	stream_free(s);
	return at;
}

static void apply(struct world *w, const char *dir, const struct hash *bases, unsigned n, int spool,
		  uint64_t len, const struct hash *id)
{
	struct assembler *as = assembler_new(NULL);
	uint8_t *buf = malloc(READ_LEN);
	struct identity_change change, changes[STAGING_PINS_MAX];
	struct err e = {""};
	struct staging *st;
	struct store *store;
	int r, to;

	must("store", store_open(dir, &store, &e));
	must("staging", staging_create(store, as, &w->file[0].root, w->file[0].size, &st, &e));
	for (unsigned i = 1; i <= w->n_bases; i++) {
		struct hash again;
		bool used = false;

		for (unsigned k = 0; k < n; k++)
			used |= hash_equal(&bases[k], &w->file[i].root);
		if (!used)
			continue;
		must("index", index_build(w->file[i].fd, store->index_fd, NULL, NULL, &again, &e));
		r = staging_pin(st, &w->file[i].root, w->file[i].fd, &w->file[i].identity, &change,
				&e);
		must(e.text, r);
		for (unsigned k = i; k <= w->n_bases; k++)
			if (w->file[k].identity.ino == change.was.ino)
				w->file[k].identity = change.now;
	}
	must("begin", staging_begin(st, id, 0, &to));
	for (uint64_t at = 0; at < len;) {
		ssize_t n_read = pread(spool, buf, MIN(READ_LEN, staging_room(st)), (off_t)at);

		if (n_read <= 0)
			die("spool", -errno);
		must("spool", staging_spool(to, at, buf, (size_t)n_read));
		for (r = staging_apply(st, (uint64_t)n_read, &e); r > 0;)
			r = staging_apply(st, 0, &e);
		must(e.text, r);
		at += (uint64_t)n_read;
	}
	close(to);
	while ((r = staging_fill(st, 64 << 20)) > 0)
		;
	must("fill", r);
	must("commit", staging_commit(st));
	if (!staging_complete(st))
		die("nodes are missing", -EBADMSG);
	must("the root", staging_finish(st, false, NULL, &e));
	staging_unpin(st, changes);
	staging_close(st);
	must("discard", staging_discard(store, &w->file[0].root));
	store_close(store);
	assembler_free(as);
	free(buf);
}

static unsigned long peak_kb(void)
{
	char line[128];
	unsigned long kb = 0;
	FILE *f = fopen("/proc/self/status", "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmHWM: %lu", &kb) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kb;
}

static int open_dir(int at, const char *name)
{
	int fd;

	mkdirat(at, name, 0700);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(name, -errno);
	return fd;
}

int main(int argc, char **argv)
{
	bool choose = argc > 1 && strcmp(argv[1], "-c") == 0;
	char **arg = argv + 1 + choose, path[4096];
	struct hash bases[FRAME_BASES_MAX], id;
	struct world w = {0};
	int dir, index_dir, spool, level;
	struct bundler *b;
	struct pool *pool;
	double t0, t1, t2;
	unsigned n = 0;
	uint64_t len;

	argc -= 1 + choose;
	if (argc < 3 || argc > 3 + (int)FRAME_BASES_MAX) {
		fprintf(stderr, "delta_cost [-c] DIR LEVEL NEW [BASE...]\n");
		return 2;
	}
	dir = open(arg[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		die(arg[0], -errno);
	index_dir = open_dir(dir, "index");
	level = atoi(arg[1]);
	w.n_bases = (unsigned)argc - 3;
	for (unsigned i = 0; i <= w.n_bases; i++) {
		get_file(&w.file[i], arg[2 + i], index_dir);
		if (i > 0)
			bases[n++] = w.file[i].root;
	}
	t0 = cpu();
	if (choose)
		must("choosing",
		     bases_choose(index_dir, &w.file[0].root, NULL, bases, n, NULL, bases, &n));
	w.loop = ev_loop_new(0);
	pool = pool_new(w.loop, 2);
	b = bundler_new(pool, open_dir(dir, "cache"), index_dir, (uint64_t)8 << 30);
	bundler_on_base(b, old_bytes_of, &w);
	spool = openat(dir, "spool", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	len = make_bundle(&w, bases, n, level, b, spool, &id);
	bundle_unref(w.bundle);
	bundler_free(b);
	pool_free(pool);
	t1 = cpu();
	printf("%llu bytes, %u bases, hub %.2f s, peak %lu kB", (unsigned long long)len, n, t1 - t0,
	       peak_kb());
	fflush(stdout);
	snprintf(path, sizeof(path), "%s/store", arg[0]);
	mkdir(path, 0700);
	apply(&w, path, bases, n, spool, len, &id);
	t2 = cpu();
	printf(", spoke %.2f s, peak of both %lu kB\n", t2 - t1, peak_kb());
	return 0;
}
