/*
 * inspect_json.c: see inspect_json.h. What is not known is null, and a note says why.
 */
#include "scheduler/inspect_json.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/sets.h"
#include "scheduler/facts.h"
#include "scheduler/why.h"
#include "transfer/manifest.h"
#include "scheduler/ties.h"

#define SHARES_MAX   200
#define MISSING_SAID 20

static json_t *hex_or_null(const struct hash *h)
{
	char hex[HASH_HEX + 1];

	return h ? json_string(hash_hex(h, hex)) : json_null();
}

/* The content under another path of the group, as the search for others has it. */
static const struct hash *root_of(const struct inspect *x, const char *path)
{
	if (!strcmp(path, x->path))
		return x->has_root ? &x->root : NULL;
	for (size_t i = 0; i < x->n_others; i++)
		if (!strcmp(x->others[i].path, path))
			return &x->others[i].root;
	return NULL;
}

/* Null: its headers say nothing, or it is not known. */
static json_t *clean(const struct container *c)
{
	if (!c->known && c->fault == CONTAINER_SOUND)
		return json_null();
	return json_boolean(c->fault == CONTAINER_SOUND);
}

static json_t *size_or_null(bool known, uint64_t size)
{
	return known && size <= INT64_MAX ? json_integer((json_int_t)size) : json_null();
}

static json_t *container_json(const struct container *c)
{
	const struct guard *g = guard_of_fault(c->fault);

	return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "format",
			 container_format_word(c->format), "known", c->known, "kind",
			 facts_text(c->known ? c->kind : NULL), "virtual_size",
			 size_or_null(c->known, c->virtual_size), "block_size",
			 size_or_null(c->known, c->block_size), "clean", clean(c), "fault",
			 facts_text(g ? g->word : NULL), "unclean",
			 facts_text(container_fault_text(c->fault)), "parent",
			 facts_text(c->has_parent ? c->parent : NULL));
}

static json_t *chain_json(const struct inspect *x)
{
	json_t *chain = json_array(), *o;

	for (unsigned i = 0; i < x->n_links; i++) {
		const struct inspect_link *l = &x->links[i];

		o = l->present ? container_json(&l->container) : json_object();
		json_object_set_new(o, "path", facts_text(l->path));
		json_object_set_new(o, "present", json_boolean(l->present));
		json_object_set_new(o, "root", hex_or_null(root_of(x, l->path)));
		json_object_set_new(o, "exact",
				    l->match == MATCH_UNSAID ? json_null()
							     : json_boolean(l->match == MATCH_YES));
		json_array_append_new(chain, o);
	}
	return chain;
}

static json_t *shares_json(const struct inspect *x, size_t *ret_compared)
{
	json_t *shares = json_array();

	*ret_compared = 0;
	for (size_t i = 0; i < x->n_others; i++) {
		const struct inspect_other *o = &x->others[i];

		*ret_compared += o->compared;
		if (!o->percent || json_array_size(shares) == SHARES_MAX)
			continue;
		json_array_append_new(
			shares, json_pack("{s:o, s:o, s:i}", "path", facts_text(o->path), "root",
					  hex_or_null(&o->root), "percent", (int)o->percent));
	}
	return shares;
}

static void note_untold(const struct inspect *x, json_t *out)
{
	const struct inspect_link *last = &x->links[x->n_links - 1];

	if (last->container.untold)
		why_say(out,
			"%s holds the differences from another image, and its headers do not tell "
			"from which: where the group is published in sets, its set is held.",
			last->path);
}

static void note_chain(const struct inspect *x, json_t *out)
{
	for (unsigned i = 1; i < x->n_links; i++) {
		const struct inspect_link *l = &x->links[i], *above = &x->links[i - 1];

		if (!l->present)
			why_say(out,
				"%s builds on %s, which is not in this group: whether the chain is "
				"whole cannot be said.",
				above->path, above->container.parent);
		else if (l->match == MATCH_NO)
			why_say(out,
				"%s is not the content that %s was made from: with it the disk would "
				"be damaged.",
				l->path, above->path);
		else if (l->match == MATCH_UNSAID)
			why_say(out,
				"Whether %s is the content that %s was made from cannot be said: its "
				"headers do not tell.",
				l->path, above->path);
	}
	note_untold(x, out);
	if (x->circular)
		why_say(out, "The chain comes back to itself: nobody can open it.");
	if (x->endless)
		why_say(out, "The chain is longer than %d images; the rest was not looked at.",
			INSPECT_CHAIN);
}

static void note_use(const struct inspect *x, json_t *out)
{
	const struct container *c = &x->links[0].container;
	const struct guard *fault = guard_of_fault(c->fault);

	if (x->guard)
		why_say(out, "It is in use: %s%s%s. %s", guard_says(x->guard),
			*x->lock_name ? ": " : "", x->lock_name, x->guard->advice);
	if (x->blind && !x->guard)
		why_say(out, "%s", guard_blind_text);
	if (fault)
		why_say(out, "It is not clean: %s. %s", guard_says(fault), fault->advice);
	if (c->format == CONTAINER_RAW && sets_rank(x->path) != SET_MANIFEST)
		why_say(out,
			"What is in it is not looked at: by its extension it is none of .vhd, .avhd, "
			".vhdx, .avhdx, .qcow2, and a guest can write what it wants into a raw image.");
	else if (c->format != CONTAINER_RAW && !c->known && !fault)
		why_say(out,
			"Its headers make no sense as %s, so nothing can be said of its disk: it is "
			"replicated as the bytes that it is.",
			container_format_word(c->format));
	if (c->outside)
		why_say(out, "Its data lies in another file, and which that is is not looked at.");
}

/* What a manifest lists, in the order of the letters, whatever their case. */
struct listed {
	const char *name;
	bool there;
};

struct listing {
	struct listed *list;
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	return strcasecmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

static void list_path(void *arg, const char *path, const char *why)
{
	const struct listing *l = arg;
	const struct listed key = {.name = path_last(path)};
	struct listed *found = l->n ? bsearch(&key, l->list, l->n, sizeof(key), by_name) : NULL;

	(void)why;
	/* Of names that differ by their case alone the one before is as much this one. */
	while (found && found > l->list && !by_name(found - 1, &key))
		found--;
	for (; found && found < l->list + l->n && !by_name(found, &key); found++)
		found->there = true;
}

static void list_version(void *arg, const struct version *v)
{
	if (!v->deleted)
		list_path(arg, v->path, NULL);
}

/* names is cut into its lines. */
static struct listing listing_of(struct hub *h, const char *group, char *names)
{
	struct listing l = {xcalloc(MANIFEST_NAMES_MOST, sizeof(struct listed)), 0};
	char *name, *rest;

	for (name = strtok_r(names, "\n", &rest); name && l.n < MANIFEST_NAMES_MOST;
	     name = strtok_r(NULL, "\n", &rest))
		l.list[l.n++].name = name;
	qsort(l.list, l.n, sizeof(*l.list), by_name);
	hub_versions(h, group, list_version, &l);
	hub_unsettled(h, group, list_path, &l);
	return l;
}

static void note_listing(const struct listing *l, json_t *out)
{
	size_t missing = 0;

	for (size_t i = 0; i < l->n; i++)
		if (!l->list[i].there && ++missing <= MISSING_SAID)
			why_say(out, "It lists %s, which is not in this group.", l->list[i].name);
	if (missing > MISSING_SAID)
		why_say(out, "It lists %zu more that are not.", missing - MISSING_SAID);
	if (l->n && !missing)
		why_say(out, "It lists names: %zu. All of them are in this group.", l->n);
	if (missing)
		why_say(out, "Where the group is published in sets, its set waits for them.");
}

/* Null where it is no manifest, or one that is not looked at. */
static json_t *lists_json(struct hub *h, const char *group, const struct inspect *x, json_t *notes)
{
	struct listing l;
	json_t *lists;
	char *names;

	if (x->manifest_error)
		why_say(notes, "Not all that it lists is known: %s.",
			ties_error(x->manifest_error));
	if (!x->names)
		return json_null();
	names = xstrdup(x->names);
	l = listing_of(h, group, names);
	lists = json_array();
	for (size_t i = 0; i < l.n; i++)
		json_array_append_new(lists,
				      json_pack("{s:o, s:b}", "name", facts_text(l.list[i].name),
						"present", l.list[i].there));
	note_listing(&l, notes);
	free(l.list);
	free(names);
	return lists;
}

struct state {
	const char *path;
	char words[300];
	const struct version *version;
};

static void state_words(void *arg, const char *path, const char *why)
{
	struct state *s = arg;

	if (!strcmp(path, s->path))
		strncpy(s->words, why ? why : "", sizeof(s->words) - 1);
}

static void state_version(void *arg, const struct version *v)
{
	struct state *s = arg;

	if (!strcmp(v->path, s->path) && !v->deleted)
		s->version = v;
}

static void note_content(const struct inspect *x, const struct state *s, size_t compared,
			 json_t *out)
{
	if (!x->has_root) {
		why_say(out,
			"It is not replicated as it is now (%s), so its root, and where else its "
			"blocks are, cannot be said.",
			*s->words ? s->words : "it is not known yet");
		return;
	}
	if (*s->words)
		why_say(out,
			"What lies there now is not settled (%s); root and blocks are those of the "
			"version before.",
			s->words);
	if (compared < x->n_others)
		why_say(out, "Only %zu of %zu other contents could be compared.", compared,
			x->n_others);
	why_say(out,
		"How much others have of it is estimated by a sample of its blocks; spokes' own "
		"files and preserved versions are not counted.");
}

json_t *inspect_json(struct hub *h, const char *group, const struct inspect *x)
{
	struct state s = {.path = x->path};
	json_t *o = container_json(&x->links[0].container), *notes = json_array(), *shares;
	size_t compared;

	hub_versions(h, group, state_version, &s);
	hub_unsettled(h, group, state_words, &s);
	hub_skipped(h, group, state_words, &s);
	shares = shares_json(x, &compared);
	note_use(x, notes);
	note_chain(x, notes);
	json_object_set_new(o, "lists", lists_json(h, group, x, notes));
	note_content(x, &s, compared, notes);
	json_object_set_new(o, "group", facts_text(group));
	json_object_set_new(o, "path", facts_text(x->path));
	json_object_set_new(o, "size", json_integer((json_int_t)x->size));
	json_object_set_new(o, "allocated", json_integer((json_int_t)x->allocated));
	json_object_set_new(o, "mtime", facts_time((struct wall){x->mtime_s}));
	json_object_set_new(o, "in_use", facts_text(x->guard ? x->guard->word : NULL));
	json_object_set_new(o, "version",
			    s.version ? json_integer((json_int_t)s.version->id) : json_null());
	json_object_set_new(o, "state", facts_text(*s.words ? s.words : "settled"));
	json_object_set_new(o, "root", hex_or_null(x->has_root ? &x->root : NULL));
	json_object_set_new(o, "chain", chain_json(x));
	json_object_set_new(o, "shares", shares);
	json_object_set_new(o, "compared", json_integer((json_int_t)compared));
	json_object_set_new(o, "notes", notes);
	return o;
}
