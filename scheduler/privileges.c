/*
 * privileges.c: see privileges.h and capabilities(7). The kernel's calls are made directly: all
 * that is needed of a library is two numbers in two words.
 */
#include "scheduler/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(cap) (UINT64_C(1) << (cap))

/* The files of a group are whoever's they are: read and put in their place, with the owner of their
 * directory and the mode and mtime that they have on the hub; a lease shows who writes to one. A
 * port below 1024 may be listened on. */
#define KEPT                                                                                   \
	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_FOWNER) | \
	 BIT(CAP_FSETID) | BIT(CAP_LEASE) | BIT(CAP_NET_BIND_SERVICE))

struct caps {
	struct __user_cap_header_struct head;
	struct __user_cap_data_struct half[_LINUX_CAPABILITY_U32S_3];
};

static int caps_get(struct caps *r)
{
	*r = (struct caps){.head = {.version = _LINUX_CAPABILITY_VERSION_3}};
	return syscall(SYS_capget, &r->head, r->half) < 0 ? -errno : 0;
}

/* What a program that is started could have again. Who may not lower it has nothing to lower. */
static int lower_bound(const struct caps *r)
{
	if (!(r->half[CAP_TO_INDEX(CAP_SETPCAP)].effective & CAP_TO_MASK(CAP_SETPCAP)))
		return 0;
	for (unsigned cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (!(KEPT & BIT(cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	}
	return 0;
}

/* Where nothing has to go, the call is not made: the unit's filter would end the daemon for it. */
static int give_up(struct caps *r)
{
	bool more = false;

	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		struct __user_cap_data_struct *h = &r->half[i];
		uint32_t kept = (uint32_t)(KEPT >> (32 * i));

		more = more || ((h->permitted | h->inheritable) & ~kept) != 0;
		h->permitted &= kept;
		h->effective &= kept;
		h->inheritable &= kept;
	}
	return more && syscall(SYS_capset, &r->head, r->half) < 0 ? -errno : 0;
}

int privileges_drop(struct err *e)
{
	struct caps caps;
	int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : caps_get(&caps);

	if (r == 0)
		r = lower_bound(&caps);
	if (r == 0)
		r = give_up(&caps);
	return r < 0 ? err_set(e, r, "rights that are not needed stay: %s", strerror(-r)) : 0;
}
