/*
 * sim.c: runs many fleets, each from its seed (sim_fleet.c): first those of tests/sim/seeds, which
 * have found something once, then as many as are wanted.
 *
 * sim [--seed N | --runs N [--from N]] [--forever] [--seeds FILE] [--spokes N] [--days N] [--jobs
 * N]
 *     [--trace]
 *
 * Without arguments: what make check wants, 100 seeds of 10 spokes for two days. --jobs 0 takes a
 * process for each processor. --forever goes on till SIGTERM or SIGINT, and says then what it
 * has done, as the others do at their end.
 */
#include "tests/sim/sim.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS  64
#define KNOWN 256
#define ROUND 200 /* seeds between two lines of --forever */

struct options {
	struct sim_options sim;
	uint64_t from, runs, jobs;
	bool forever, one;
	uint64_t known[KNOWN];
	size_t n_known;
};

static volatile sig_atomic_t told_to_stop;

static void on_stop(int sig)
{
	(void)sig;
	told_to_stop = 1;
}

static uint64_t seed_at(const struct options *o, uint64_t i)
{
	return i < o->n_known ? o->known[i] : o->from + i - o->n_known;
}

/* Every jobs'th of the seeds from first up to end; counts, and how many there were. */
struct share {
	uint64_t seeds, count[SIM_COUNTS];
};

static struct share run_share(const struct options *o, uint64_t first, uint64_t end)
{
	struct share t = {0};

	for (uint64_t i = first; i < end && !told_to_stop; i += o->jobs) {
		sim_fleet(seed_at(o, i), &o->sim, t.count);
		t.seeds++;
	}
	return t;
}

static int start_share(const struct options *o, uint64_t first, uint64_t end, pid_t *ret_pid)
{
	sigset_t none;
	struct share t;
	int fd[2];

	fflush(stdout);
	if (pipe(fd) < 0 || (*ret_pid = fork()) < 0)
		return -errno;
	if (*ret_pid) {
		close(fd[1]);
		return fd[0];
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	t = run_share(o, first, end);
	fflush(stdout);
	_exit(write(fd[1], &t, sizeof(t)) == sizeof(t) ? 0 : 1);
}

/* A signal may be for this process alone: it is for all of them. */
static void pass_on_stop(const pid_t *pids, uint64_t n)
{
	for (uint64_t i = 0; i < n && told_to_stop; i++)
		if (pids[i] > 0)
			kill(pids[i], SIGTERM);
}

static bool take_share(int fd, const pid_t *pids, uint64_t i, uint64_t n_pids, struct share *sum)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct share t = {0};
	sigset_t open;
	ssize_t n;
	int status;

	/* Signals come through only in here, so that none is missed. Told once, told for good. */
	sigprocmask(SIG_SETMASK, NULL, &open);
	sigdelset(&open, SIGTERM);
	sigdelset(&open, SIGINT);
	while (ppoll(&p, 1, NULL, &open) < 0 && errno == EINTR)
		pass_on_stop(pids + i, n_pids - i);
	do
		n = read(fd, &t, sizeof(t));
	while (n < 0 && errno == EINTR);
	close(fd);
	while (waitpid(pids[i], &status, 0) < 0)
		if (errno != EINTR)
			return false;
	sum->seeds += t.seeds;
	for (unsigned i = 0; i < SIM_COUNTS; i++)
		sum->count[i] += t.count[i];
	return n == sizeof(t) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void hold_stop(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
}

/* Seeds number first to end - 1, over all processes. False where one failed; it has said why. */
static bool run_seeds(const struct options *o, uint64_t first, uint64_t end, struct share *sum)
{
	pid_t pids[JOBS] = {0};
	int fds[JOBS];
	bool good = true;

	if (o->jobs == 1) {
		struct share t = run_share(o, first, end);

		sum->seeds += t.seeds;
		for (unsigned i = 0; i < SIM_COUNTS; i++)
			sum->count[i] += t.count[i];
		return true;
	}
	hold_stop();
	for (uint64_t i = 0; i < o->jobs; i++)
		fds[i] = start_share(o, first + i, end, &pids[i]);
	for (uint64_t i = 0; i < o->jobs; i++)
		good = fds[i] >= 0 && take_share(fds[i], pids, i, o->jobs, sum) && good;
	return good;
}

static void print(const struct options *o, const struct share *sum)
{
	static const char *const texts[] = {
#define X(name, text) text,
		SIM_COUNT_LIST(X)
#undef X
	};

	printf("# %llu seeds of %u spokes for %u days\n", (unsigned long long)sum->seeds,
	       o->sim.spokes, o->sim.days);
	for (unsigned i = 0; i < SIM_COUNTS; i++)
		printf("# %12llu %s\n", (unsigned long long)sum->count[i], texts[i]);
}

/* One a line: a seed, and in words what it found. */
static int read_seeds(struct options *o, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[400];

	if (!f) {
		fprintf(stderr, "sim: %s: %s\n", path, strerror(errno));
		return 2;
	}
	while (o->n_known < KNOWN && fgets(line, sizeof(line), f)) {
		char *end;
		uint64_t n = strtoull(line, &end, 10);

		if (line[0] != '#' && end != line)
			o->known[o->n_known++] = n;
	}
	fclose(f);
	return 0;
}

static int usage(void)
{
	fputs("usage: sim [--seed N | --runs N [--from N]] [--forever] [--seeds FILE]\n"
	      "           [--spokes 1..64] [--days N] [--jobs 0..64] [--trace]\n",
	      stderr);
	return 2;
}

static int take_option(struct options *o, int c, uint64_t n)
{
	if (c == 's')
		o->from = n, o->runs = 1, o->one = true;
	else if (c == 'r')
		o->runs = n;
	else if (c == 'f')
		o->from = n;
	else if (c == 'e')
		o->forever = true;
	else if (c == 'n' && n >= 1 && n <= SIM_SPOKES)
		o->sim.spokes = (unsigned)n;
	else if (c == 'd' && n >= 1 && n <= 400)
		o->sim.days = (unsigned)n;
	else if (c == 'j' && n <= JOBS)
		o->jobs = n ? n : (uint64_t)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
	else if (c == 't')
		o->sim.trace = true;
	else
		return usage();
	return 0;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{"seed", 1, 0, 's'},   {"runs", 1, 0, 'r'},    {"from", 1, 0, 'f'},
		{"spokes", 1, 0, 'n'}, {"days", 1, 0, 'd'},    {"trace", 0, 0, 't'},
		{"jobs", 1, 0, 'j'},   {"forever", 0, 0, 'e'}, {"seeds", 1, 0, 'k'},
		{0, 0, 0, 0},
	};
	const char *srcdir = getenv("srcdir");
	char seeds[4096] = "";
	int c, r;

	if (srcdir)
		snprintf(seeds, sizeof(seeds), "%s/tests/sim/seeds", srcdir);
	while ((c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (c == 'k') {
			snprintf(seeds, sizeof(seeds), "%s", optarg);
			continue;
		}
		r = take_option(o, c, optarg ? strtoull(optarg, NULL, 10) : 0);
		if (r)
			return r;
	}
	o->jobs = MIN(o->jobs, (uint64_t)JOBS);
	if (optind != argc)
		return usage();
	return seeds[0] && !o->one ? read_seeds(o, seeds) : 0;
}

int main(int argc, char **argv)
{
	struct options o = {.sim = {.spokes = 10, .days = 2}, .from = 1, .runs = 100, .jobs = 1};
	struct sigaction stop = {.sa_handler = on_stop};
	struct share sum = {0};
	uint64_t first = 0, end;
	int r = parse(argc, argv, &o);

	if (r)
		return r;
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	do {
		end = first + (o.forever ? ROUND : o.n_known + o.runs);
		if (!run_seeds(&o, first, end, &sum)) {
			puts("1..1\nnot ok 1 - a seed failed");
			return 1;
		}
		first = end;
		if (o.forever)
			print(&o, &sum);
		fflush(stdout);
	} while (o.forever && !told_to_stop);
	puts("1..1\nok 1 - every seed held");
	if (!o.forever)
		print(&o, &sum);
	return 0;
}
