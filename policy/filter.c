/*
 * filter.c: which files of a group take part, and which line of the configuration says so.
 *
 * Excludes are asked first: one that matches ends it. A pattern that runs into the limits of
 * match.c excludes the file too, because nobody can say what it would have answered; filter_any(),
 * which protects files, then answers yes for the same reason.
 */
#include "policy/filter.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/match.h"

#define PATTERNS_MOST 256 /* of one group, includes and excludes together */

struct rule {
	bool include;
	char *pattern;
	struct match *match;
	struct origin at;
};

struct filter {
	struct rule *rules;
	size_t n;
	bool has_include;
};

struct filter *filter_new(void)
{
	return xcalloc(1, sizeof(struct filter));
}

struct filter *filter_free(struct filter *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; i < f->n; i++) {
		free(f->rules[i].pattern);
		match_free(f->rules[i].match);
	}
	free(f->rules);
	free(f);
	return NULL;
}

int filter_add(struct filter *f, bool include, const char *pattern, struct origin at, struct err *e)
{
	struct match *m;
	int r;

	if (f->n >= PATTERNS_MOST)
		return err_set(e, -E2BIG, "more than %d patterns", PATTERNS_MOST);
	r = match_new(pattern, MATCH_ANYWHERE, &m, e);
	if (r)
		return r;
	f->rules = xrealloc(f->rules, (f->n + 1) * sizeof(*f->rules));
	f->rules[f->n++] = (struct rule){include, xstrdup(pattern), m, at};
	f->has_include |= include;
	return 0;
}

static void decided(const struct rule *rule, bool in, bool limit_hit, struct filter_verdict *ret)
{
	*ret = (struct filter_verdict){
		.in = in,
		.pattern = rule->pattern,
		.origin = rule->at,
		.limit_hit = limit_hit,
	};
}

/* True where a rule of this kind decided. */
static bool try_rules(const struct filter *f, bool include, const char *path,
		      struct filter_verdict *ret)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct rule *rule = &f->rules[i];
		int r;

		if (rule->include != include)
			continue;
		r = match_test(rule->match, path);
		if (r) {
			decided(rule, r > 0 && include, r < 0, ret);
			return true;
		}
	}
	return false;
}

void filter_path(const struct filter *f, const char *path, struct filter_verdict *ret)
{
	*ret = (struct filter_verdict){.in = !f || !f->has_include};
	if (!f || try_rules(f, false, path, ret))
		return;
	try_rules(f, true, path, ret);
}

bool filter_any(const struct filter *f, const char *path)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (match_test(f->rules[i].match, path))
			return true;
	return false;
}
