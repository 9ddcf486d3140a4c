/*
 * keys.c: the table itself, and looking into it.
 *
 * A new key is a row here, a field in config.h and a line in conf/; a test compares the three.
 */
#include "policy/keys.h"

#include <stddef.h>
#include <string.h>

#include "policy/config.h"
#include "policy/nearest.h"

#define BOTH	 (KEY_HUB | KEY_SPOKE)
#define MUST	 (KEY_HUB_MUST | KEY_SPOKE_MUST)
#define AT(s, f) offsetof(struct s, f)
#define S	 SECOND_US
#define HOUR	 (3600 * S)
#define DAY	 (24 * HOUR)

/* clang-format off */
static const struct key keys[] = {
	/* [daemon] */
	{"role", SECTION_DAEMON, KEY_ENUM, BOTH | MUST | KEY_RESTART | KEY_IDENTITY,
	 AT(config, role), 0, ROLE_HUB, 0, NULL, "hub|spoke",
	 "What this daemon is: the one writer, or a read-only copy"},
	{"state_dir", SECTION_DAEMON, KEY_PATH, BOTH | KEY_RESTART | KEY_IDENTITY,
	 AT(config, state_dir), 0, 0, 4095, "/var/lib/spokesync", "an absolute path",
	 "The directory of the daemon's own state: database, indexes, cache"},
	{"control", SECTION_DAEMON, KEY_PATH, BOTH | KEY_RESTART | KEY_IDENTITY,
	 AT(config, control), 0, 0, 107, "/run/spokesync/control.sock", "an absolute path",
	 "The Unix socket of the control API, which the spokesync command talks to"},
	{"control_group", SECTION_DAEMON, KEY_NAME, BOTH | KEY_RESTART,
	 AT(config, control_group), 0, 0, 0, "spokesync", "the name of a group",
	 "The system group whose members may read over the control socket"},
	{"job_log", SECTION_DAEMON, KEY_PATH, BOTH | KEY_RESTART,
	 AT(config, job_log), 0, 0, 4095, "{state_dir}/jobs.jsonl", "an absolute path",
	 "The job log, one JSON object a line; SIGUSR1 opens it anew"},
	{"key", SECTION_DAEMON, KEY_PATH, BOTH | KEY_RESTART | KEY_IDENTITY,
	 AT(config, key), 0, 0, 4095, "{state_dir}/{role}.key", "an absolute path",
	 "The file of the daemon's own private key, made on first start where absent"},
	{"threads", SECTION_DAEMON, KEY_NUMBER, BOTH | KEY_RESTART,
	 AT(config, threads), 0, 0, 256, "0", "0..256",
	 "Worker threads for reading, hashing and compressing; 0 = one more than processors"},
	{"stall", SECTION_DAEMON, KEY_DURATION, BOTH,
	 AT(config, stall_us), 0, S, HOUR, "1m", "1s..1h",
	 "A connection without progress for so long is given up"},
	{"hook_time", SECTION_DAEMON, KEY_DURATION, BOTH,
	 AT(config, hook_time_us), 0, S, DAY, "5m", "1s..1d",
	 "A hook that takes longer is ended"},
	{"include", SECTION_DAEMON, KEY_FILES, BOTH | KEY_LIST | KEY_IDENTITY,
	 0, 0, 0, 0, NULL, "a path with wildcards",
	 "More files to read, in order of name; relative to the directory of this file"},
	{"policy", SECTION_DAEMON, KEY_POLICY, KEY_HUB,
	 AT(config, policy), 0, 0, 0, NULL, "the name of a policy",
	 "When the hub may send at all; its rates limit the hub's whole egress"},
	{"rate", SECTION_DAEMON, KEY_RATE, KEY_HUB,
	 AT(config, rate), AT(config, rate_origin), 0, 0, "unlimited", "a rate",
	 "The limit of the hub's whole egress"},
	{"transfers", SECTION_DAEMON, KEY_NUMBER, KEY_HUB,
	 AT(config, transfers), 0, 1, 1024, "8", "1..1024",
	 "Transfers at a time, over all spokes"},
	{"bundle_cache", SECTION_DAEMON, KEY_SIZE, KEY_HUB,
	 AT(config, bundle_cache), 0, 0, INT64_MAX, "8GiB", "a size",
	 "Encoded frames that are kept for other spokes"},
	{"generations_max", SECTION_DAEMON, KEY_SIZE, KEY_HUB,
	 AT(config, generations_max), 0, 0, INT64_MAX, "200GiB", "a size",
	 "Old bytes that are kept by reflink, to make differences from"},
	{"retry_min", SECTION_DAEMON, KEY_DURATION, KEY_HUB,
	 AT(config, retry_min_us), 0, S / 10, HOUR, "5s", "100ms..1h",
	 "The shortest wait before a transfer that failed is tried again"},
	{"retry_max", SECTION_DAEMON, KEY_DURATION, KEY_HUB,
	 AT(config, retry_max_us), 0, S, DAY, "10m", "1s..1d",
	 "The longest such wait; waits double up to it"},
	{"start_jitter", SECTION_DAEMON, KEY_DURATION, KEY_HUB,
	 AT(config, start_jitter_us), 0, 0, HOUR, "5s", "0..1h",
	 "Starts are spread over so long when a window opens"},
	{"listen", SECTION_DAEMON, KEY_LISTEN, KEY_SPOKE | KEY_SPOKE_MUST | KEY_RESTART,
	 AT(config, listen), 0, 0, 0, NULL, "host:port, [v6]:port, :port",
	 "Where the spoke listens for its hub"},
	{"hub_key", SECTION_DAEMON, KEY_PINS, KEY_SPOKE | KEY_LIST,
	 AT(config, hub_pins), AT(config, n_hub_pins), 0, 0, NULL, "sha256:<64 hex digits>",
	 "The hub's public key; a second line while it is being replaced. Without one nobody may "
	 "speak to the spoke, until it is paired"},

	/* [policy NAME] */
	{"timezone", SECTION_POLICY, KEY_ZONE, KEY_HUB,
	 0, 0, 0, 0, "UTC", "UTC, spoke, an IANA name",
	 "The zone of the policy's days and times; spoke = the zone that each spoke reports"},
	{"window", SECTION_POLICY, KEY_WINDOW, KEY_HUB | KEY_LIST,
	 0, 0, 0, 0, NULL, "DAYS HH:MM-HH:MM RATE",
	 "A weekly window; where windows overlap, the later line wins"},
	{"date", SECTION_POLICY, KEY_DATE, KEY_HUB | KEY_LIST,
	 0, 0, 0, 0, NULL, "YYYY-MM-DD[..YYYY-MM-DD] RATE",
	 "What holds on these days instead of every weekly window"},
	{"dfsr", SECTION_POLICY, KEY_DFSR, KEY_HUB | KEY_LIST,
	 0, 0, 0, 0, NULL, "DAYS and 96 hex digits",
	 "A day of a DFS Replication schedule, a level for each quarter of an hour"},

	/* [group NAME] */
	{"path", SECTION_GROUP, KEY_PATH, BOTH | MUST | KEY_RESTART,
	 AT(group_cfg, path), 0, 0, 4095, NULL, "an absolute path",
	 "The directory tree that is replicated"},
	{"spokes", SECTION_GROUP, KEY_SPOKES, KEY_HUB | KEY_HUB_MUST,
	 0, 0, 0, 0, NULL, "names, or a PCRE2 pattern",
	 "The spokes that get the group: names and commas, or one pattern for whole names"},
	{"policy", SECTION_GROUP, KEY_POLICY, KEY_HUB,
	 AT(group_cfg, policy), 0, 0, 0, NULL, "the name of a policy",
	 "When the group may be sent, on spokes without a policy of their own"},
	{"include", SECTION_GROUP, KEY_INCLUDE, KEY_HUB | KEY_LIST,
	 AT(group_cfg, filter), 0, 0, 0, NULL, "a PCRE2 pattern",
	 "Files to replicate, by their path below the group; without such lines, all"},
	{"exclude", SECTION_GROUP, KEY_EXCLUDE, KEY_HUB | KEY_LIST,
	 AT(group_cfg, filter), 0, 0, 0, NULL, "a PCRE2 pattern",
	 "Files to leave out, whatever is included"},
	{"priority", SECTION_GROUP, KEY_NUMBER, KEY_HUB,
	 AT(group_cfg, priority), 0, 0, 100, "50", "0..100",
	 "Which group goes first; larger before smaller"},
	{"deadline", SECTION_GROUP, KEY_DEADLINE, KEY_HUB,
	 AT(group_cfg, deadline), 0, 0, 0, "none", "DAYS HH:MM, or none",
	 "When its files are to be there; what would be late goes first"},
	{"settle", SECTION_GROUP, KEY_DURATION, KEY_HUB,
	 AT(group_cfg, settle_us), 0, 0, 7 * DAY, "30s", "0..7d",
	 "A file is taken when it has not changed for so long"},
	{"scan", SECTION_GROUP, KEY_DURATION, BOTH,
	 AT(group_cfg, scan_us), 0, S, 7 * DAY, "10m", "1s..7d",
	 "How often the whole tree is looked through, beside the notices of the kernel"},
	{"lock", SECTION_GROUP, KEY_LOCK, BOTH,
	 AT(group_cfg, lock), 0, 0, 0, LOCKFILE_DEFAULT, "names with {name} or {stem}, or none",
	 "Lock files beside an image that is in use: it is not taken on the hub, not replaced on "
	 "a spoke; and never replicated"},
	{"unclean", SECTION_GROUP, KEY_ENUM, KEY_HUB,
	 AT(group_cfg, unclean), 0, UNCLEAN_HOLD, 0, "hold", "hold|send",
	 "Images whose headers say that they are not whole: held, or sent as the bytes they are"},
	{"drift", SECTION_GROUP, KEY_ENUM, KEY_HUB,
	 AT(group_cfg, drift), 0, DRIFT_REPAIR, 0, "repair", "repair|report",
	 "What was changed, damaged or removed on a spoke: bring it back, or only say so"},
	{"publish", SECTION_GROUP, KEY_ENUM, KEY_HUB,
	 AT(group_cfg, publish), 0, PUBLISH_FILE, 0, "file", "file|spoke|everywhere",
	 "What appears together: each file by itself, a set on each spoke, a set when all have it"},
	{"on_settled", SECTION_GROUP, KEY_COMMAND, KEY_HUB,
	 AT(group_cfg, on[NOTICE_SETTLED]), 0, 0, 0, "none", "a command, or none",
	 "Run on the hub when a file has settled and was read: it will be sent"},
	{"on_staged", SECTION_GROUP, KEY_COMMAND, KEY_HUB,
	 AT(group_cfg, on[NOTICE_STAGED]), 0, 0, 0, "none", "a command, or none",
	 "Run on the hub when a spoke has all of a file, proven, before it is published"},
	{"set", SECTION_GROUP, KEY_CAPTURE, KEY_HUB,
	 AT(group_cfg, set), 0, 0, 0, NULL, "a PCRE2 pattern with a group",
	 "Files whose path it captures the same of are a set; without it, by the stems of names"},
	{"quorum_wait", SECTION_GROUP, KEY_DURATION, KEY_HUB,
	 AT(group_cfg, quorum_wait_us), 0, 0, 30 * DAY, "1d", "0..30d",
	 "With publish = everywhere: who is down for longer is left behind, and catches up"},
	{"delete_grace", SECTION_GROUP, KEY_DURATION, KEY_HUB,
	 AT(group_cfg, delete_grace_us), 0, 0, 30 * DAY, "0", "0..30d",
	 "A deletion waits so long, also after what replaces the file was published"},
	{"max_delete", SECTION_GROUP, KEY_NUMBER, KEY_HUB,
	 AT(group_cfg, max_delete), 0, 0, 1000000, "100", "0..1000000",
	 "More files than these gone at once stop the group until confirmed; 0 = any number may go"},
	{"on_complete", SECTION_GROUP, KEY_COMMAND, KEY_HUB,
	 AT(group_cfg, on[NOTICE_COMPLETE]), 0, 0, 0, "none", "a command, or none",
	 "Run on the hub when the last spoke has published a file"},
	{"on_fail", SECTION_GROUP, KEY_COMMAND, KEY_HUB,
	 AT(group_cfg, on[NOTICE_FAIL]), 0, 0, 0, "none", "a command, or none",
	 "Run on the hub when a file, or the group, stands still until a person acts"},
	{"on_late", SECTION_GROUP, KEY_COMMAND, KEY_HUB,
	 AT(group_cfg, on[NOTICE_LATE]), 0, 0, 0, "none", "a command, or none",
	 "Run on the hub when a file will miss its deadline"},
	{"staging_quota", SECTION_GROUP, KEY_QUOTA, KEY_SPOKE,
	 AT(group_cfg, staging_quota), 0, 0, INT64_MAX, "unlimited", "a size, or unlimited",
	 "Room for files that are being received"},
	{"staging_high", SECTION_GROUP, KEY_NUMBER, KEY_SPOKE,
	 AT(group_cfg, staging_high), 0, 1, 100, "90", "1..100",
	 "Percent of staging_quota: beyond it what no job wants goes at once, the oldest first"},
	{"staging_low", SECTION_GROUP, KEY_NUMBER, KEY_SPOKE,
	 AT(group_cfg, staging_low), 0, 0, 100, "60", "0..100",
	 "Percent of staging_quota: that goes until not more than this is left"},
	{"preserve_quota", SECTION_GROUP, KEY_QUOTA, KEY_SPOKE,
	 AT(group_cfg, preserve_quota), 0, 0, INT64_MAX, "100GiB", "a size, or unlimited",
	 "Room for what was replaced or deleted and can be restored"},
	{"preserve_high", SECTION_GROUP, KEY_NUMBER, KEY_SPOKE,
	 AT(group_cfg, preserve_high), 0, 1, 100, "100", "1..100",
	 "Percent of preserve_quota: when more is preserved, the oldest files go"},
	{"preserve_low", SECTION_GROUP, KEY_NUMBER, KEY_SPOKE,
	 AT(group_cfg, preserve_low), 0, 0, 100, "90", "0..100",
	 "Percent of preserve_quota: they go until not more than this is left"},
	{"preserve_age", SECTION_GROUP, KEY_DURATION, KEY_SPOKE,
	 AT(group_cfg, preserve_age_us), 0, 0, 3660 * DAY, "0", "0..3660d",
	 "What was preserved longer ago goes; 0 = at no age"},
	{"preserve_count", SECTION_GROUP, KEY_NUMBER, KEY_SPOKE,
	 AT(group_cfg, preserve_count), 0, 0, 1000000, "0", "0..1000000",
	 "So many of each path are preserved, the newest; 0 = any number"},
	{"scrub", SECTION_GROUP, KEY_SCRUB, KEY_SPOKE | KEY_LIST,
	 AT(group_cfg, scrub), 0, 0, 0, NULL, "DAYS HH:MM-HH:MM RATE",
	 "When, and how fast, contents are read again to find damage; several lines allowed"},
	{"protect_local", SECTION_GROUP, KEY_INCLUDE, KEY_SPOKE | KEY_LIST,
	 AT(group_cfg, protect_local), 0, 0, 0, NULL, "a PCRE2 pattern",
	 "Files that are the spoke's own: never written, replaced or deleted"},
	{"owner", SECTION_GROUP, KEY_NAME, KEY_SPOKE,
	 AT(group_cfg, owner), 0, 0, 0, "directory", "the name of a user, or directory",
	 "The owner of published files; directory = that of the directory they land in"},
	{"group", SECTION_GROUP, KEY_NAME, KEY_SPOKE,
	 AT(group_cfg, owner_group), 0, 0, 0, "directory", "the name of a group, or directory",
	 "The group of published files; directory = that of the directory they land in"},
	{"mode", SECTION_GROUP, KEY_MODE, KEY_SPOKE,
	 AT(group_cfg, mode), 0, 0, 0, "hub", "octal as 0640, or hub",
	 "The mode of published files; hub = as it is on the hub"},
	{"protect", SECTION_GROUP, KEY_ENUM, KEY_SPOKE,
	 AT(group_cfg, protect), 0, PROTECT_NONE, 0, "none", "none|mode",
	 "With mode published files lose their write bits; lock files may be made beside them"},
	{"verify", SECTION_GROUP, KEY_ENUM, KEY_SPOKE,
	 AT(group_cfg, verify), 0, VERIFY_CHANGED, 0, "changed", "changed|full",
	 "What is proven before publishing: what changed, or all of it read once more"},
	{"on_publish", SECTION_GROUP, KEY_COMMAND, KEY_SPOKE,
	 AT(group_cfg, on[NOTICE_PUBLISH]), 0, 0, 0, "none", "a command, or none",
	 "Run on the spoke when a file or set was published"},
	{"webhook", SECTION_GROUP, KEY_WEBHOOK, BOTH,
	 AT(group_cfg, webhook), 0, 0, 0, "none", "https://HOST[:PORT][/PATH], or none",
	 "Where events are told by an HTTP POST with JSON; http:// to this machine alone"},
	{"webhook_events", SECTION_GROUP, KEY_EVENTS, BOTH,
	 AT(group_cfg, webhook_events), 0, 0, 0, "publish, complete, fail, late",
	 "settled, staged, publish, complete, fail, late",
	 "Which events the webhook is told"},
	{"webhook_header", SECTION_GROUP, KEY_FILE, BOTH,
	 AT(group_cfg, webhook_header), 0, 0, 4095, "none", "an absolute path, or none",
	 "A file with one header line to send along, such as that of a token"},
	{"webhook_key", SECTION_GROUP, KEY_PINS, BOTH | KEY_LIST,
	 AT(group_cfg, webhook_pins), AT(group_cfg, n_webhook_pins), 0, 0, NULL,
	 "sha256:<64 hex digits>",
	 "The public key of the webhook's server, instead of a certificate of an authority"},

	/* [spoke NAME] */
	{"url", SECTION_SPOKE, KEY_URL, KEY_HUB | KEY_HUB_MUST,
	 AT(spoke_cfg, url), 0, 0, 0, NULL, "https://HOST[:PORT]",
	 "Where the spoke listens; the port is 4480 where none is given"},
	{"key", SECTION_SPOKE, KEY_PINS, KEY_HUB | KEY_HUB_MUST | KEY_LIST,
	 AT(spoke_cfg, pins), AT(spoke_cfg, n_pins), 0, 0, NULL, "sha256:<64 hex digits>",
	 "The spoke's public key; a second line while it is being replaced"},
	{"policy", SECTION_SPOKE, KEY_POLICY, KEY_HUB,
	 AT(spoke_cfg, policy), 0, 0, 0, NULL, "the name of a policy",
	 "When this spoke may be sent to, instead of what its groups say"},
	{"rate", SECTION_SPOKE, KEY_RATE, KEY_HUB,
	 AT(spoke_cfg, rate), AT(spoke_cfg, rate_origin), 0, 0, "unlimited", "a rate",
	 "The limit of all that goes to this spoke"},
	{"weight", SECTION_SPOKE, KEY_NUMBER, KEY_HUB,
	 AT(spoke_cfg, weight), 0, 1, 1000, "1", "1..1000",
	 "The spoke's share where several want more than the hub's rate"},
	{"transfers", SECTION_SPOKE, KEY_NUMBER, KEY_HUB,
	 AT(spoke_cfg, transfers), 0, 1, 64, "2", "1..64",
	 "Transfers at a time to this spoke"},
};
/* clang-format on */

static const char *const section_words[SECTION_KINDS] = {"daemon", "policy", "group", "spoke"};

void keys_each(keys_fn *fn, void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		fn(arg, &keys[i]);
}

const char *keys_section_word(enum section_kind kind)
{
	return section_words[kind];
}

enum section_kind keys_section(const char *word)
{
	enum section_kind k = 0;

	while (k < SECTION_KINDS && strcmp(section_words[k], word))
		k++;
	return k;
}

const struct key *keys_find(enum section_kind section, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].section == section && !strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

const struct key *keys_near(enum section_kind section, const char *name)
{
	struct nearest n = nearest_to(name);
	const struct key *best = NULL;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].section == section && nearest_try(&n, keys[i].name))
			best = &keys[i];
	return best;
}

enum section_kind keys_elsewhere(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!strcmp(keys[i].name, name))
			return keys[i].section;
	return SECTION_KINDS;
}

bool keys_free_text(const struct key *key)
{
	switch (key->type) {
	case KEY_PATH:
	case KEY_FILES:
	case KEY_COMMAND:
	case KEY_URL:
	case KEY_WEBHOOK:
	case KEY_FILE:
	case KEY_SPOKES:
	case KEY_INCLUDE:
	case KEY_EXCLUDE:
	case KEY_CAPTURE:
		return true;
	default:
		return false;
	}
}
