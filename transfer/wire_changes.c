/*
 * wire_changes.c: a hub asks a spoke to say when something that jobs wait for is free there.
 */
#include "transfer/wire_json.h"

#include <stdlib.h>

char *wire_changes_path(uint64_t since, unsigned wait_s)
{
	return since ? xasprintf("/v1/changes?since=%llu&wait=%u", (unsigned long long)since,
				 wait_s)
		     : xasprintf("/v1/changes?wait=%u", wait_s);
}

char *wire_changes_encode(uint64_t seq)
{
	return wire_out_end(json_pack("{s:o}", "seq", wire_out_u64(seq)));
}

int wire_changes_decode(const char *json, size_t len, uint64_t *ret_seq, struct err *e)
{
	struct wire_in in;
	uint64_t seq;
	int r;

	wire_in_begin(&in, json, len, e);
	seq = wire_in_u64(&in, in.root, "seq", INT64_MAX, true);
	r = wire_in_end(&in);
	if (r == 0)
		*ret_seq = seq;
	return r;
}
