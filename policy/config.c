/*
 * config.c: the configuration as a whole: made in steps (build.h), shared by count, looked up.
 */
#include "policy/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/build.h"

const char *role_word(enum role role)
{
	return role == ROLE_HUB ? "hub" : "spoke";
}

const char *notice_word(enum notice_event event)
{
	static const char *const words[NOTICE_EVENTS] = {"settled",  "staged", "publish",
							 "complete", "fail",   "late"};

	return words[event];
}

static struct build *build_of(const struct config *c)
{
	return container_of(c, struct build, c);
}

static int load(const char *file, bool identity, struct config **ret, struct config_errors *errors)
{
	struct build *b = build_new();
	struct err e;
	int r = load_files(b, file, &e);

	*errors = (struct config_errors){NULL, 0};
	if (r) {
		*errors = (struct config_errors){xcalloc(1, sizeof(char *)), 1};
		errors->text[0] = xstrdup(e.text);
		goto cleanup;
	}
	assign_all(b, identity);
	if (!identity) {
		resolve_all(b);
		check_all(b);
	}
	if (b->n_problems) {
		build_take_problems(b, errors);
		r = -EINVAL;
		goto cleanup;
	}
	*ret = &b->c;
	return 0;
cleanup:
	build_free(b);
	return r;
}

int config_load(const char *file, struct config **ret, struct config_errors *errors)
{
	return load(file, false, ret, errors);
}

int config_load_identity(const char *file, struct config **ret, struct config_errors *errors)
{
	return load(file, true, ret, errors);
}

void config_errors_done(struct config_errors *errors)
{
	for (size_t i = 0; i < errors->n; i++)
		free(errors->text[i]);
	free(errors->text);
	*errors = (struct config_errors){NULL, 0};
}

struct config *config_ref(struct config *c)
{
	__atomic_add_fetch(&build_of(c)->refs, 1, __ATOMIC_RELAXED);
	return c;
}

struct config *config_unref(struct config *c)
{
	if (c && !__atomic_sub_fetch(&build_of(c)->refs, 1, __ATOMIC_ACQ_REL))
		build_free(build_of(c));
	return NULL;
}

/* In arrays of structs that begin with their name, sorted by it. */
static int by_name(const void *name, const void *element)
{
	return strcmp(name, *(const char *const *)element);
}

const struct group_cfg *config_group(const struct config *c, const char *name)
{
	return bsearch(name, c->groups, c->n_groups, sizeof(*c->groups), by_name);
}

const struct spoke_cfg *config_spoke(const struct config *c, const char *name)
{
	return bsearch(name, c->spokes, c->n_spokes, sizeof(*c->spokes), by_name);
}

bool group_has_spoke(const struct group_cfg *g, const char *spoke)
{
	return g->n_spokes && bsearch(spoke, g->spokes, g->n_spokes, sizeof(*g->spokes), by_name);
}

const struct policy *config_policy_of(const struct group_cfg *g, const struct spoke_cfg *s)
{
	return s->policy ? s->policy : g->policy;
}
