/*
 * core_rig.h: a core on a bench: a configuration from INI text, a clock that stands still until it
 * is moved, and a record of the actions of the last pass. Answers are given by the test.
 */
#ifndef SPOKESYNC_TESTS_CORE_RIG_H
#define SPOKESYNC_TESTS_CORE_RIG_H

#include "scheduler/core.h"

#define RIG_MONDAY  INT64_C(1795392000) /* 2026-11-23 00:00:00 UTC, a monday */
#define RIG_ACTIONS 4096
/* The last digit makes it that spoke's own: names are hex digits. */
#define RIG_ZEROS      "000000000000000000000000000000000000000000000000000000000000000"
#define RIG_KEY(digit) "key = sha256:" RIG_ZEROS digit "\n"

struct rig_action {
	enum action_kind kind;
	uint64_t job; /* 0: none */
	const char *spoke;
	enum job_state old_state;
};

struct rig {
	struct core *c;
	struct now now;
	struct mono next;
	struct rig_action seen[RIG_ACTIONS]; /* of the last rig_pass() */
	size_t n_seen;
	uint64_t versions;
};

struct config *rig_config(const char *ini) WARN_UNUSED; /* fails the test with the errors */
/* [daemon] with these extra lines, and whatever follows. At monday 00:00 UTC. */
struct rig *rig_new(const char *daemon, const char *rest) WARN_UNUSED;
/* The same, and the spokes "a" and "b" have answered. */
struct rig *rig_world(const char *daemon, const char *rest) WARN_UNUSED;
struct rig *rig_free(struct rig *r);
void rig_reload(struct rig *r, const char *daemon, const char *rest);
void rig_pass(struct rig *r);
void rig_move(struct rig *r, int64_t seconds); /* both clocks, then a pass */
/* Follows the core's own wake-ups for so long; returns how many there were. */
unsigned rig_run(struct rig *r, int64_t seconds);
void rig_up(struct rig *r, const char *spoke); /* the spoke answers; no pass */
struct job *rig_add(struct rig *r, const char *spoke, const char *group, const char *path);
/* The same with a version that is there already. */
struct version *rig_version(struct rig *r, const char *group, const char *path, bool indexed);
void rig_end(struct rig *r, struct job *j, enum job_outcome o); /* the outcome, and a pass */
unsigned rig_saw(const struct rig *r, enum action_kind kind, const struct job *j);
unsigned rig_saw_spoke(const struct rig *r, enum action_kind kind, const char *spoke);
/* Adds a sync-now or a pause of this scope for so long. */
uint64_t rig_override(struct rig *r, enum override_kind kind, const char *spoke, const char *group,
		      int64_t seconds);

#endif
