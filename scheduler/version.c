/*
 * version.c: one settled content of one file, shared by the jobs that bring it and by the catalog.
 * Counted, because a catalog may have moved on while a job still ends.
 */
#include "scheduler/core.h"

#include <stdlib.h>

struct version *version_new(const char *group, const char *path)
{
	struct version *v = xcalloc(1, sizeof(*v));

	v->group = xstrdup(group);
	v->path = xstrdup(path);
	v->refs = 1;
	return v;
}

struct version *version_ref(struct version *v)
{
	v->refs++;
	return v;
}

struct version *version_unref(struct version *v)
{
	if (!v || --v->refs > 0)
		return NULL;
	free(v->group);
	free(v->path);
	free(v);
	return NULL;
}
