/*
 * hub_state.h: what the files of the hub share, and no other file sees: the hub, its groups with
 * their files, its spokes with what they hold, and its jobs.
 *
 *   hub -> groups -> files -> the current version of each (counted: jobs hold versions too)
 *   hub -> spokes -> inventories (one for each group of that spoke) -> items of its inventory
 *   core's job -> hub_job (job->user): the push and its figures
 *
 * All of it belongs to the loop thread; workers get copies or file descriptors.
 */
#ifndef SPOKESYNC_SCHEDULER_HUB_STATE_H
#define SPOKESYNC_SCHEDULER_HUB_STATE_H

#include <ev.h>
#include <sys/queue.h>

#include "scheduler/core.h"
#include "scheduler/daemon.h"
#include "scheduler/greetings.h"
#include "scheduler/hub.h"
#include "scheduler/hub_db.h"
#include "scheduler/settle.h"
#include "scheduler/strmap.h"
#include "transfer/push.h"
#include "transfer/shaper.h"
#include "transfer/worker.h"

#define HUB_INDEXING 8u /* files indexed side by side, at most */

/* One settled content, as core's struct version, and where its bytes are. Counted. */
struct hub_version {
	struct version *v;
	struct hub_group *group;
	struct identity identity; /* of the live file */
	bool generation;	  /* its bytes are in .spokesync/gen/<id>; else the live file */
	struct kept kept;	  /* that file, as it was made; ino 0: not known */
	struct wall read;	  /* trust.h */
	/* The content that it shared most of its bytes on disk with when it was indexed, found by
	 * extents: the file that it is a changed copy of, whatever its name. */
	bool has_origin;
	struct hash origin;
	/* What it says of others, and the content of its parent which it was first published with:
	 * hub_sets.c. */
	struct ties ties;
	bool rests;
	struct hash rests_on;
	bool current;
	bool news;	/* a spoke was brought it, and did not only turn out to have it */
	bool completed; /* and that all have it was told */
	unsigned refs;
};

struct hub_set;
TAILQ_HEAD(hub_set_list, hub_set);

enum file_state {
	FILE_SETTLING,
	FILE_READY, /* settled; waits to be indexed */
	FILE_INDEXING,
	FILE_CURRENT, /* what lies there is the current version (or nothing lies there any more) */
	FILE_SKIPPED,
};

/* One path of a group, as far as anything is known of it. */
struct hub_file {
	struct hub_group *group;
	char *path;
	enum file_state state;
	struct settle settle;
	struct guard_mark mark; /* of the last look at its headers */
	char *lock;		/* the lock file that holds it, or NULL */
	struct mono due;	/* while settling */
	uint32_t mode;
	struct hub_version *current; /* the last one catalogued (may be a tombstone), or NULL */
	struct indexing *indexing;
	bool doubt;    /* a push found other bytes there than the index has: read it again */
	char *words;   /* why it is skipped, or what went wrong at the last try */
	uint64_t scan; /* the last scan that saw it */
	/* What it is published with (hub_sets.c); NULL: none, or not known yet. */
	struct hub_set *set;
	struct hub_file *up; /* its parent; valid while the sets are */
	uint8_t set_rank;    /* enum set_rank */
	bool orphan;
	char *missing;		     /* what its manifest lists and is not there, or NULL */
	TAILQ_ENTRY(hub_file) entry; /* group->settling, or hub->ready */
};
TAILQ_HEAD(hub_file_list, hub_file);

struct indexing;
TAILQ_HEAD(indexing_list, indexing);

struct hub_old; /* hub_old.c */
TAILQ_HEAD(hub_old_list, hub_old);

struct hub_group {
	struct hub *hub;
	unsigned refs; /* the hub's own, versions, indexing */
	char *name;
	const struct group_cfg *cfg; /* of the configuration in force */
	char *path;
	int dirfd, gen_dirfd; /* -1: see problem */
	uint64_t dev;
	char problem[256];  /* why it stands still, or "" */
	bool vanished;	    /* that is why: too many files, or all, were gone at once */
	bool confirmed;	    /* a person let them go */
	bool exchanged;	    /* that is why: another directory lies there, or an empty one */
	bool accepted;	    /* a person says that it is right */
	bool no_reflink;    /* a clone was refused: files are read where they lie */
	bool told_blind;    /* that writers of some of its files are not seen */
	char distrust[256]; /* why extents are not believed there (trust.h), or "" */
	struct strmap files;
	struct hub_set_list sets;
	bool sets_changed,
		sets_look;	 /* names came or went; something of a set is to be looked at */
	struct hub_old_list old; /* former versions, kept for their bytes; oldest first */
	struct hub_file_list settling; /* by due */
	uint64_t n_files, n_bytes, n_skipped, n_unsettled, n_tombstones, n_indexing;
	struct watch *watch;
	bool watch_full; /* the limit of watches was met, and said */
	ev_timer scan_timer;
	struct survey *survey; /* while one runs */
	uint64_t scan_wanted, scan_begun, scan_ended;
	TAILQ_ENTRY(hub_group) entry;
};
TAILQ_HEAD(hub_group_list, hub_group);

/* One content in a spoke's inventory. */
struct inventory_item {
	struct hash root;
	uint64_t size;
	struct wire_time mtime;
	uint32_t mode;
	uint64_t told;	  /* the version whose mtime and mode it was given, or 0 */
	unsigned retimes; /* so often its time was changed there, and set again */
	char path[];
};

/* What one spoke holds of one group. */
struct inventory {
	struct hub_spoke *spoke;
	char *group;
	char epoch[33]; /* "": never told */
	uint64_t seq;
	uint64_t free_bytes;
	bool hashing;		/* more lies there than it lists */
	bool deletions_look;	/* something that deletions there wait for may be over */
	struct strmap items;	/* path -> struct inventory_item */
	size_t bytes;		/* of those */
	struct hash *preserved; /* sorted; NULL, or room for WIRE_PRESERVED_MAX */
	unsigned n_preserved;
	struct mono put_at;  /* the last publication there; at first, when it was made */
	struct strmap drift; /* path -> struct drift (drift.h) */
	unsigned foreign_told, drift_told; /* since the last greeting began to be believed */
	TAILQ_ENTRY(inventory) entry;
};
TAILQ_HEAD(inventory_list, inventory);

/* A node of the shaper for what one policy (or override) lets through to one spoke. */
struct rate_node {
	struct shaper_node *node;
	unsigned users; /* pushes; without any it goes at the end of the turn */
	TAILQ_ENTRY(rate_node) entry;
	char key[];
};
TAILQ_HEAD(rate_node_list, rate_node);

struct hub_spoke {
	struct hub *hub;
	char *name;
	struct spoke_state *state;
	struct peer *peer;
	struct shaper_node *node;
	struct shaper_node *words; /* below node: greetings and publications are charged here */
	struct rate_node_list rates;
	struct inventory_list inventories;
	TAILQ_HEAD(, publishing) publishing;
	struct greeting *greeting; /* while one is under way */
	uint64_t greeted_version;  /* the newest when the last that ended began; or 0 */
	struct greet_turn turn;	   /* of that */
	struct word *changes;	   /* hub_changes.c: the question under way, or NULL */
	uint64_t changes_seen;	   /* its last answer */
	bool changes_mute;	   /* it has none */
	struct mono changes_next;  /* at a question a second the next would be due then */
	unsigned n_jobs;	   /* unfinished */
	bool told_down;		   /* and logged */
	bool told_key;		   /* that a key is refused, until it is up again */
	bool told_zone;		   /* that its time zone is not known here */
	TAILQ_ENTRY(hub_spoke) entry;
};
TAILQ_HEAD(hub_spoke_list, hub_spoke);

/* What drives a job of the core. */
struct hub_job {
	struct hub *hub;
	struct job *job;
	struct hub_version *version; /* NULL once the job is over */
	struct hub_spoke *spoke;
	struct push *push;
	struct prepare *prepare;     /* a worker chooses bases */
	struct hub_descent *descent; /* what the spoke is asked, or was (hub_descent.c); or NULL */
	bool satisfied;		     /* the spoke had it before anything was sent */
	bool begun;		     /* a push ended that may have left a transfer there */
	bool found;		     /* the inventory lists it: nothing was published for it */
	bool stop;		     /* asked for while that goes on */
	struct publishing *publishing;
	struct rate_node *rate; /* what its push hangs under */
	int fd;			/* the content while a push exists, or -1 */
	bool have;		/* the spoke holds the content under another path */
	unsigned base_refusals; /* in a row */
	bool no_rename;		/* refused once: the content is copied there */
	unsigned n_bases;
	int effort; /* that its push was given */
	bool has_partial;
	struct hash partial;
	struct job_counters before;  /* all pushes that ended, and before a restart */
	struct push_sent sent;	     /* of the last of these that sent anything */
	struct job_counters counted; /* of these, what the history has (hub_history.c) */
	struct mono push_since;
	uint64_t sampled; /* wire bytes at the last tick, for the speed */
	struct mono sampled_at, recorded_at;
	double speed;		    /* bytes/s lately */
	TAILQ_ENTRY(hub_job) entry; /* hub->pushing, while a push or its preparation exists */
	bool on_pushing;
	bool told_stuck; /* that it is larger than the spoke will ever take */
};
TAILQ_HEAD(hub_job_list, hub_job);

struct hub {
	struct daemon *d;
	struct core *core;
	struct db *db;
	bool in_tx;
	char boot_id[40];
	struct http *http;
	struct shaper *shaper;
	struct shaper_node *planned; /* the hub's own policy: of all that no override governs */
	struct bundler *bundler;
	int state_dirfd, index_dirfd, cache_dirfd;
	struct hub_group_list groups;
	struct hub_spoke_list spokes;
	struct greetings greetings;
	struct hub_job_list pushing;
	struct hub_file_list ready;
	struct indexing_list hashing;  /* files being read, by turns */
	unsigned n_indexing, n_slices; /* of them; their works under way */
	uint64_t last_version;
	struct override *overrides; /* as they are on disk: copies */
	size_t n_overrides;
	ev_prepare prepare;
	ev_idle again;
	ev_timer plan_timer, settle_timer, tick;
	ev_periodic minute;
	unsigned minutes;
	struct mono grace_due; /* when a deletion is no longer held by delete_grace */
	bool deletions_look;   /* of some inventory */
	bool kicked, recovering, stopping;
	ev_timer stop_timer;
	void (*stopped)(struct daemon *d);
};

/* Opens a transaction that the end of the loop's turn commits: one fsync for all that a turn did.
 */
void hub_tx(struct hub *h);
/* Says what could not be recorded. The hub goes on: what it forgets it can ask for again. */
void hub_recorded(struct hub *h, int r, const char *what);
struct hub_group *hub_group(struct hub *h, const char *name); /* or NULL */
struct hub_spoke *hub_spoke(struct hub *h, const char *name); /* or NULL */

#endif
