/*
 * sim.h: a fleet in virtual time that drives the same core as the daemon does. Everything random
 * comes from one seed, so a failing run replays exactly: sim --seed N --trace.
 *
 * The hub is sim_driver.c (it performs the core's actions and answers), sim_kept.c (its jobs, also
 * over its own death) and sim_move.c (bytes, in straight segments between events); what happens to
 * the fleet is sim_world.c and sim_fault.c; the configurations are sim_config.c. What is right is
 * said from the facts of the simulation alone, not from what the core keeps: sim_rules.c (open, and
 * at which rates), sim_check.c (states and reasons), sim_order.c (who starts, who is greeted),
 * sim_sets.c (what is published together). sim_fleet.c is one run, sim.c many.
 */
#ifndef SPOKESYNC_TESTS_SIM_H
#define SPOKESYNC_TESTS_SIM_H

#include <stdio.h>

#include "scheduler/core.h"
#include "tests/sim/sim_count.h"

#define SIM_SPOKES 64
#define SIM_GROUPS 4
#define SIM_FILES  6 /* of a group */
#define SIM_SETS   3 /* of the group that is published in sets, of up to so many files */
#define SIM_NEVER  INT64_MAX
#define SIM_SMALL  (16u << 20) /* as the manual page has it */
#define SIM_WORDS  16	       /* publications at a time on one spoke */

/* What a push, or a publication, is going to come to, unless it is stopped before. */
struct sim_fate {
	enum job_outcome outcome;
	uint64_t at; /* when so many bytes are there */
};

/* Open or closed, and each limit of the chain with the one who sets it. */
struct sim_rates {
	bool open, by_person;
	enum rate_reason why;
	uint64_t hub, spoke, policy;
	uint64_t key; /* what shares the policy's limit on this spoke */
};

/* One job, as the hub's database and its driver know it. */
struct sim_job {
	uint64_t id;
	enum job_kind kind;
	unsigned spoke, group, file;
	struct version *version; /* a reference */
	struct job *job;
	uint64_t done;
	bool over, cancelled;
	/* a push */
	bool push, stopping, large;
	bool publishing;
	bool unheard; /* it was published, and the hub died before it heard of it */
	struct sim_fate fate;
	struct sim_rates told; /* as looked up at the start, or when told */
	double rate;	       /* bytes a second, now */
	int64_t answer_at;     /* a stop, stall or publication ends then */
	enum job_outcome answer;
	/* for the checks */
	enum job_outcome last;
	unsigned again; /* OUTCOME_AGAIN since the last byte */
	int64_t last_at;
};

enum sim_told { TOLD_DOWN, TOLD_UP, TOLD_KEY };

struct sim_spoke {
	char name[16];
	const char *at;		     /* where it is: its zone; or one that nobody knows */
	struct zone *zone;	     /* as the hub was told; NULL: never */
	const char *zone_name;	     /* of zone */
	const struct spoke_cfg *cfg; /* NULL: not in the configuration */
	bool member[SIM_GROUPS];
	bool reachable, bad_key, full;
	enum sim_told told;
	double base, link;  /* bytes a second: as built; as it is today */
	int64_t slow_until; /* link is not base till then */
	int64_t flap_at;    /* it goes or comes back then, again and again */
	int64_t flap_until;
	int64_t greet_at; /* a greeting is answered then */
	int64_t greeted, answered;
	bool excused; /* something since the last greeting is worth one though it is closed */
	uint64_t have[SIM_GROUPS][SIM_FILES]; /* version ids */
};

/* Windows change on whole minutes only: what a policy says in one is looked up once. */
struct sim_memo {
	const struct policy *policy;
	const struct zone *zone;
	int64_t minute;
	bool open;
	uint64_t rate;
};

/* What holds for a (spoke, group), as asked at an instant. */
struct sim_lane {
	uint64_t instant;
	struct sim_rates r;
};

struct sim {
	uint64_t seed, random;
	bool trace, calm; /* calm: nothing goes wrong any more */
	unsigned n_spokes, days;
	struct core *core;
	struct now now;
	int64_t wall_us; /* the calendar, exact */
	struct mono next;
	struct sim_spoke spokes[SIM_SPOKES];
	struct version *latest[SIM_GROUPS][SIM_FILES];
	uint64_t versions;
	struct version *indexing[64];
	int64_t indexed_at[64];
	unsigned n_indexing;
	struct sim_job **jobs; /* by id */
	uint64_t n_jobs, last_job;
	struct sim_job **live; /* not over */
	size_t n_live;
	struct sim_job **busy; /* of these, the pushes and publications */
	size_t n_busy;
	int64_t event_at; /* the next thing that happens to the fleet */
	int64_t fault_at; /* the next turn of a link or spoke that something is wrong with */
	struct set *sets[SIM_SETS];
	bool kill;   /* the next event: the hub dies before it hears of a publication */
	bool jumped; /* the calendar was set since the last pass */
	int64_t jumped_at;
	struct sim_memo memo[512];
	const struct group_cfg *groups[SIM_GROUPS];
	uint64_t instant;
	struct sim_lane lanes[SIM_SPOKES][SIM_GROUPS];
	int64_t closed_at[SIM_SPOKES][SIM_GROUPS];	       /* when it was last seen closed */
	unsigned slots[SIM_SPOKES + 1], large[SIM_SPOKES + 1]; /* in use; the last: in all */
	unsigned words[SIM_SPOKES];			       /* publications under way */
	uint64_t actions, idle_wakeups;
	uint64_t count[SIM_COUNTS];
};

uint64_t sim_random(struct sim *s);
uint64_t sim_below(struct sim *s, uint64_t n); /* 0 .. n - 1 */
bool sim_chance(struct sim *s, unsigned percent);
int64_t sim_within(struct sim *s, int64_t seconds); /* from now on, at random; microseconds */
/* Says what is wrong, with seed and time, and ends the program. */
void sim_fail(const struct sim *s, const char *fmt, ...) PRINTF(2, 3) __attribute__((noreturn));
void sim_bad(const struct sim *s, const struct sim_job *k, const char *what)
	__attribute__((noreturn));
void sim_say(const struct sim *s, const char *fmt, ...) PRINTF(2, 3); /* when traced */

/* sim_fleet.c: one seed's run; its counts are added to sum */
struct sim_options {
	unsigned spokes, days;
	bool trace;
};
void sim_fleet(uint64_t seed, const struct sim_options *o, uint64_t sum[SIM_COUNTS]);

/* sim_config.c */
struct config *sim_config(struct sim *s) WARN_UNUSED;

/* sim_driver.c */
bool sim_large(const struct sim_job *k); /* by what is left to send */
void sim_perform(void *arg, const struct action *a);
void sim_end(struct sim *s, struct sim_job *k, enum job_outcome o);

/* sim_kept.c */
void sim_want(struct sim *s, unsigned spoke, unsigned group, unsigned file);
void sim_want_all(struct sim *s);
void sim_restart(struct sim *s);

/* sim_move.c */
int64_t sim_next_segment(struct sim *s);     /* when a push, answer or index is next done */
void sim_segment(struct sim *s, int64_t us); /* bytes move for so long */
void sim_answers(struct sim *s);	     /* what is done by now */

/* sim_world.c */
void sim_world_new(struct sim *s);
void sim_world_event(struct sim *s);
void sim_new_version(struct sim *s, unsigned group, unsigned file);
void sim_make_calm(struct sim *s);

/* sim_fault.c */
void sim_place(struct sim *s, struct sim_spoke *p); /* where a spoke is, and how it is reached */
void sim_lost(struct sim *s, struct sim_spoke *p, bool lost);
void sim_fault(struct sim *s); /* one at random */
void sim_faults_due(struct sim *s);
void sim_mend(struct sim *s);
/* What a greeting is answered with is known to the hub now. */
void sim_answer_greeting(struct sim *s, struct sim_spoke *p);

/* sim_rules.c */
/* What holds for the job's (spoke, group), so many microseconds ago. */
struct sim_rates sim_rules_at(struct sim *s, const struct sim_job *k, int64_t ago);
const struct sim_rates *sim_rules(struct sim *s, const struct sim_job *k); /* now */
bool sim_closed_to(struct sim *s, unsigned spoke);			   /* all its groups */
/* What shares one limit on a spoke: an override by its id, or a policy by its name. */
uint64_t sim_key(const struct override *o, const struct policy *p);
void sim_forget(struct sim *s); /* policies or zones are not the same any more */
void sim_check_segment(struct sim *s, int64_t us);
void sim_check_sums(struct sim *s);

/* sim_check.c */
void sim_count_slots(struct sim *s);
unsigned sim_may_run(unsigned max, unsigned large); /* of so many slots, beside so many large */
bool sim_slots_full(const struct sim *s, const struct sim_job *k);
bool sim_twin_at_work(const struct sim *s, const struct sim_job *k);
void sim_check_pass(struct sim *s);
void sim_check_end(struct sim *s);

/* sim_order.c */
void sim_check_start(struct sim *s, const struct sim_job *k);
void sim_check_stop(struct sim *s, const struct sim_job *k);
void sim_check_greeting(struct sim *s, const struct sim_spoke *p);
void sim_check_spokes(struct sim *s);

/* sim_sets.c */
bool sim_in_sets(const struct sim *s, unsigned group);
const char *sim_sets_line(const struct sim *s, unsigned group); /* of its configuration */
void sim_sets_new(struct sim *s);				/* the core is new */
void sim_sets_version(struct sim *s, unsigned group, unsigned file);
struct sim_job *sim_set_job(struct sim *s, const struct sim_job *lead, unsigned file); /* or NULL */
void sim_check_set(const struct sim *s, const struct sim_job *k);	/* it is published */
void sim_check_set_holds(const struct sim *s, const struct sim_job *k); /* it waits for its set */

#endif
