/*
 * sets.h: which files of a group belong together, and in which order they may appear.
 *
 * A set is a chain of images (each child names its parent in its header) with the small files
 * beside them: what has the same stem as an image (win11.1.pvp beside win11.1.avhdx), and a
 * manifest, which also goes with every image whose stem goes on from its own after a point
 * (win11.xml with win11.vhdx and win11.1.avhdx). Where the group has a set = line, what it captures
 * stands in place of the stems; chains, and manifests with what they list, hold together all the
 * same. Names are compared without
 * regard to the case of ASCII letters: the stores are those of machines that do so.
 *
 * Half a set is a manifest without all its images, or a child without its parent. The order is such
 * that it is never visible: parents, children, what else lies beside them, .pvp, .xml; and what is
 * deleted goes the other way round.
 *
 * Pure, and in time that grows as sorting the names does.
 */
#ifndef SPOKESYNC_POLICY_SETS_H
#define SPOKESYNC_POLICY_SETS_H

#include "policy/base.h"

enum set_rank {
	SET_IMAGE,
	SET_BESIDE,
	SET_PROPERTIES, /* .pvp */
	SET_MANIFEST,	/* .xml */
};

#define SET_NONE SIZE_MAX

struct set_item {
	/* What is known. */
	const char *path;   /* below the group */
	const char *parent; /* the file name of the image that it holds the differences from; NULL:
			     * none. Looked for beside it, else in the whole group, where only one
			     * image has that name. */
	const char *names;  /* of a manifest: the files that it lists, a line each, looked for as a
			     * parent is; NULL: none */
	const char *key;    /* what set = captured; NULL: nothing did */
	bool gone; /* deleted: it still belongs to the others, but nothing can rest on it */
	/* What follows. */
	size_t set; /* the first, in order, of all that belong together */
	size_t up;  /* its parent, or SET_NONE */
	enum set_rank rank;
	unsigned depth; /* of images: how many parents are above it */
	/* What it rests on is not there: its parent; of a .pvp, its image; what a manifest lists.
	 */
	bool orphan;
	const char *missing; /* the line of names that is not there, or NULL */
};

/* By the extension alone, whatever the case. */
enum set_rank sets_rank(const char *path);
/* Is it a name that a manifest lists: of an image, or of its properties? */
bool sets_listed(const char *name);

/* Fills in what follows of each. stems: the group has no set = line. */
void sets_find(struct set_item *items, size_t n, bool stems);
/* May a appear before b? A total order: rank and depth, then the path. */
bool sets_before(const struct set_item *a, const struct set_item *b);

#endif
