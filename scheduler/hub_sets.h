/*
 * hub_sets.h: the sets of the groups that are published in sets: which files they are
 * (policy/sets.h), and whether they are whole here. A set is held, with the reason in words, while
 *
 *   - a member settles, is in use, or is being read;
 *   - the parent of an image, the image of a .pvp, or what a manifest lists, is not there;
 *   - an image holds the differences from one that its headers do not name;
 *   - the image that has the name of a parent is not that parent, by the identifiers of both;
 *   - a parent was changed in place while a child holds differences from what it was: published,
 *     the new parent would corrupt the old child. Which content a child rests on is remembered from
 *     the first time that both of them had settled, until the child is replaced.
 *
 * On one spoke it is moreover held while another content of a member lies there that nobody is to
 * replace: one that was restored, or is only reported (drift = report).
 *
 * A person may force all but the first and that. Deleted files stay in the sets that they were in,
 * as long as a spoke may have them, so that they go in the right order.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_SETS_H
#define SPOKESYNC_SCHEDULER_HUB_SETS_H

#include "scheduler/core_sets.h"
#include "scheduler/hub_state.h"

struct hub_set {
	char *name; /* what set = captured, else the path of the first */
	struct set *core;
	struct hub_file **files; /* in the order in which they may appear */
	size_t n;
	bool look; /* something of a file changed */
	bool tell; /* a version is another */
	TAILQ_ENTRY(hub_set) entry;
};

/* Facts, from the catalog. */
void hub_sets_changed(struct hub_group *g); /* names came or went, a parent is another */
void hub_sets_touch(struct hub_file *f);    /* its state is another */
/* Another is its current version; old: the one before, or NULL. */
void hub_sets_version(struct hub_file *f, const struct hub_version *old);
void hub_sets_drop(struct hub_file *f); /* it goes */
/* Before each pass of the core: finds and tells the sets, where anything changed. */
void hub_sets_turn(struct hub *h);
core_sets_amiss_fn hub_sets_amiss;
void hub_sets_free(struct hub_group *g);

#endif
