/*
 * core_scale.c: the core at the size of a large fleet: 1,000 spokes, 100,000 jobs. Prints a table
 * of the longest and the mean pass in each phase, how often an idle core wakes up, and what a
 * queued job costs in memory. Times are the thread's own.
 *
 * What the figures must be is said in the table; where one is missed the exit status is 1.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "scheduler/core.h"
#include "scheduler/forward.h"

#define SPOKES	1000u
#define FILES	100u
#define MONDAY	INT64_C(1795392000) /* 2026-11-23 00:00:00 UTC */
#define PASS_MS 10.0
#define BYTES	200.0

struct bench {
	struct core *core;
	struct now now;
	struct mono next;
	struct job *running[64];
	unsigned n_running, actions, greets, missed;
	double worst, sum;
	unsigned passes;
};

/* Of the processor: the core waits for nothing, and what else the machine does is not its doing. */
static double clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void perform(void *arg, const struct action *a)
{
	struct bench *b = arg;

	b->actions++;
	if (a->kind == ACTION_START && b->n_running < ARRAY_LEN(b->running)) {
		b->running[b->n_running++] = a->job;
	} else if (a->kind == ACTION_GREET) {
		b->greets++;
		core_fact_spoke_up(b->core, a->spoke, "UTC", b->now);
	} else if (a->kind == ACTION_STOP) {
		core_fact_ended(b->core, a->job, OUTCOME_STOPPED, NULL, b->now);
		for (unsigned i = 0; i < b->n_running; i++)
			if (b->running[i] == a->job)
				b->running[i] = b->running[--b->n_running];
	} else if (a->kind == ACTION_PUBLISH) {
		core_fact_ended(b->core, a->job, OUTCOME_PUBLISHED, NULL, b->now);
	}
}

/* All passes of one turn. */
static void turn(struct bench *b)
{
	do {
		double from = clock_ms(), ms;

		b->next = core_plan(b->core, b->now, perform, b);
		ms = clock_ms() - from;
		b->worst = MAX(b->worst, ms);
		b->sum += ms;
		b->passes++;
	} while (b->next.us <= b->now.mono.us);
}

static void move(struct bench *b, struct mono to)
{
	int64_t us = b->now.wall_us + (to.us - b->now.mono.us);

	b->now.wall.s += us / SECOND_US;
	b->now.wall_us = (uint32_t)(us % SECOND_US);
	b->now.mono = to;
}

static void phase(struct bench *b, const char *what)
{
	printf("%-44s %7u %9.3f %9.3f   %s\n", what, b->passes, b->worst,
	       b->passes ? b->sum / b->passes : 0, b->worst < PASS_MS ? "< 10 ms" : "MISSED");
	b->missed += b->worst >= PASS_MS;
	b->worst = b->sum = 0;
	b->passes = 0;
}

static struct config *fleet(void)
{
	char name[] = "/tmp/core_scale.XXXXXX";
	struct config_errors errors = {0};
	struct config *cfg = NULL;
	int fd = mkstemp(name);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		abort();
	fprintf(f, "[daemon]\nrole = hub\nstate_dir = /nostate\ncontrol = /nostate/c.sock\n"
		   "transfers = 32\nrate = 1Gbit\n"
		   "[policy p]\ntimezone = Europe/Berlin\nwindow = mon-fri 22:00-06:00 20Mbit\n"
		   "window = sat,sun 00:00-24:00 unlimited\nwindow = mon-fri 12:00-13:00 2Mbit\n"
		   "date = 2026-12-24..2026-12-26 closed\n"
		   "[group g]\npath = /nowhere/g\npolicy = p\nspokes = s[0-9]+\n");
	for (unsigned i = 0; i < SPOKES; i++)
		fprintf(f, "[spoke s%u]\nurl = https://s%u:4480\nkey = sha256:%064x\n", i, i,
			i + 1);
	fclose(f);
	if (config_load(name, &cfg, &errors) < 0) {
		fprintf(stderr, "%s\n", errors.n ? errors.text[0] : "?");
		exit(1);
	}
	config_errors_done(&errors);
	unlink(name);
	return cfg;
}

/* With what malloc() keeps for itself, and large blocks. */
static size_t memory(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* As a hub at its start has it: file by file, to all spokes. */
static double add_jobs(struct bench *b)
{
	size_t before = memory(), versions, all;
	struct version *v[FILES];
	char path[32], spoke[16];

	for (unsigned f = 0; f < FILES; f++) {
		snprintf(path, sizeof(path), "disk%u.vhdx", f);
		v[f] = version_new("g", path);
		v[f]->id = f + 1;
		v[f]->size = v[f]->nonzero = (uint64_t)1 << (20 + f % 16);
		v[f]->indexed = true;
	}
	versions = memory() - before;
	for (unsigned f = 0; f < FILES; f++)
		for (unsigned s = 0; s < SPOKES; s++) {
			snprintf(spoke, sizeof(spoke), "s%u", s);
			if (!core_add_job(b->core, 0, JOB_PUT, v[f], spoke, b->now))
				abort();
		}
	for (unsigned f = 0; f < FILES; f++)
		version_unref(v[f]);
	all = memory() - before;
	return (double)(all - versions) / (SPOKES * FILES);
}

/* Follows the core's own wake-ups up to a time; how many there were. */
static unsigned run_to(struct bench *b, int64_t us)
{
	unsigned n = 0;

	while (b->next.us < us) {
		move(b, (struct mono){MAX(b->next.us, b->now.mono.us + 1)});
		turn(b);
		n++;
	}
	move(b, (struct mono){us});
	return n;
}

/* Transfers end one after the other; others take their places. */
static void serve(struct bench *b, unsigned n)
{
	for (unsigned i = 0; i < n && b->n_running; i++) {
		struct job *j = b->running[0];

		b->running[0] = b->running[--b->n_running];
		core_fact_progress(b->core, j, j->version->size, j->version->size, b->now);
		core_fact_ended(b->core, j, OUTCOME_STAGED, NULL, b->now);
		move(b, (struct mono){b->now.mono.us + SECOND_US / 100});
		turn(b);
	}
}

/* The queue run forward over the next quarter of an hour, by the step. */
static void run_forward(struct bench *b)
{
	struct forward_run run = {.until = {b->now.wall.s + 900}};
	double from = clock_ms(), ms = 0;
	struct forward *f = forward_new(b->core, &run, b->now);
	int r = 1;

	for (;;) {
		ms = clock_ms() - from;
		b->worst = MAX(b->worst, ms);
		b->sum += ms;
		b->passes++;
		if (r <= 0)
			break;
		from = clock_ms();
		r = forward_step(f);
	}
	from = clock_ms();
	forward_free(f);
	b->worst = MAX(b->worst, clock_ms() - from);
	phase(b, "plan of a quarter of an hour, by the step");
}

int main(void)
{
	struct bench b = {.now = {.wall = {MONDAY + 14 * 3600}, .mono = {3600 * SECOND_US}}};
	struct config *cfg = fleet();
	unsigned wakes;
	double bytes, from;
	struct wall opens = {MONDAY + 21 * 3600}; /* 22:00 in Berlin */

	b.core = core_new(cfg, 1);
	config_unref(cfg);
	turn(&b);
	turn(&b);
	b.worst = b.sum = 0, b.passes = 0;
	bytes = add_jobs(&b);
	printf("%u spokes, %u jobs\n%-44s %7s %9s %9s\n", SPOKES, SPOKES * FILES, "phase", "passes",
	       "worst ms", "mean ms");
	turn(&b);
	phase(&b, "all jobs arrive");
	for (unsigned i = 0; i < 100; i++)
		turn(&b);
	phase(&b, "nothing changed");
	run_to(&b, b.now.mono.us + 1800 * SECOND_US);
	b.worst = b.sum = 0, b.passes = 0, b.greets = 0;
	wakes = run_to(&b, b.now.mono.us + 4 * 3600 * SECOND_US);
	phase(&b, "four hours closed");
	printf("%-44s %7u %19s   %s\n", "  wake-ups", wakes, "",
	       wakes <= 240 ? "<= 1 a minute" : "MISSED");
	b.missed += wakes > 240;
	run_to(&b, b.now.mono.us + (opens.s - b.now.wall.s - 1) * SECOND_US);
	b.worst = b.sum = 0, b.passes = 0;
	run_to(&b, b.now.mono.us + 10 * SECOND_US);
	phase(&b, "the window opens for all");
	serve(&b, 2000);
	phase(&b, "2,000 transfers end");
	from = clock_ms();
	core_forecast(b.core, b.now);
	b.worst = clock_ms() - from;
	turn(&b);
	phase(&b, "forecast of all jobs, in parts");
	run_forward(&b);
	run_to(&b, b.now.mono.us + (MONDAY + 29 * 3600 - b.now.wall.s - 1) * SECOND_US);
	b.worst = b.sum = 0, b.passes = 0;
	run_to(&b, b.now.mono.us + 10 * SECOND_US);
	phase(&b, "the window closes for all");
	printf("%-44s %15.1f B %11s   %s\n", "memory of a queued job", bytes, "",
	       bytes < BYTES ? "< 200 B" : "MISSED");
	printf("%-44s %15zu B\n", "  of that, its struct", sizeof(struct job));
	core_free(b.core);
	return b.missed != 0;
}
