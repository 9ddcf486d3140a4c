/*
 * sim.c: runs fleets: one seed after the other, each a world of its own in virtual time.
 *
 * sim [--seed N | --runs N [--from N]] [--spokes N] [--days N] [--verbose]
 *
 * A step: the core's pass, the checks, then time goes on to whatever comes first: the core's own
 * wake-up, the end of a push, an answer, or an event of the world. Without arguments: what make
 * check wants, 100 seeds of 10 spokes for two days.
 */
#include "tests/sim/sim.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MONDAY	  INT64_C(1795392000) /* 2026-11-23 00:00:00 UTC */
#define DAY_US	  (86400 * SECOND_US)
#define CALM_DAYS 30
#define SPIN_MAX  1000 /* passes at one instant */

struct options {
	uint64_t from, runs;
	unsigned spokes, days;
	bool verbose;
};

uint64_t sim_random(struct sim *s)
{
	uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t sim_below(struct sim *s, uint64_t n)
{
	return sim_random(s) % n;
}

bool sim_chance(struct sim *s, unsigned percent)
{
	return sim_below(s, 100) < percent;
}

void sim_fail(const struct sim *s, const char *fmt, ...)
{
	va_list ap;

	printf("not ok: seed %llu at %lld.%06lld s (%lld UTC): ", (unsigned long long)s->seed,
	       (long long)(s->now.mono.us / SECOND_US), (long long)(s->now.mono.us % SECOND_US),
	       (long long)s->now.wall.s);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\nreplay: tests/sim/sim --seed %llu --spokes %u --verbose\n",
	       (unsigned long long)s->seed, s->n_spokes);
	exit(1);
}

void sim_say(const struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->verbose)
		return;
	printf("%10lld.%03lld ", (long long)(s->now.mono.us / SECOND_US),
	       (long long)(s->now.mono.us % SECOND_US / 1000));
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void pass(struct sim *s)
{
	unsigned spins = 0;

	do {
		s->next = core_plan(s->core, s->now, sim_perform, s);
		s->jumped = false;
		s->passes++;
		if (++spins > SPIN_MAX)
			sim_fail(s, "the core wants a pass again and again");
	} while (s->next.us <= s->now.mono.us);
	sim_check_pass(s);
}

/* On to the next thing; at the latest to end. */
static void step(struct sim *s, int64_t end)
{
	int64_t segment = sim_next_segment(s), to, us;
	bool own, due;

	to = MIN(MIN(s->next.us, segment), MIN(s->event_at, end));
	to = MAX(to, s->now.mono.us + 1);
	own = s->next.us == to;
	us = to - s->now.mono.us;
	s->now.mono.us = to;
	s->wall_us += us;
	s->now.wall.s = s->wall_us / SECOND_US;
	s->now.wall_us = (uint32_t)(s->wall_us % SECOND_US);
	sim_check_segment(s, us);
	sim_segment(s, us);
	sim_answers(s);
	due = s->event_at <= to;
	if (due)
		sim_world_event(s);
	/* A calendar that was set makes no noise: the core finds out when it looks. */
	if (due && s->jumped && !own && segment != to)
		return;
	own = own && segment != to && !due;
	us = (int64_t)s->actions;
	pass(s);
	if (own && us == (int64_t)s->actions)
		s->idle_wakeups++;
}

static void sim_free(struct sim *s)
{
	core_free(s->core);
	for (uint64_t i = 0; i < s->n_jobs; i++)
		if (s->jobs[i]) {
			version_unref(s->jobs[i]->version);
			free(s->jobs[i]);
		}
	for (unsigned g = 0; g < SIM_GROUPS; g++)
		for (unsigned f = 0; f < SIM_FILES; f++)
			version_unref(s->latest[g][f]);
	for (unsigned i = 0; i < s->n_indexing; i++)
		version_unref(s->indexing[i]);
	free(s->jobs);
	free(s->live);
	free(s);
}

static void run(uint64_t seed, const struct options *o, struct sim *sum)
{
	struct sim *s = xcalloc(1, sizeof(*s));
	int64_t end, start = 1000 * SECOND_US;

	s->seed = s->random = seed;
	s->n_spokes = o->spokes;
	s->verbose = o->verbose;
	s->wall_us = (MONDAY + (int64_t)sim_below(s, 7 * 86400)) * SECOND_US;
	s->now = (struct now){.wall = {s->wall_us / SECOND_US}, .mono = {start}};
	sim_world_new(s);
	pass(s);
	for (end = start + o->days * DAY_US; s->now.mono.us < end;)
		step(s, end);
	/* Nothing happened: at most one wake-up a minute, and those at edges. */
	if (s->idle_wakeups > (uint64_t)o->days * 24 * 60 * 11 / 10)
		sim_fail(s, "%llu wake-ups for nothing", (unsigned long long)s->idle_wakeups);
	sim_make_calm(s);
	sim_want_all(s);
	pass(s);
	for (end += CALM_DAYS * DAY_US; s->now.mono.us < end && s->n_live;)
		step(s, end);
	sim_check_end(s);
	sum->passes += s->passes;
	sum->starts += s->starts;
	sum->stops += s->stops;
	sum->published += s->published;
	sum->idle_wakeups += s->idle_wakeups;
	sum->greets += s->greets;
	sum->restarts += s->restarts;
	sum->reloads += s->reloads;
	sum->bytes += s->bytes;
	sim_free(s);
}

static int usage(void)
{
	fputs("usage: sim [--seed N | --runs N [--from N]] [--spokes 1..64] [--days N] "
	      "[--verbose]\n",
	      stderr);
	return 2;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{"seed", 1, 0, 's'},   {"runs", 1, 0, 'r'}, {"from", 1, 0, 'f'},
		{"spokes", 1, 0, 'n'}, {"days", 1, 0, 'd'}, {"verbose", 0, 0, 'v'},
		{0, 0, 0, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "v", names, NULL)) >= 0) {
		uint64_t n = optarg ? strtoull(optarg, NULL, 10) : 0;

		if (c == 's')
			o->from = n, o->runs = 1;
		else if (c == 'r')
			o->runs = n;
		else if (c == 'f')
			o->from = n;
		else if (c == 'n' && n >= 1 && n <= SIM_SPOKES)
			o->spokes = (unsigned)n;
		else if (c == 'd' && n >= 1 && n <= 400)
			o->days = (unsigned)n;
		else if (c == 'v')
			o->verbose = true;
		else
			return usage();
	}
	return optind == argc ? 0 : usage();
}

int main(int argc, char **argv)
{
	struct options o = {.from = 1, .runs = 100, .spokes = 10, .days = 2};
	struct sim sum = {0};
	int r = parse(argc, argv, &o);

	if (r)
		return r;
	for (uint64_t seed = o.from; seed < o.from + o.runs; seed++)
		run(seed, &o, &sum);
	printf("1..1\nok 1 - %llu seeds of %u spokes for %u days: %llu passes, %llu starts, %llu stops, "
	       "%llu published, %llu greetings, %llu reloads, %llu restarts, %llu GB moved, "
	       "%llu wake-ups for nothing\n",
	       (unsigned long long)o.runs, o.spokes, o.days, (unsigned long long)sum.passes,
	       (unsigned long long)sum.starts, (unsigned long long)sum.stops,
	       (unsigned long long)sum.published, (unsigned long long)sum.greets,
	       (unsigned long long)sum.reloads, (unsigned long long)sum.restarts,
	       (unsigned long long)(sum.bytes / 1000000000), (unsigned long long)sum.idle_wakeups);
	return 0;
}
