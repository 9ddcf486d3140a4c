/*
 * sim_fleet.c: one seed: a fleet of its own, for some days of virtual time.
 *
 * A step: the core's pass, the checks, then time goes on to whatever comes first: the core's own
 * wake-up, the end of a push, an answer, or an event of the world. At the end all goes well for a
 * while, and everything must come to be in sync.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>

#define MONDAY	  INT64_C(1795392000) /* 2026-11-23 00:00:00 UTC */
#define WEEK	  (7 * 86400)
#define DAY_US	  (86400 * SECOND_US)
#define CALM_DAYS 30
#define SPIN_MAX  1000 /* passes at one instant */

/* Days on which clocks change: Europe, America, Lord Howe, both ways. */
static const int64_t changes[] = {1792890000, 1793512800, 1805011200,
				  1806195600, 1791041400, 1806764400};

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

int64_t sim_within(struct sim *s, int64_t seconds)
{
	return s->now.mono.us + (int64_t)sim_below(s, (uint64_t)seconds * SECOND_US);
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
	printf("\nreplay: tests/sim/sim --seed %llu --spokes %u --days %u --trace\n",
	       (unsigned long long)s->seed, s->n_spokes, s->days);
	exit(1);
}

void sim_bad(const struct sim *s, const struct sim_job *k, const char *what)
{
	char waits[200];

	sim_fail(s, "job %llu (%s:%s/%s, %s: %s): %s", (unsigned long long)k->id,
		 s->spokes[k->spoke].name, k->version->group, k->version->path,
		 job_state_word(k->job->state), wait_words(k->job->waits, waits, sizeof(waits)),
		 what);
}

void sim_say(const struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->trace)
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
		s->count[COUNT_PASSES]++;
		if (++spins > SPIN_MAX)
			sim_fail(s, "the core wants a pass again and again");
	} while (s->next.us <= s->now.mono.us);
	sim_check_pass(s);
}

/* On to the next thing; at the latest to end. */
static void step(struct sim *s, int64_t end)
{
	int64_t segment = sim_next_segment(s), to, us;
	bool own, due, fault;

	sim_check_sums(s);
	to = MIN(MIN(s->next.us, segment), MIN(MIN(s->event_at, s->fault_at), end));
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
	fault = s->fault_at <= to;
	if (fault)
		sim_faults_due(s);
	due = s->event_at <= to;
	if (due)
		sim_world_event(s);
	/* A calendar that was set makes no noise, nor does a link: the core finds out when it
	 * looks. */
	if ((fault || (due && s->jumped)) && !own && segment != to && (!due || s->jumped))
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
	free(s->busy);
	free(s);
}

/* A week like any other, or one in which clocks change somewhere. */
static int64_t any_start(struct sim *s)
{
	if (sim_chance(s, 50))
		return MONDAY + (int64_t)sim_below(s, WEEK);
	return changes[sim_below(s, ARRAY_LEN(changes))] - (int64_t)sim_below(s, 2 * 86400);
}

void sim_fleet(uint64_t seed, const struct sim_options *o, uint64_t sum[SIM_COUNTS])
{
	struct sim *s = xcalloc(1, sizeof(*s));
	int64_t end, start = 1000 * SECOND_US;

	s->seed = s->random = seed;
	s->n_spokes = o->spokes;
	s->days = o->days;
	s->trace = o->trace;
	s->wall_us = any_start(s) * SECOND_US;
	s->now = (struct now){.wall = {s->wall_us / SECOND_US}, .mono = {start}};
	sim_world_new(s);
	pass(s);
	for (end = start + o->days * DAY_US; s->now.mono.us < end;)
		step(s, end);
	/* Nothing happened: at most one wake-up a minute, and those at edges. */
	if (s->idle_wakeups > (uint64_t)o->days * 24 * 60 * 11 / 10)
		sim_fail(s, "%llu wake-ups for nothing", (unsigned long long)s->idle_wakeups);
	s->count[COUNT_IDLE] = s->idle_wakeups;
	sim_make_calm(s);
	sim_want_all(s);
	pass(s);
	for (end += CALM_DAYS * DAY_US; s->now.mono.us < end && s->n_live;)
		step(s, end);
	sim_check_end(s);
	s->count[COUNT_JOBS] = s->last_job;
	s->count[COUNT_SPOKE_HOURS] =
		(uint64_t)((s->now.mono.us - start) / (3600 * SECOND_US)) * s->n_spokes;
	s->count[COUNT_MBYTES] /= 1000000;
	for (unsigned i = 0; i < SIM_COUNTS; i++)
		sum[i] += s->count[i];
	sim_free(s);
}
