/*
 * sim.h: a fleet in virtual time that drives the same core as the daemon does. Everything random
 * comes from one seed, so a failing run replays exactly: sim --seed N.
 *
 * The hub is sim_driver.c (it performs the core's actions and moves bytes in segments between
 * events), what happens to the fleet is sim_world.c, the configurations are sim_config.c, and
 * sim_check.c says after each pass whether all of it was right.
 */
#ifndef SPOKESYNC_TESTS_SIM_H
#define SPOKESYNC_TESTS_SIM_H

#include "scheduler/core.h"

#define SIM_SPOKES 64
#define SIM_GROUPS 4
#define SIM_FILES  6 /* of a group */
#define SIM_NEVER  INT64_MAX
#define SIM_SMALL  (16u << 20) /* as the manual page has it */

/* What a push, or a publication, is going to come to, unless it is stopped before. */
struct sim_fate {
	enum job_outcome outcome;
	uint64_t at; /* when so many bytes are there */
};

/* One job, as the hub's database and its driver know it. */
struct sim_job {
	uint64_t id;
	enum job_kind kind;
	struct version *version; /* a reference */
	unsigned spoke, group, file;
	struct job *job;
	bool over;
	uint64_t done;
	/* a push */
	bool push, stopping, large;
	struct sim_fate fate;
	uint64_t hub, spoke_rate, policy; /* as looked up at the start, or when told */
	double rate;			  /* bytes a second, now */
	bool publishing;
	int64_t answer_at; /* a stop, stall or publication ends then */
	enum job_outcome answer;
	/* for the checks */
	enum job_outcome last;
	int64_t last_at, start_until;
};

struct sim_spoke {
	char name[16], zone[32];
	bool reachable;
	double link;	  /* bytes a second */
	int64_t greet_at; /* a greeting is answered then */
	int64_t greeted;
	uint64_t have[SIM_GROUPS][SIM_FILES]; /* version ids */
};

/* Windows change on whole minutes only: what a policy says in one is looked up once. */
struct sim_memo {
	const struct policy *policy;
	const struct zone *zone;
	int64_t minute;
	bool open;
};

/* Whether a (spoke, group) is open, as asked at an instant. */
struct sim_lane {
	uint64_t instant;
	bool open;
	enum rate_reason why;
};

struct sim {
	uint64_t seed, random;
	bool verbose, calm; /* calm: nothing goes wrong any more */
	unsigned n_spokes;
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
	int64_t event_at; /* the next thing that happens to the fleet */
	bool jumped;	  /* the calendar was set since the last pass */
	int64_t jumped_at;
	struct sim_memo memo[256];
	const struct group_cfg *groups[SIM_GROUPS];
	uint64_t instant;
	struct sim_lane lanes[SIM_SPOKES][SIM_GROUPS][2];
	unsigned slots[SIM_SPOKES + 1], large[SIM_SPOKES + 1]; /* in use; the last: in all */
	/* counts */
	uint64_t passes, starts, stops, published, idle_wakeups, actions, checks, greets, restarts;
	uint64_t reloads, bytes, late;
};

uint64_t sim_random(struct sim *s);
uint64_t sim_below(struct sim *s, uint64_t n); /* 0 .. n - 1 */
bool sim_chance(struct sim *s, unsigned percent);
/* Says what is wrong, with seed and time, and ends the program. */
void sim_fail(const struct sim *s, const char *fmt, ...) PRINTF(2, 3) __attribute__((noreturn));
void sim_say(const struct sim *s, const char *fmt, ...) PRINTF(2, 3); /* when verbose */

/* sim_config.c */
struct config *sim_config(struct sim *s) WARN_UNUSED;

/* sim_driver.c */
bool sim_large(const struct sim_job *k); /* by what is left to send */
void sim_perform(void *arg, const struct action *a);
void sim_want(struct sim *s, unsigned spoke, unsigned group, unsigned file);
void sim_want_all(struct sim *s);
void sim_restart(struct sim *s);
int64_t sim_next_segment(struct sim *s);     /* when a push, answer or index is next done */
void sim_segment(struct sim *s, int64_t us); /* bytes move for so long */
void sim_answers(struct sim *s);	     /* what is done by now */

/* sim_world.c */
void sim_world_new(struct sim *s);
void sim_world_event(struct sim *s);
void sim_new_version(struct sim *s, unsigned group, unsigned file);
void sim_make_calm(struct sim *s);

/* sim_check.c */
/* before: a microsecond before now. */
bool sim_open(struct sim *s, const struct sim_job *k, bool before, enum rate_reason *ret_why);
void sim_forget(struct sim *s); /* policies or zones are not the same any more */
void sim_check_pass(struct sim *s);
void sim_check_segment(struct sim *s, int64_t us);
void sim_check_end(struct sim *s);

#endif
