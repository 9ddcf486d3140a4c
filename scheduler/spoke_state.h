/*
 * spoke_state.h: the running spoke's objects, shared by spoke*.c. Everything belongs to the loop
 * thread, but a transfer's staging object, which belongs to whatever runs in its lane.
 *
 *   spoke          one a daemon: the HTTPS server, the decoder, the groups
 *   spoke_group    a directory, its store, its database, what is being scanned and indexed
 *   spoke_transfer one content on its way in; made by an offer, or found in staging/ when asked for
 *
 * Work on worker threads is counted in spoke->works; the spoke stops when none is left.
 */
#ifndef SPOKESYNC_SCHEDULER_SPOKE_STATE_H
#define SPOKESYNC_SCHEDULER_SPOKE_STATE_H

#include <pthread.h>
#include <sys/queue.h>

#include <ev.h>

#include "scheduler/daemon.h"
#include "scheduler/db.h"
#include "scheduler/strmap.h"
#include "transfer/expiry.h"
#include "transfer/publish.h"
#include "transfer/server.h"
#include "transfer/staging.h"
#include "transfer/worker.h"

#define SPOKE_TRANSFERS_MAX   64u
#define SPOKE_UNSETTLED_NAMES 100u
#define SPOKE_SPOOL_ROOM      (32 * MIB) /* that a transfer needs beside its image */
/* Half of them for one address: each transfer's own, and as many for words, which are kept. */
#define SPOKE_CONNECTIONS_MAX (4 * SPOKE_TRANSFERS_MAX)

struct spoke_put;
struct spoke_offer;
struct spoke_scan;
struct spoke_pair;
struct spoke_scrub;
struct spoke_verify;
struct spoke_changes;
struct spoke_awaited;
struct spoke_protect;

struct spoke_transfer {
	struct spoke_group *group;
	struct hash root;
	char hex[HASH_HEX + 1];
	struct lane lane;
	struct staging *st; /* NULL: not open, or failed and to be opened again */
	bool loaded;	    /* it was looked for on disk */
	atomic_bool gone;   /* discarded or published: no more; the lane says so */
	bool finishing_failed;
	unsigned users; /* works and requests that hold it */
	struct spoke_put *put, *next_put;
	struct spoke_offer *waiter;   /* supersedes this one, and begins when nothing uses it */
	bool background;	      /* a fill or finish is submitted */
	uint64_t need, left;	      /* room promised to it, and not yet used: spoke_space.c */
	uint64_t spool;		      /* of need: what it holds until it is staged */
	char path[WIRE_PATH_MAX + 1]; /* where it is meant to go, for status */
	char error[200];
	uint64_t size, received;
	uint64_t proven_at; /* bytes, when room was promised */
	TAILQ_ENTRY(spoke_transfer) entry;
};
TAILQ_HEAD(spoke_transfer_list, spoke_transfer);

struct spoke_index_item {
	char *path;
	TAILQ_ENTRY(spoke_index_item) entry;
};
TAILQ_HEAD(spoke_index_list, spoke_index_item);

/* The source of an intent that brings nothing: what is there is to go. */
#define SPOKE_REMOVES "-"

/* In staging/: a copy under way of a content that lies here under another name. */
#define SPOKE_COPY "copy."

struct publishing;
TAILQ_HEAD(publishing_list, publishing);
struct watch;

struct spoke_group {
	struct spoke *spoke;
	const struct group_cfg *cfg; /* of the configuration in force */
	char *name;
	struct config *kept; /* no longer configured: the last configuration that had it */
	struct store *store; /* NULL: see problem */
	struct db *db;
	char problem[300];
	char epoch[33];
	uint64_t seq;
	uid_t uid; /* of published files; -1: as the directory */
	gid_t gid;
	struct spoke_transfer_list transfers;
	struct lane publish_lane;
	unsigned keep_counter;
	bool hashing_preserved;
	int64_t *unread; /* of preserved/: could not be read; tried again by spoke_tidy() */
	size_t n_unread;
	bool tidying, tidy_again;
	struct mono expired; /* when leaf records were last looked through */
	/* what lies there: scanned now and then, indexed one file at a time */
	struct spoke_scan *scan;
	ev_timer scan_timer;
	struct spoke_index_list to_index;
	bool indexing, scanned; /* at least once */
	/* written to so lately that the last scan left them for the next: some of their names */
	char *unsettled[SPOKE_UNSETTLED_NAMES];
	unsigned n_unsettled;
	bool scan_hint; /* one is to come soon */
	struct watch *watch;
	bool watch_failed, watch_full; /* said */
	struct publishing_list publishing;
	pthread_mutex_t space_lock;
	uint64_t promised, promised_left; /* of all transfers, those that rest too */
	struct strmap resting;		  /* spoke_resting.c */
	bool stocked;			  /* what rested at the start is known */
	unsigned idle_turn;
	struct spoke_awaited *awaited; /* what was refused: spoke_changes.c; or NULL */
	struct spoke_verify *verify;   /* the last one, under way or not; or NULL */
	struct spoke_scrub *scrub;
	struct spoke_protect *protect;
	char *indexing_path; /* while indexing */
	_Atomic uint64_t index_progress, index_size;
	/* steps of descents: one at a time */
	struct lane tree_lane;
	unsigned trees;
	TAILQ_ENTRY(spoke_group) entry;
};
TAILQ_HEAD(spoke_group_list, spoke_group);

struct spoke {
	struct daemon *d;
	struct server *server;
	struct assembler *assembler;
	struct spoke_group_list groups;
	struct spoke_changes *changes;
	struct spoke_pair *pair; /* a join code that waits for its hub, or NULL */
	atomic_bool cancel;	 /* long work ends early */
	unsigned works;
	bool stopping;
	void (*stopped)(struct daemon *d);
};

/* spoke.c */
bool spoke_pin_known(void *arg, const uint8_t pin[32]); /* arg: the spoke; is it a hub's? */
struct spoke_group *spoke_group_get(struct spoke *s, const char *name); /* or NULL */
void spoke_work_begun(struct spoke *s);
void spoke_work_ended(struct spoke *s); /* may call stopped() */

/* spoke_group.c */
struct spoke_group *spoke_group_new(struct spoke *s, const struct group_cfg *cfg) WARN_UNUSED;
struct spoke_group *spoke_group_free(struct spoke_group *g);
void spoke_group_configure(struct spoke_group *g, const struct group_cfg *cfg);
/* Worker: directories of the store that were deleted are made again, and that is said. */
int spoke_store_mend(struct spoke_group *g, struct err *e) WARN_UNUSED;
/* Opens store and database where they are not; false: problem says why not. */
bool spoke_group_ready(struct spoke_group *g);
/* The spoke's own, which nothing touches: a lock file, or by protect_local. */
bool spoke_path_own(const struct spoke_group *g, const char *path);
/* May this name come from the hub? Else *e says why not. */
bool spoke_path_allowed(const struct spoke_group *g, const char *path, struct err *e);

/* spoke_aside.c: as the database is opened, after a daemon that may have been killed. */
struct spoke_intent;
/* Of an intent without a source, a change that only puts aside what lies there: a deletion, or a
 * renaming over a file. It was done, or it is undone. */
int spoke_aside_intent(struct spoke_group *g, const struct spoke_intent *i) WARN_UNUSED;
/* What it put aside is listed. */
struct stat;
int spoke_aside_list(struct spoke_group *g, const struct spoke_intent *i,
		     const struct stat *st) WARN_UNUSED;
/* What lies in preserved/ and what is listed of it are made the same. */
int spoke_aside_sweep(struct spoke_group *g) WARN_UNUSED;

/* spoke_epoch.c: as the database is opened, and before it is closed. */
int spoke_epoch_open(struct spoke_group *g) WARN_UNUSED;
void spoke_epoch_close(struct spoke_group *g);

/* spoke_scan.c */
void spoke_scan_start(struct spoke_group *g);
void spoke_scan_soon(struct spoke_group *g); /* something happened there */
void spoke_scan_init(struct spoke_group *g);
void spoke_scan_stop(struct spoke_group *g);
void spoke_scan_resume(struct spoke_group *g); /* at once */

/* spoke_index.c */
void spoke_index_later(struct spoke_group *g, const char *path);
void spoke_index_go(struct spoke_group *g);   /* the next one that waits and may be read now */
void spoke_index_stop(struct spoke_group *g); /* none that waits is */
/* Its files that are not listed yet: left for the next scan (unsettled), or to be hashed. */
void spoke_each_new(struct spoke_group *g, void (*fn)(void *arg, const char *path, bool unsettled),
		    void *arg);
/* Is this path, or with NULL anything, yet to be looked at or hashed? */
bool spoke_hashing(const struct spoke_group *g, const char *path);

/* spoke_preserve.c: preserved/, in order: what must go by the limits goes. */
void spoke_preserve_trim(struct spoke_group *g);
/* Contents there that are not known are hashed, in the background. */
void spoke_preserve_hash(struct spoke_group *g);
bool spoke_preserve_unread(const struct spoke_group *g, int64_t id);
void spoke_preserve_again(struct spoke_group *g); /* also those that could not be read */

/* spoke_verify.c: contents are read again because somebody asks. */
void spoke_verify_begin(struct spoke_group *g, struct sreq *r);
void spoke_verify_tell(struct spoke_group *g, struct sreq *r);
void spoke_verify_free(struct spoke_group *g);

/* spoke_scrub.c: the same slowly, in windows of the configuration; begins, ends and follows it. */
void spoke_scrub_update(struct spoke_group *g);
void spoke_scrub_free(struct spoke_group *g);
struct json_t;
struct json_t *spoke_scrub_json(const struct spoke_group *g); /* null where there is none */

/* spoke_protect.c: follows the configuration, also of what was published before. */
void spoke_protect_update(struct spoke_group *g);
void spoke_protect_free(struct spoke_group *g);

/* spoke_tidy.c: what publications left to be done in the store, in the background. */
void spoke_tidy(struct spoke_group *g);

/* spoke_transfer.c */
struct spoke_transfer *spoke_transfer_get(const struct spoke_group *g, const struct hash *root);
struct spoke_transfer *spoke_transfer_make(struct spoke_group *g, const struct hash *root);
void spoke_transfer_hold(struct spoke_transfer *t);
void spoke_transfer_release(struct spoke_transfer *t); /* may free */
/* Lane: opens it where it is on disk and not yet open. -ENOENT where it is not. */
int spoke_transfer_open(struct spoke_transfer *t, struct err *e) WARN_UNUSED;
/* Lane: after an error of a staging call: closed where it is not to be trusted. Returns r. */
int spoke_transfer_check(struct spoke_transfer *t, int r);
/* Lane: unpins, closes, discards. changes: room for STAGING_PINS_MAX. Returns their count. */
unsigned spoke_transfer_destroy(struct spoke_transfer *t, struct identity_change *changes);

/* spoke_space.c: any thread. */
struct spoke_need {
	uint64_t disk;	/* that are still to be written */
	uint64_t quota; /* of them and what lies there already */
};
struct spoke_room {
	uint64_t disk, quota;
};
/* Promises it so much, instead of what it was promised before; false: there is not so much room for
 * it, and it is charged what lies there. ret: what there is beside what others were promised. */
bool spoke_space_take(struct spoke_transfer *t, const struct spoke_need *need,
		      const struct spoke_room *room, struct spoke_room *ret);
/* Promises it to a copy in staging, of no transfer: until it is written, and of the quota until
 * spoke_space_hold() gives it back. False: as above. */
bool spoke_space_copy(struct spoke_group *g, const struct spoke_need *need, uint64_t quota,
		      struct spoke_room *ret);
void spoke_space_written(struct spoke_group *g, uint64_t bytes); /* need.disk of it, or given up */
/* Loop: would it be promised to a new one now? */
bool spoke_space_fits(struct spoke_group *g, const struct spoke_need *need);
/* So much of what was to come has come. */
void spoke_space_progress(struct spoke_transfer *t, uint64_t part, uint64_t whole);
/* All of it is there and proven: its spool is done with. */
void spoke_space_staged(struct spoke_transfer *t);
void spoke_space_release(struct spoke_transfer *t);
uint64_t spoke_space_promised(struct spoke_group *g); /* bytes that are still to be written */
uint64_t spoke_space_used(struct spoke_group *g);     /* of the quota */
/* It is closed: what lies there is no longer its own, and returned. */
uint64_t spoke_space_rest(struct spoke_transfer *t);
void spoke_space_charge(struct spoke_transfer *t, uint64_t bytes); /* that lie there */
void spoke_space_hold(struct spoke_group *g, int64_t more);	   /* of no transfer */

/* spoke_resting.c: loop. */
void spoke_resting_put(struct spoke_group *g, const char *hex, uint64_t bytes);
uint64_t spoke_resting_take(struct spoke_group *g, const char *hex); /* bytes */
void spoke_resting_found(struct spoke_group *g, const struct expiry_transfer *all, size_t n);
/* Transfers of which the hub is asked whether it wants them. */
unsigned spoke_resting_idle(struct spoke_group *g, struct hash *ret, unsigned max);
void spoke_resting_free(struct spoke_group *g);

/* spoke_changes.c: who waits for room or for a lock file to go, and who is told that it is so. */
struct spoke_changes *spoke_changes_new(struct spoke *s) WARN_UNUSED;
struct spoke_changes *spoke_changes_free(struct spoke_changes *c); /* its requests are over */
void spoke_changes_request(struct spoke *s, struct sreq *r);
void spoke_changes_hint(struct spoke *s); /* a lock file may have gone */
void spoke_changes_room(struct spoke_group *g, const struct spoke_need *need); /* was refused */
void spoke_changes_lock(struct spoke_group *g, const char *path);	       /* is in use */
bool spoke_changes_wants_room(const struct spoke_group *g);
void spoke_changes_forget(struct spoke_group *g);

/* spoke_http.c and the verbs. One of the three is whose verb it is. */
struct spoke_verb {
	const char *method, *path; /* with GROUP and ROOT where these are */
	void (*spoke)(struct spoke *s, struct sreq *r);
	void (*group)(struct spoke_group *g, struct sreq *r);
	void (*transfer)(struct spoke_transfer *t, struct sreq *r);
};
extern const struct spoke_verb spoke_verbs[]; /* ends with a NULL method */
void spoke_http(void *arg, struct sreq *r);
void spoke_offer(struct spoke_group *g, struct sreq *r);
void spoke_offer_go_on(struct spoke_offer *x, struct spoke_transfer *old); /* nothing uses old */
void spoke_put_request(struct spoke_transfer *t, struct sreq *r);
void spoke_put_heard(struct spoke_transfer *t);	  /* the hub is alive, though its PUT rests */
void spoke_put_end_all(struct spoke_transfer *t); /* closes the connections of its PUTs */
void spoke_publish_request(struct spoke_group *g, struct sreq *r);
void spoke_tree(struct spoke_group *g, struct sreq *r);
void spoke_position_request(struct spoke_transfer *t, struct sreq *r);
void spoke_delete_request(struct spoke_transfer *t, struct sreq *r);
/* spoke_refusal.c */
unsigned spoke_refusal_status(enum wire_refusal r); /* HTTP */
void spoke_refuse(struct wire_position *p, enum wire_refusal why, const char *text);
/* There is not so much room: which is missing, in words; never: it is more than all of the quota.
 */
enum wire_refusal spoke_refusal_room(const struct spoke_need *need, const struct spoke_room *left,
				     uint64_t quota, bool *ret_never, char ret_text[200]);
/* The disk said that it is full, or a quota used up. Where there is room by the figures they are
 * no change to wait for: that is an error like any other, and tried again. */
enum wire_refusal spoke_refusal_full(const struct spoke_group *g, uint64_t need,
				     uint64_t *ret_free);
/* After a PUT: its answer's status, with the refusal and its words in *p, where error is not 0. */
unsigned spoke_refusal_put(const struct spoke_transfer *t, int error, const char *text,
			   struct wire_position *p);
void spoke_reply_position(struct sreq *r, unsigned status, const struct wire_position *p);

#endif
