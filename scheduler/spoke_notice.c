/*
 * spoke_notice.c: see spoke_notice.h.
 */
#include "scheduler/spoke_notice.h"

#include <string.h>

#include "scheduler/canary.h"
#include "scheduler/facts.h"
#include "scheduler/notices.h"

void spoke_notice(struct spoke_group *g, const char *kind, const char *path,
		  const struct hash *root, uint64_t size)
{
	struct notices *n = g->spoke->d->notices;
	char hex[HASH_HEX + 1] = "";
	json_t *o;

	if (canary_is(path) || !notices_wanted(g->cfg, NOTICE_PUBLISH))
		return;
	if (strcmp(kind, "delete"))
		hash_hex(root, hex);
	o = json_pack("{s:o, s:s, s:s, s:I, s:o}", "path", facts_text(path), "kind", kind, "root",
		      hex, "size", (json_int_t)size, "file",
		      json_sprintf("%s/%s", g->cfg->path, path) ?: json_string(""));
	notices_tell(n, g->cfg, NOTICE_PUBLISH, o);
	notices_commit(n);
}
