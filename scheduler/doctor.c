/*
 * doctor.c: see doctor.h. The words are the point: each says what a person sees happen, and the
 * figures are the measured ones of the study behind the design.
 */
#include "scheduler/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transfer/capable.h"

struct patient {
	char *name, *path, *distrust;
	struct capable can;
	struct err problem; /* "": it was examined */
};

struct doctor {
	enum role role;
	struct patient *patients;
	size_t n;
};

/* A row of the answer. costs: NULL where this role has no use for it. */
struct ability {
	const char *what, *gives, *hub_costs, *spoke_costs;
	size_t at; /* of the bool in struct capable */
};

static const struct ability abilities[] = {
	{"reflink", "files can share blocks",
	 "no old bytes are kept of a file that is overwritten: what changed within its blocks is "
	 "sent as changed sectors, and what moved is found by the old blocks that are left in the "
	 "new file, up to 5 times the bytes on realistic changes inside an image. A changed copy under a new name costs nothing more, as "
	 "long as the old file is there. A file must hold still while it is read and sent",
	 "every new image is written whole beside the one it replaces: its full size in space and "
	 "in writing, where sharing blocks writes only what changed",
	 offsetof(struct capable, reflink)},
	{"extents", "what two files share is told without reading them",
	 "every file that changed is read whole to find out where, about 40 seconds for 20 GB on a "
	 "disk of 500 MB/s, instead of less than a second",
	 NULL, offsetof(struct capable, extents)},
	{"direct I/O", "reads go past the page cache",
	 "reads go through the page cache in small steps, and pages that were not there before are "
	 "dropped again: slower, and other programs feel it",
	 "reads go through the page cache in small steps, and pages that were not there before are "
	 "dropped again: slower, and other programs feel it",
	 offsetof(struct capable, direct)},
	{"holes", "zeros take no space", NULL,
	 "zero blocks that replace data take space on disk, and are written",
	 offsetof(struct capable, holes)},
	{"fs-verity", "the kernel can hold a file to its root",
	 "nothing for replication: a root can still be compared by `fsverity digest`, but a file "
	 "cannot be sealed with it",
	 "nothing for replication: a root can still be compared by `fsverity digest`, but a file "
	 "cannot be sealed with it",
	 offsetof(struct capable, verity)},
};

struct doctor *doctor_new(const struct config *c, const char *only)
{
	struct doctor *d = xcalloc(1, sizeof(*d));

	d->role = c->role;
	d->patients = xcalloc(MAX(c->n_groups, 1u), sizeof(*d->patients));
	for (size_t i = 0; i < c->n_groups; i++) {
		if (only && strcmp(only, c->groups[i].name))
			continue;
		d->patients[d->n].name = xstrdup(c->groups[i].name);
		d->patients[d->n++].path = xstrdup(c->groups[i].path);
	}
	return d;
}

struct doctor *doctor_free(struct doctor *d)
{
	if (!d)
		return NULL;
	for (size_t i = 0; i < d->n; i++) {
		free(d->patients[i].name);
		free(d->patients[i].path);
		free(d->patients[i].distrust);
	}
	free(d->patients);
	free(d);
	return NULL;
}

void doctor_distrust(struct doctor *d, const char *group, const char *why)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->patients[i].name, group))
			continue;
		free(d->patients[i].distrust);
		d->patients[i].distrust = xstrdup(why);
	}
}

/* Where the daemon would work; a group that it has never opened has no such directory yet. */
static int open_own(const char *path, struct err *e)
{
	int own, fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	own = openat(fd, ".spokesync", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (own < 0)
		return fd;
	close(fd);
	return own;
}

void doctor_run(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct patient *p = &d->patients[i];
		int fd = open_own(p->path, &p->problem);

		if (fd < 0)
			continue;
		if (capable_find(fd, &p->can, &p->problem) == 0)
			p->problem.text[0] = '\0';
		close(fd);
	}
}

static json_t *ability_json(const struct doctor *d, const struct patient *p,
			    const struct ability *a)
{
	const char *costs = d->role == ROLE_HUB ? a->hub_costs : a->spoke_costs;
	bool can = *((const bool *)(const void *)((const char *)&p->can + a->at));
	json_t *o;

	if (!costs)
		return NULL;
	o = json_pack("{s:s, s:s, s:b}", "ability", a->what, "gives", a->gives, "there", can);
	if (can && p->distrust && a->at == offsetof(struct capable, extents)) {
		json_object_set_new(o, "there", json_false());
		json_object_set_new(o, "withdrawn", json_string(p->distrust));
		can = false;
	}
	json_object_set_new(o, "costs", can ? json_null() : json_string(costs));
	return o;
}

json_t *doctor_json(const struct doctor *d)
{
	json_t *groups = json_array();

	for (size_t i = 0; i < d->n; i++) {
		const struct patient *p = &d->patients[i];
		json_t *list = json_array();

		for (size_t k = 0; !p->problem.text[0] && k < ARRAY_LEN(abilities); k++) {
			json_t *o = ability_json(d, p, &abilities[k]);

			if (o)
				json_array_append_new(list, o);
		}
		json_array_append_new(
			groups,
			json_pack("{s:s, s:o, s:s, s:o, s:o}", "name", p->name, "path",
				  json_string(p->path) ?: json_string("(not UTF-8)"), "filesystem",
				  p->can.filesystem, "problem",
				  p->problem.text[0] ? json_string(p->problem.text) : json_null(),
				  "abilities", list));
	}
	return json_pack("{s:s, s:o}", "role", role_word(d->role), "groups", groups);
}
