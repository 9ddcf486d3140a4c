/*
 * index_time.c: what it costs to index a file: seconds on the wall and of CPU, bytes read, bytes of
 * the index beside those of the file; and then to write its anchors. With a second file, which is a
 * clone of the first with changes, that one by extents as well.
 *
 *   index_time DIRECTORY THREADS FILE [CLONE]     indexes go to DIRECTORY
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "transfer/extents.h"
#include "transfer/index_build.h"

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *work(void *arg)
{
	int r;

	while ((r = index_builder_work(arg, NULL)) > 0)
		;
	return r < 0 ? arg : NULL;
}

static void die(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static void measure(int dirfd, unsigned threads, int fd, const struct index_trust *trust,
		    double wall, double cpu, struct hash *ret)
{
	struct index_builder *b;
	struct index_facts facts;
	pthread_t id[64];
	struct rusage use;
	struct stat st, made;
	struct err e = {""};
	char name[HASH_HEX + 1];
	void *failed;

	if (index_builder_new(fd, dirfd, trust, &b, &e) < 0 || index_builder_anchors(b, dirfd) < 0)
		die(e.text);
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&id[i], NULL, work, b) != 0)
			die("no thread");
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(id[i], &failed);
		if (failed)
			die("indexing failed");
	}
	printf("%-7s %8.3f s hashed,", trust ? "extents" : "read", seconds(CLOCK_MONOTONIC) - wall);
	if (index_builder_finish(b, ret, &facts, &e) < 0 || fstat(fd, &st) < 0 ||
	    fstatat(dirfd, hash_hex(ret, name), &made, 0) < 0)
		die(e.text);
	printf(" %8.3f s in all, %7.3f s CPU, %7.1f MB read, %7.1f MB trusted, index %.3f %%;",
	       seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
	       (double)facts.read / 1e6, (double)facts.trusted / 1e6,
	       100.0 * (double)made.st_size / (double)st.st_size);
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	if (index_builder_finish_anchors(b, ret) < 0)
		die("writing the anchors");
	index_builder_free(b);
	getrusage(RUSAGE_SELF, &use);
	printf(" anchors %.3f s, %.3f s CPU; peak %ld MB\n", seconds(CLOCK_MONOTONIC) - wall,
	       seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, use.ru_maxrss / 1024);
}

static void measure_clone(int dirfd, unsigned threads, int base, const struct hash *root, int fd)
{
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	struct index_trust trust;
	struct extents_common c;
	char name[HASH_HEX + 1];
	struct stat is, was;
	struct err e = {""};
	struct hash got;

	if (fstat(fd, &is) < 0 || fstat(base, &was) < 0 ||
	    index_open(dirfd, hash_hex(root, name), &trust.base, &e) < 0)
		die(e.text);
	if (extents_compare(fd, (uint64_t)is.st_size, base, (uint64_t)was.st_size, NULL, &c) < 0)
		die("these files cannot be compared by extents");
	printf("extents compared in %.3f s: %llu blocks in common, %llu not\n",
	       seconds(CLOCK_MONOTONIC) - wall, (unsigned long long)c.n_same,
	       (unsigned long long)c.n_other);
	trust.same = c.same;
	measure(dirfd, threads, fd, &trust, wall, cpu, &got);
	extents_done(&c);
	index_unref(trust.base);
}

int main(int argc, char **argv)
{
	unsigned threads = argc > 2 ? (unsigned)MIN(MAX(atoi(argv[2]), 1), 64) : 1;
	int dirfd, fd, clone;
	struct hash root;

	if (argc < 4 || argc > 5)
		die("usage: index_time DIRECTORY THREADS FILE [CLONE]");
	dirfd = open(argv[1], O_RDONLY | O_DIRECTORY);
	fd = open(argv[3], O_RDONLY);
	clone = argc == 5 ? open(argv[4], O_RDONLY) : -1;
	if (dirfd < 0 || fd < 0 || (argc == 5 && clone < 0))
		die("cannot open them");
	measure(dirfd, threads, fd, NULL, seconds(CLOCK_MONOTONIC),
		seconds(CLOCK_PROCESS_CPUTIME_ID), &root);
	if (clone >= 0)
		measure_clone(dirfd, threads, fd, &root, clone);
	return 0;
}
