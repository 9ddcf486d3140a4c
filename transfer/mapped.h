/*
 * mapped.h: files that are mapped. Where a page of one cannot be had (a bad sector, a file that
 * somebody cut off), the kernel sends SIGBUS, which would end the daemon at every start. Here all
 * of that mapping is zeros from then on, and whoever uses it can ask. Any thread.
 */
#ifndef SPOKESYNC_TRANSFER_MAPPED_H
#define SPOKESYNC_TRANSFER_MAPPED_H

#include <pthread.h>

#include "policy/base.h"

/* len > 0. -errno. */
int mapped_new(int fd, size_t len, const void **ret) WARN_UNUSED;
/* To be written as well. What is lost of it is memory from then on, of which the file has nothing.
 */
int mapped_new_writable(int fd, size_t len, void **ret) WARN_UNUSED;
/* False: some of it could not be had; all of it was zeros once, and what was made of it may be
 * wrong. */
bool mapped_sound(const void *p);
void mapped_free(const void *p);

/*
 * A thread that may read what is mapped, and to which no other signal comes: those are the loop's.
 * 0 or an error number, as pthread_create().
 */
int mapped_thread(pthread_t *ret, void *(*run)(void *arg), void *arg) WARN_UNUSED;

#endif
