/*
 * sim_fault.c: what goes wrong at the spokes and on the way to them, and how it is mended: spokes
 * lost, links that are slow or come and go by the second, keys refused, disks full, zones
 * that nobody knows, sources that change under a push.
 */
#include "tests/sim/sim.h"

#include "policy/zone.h"

static const char *any_zone(struct sim *s)
{
	static const char *const zones[] = {"UTC",
					    "Europe/Berlin",
					    "America/Chicago",
					    "Australia/Lord_Howe",
					    "Asia/Tokyo",
					    "America/Santiago",
					    "Asia/Kathmandu",
					    "America/Havana",
					    "Atlantic/Azores",
					    "Africa/Casablanca"};

	return zones[sim_below(s, ARRAY_LEN(zones))];
}

/* Some machines have a zone that the hub has never heard of. */
void sim_place(struct sim *s, struct sim_spoke *p)
{
	p->at = sim_chance(s, 15) ? "Mars/Olympus" : any_zone(s);
}

void sim_answer_greeting(struct sim *s, struct sim_spoke *p)
{
	struct spoke_state *state = core_spoke(s->core, p->name);
	struct zone *z;

	p->greet_at = SIM_NEVER;
	if (!state)
		return; /* taken out of the configuration meanwhile */
	p->answered = s->now.mono.us;
	if (!p->reachable || p->bad_key) {
		p->told = p->reachable ? TOLD_KEY : TOLD_DOWN;
		core_fact_spoke_down(s->core, state, p->reachable, "no answer", s->now);
		return;
	}
	(void)sim_closed_to(s, (unsigned)(p - s->spokes)); /* by the zone as it was known */
	p->told = TOLD_UP;
	core_fact_spoke_up(s->core, state, p->at, s->now);
	z = zone_new(p->at);
	if (z) {
		p->zone = z;
		p->zone_name = p->at;
		zone_free(z); /* kept by sim_zone.c */
		s->instant++;
	}
	if (s->calm || sim_chance(s, 20))
		core_fact_spoke_changed(s->core, state);
}

/* What runs there ends, within a minute: nobody says goodbye. */
void sim_lost(struct sim *s, struct sim_spoke *p, bool lost)
{
	p->reachable = !lost;
	sim_say(s, "%s is %s", p->name, lost ? "lost" : "back");
	for (size_t i = 0; i < s->n_busy && lost; i++) {
		struct sim_job *k = s->busy[i];

		if (&s->spokes[k->spoke] != p || !(k->push || k->publishing) || k->stopping)
			continue;
		k->answer_at = MIN(k->answer_at, sim_within(s, 60));
		k->answer = OUTCOME_PEER_DOWN;
	}
}

static void follow_due(struct sim *s)
{
	s->fault_at = SIM_NEVER;
	for (unsigned i = 0; i < s->n_spokes; i++)
		s->fault_at = MIN(s->fault_at, MIN(s->spokes[i].slow_until, s->spokes[i].flap_at));
}

/* From a tenth to a hundred-thousandth, which is as good as nothing. */
static void slow(struct sim *s, struct sim_spoke *p)
{
	static const double by[] = {10, 100, 100000};

	p->link = p->base / by[sim_below(s, ARRAY_LEN(by))];
	p->slow_until = sim_within(s, 4 * 3600);
	s->count[COUNT_FAULT_SLOW]++;
	sim_say(s, "the link to %s is slow, %.0f bytes a second", p->name, p->link);
}

static void flap(struct sim *s, struct sim_spoke *p)
{
	p->flap_at = s->now.mono.us + 1;
	p->flap_until = sim_within(s, 2 * 3600);
	s->count[COUNT_FAULT_FLAP]++;
	sim_say(s, "%s begins to flap", p->name);
}

void sim_faults_due(struct sim *s)
{
	for (unsigned i = 0; i < s->n_spokes; i++) {
		struct sim_spoke *p = &s->spokes[i];

		if (p->slow_until <= s->now.mono.us) {
			p->link = p->base;
			p->slow_until = SIM_NEVER;
		}
		if (p->flap_at > s->now.mono.us)
			continue;
		p->flap_at = p->flap_until <= s->now.mono.us ? SIM_NEVER : sim_within(s, 90);
		sim_lost(s, p, p->flap_at != SIM_NEVER && p->reachable);
	}
	follow_due(s);
}

static void key(struct sim *s, struct sim_spoke *p)
{
	p->bad_key = !p->bad_key;
	s->count[COUNT_FAULT_KEY]++;
	sim_say(s, "the key of %s is %s", p->name, p->bad_key ? "another" : "right again");
}

/* A spoke says at once that it has room again: its greeting does. */
static void full(struct sim *s, struct sim_spoke *p)
{
	struct spoke_state *state = core_spoke(s->core, p->name);

	p->full = !p->full;
	s->count[COUNT_FAULT_FULL]++;
	sim_say(s, "the disk of %s is %s", p->name, p->full ? "full" : "cleared");
	if (!p->full && state && p->told == TOLD_UP)
		core_fact_spoke_changed(s->core, state);
}

static void zone(struct sim *s, struct sim_spoke *p)
{
	sim_place(s, p);
	s->count[COUNT_FAULT_ZONE]++;
	sim_say(s, "%s is in %s", p->name, p->at);
}

/* Written to while it is read: the push ends, and what is there now is another version. */
static void source(struct sim *s)
{
	for (size_t i = 0; i < s->n_busy; i++) {
		struct sim_job *k = s->busy[i];
		unsigned group = k->group, file = k->file;

		if (!k->push || k->stopping || k->version != s->latest[group][file])
			continue;
		s->count[COUNT_FAULT_SOURCE]++;
		sim_end(s, k, OUTCOME_SUPERSEDED);
		sim_new_version(s, group, file);
		return;
	}
}

void sim_fault(struct sim *s)
{
	struct sim_spoke *p = &s->spokes[sim_below(s, s->n_spokes)];
	uint64_t dice = sim_below(s, 100);

	if (dice < 50) {
		s->count[COUNT_FAULT_LOST] += p->reachable;
		sim_lost(s, p, p->reachable);
	} else if (dice < 65) {
		slow(s, p);
	} else if (dice < 75) {
		flap(s, p);
	} else if (dice < 82) {
		key(s, p);
	} else if (dice < 88) {
		full(s, p);
	} else if (dice < 92) {
		zone(s, p);
	} else {
		source(s);
	}
	follow_due(s);
}

void sim_mend(struct sim *s)
{
	for (unsigned i = 0; i < s->n_spokes; i++) {
		struct sim_spoke *p = &s->spokes[i];

		p->reachable = true;
		p->bad_key = p->full = false;
		p->link = 1e8;
		p->slow_until = p->flap_at = SIM_NEVER;
	}
	s->fault_at = SIM_NEVER;
}
