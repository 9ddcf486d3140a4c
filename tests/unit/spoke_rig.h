/*
 * spoke_rig.h: a spoke in this process, in a directory of its own, and the curl command that speaks
 * to it as its hub, over TLS. The loop runs while curl does.
 */
#ifndef SPOKESYNC_TESTS_SPOKE_RIG_H
#define SPOKESYNC_TESTS_SPOKE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "scheduler/daemon.h"
#include "transfer/key.h"
#include "transfer/wire.h"

struct rig {
	struct daemon d;
	struct node_key *hub_key;
	char dir[64];
	unsigned port;
	char lines[80]; /* more of its group's section: for rig_configure() */
};

int rig_setup(void **state);
int rig_teardown(void **state);
void rig_configure(struct rig *f); /* writes the configuration; rig_setup() did without lines */
void rig_start(struct rig *f);
void rig_stop(struct rig *f);
void rig_settle(struct rig *f); /* until no worker does anything for it */

/* Of the rig's directory, in which g is the group's. NULL: there is none; valid until the next. */
char *rig_get_text(struct rig *f, const char *name);
void rig_put_text(struct rig *f, const char *name, const char *text);
unsigned rig_count_preserved(struct rig *f);

/* curl as the hub: the answer's status, then its JSON, the caller's. */
long rig_curl(struct rig *f, json_t **ret, const char *args, const char *path);
bool rig_flag(const json_t *j, const char *name);
long rig_offer(struct rig *f, json_t **ret, const char *path, const char *root, size_t size);
/* A bundle of one literal frame for a text of less than a block; returns root and E in hex. */
void rig_make_bundle(struct rig *f, const char *text, char root[65], char id[65], size_t *ret_len);
/* Sends a text by offer, PUT in two pieces, and leaves it staged. */
void rig_send_text(struct rig *f, const char *path, const char *text, char root[65]);
void rig_publish_ops(struct rig *f, const struct wire_publish *p, struct wire_published *ret);
/* One operation; root and was in hex; was NULL: nothing lay there. */
void rig_publish(struct rig *f, enum wire_op_kind kind, const char *path, const char *root,
		 const char *was, struct wire_op_result *ret);
/* The number of the last change, when there is one after that, or so many seconds are over. */
uint64_t rig_changes(struct rig *f, uint64_t since, unsigned wait_s);

#endif
