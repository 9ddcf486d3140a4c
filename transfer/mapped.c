/*
 * mapped.c: see mapped.h. The handler runs in the thread that touched the page, and takes no lock:
 * places in the list are used again, but never freed. The whole mapping is replaced at once, since
 * one page at a time would be a piece of the address space each, of which there are only so many.
 */
#include "transfer/mapped.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

struct range {
	struct range *next;
	atomic_uintptr_t begin; /* 0: unused; set last, and cleared first */
	atomic_size_t len;
	atomic_int prot;
	atomic_bool lost;
};

static struct range *_Atomic ranges;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of those who use and leave places */
static struct sigaction before;

static struct range *find(uintptr_t at)
{
	struct range *r = atomic_load(&ranges);

	for (; r != NULL; r = r->next) {
		uintptr_t begin = atomic_load(&r->begin);

		if (begin != 0 && at >= begin && at - begin < atomic_load(&r->len))
			return r;
	}
	return NULL;
}

static void on_bus(int sig, siginfo_t *info, void *context)
{
	struct range *r = find((uintptr_t)info->si_addr);
	int saved = errno;

	(void)context;
	if (r != NULL) {
		atomic_store(&r->lost, true);
		if (mmap((void *)atomic_load(&r->begin), atomic_load(&r->len),
			 atomic_load(&r->prot), MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			 0) != MAP_FAILED) {
			errno = saved;
			return;
		}
	}
	/* It comes again at once, to whom it came before. */
	sigaction(sig, &before, NULL);
	errno = saved;
}

/* Looked at for each mapping: others, as a test's frame, may have taken the signal meanwhile. */
static void install(void)
{
	struct sigaction a = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO}, now;

	if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction == on_bus)
		return;
	before = now;
	sigemptyset(&a.sa_mask);
	sigaction(SIGBUS, &a, NULL);
}

static void note(const void *p, size_t len, int prot)
{
	struct range *r;

	pthread_mutex_lock(&lock);
	install();
	for (r = atomic_load(&ranges); r != NULL && atomic_load(&r->begin) != 0; r = r->next)
		;
	if (r == NULL) {
		r = xcalloc(1, sizeof(*r));
		r->next = atomic_load(&ranges);
		atomic_store(&ranges, r);
	}
	atomic_store(&r->len, len);
	atomic_store(&r->prot, prot);
	atomic_store(&r->lost, false);
	atomic_store(&r->begin, (uintptr_t)p);
	pthread_mutex_unlock(&lock);
}

static int map(int fd, size_t len, int prot, void **ret)
{
	*ret = mmap(NULL, len, prot, MAP_SHARED, fd, 0);
	if (*ret == MAP_FAILED)
		return -errno;
	note(*ret, len, prot);
	return 0;
}

int mapped_new(int fd, size_t len, const void **ret)
{
	void *p;
	int r = map(fd, len, PROT_READ, &p);

	*ret = p;
	return r;
}

int mapped_new_writable(int fd, size_t len, void **ret)
{
	return map(fd, len, PROT_READ | PROT_WRITE, ret);
}

bool mapped_sound(const void *p)
{
	const struct range *r = find((uintptr_t)p);

	return r != NULL && !atomic_load(&r->lost);
}

void mapped_free(const void *p)
{
	struct range *r;
	size_t len;

	pthread_mutex_lock(&lock);
	r = find((uintptr_t)p);
	if (r != NULL) {
		len = atomic_load(&r->len);
		atomic_store(&r->begin, 0);
		munmap((void *)p, len);
	}
	pthread_mutex_unlock(&lock);
}

int mapped_thread(pthread_t *ret, void *(*run)(void *arg), void *arg)
{
	sigset_t others, before;
	int r;

	sigfillset(&others);
	sigdelset(&others, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &others, &before);
	r = pthread_create(ret, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}
