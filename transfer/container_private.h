/* container_private.h: what the parsers of containers share: bounded reads, and the two byte
 * orders. */
#ifndef SPOKESYNC_TRANSFER_CONTAINER_PRIVATE_H
#define SPOKESYNC_TRANSFER_CONTAINER_PRIVATE_H

#include "transfer/container.h"

#define CONTAINER_BAT_MOST ((size_t)1 << 20) /* bytes of a block table that are looked at */

uint64_t container_little(const uint8_t *p, unsigned bytes);
uint64_t container_big(const uint8_t *p, unsigned bytes);
/* All of it, or false. */
bool container_read(int fd, void *buf, size_t len, uint64_t at);
/* Up to len bytes, what the file has of them; malloc'ed. NULL: none. */
uint8_t *container_load(int fd, uint64_t at, size_t len, size_t *ret_len) WARN_UNUSED;
/* Up to len bytes of UTF-16, or to a zero, as UTF-8; false: empty, too long, or no UTF-16. */
bool container_utf16(const uint8_t *p, size_t len, bool big_endian, char *ret, size_t size);
/* The file name of a path as images have them, with / or \: false where there is none. */
bool container_file_name(const char *path, struct container *ret);

/* Where blocks lie, all of one length. Not more of a file than so many are looked at. */
#define CONTAINER_PLACES_MOST ((uint64_t)1 << 26)
struct container_places {
	uint64_t length, n;
	uint8_t *taken;
};
void container_places_init(struct container_places *p, uint64_t file_size, uint64_t length);
/* False: it lies over one that was put before. */
bool container_places_put(struct container_places *p, uint64_t at);
void container_places_done(struct container_places *p);

/* Each fills what it can tell; ret->format is set and the rest is zero. size: of the file. */
void container_vhd(int fd, uint64_t size, struct container *ret);
void container_vhdx(int fd, uint64_t size, struct container *ret);
/* Of the latter: all but its two headers. */
void container_vhdx_meta(int fd, uint64_t size, struct container *ret);
void container_qcow2(int fd, uint64_t size, struct container *ret);

#endif
