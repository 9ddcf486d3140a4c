/*
 * wire_hello.c: what a spoke says of itself: version, software, time zone, and per group the
 * inventory's epoch and sequence, free space and whether it can reflink.
 */
#include "transfer/wire_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *wire_hello_encode(const struct wire_hello *h)
{
	json_t *groups = json_array();

	for (size_t i = 0; i < h->n_groups; i++) {
		const struct wire_group *g = &h->groups[i];

		json_array_append_new(
			groups,
			json_pack("{s:s, s:s, s:o, s:o, s:b, s:b, s:o*, s:o*}", "name", g->name,
				  "epoch", g->epoch, "seq", wire_out_u64(g->seq), "free",
				  wire_out_u64(g->free_bytes), "reflink", g->reflink, "hashing",
				  g->hashing, "idle",
				  g->n_idle ? wire_out_hashes(g->idle, g->n_idle) : NULL,
				  "preserved",
				  g->has_preserved ? wire_out_hash(&g->preserved_tag) : NULL));
	}
	return wire_out_end(json_pack("{s:i, s:o, s:o, s:o}", "version", (int)h->version,
				      "software", wire_out_text(h->software), "zone",
				      wire_out_text(h->zone), "groups", groups));
}

/* The name may end up in a file name below the zone directory. */
static bool zone_ok(const char *zone)
{
	return zone[0] != '/' && !strstr(zone, "..") &&
	       !zone[strspn(zone, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_+-/")];
}

static void decode_group(struct wire_in *in, const json_t *obj, struct wire_group *g)
{
	wire_in_str(in, obj, "name", g->name, sizeof(g->name), true);
	if (!in->error && !wire_name_ok(g->name))
		wire_in_fail(in, -EBADMSG, "a group's name has characters that are not allowed");
	wire_in_epoch(in, obj, g->epoch);
	g->seq = wire_in_u64(in, obj, "seq", INT64_MAX, true);
	g->free_bytes = wire_in_u64(in, obj, "free", INT64_MAX, false);
	g->reflink = wire_in_bool(in, obj, "reflink");
	g->hashing = wire_in_bool(in, obj, "hashing");
	wire_in_hashes(in, obj, "idle", g->idle, WIRE_IDLE_MAX, &g->n_idle);
	g->has_preserved = wire_in_hash(in, obj, "preserved", &g->preserved_tag, false);
}

int wire_hello_decode(const char *json, size_t len, struct wire_hello *ret, struct err *e)
{
	struct wire_hello h = {0};
	struct err version;
	struct wire_in in;
	const json_t *groups;
	size_t n;
	int r;

	wire_in_begin(&in, json, len, e);
	h.version = (uint32_t)wire_in_u64(&in, in.root, "version", UINT32_MAX, true);
	if (!in.error && !wire_version_ok(h.version, &version))
		wire_in_fail(&in, -EBADMSG, "%s", version.text);
	wire_in_text(&in, in.root, "software", h.software, sizeof(h.software));
	wire_in_str(&in, in.root, "zone", h.zone, sizeof(h.zone), false);
	if (!in.error && !zone_ok(h.zone))
		wire_in_fail(&in, -EBADMSG, "member \"zone\" is not a zone's name");
	groups = wire_in_array(&in, in.root, "groups", WIRE_GROUPS_MAX, &n);
	if (n > 0)
		h.groups = xcalloc(n, sizeof(*h.groups));
	for (size_t i = 0; i < n; i++)
		decode_group(&in, wire_in_item(&in, groups, i), &h.groups[h.n_groups++]);
	r = wire_in_end(&in);
	if (r < 0) {
		wire_hello_done(&h);
		return r;
	}
	*ret = h;
	return 0;
}

void wire_hello_done(struct wire_hello *h)
{
	free(h->groups);
	h->groups = NULL;
	h->n_groups = 0;
}
