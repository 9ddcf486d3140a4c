/*
 * test_timetable.c: the chain hub -> spoke -> policy over time, exceptions that people make, and
 * the days of a week, against the reference of calendar.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/rate.h"
#include "policy/timetable.h"
#include "tests/unit/calendar.h"
#include "tests/unit/zones.h"

#define DAY	       86400
#define MINUTES	       ((size_t)4 * 1440)
#define CASES	       30
#define OVERRIDES_MOST 6
#define T_2020	       ((int64_t)1577836800)

/* A hub with a policy of its own, one spoke with two groups, and what people ordered. */
struct world {
	struct config config;
	struct spoke_cfg spoke;
	struct group_cfg group[2];
	struct cal_policy hub, own; /* own: of the spoke's groups */
	struct zone *hub_zone, *zone;
	struct cal_minute *hub_local, *local;
	struct override list[OVERRIDES_MOST];
	size_t n;
	int64_t start;
};

static uint64_t random_rate(uint64_t *seed)
{
	static const uint64_t rates[] = {700, 1500, 5000, RATE_UNLIMITED, RATE_UNLIMITED};

	return rates[cal_pick(seed, ARRAY_LEN(rates))];
}

static void random_overrides(struct world *w, uint64_t *seed)
{
	static const char *const spokes[] = {NULL, "a", "b"}, *const groups[] = {NULL, "g", "h"};

	w->n = cal_pick(seed, OVERRIDES_MOST + 1);
	for (size_t i = 0; i < w->n; i++) {
		int64_t end = w->start + (int64_t)cal_pick(seed, MINUTES / 2) * 60;

		w->list[i] = (struct override){
			.id = i + 1,
			.kind = cal_pick(seed, 2) ? OVERRIDE_PAUSE : OVERRIDE_SYNC_NOW,
			.spoke = (char *)spokes[cal_pick(seed, 3)],
			.group = (char *)groups[cal_pick(seed, 3)],
			.rate = random_rate(seed),
			.until = {end},
			.until_mono = MONO_NEVER,
		};
		/* Ended by the monotonic clock first, now and then. */
		if (!cal_pick(seed, 3))
			w->list[i].until_mono.us =
				(end - (int64_t)cal_pick(seed, 300) * 60) * SECOND_US;
	}
}

static struct world *world_new(uint64_t *seed)
{
	const char *hub = zones[cal_pick(seed, ARRAY_LEN(zones))];
	const char *own = zones[cal_pick(seed, ARRAY_LEN(zones))];
	struct world *w = xcalloc(1, sizeof(*w));
	struct wall change;

	w->zone = zone_new(own);
	w->hub_zone = zone_new(hub);
	w->start = T_2020 + (int64_t)cal_pick(seed, 21 * 365) * DAY;
	change = zone_next_change(w->zone, (struct wall){w->start});
	if (change.s != WALL_NEVER.s)
		w->start = change.s - (int64_t)cal_pick(seed, 3 * 1440) * 60;
	w->start -= w->start % 60;
	w->local = xcalloc(MINUTES, sizeof(*w->local));
	w->hub_local = xcalloc(MINUTES, sizeof(*w->hub_local));
	cal_local(own, w->start, MINUTES, w->local);
	cal_local(hub, w->start, MINUTES, w->hub_local);
	cal_random(seed, (int32_t)(w->start / DAY), &w->hub);
	cal_random(seed, (int32_t)(w->start / DAY), &w->own);
	w->hub.p.zone = w->hub_zone;
	w->own.p.zone_kind = ZONE_SPOKE;
	w->spoke = (struct spoke_cfg){.name = "a", .rate = random_rate(seed)};
	w->group[0] = (struct group_cfg){.name = "g", .policy = &w->own.p};
	w->group[1] = (struct group_cfg){.name = "h", .policy = &w->own.p};
	w->config = (struct config){.rate = random_rate(seed)};
	if (cal_pick(seed, 3))
		w->config.policy = &w->hub.p;
	random_overrides(w, seed);
	return w;
}

static void world_free(struct world *w)
{
	free(w->hub.p.lines);
	free(w->own.p.lines);
	free(w->local);
	free(w->hub_local);
	zone_free(w->zone);
	zone_free(w->hub_zone);
	free(w);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* By the configuration alone. */
static uint64_t allowed(const struct world *w, size_t i)
{
	uint64_t own = cal_rate(&w->own, w->local[i]), hub = RATE_UNLIMITED;

	if (w->config.policy)
		hub = cal_rate(&w->hub, w->hub_local[i]);
	if (!own || !hub)
		return RATE_CLOSED;
	return least(least(own, hub), least(w->spoke.rate, w->config.rate));
}

static bool covers(const struct override *o, const char *group, int64_t t)
{
	return (!o->spoke || !strcmp(o->spoke, "a")) && (!o->group || !strcmp(o->group, group)) &&
	       t < o->until.s && t * SECOND_US < o->until_mono.us;
}

/* As RULES has it: a pause closes; else the narrowest, then the latest sync-now opens. */
static uint64_t ordered(const struct world *w, const char *group, size_t i)
{
	int64_t t = w->start + (int64_t)i * 60;
	const struct override *best = NULL;
	int best_narrow = -1;

	for (size_t k = 0; k < w->n; k++) {
		const struct override *o = &w->list[k];
		int narrow = (o->spoke != NULL) + (o->group != NULL);

		if (!covers(o, group, t))
			continue;
		if (o->kind == OVERRIDE_PAUSE)
			return RATE_CLOSED;
		if (narrow >= best_narrow) {
			best = o;
			best_narrow = narrow;
		}
	}
	if (!best)
		return allowed(w, i);
	return least(best->rate, least(w->spoke.rate, w->config.rate));
}

static void chain_case(const struct world *w, const struct group_cfg *g)
{
	struct rate_facts facts = {
		.spoke_zone = w->zone, .overrides = w->list, .n_overrides = w->n};
	int64_t until = w->start, opens = 0;
	uint64_t before = 0;

	for (size_t i = 0; i < MINUTES; i++) {
		int64_t t = w->start + (int64_t)i * 60;
		uint64_t want = ordered(w, g->name, i);
		struct now now = {.wall = {t}, .mono = {t * SECOND_US}};
		struct rate_chain r;

		/* What was said of the time until here was true. */
		if (i && t < until)
			assert_int_equal(want, before);
		/* And so was when it would open. */
		if (opens && want)
			assert_int_equal(t, opens);
		if (opens && !want)
			assert_true(t < opens);
		before = want;
		if (t < until && i % 97)
			continue;
		rate_in_force(&w->config, &facts, &w->spoke, g, now, &r);
		assert_int_equal(r.open, want != RATE_CLOSED);
		assert_int_equal(r.least, want);
		until = r.until.s;
		opens = r.open ? 0 : r.opens.s;
		assert_true(until > t);
	}
}

static void exceptions_meet(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int k = 0; k < CASES; k++) {
		struct world *w = world_new(&seed);

		chain_case(w, &w->group[0]);
		chain_case(w, &w->group[1]);
		world_free(w);
	}
}

/* The rate that the one who is named as deciding gives. */
static uint64_t by_decider(const struct world *w, const struct timetable_state *s)
{
	switch (s->by) {
	case BY_POLICY:
	case BY_HUB_POLICY:
		assert_ptr_equal(s->policy, s->by == BY_POLICY ? &w->own.p : &w->hub.p);
		return s->line ? s->line->rate : RATE_CLOSED;
	case BY_SPOKE_RATE:
		return w->spoke.rate;
	case BY_HUB_RATE:
		return w->config.rate;
	}
	return 1;
}

static void the_chain(void **state)
{
	uint64_t seed = 43;

	(void)state;
	for (int k = 0; k < CASES; k++) {
		struct world *w = world_new(&seed);
		struct timetable tt = {&w->config, &w->spoke, &w->own.p, w->zone};
		int64_t next = w->start;

		for (size_t i = 0; i < MINUTES; i++) {
			int64_t t = w->start + (int64_t)i * 60;
			uint64_t want = allowed(w, i);
			struct timetable_state s;

			if (i && (t == next) != (want != allowed(w, i - 1)))
				fail_msg("case %d: the edge was told for %lld, not %lld", k,
					 (long long)next, (long long)t);
			if (t != next && i % 31)
				continue;
			timetable_at(&tt, (struct wall){t}, &s);
			assert_int_equal(s.rate, want);
			assert_int_equal(s.open, want != RATE_CLOSED);
			assert_int_equal(by_decider(w, &s), want);
			next = timetable_next(&tt, (struct wall){t}).s;
		}
		world_free(w);
	}
}

struct walk {
	const struct world *w;
	int64_t at; /* where the next span must begin */
	int32_t day;
	unsigned days;
};

static void check_span(void *arg, const struct timetable_span *span)
{
	struct walk *k = arg;
	size_t first, last;

	if (k->at)
		assert_int_equal(span->at.s, k->at);
	assert_true(span->seconds > 0);
	assert_true(span->from + span->seconds <= DAY);
	k->at = span->at.s + span->seconds;
	if (!k->days || span->day > k->day) {
		k->day = span->day;
		k->days++;
	}
	if (span->at.s < k->w->start || k->at > k->w->start + (int64_t)MINUTES * 60)
		return;
	/* Its first and last minute are by the clock that the C library knows, and of one rate. */
	first = (size_t)(span->at.s - k->w->start) / 60;
	last = (size_t)(k->at - 60 - k->w->start) / 60;
	assert_int_equal(k->w->local[first].day, span->day);
	assert_int_equal(k->w->local[last].day, span->day);
	assert_int_equal(k->w->local[first].week % 1440, span->from / 60);
	assert_int_equal(k->w->local[last].week % 1440, (span->from + span->seconds) / 60 - 1);
	assert_int_equal(span->state.rate, allowed(k->w, first));
	assert_int_equal(span->state.rate, allowed(k->w, last));
}

static void days_of_a_week(void **state)
{
	uint64_t seed = 44;

	(void)state;
	for (int k = 0; k < 2 * CASES; k++) {
		struct world *w = world_new(&seed);
		struct timetable tt = {&w->config, &w->spoke, &w->own.p, w->zone};
		struct walk walk = {.w = w};
		struct local_time l, before;

		timetable_days(&tt, (struct wall){w->start}, 7, check_span, &walk);
		assert_int_equal(walk.days, 7);
		/* All of the last day: the next instant is another one. */
		zone_local(w->zone, (struct wall){walk.at}, &l);
		zone_local(w->zone, (struct wall){walk.at - 1}, &before);
		assert_true(l.day > before.day);
		world_free(w);
	}
}

static void count_day(void *arg, const struct timetable_span *span)
{
	int32_t *days = arg;

	for (int i = 0; i < 3; i++)
		if (!days[i] || days[i] == span->day) {
			days[i] = span->day;
			return;
		}
}

/* Samoa had no 2011-12-30; where midnight is skipped the day begins at one o'clock. */
static void odd_days(void **state)
{
	struct window_line line = {
		.kind = WINDOW_WEEKLY, .days = 0x7f, .to = 1440, .rate = RATE_UNLIMITED};
	struct policy p = {.name = "p", .lines = &line, .n_lines = 1};
	struct zone *apia = zone_new("Pacific/Apia"), *beirut = zone_new("Asia/Beirut");
	struct timetable tt = {.policy = &p, .zone = apia};
	struct wall dec_29 = {1325200000}, march = {1774735200}; /* 2026-03-29 00:00 +02 is none */
	struct clock_shift shift;
	int32_t days[3] = {0};

	(void)state;
	timetable_days(&tt, dec_29, 3, count_day, days);
	assert_int_equal(days[1] - days[0], 2);
	assert_int_equal(days[2] - days[1], 1);
	assert_true(timetable_shift(apia, dec_29, (struct wall){dec_29.s + 2 * DAY}, &shift));
	assert_int_equal(shift.seconds, DAY);
	assert_true(timetable_shift(beirut, (struct wall){march.s - DAY},
				    (struct wall){march.s + DAY}, &shift));
	assert_int_equal(shift.seconds, 3600);
	assert_false(timetable_shift(beirut, shift.at, (struct wall){shift.at.s + DAY}, &shift));
	zone_free(apia);
	zone_free(beirut);
}

/* Thousands of edges that a lower limit hides, and behind them one that shows: at once. */
static void hidden_edges(void **state)
{
	struct window_line lines[98] = {{.kind = WINDOW_WEEKLY, .days = 0x7f, .to = 1440}};
	struct policy p = {.name = "p", .lines = lines, .n_lines = 97};
	struct spoke_cfg spoke = {.name = "a", .rate = 100};
	struct config config = {.rate = RATE_UNLIMITED};
	struct zone *utc = zone_new("UTC");
	struct timetable tt = {&config, &spoke, &p, utc};
	struct window_line low = {.kind = WINDOW_WEEKLY, .days = 0x7f, .to = 1440, .rate = 100};
	struct policy hub = {.name = "h", .zone = utc, .lines = &low, .n_lines = 1};
	struct wall start = {T_2020};

	(void)state;
	/* Another rate every 15 minutes. */
	lines[0].rate = 500;
	for (uint16_t i = 0; i < 96; i++)
		lines[i + 1] = (struct window_line){.kind = WINDOW_WEEKLY,
						    .days = 0x7f,
						    .from = (uint16_t)(i * 15),
						    .to = (uint16_t)(i * 15 + 15),
						    .rate = 200u + i};
	assert_int_equal(timetable_next(&tt, start).s, WALL_NEVER.s);
	lines[97] = (struct window_line){.kind = WINDOW_DATE,
					 .date_from = (int32_t)(T_2020 / DAY) + 300,
					 .date_to = (int32_t)(T_2020 / DAY) + 300,
					 .rate = RATE_CLOSED};
	p.n_lines = 98;
	assert_int_equal(timetable_next(&tt, start).s, T_2020 + (int64_t)300 * DAY);
	/* A hub that hides them likewise. */
	spoke.rate = RATE_UNLIMITED;
	config.policy = &hub;
	assert_int_equal(timetable_next(&tt, start).s, T_2020 + (int64_t)300 * DAY);
	zone_free(utc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exceptions_meet), cmocka_unit_test(the_chain),
		cmocka_unit_test(days_of_a_week),  cmocka_unit_test(odd_days),
		cmocka_unit_test(hidden_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
