/*
 * config.h: the configuration as one immutable value. Made whole by config_load(), shared by
 * reference count, replaced whole on reload, never changed. Strings belong to it.
 */
#ifndef SPOKESYNC_POLICY_CONFIG_H
#define SPOKESYNC_POLICY_CONFIG_H

#include "policy/base.h"
#include "policy/deadline.h"
#include "policy/lockfile.h"
#include "policy/units.h"

struct filter;
struct match;
struct zone;

enum role { ROLE_NONE, ROLE_HUB, ROLE_SPOKE };
const char *role_word(enum role role); /* not of ROLE_NONE */
enum publish_mode { PUBLISH_FILE, PUBLISH_SPOKE, PUBLISH_EVERYWHERE };
enum verify_mode { VERIFY_CHANGED, VERIFY_FULL };
enum protect_mode { PROTECT_NONE, PROTECT_MODE };
enum unclean_mode { UNCLEAN_HOLD, UNCLEAN_SEND };
enum drift_mode { DRIFT_REPAIR, DRIFT_REPORT };
enum zone_kind { ZONE_NAMED, ZONE_UTC, ZONE_SPOKE };

/* What happened to a file, as hooks and webhooks are told it. */
enum notice_event {
	NOTICE_SETTLED,	 /* hub: it has settled and is read: it will be sent */
	NOTICE_STAGED,	 /* hub: it is all there on a spoke, and proven */
	NOTICE_PUBLISH,	 /* spoke: it lies there under its name (or is gone, or has new times) */
	NOTICE_COMPLETE, /* hub: the last spoke of the group has it */
	NOTICE_FAIL,	 /* hub: it goes no further until a person acts */
	NOTICE_LATE,	 /* hub: it will miss its deadline */
	NOTICE_EVENTS
};
const char *notice_word(enum notice_event event); /* "settled", ... */

#define CONFIG_PINS_MAX 4	 /* keys of one peer; more than one only while rotating */
#define CONFIG_NAME_MAX 64	 /* of a group, spoke or policy: [A-Za-z0-9._-] */
#define PIN_TEXT	(7 + 64) /* "sha256:" and 64 hex digits */

/* Where a value was written. line 0: the built-in default. */
struct origin {
	const char *file;
	unsigned line;
};

/* A public key: SHA-256 of the DER SubjectPublicKeyInfo. */
struct pin {
	uint8_t sha256[32];
};

/* One window = or date = line, in the order of the file: later lines win. */
enum window_kind { WINDOW_WEEKLY, WINDOW_DATE };
struct window_line {
	enum window_kind kind;
	uint8_t days;		    /* weekly: bit 0 = monday .. bit 6 = sunday */
	uint16_t from, to;	    /* weekly: minutes; to <= from crosses midnight */
	int32_t date_from, date_to; /* date: days since 1970-01-01, local, inclusive */
	uint64_t rate;		    /* bytes/s; RATE_CLOSED, RATE_UNLIMITED */
	struct origin origin;
};

struct policy {
	const char *name;
	enum zone_kind zone_kind;
	const char *zone_name; /* ZONE_NAMED */
	struct zone *zone;     /* NULL for ZONE_SPOKE */
	struct window_line *lines;
	size_t n_lines;
	struct origin origin;
};

struct group_cfg {
	const char *name;
	const char *path;
	struct lockfiles lock; /* beside an image that is in use */
	/* hub */
	const char **spokes; /* resolved names of the spokes, sorted */
	size_t n_spokes;
	const struct policy *policy; /* may be NULL where every spoke has its own */
	struct filter *filter;	     /* include / exclude */
	int priority;		     /* 0..100, larger first; default 50 */
	struct deadline deadline;
	int64_t settle_us;
	enum unclean_mode unclean; /* images whose own headers object */
	int64_t scan_us;	   /* both roles: period of the scan that is the truth */
	enum drift_mode drift;	   /* what was changed on a spoke is repaired, or only reported */
	enum publish_mode publish;
	struct match *set;	 /* NULL: sets are found by stems */
	int64_t quorum_wait_us;	 /* of publish = everywhere */
	int64_t delete_grace_us; /* deletions wait so long */
	unsigned max_delete;	 /* at once, unasked; 0: any number */
	/* spoke */
	uint64_t staging_quota, preserve_quota; /* bytes; UINT64_MAX = no quota */
	unsigned staging_high, staging_low;	/* percent of staging_quota */
	unsigned preserve_high, preserve_low;	/* percent of preserve_quota */
	int64_t preserve_age_us;		/* 0: any */
	unsigned preserve_count;		/* of one path; 0: any */
	struct policy scrub;			/* its lines only; in the machine's own zone */
	struct filter *protect_local;
	const char *owner, *owner_group; /* NULL: as the directory */
	int mode;			 /* -1: the hub's mode */
	enum protect_mode protect;
	enum verify_mode verify;
	/* both: who is told; NULL: nobody */
	const char *on[NOTICE_EVENTS]; /* a program, by event */
	const char *webhook;	       /* a URL */
	unsigned webhook_events;       /* 1 << enum notice_event */
	const char *webhook_header;    /* a file */
	struct pin webhook_pins[CONFIG_PINS_MAX];
	size_t n_webhook_pins;
	struct origin origin;
};

struct spoke_cfg {
	const char *name;
	const char *url; /* https://host:port */
	struct pin pins[CONFIG_PINS_MAX];
	size_t n_pins;
	const struct policy *policy; /* NULL: the group's */
	uint64_t rate;		     /* bytes/s or RATE_UNLIMITED */
	unsigned weight;	     /* 1..1000 */
	unsigned transfers;	     /* slots on this spoke */
	struct origin origin;
	struct origin rate_origin;
};

struct config {
	const char *file;
	enum role role;
	const char *state_dir, *control, *job_log, *key;
	const char *control_group; /* members may read over the control socket */
	const char *include_dir;   /* the first whose every .ini file is included, or NULL */
	/* hub */
	const struct policy *policy; /* of the whole hub, or NULL */
	uint64_t rate;
	struct origin rate_origin;
	unsigned transfers; /* at a time, in all */
	unsigned threads;   /* workers; 0 = cores */
	uint64_t bundle_cache, generations_max;
	int64_t retry_min_us, retry_max_us;
	int64_t start_jitter_us; /* spread of starts when a window opens */
	int64_t hook_time_us;	 /* what a hook or webhook may take */
	int64_t stall_us;	 /* no progress on a connection for so long = the peer is gone */
	/* spoke */
	const char *listen; /* "host:port", "[v6]:port", ":port" */
	struct pin hub_pins[CONFIG_PINS_MAX];
	size_t n_hub_pins;

	struct policy *policies;
	size_t n_policies;
	struct group_cfg *groups; /* sorted by name */
	size_t n_groups;
	struct spoke_cfg *spokes; /* sorted by name */
	size_t n_spokes;
};

/* Every mistake found, in file order: "FILE:LINE: what; what is allowed; did you mean X". */
struct config_errors {
	char **text;
	size_t n;
};

/*
 * Reads FILE and what it includes, checks everything. 0 and a reference in *ret, or -EINVAL /
 * -errno with every error in *errors (at least one). Errors are freed by config_errors_done().
 */
int config_load(const char *file, struct config **ret, struct config_errors *errors) WARN_UNUSED;
/* Reads only what names this daemon: role, state_dir, key, control. For --print-key and for the
 * command line, which must work while the other side's keys are not known yet. Mistakes in the form
 * of the files are errors here too, wrong values of other keys are not. */
int config_load_identity(const char *file, struct config **ret,
			 struct config_errors *errors) WARN_UNUSED;
void config_errors_done(struct config_errors *errors);
struct config *config_ref(struct config *c);
struct config *config_unref(struct config *c); /* returns NULL */

const struct group_cfg *config_group(const struct config *c, const char *name); /* or NULL */
const struct spoke_cfg *config_spoke(const struct config *c, const char *name); /* or NULL */
bool group_has_spoke(const struct group_cfg *g, const char *spoke);
/* The policy that governs this group on this spoke: the spoke's, else the group's. */
const struct policy *config_policy_of(const struct group_cfg *g, const struct spoke_cfg *s);

/* Every key that has a meaning in this role, given or not, section by section. value: canonical.
 * at.line 0: the default. Lists come once a line. name: "" for [daemon]. Built-in policies are left
 * out. */
typedef void config_value_fn(void *arg, const char *section, const char *name, const char *key,
			     const char *value, struct origin at);
void config_each_value(const struct config *c, config_value_fn *fn, void *arg);
/* "FILE:LINE" or "default" */
const char *origin_print(struct origin at, char *buf, size_t size);

/* "sha256:<64 hex>" (also curl's base64 form "sha256//..."), both ways. */
int pin_parse(const char *s, struct pin *ret, struct err *e) WARN_UNUSED;
const char *pin_print(const struct pin *p, char buf[PIN_TEXT + 1]);

#endif
