/*
 * container.h: what the headers of an image say of it: how large its disk is, which image it holds
 * the differences from, and whether it is whole. Read by extension, never probed: a guest can write
 * anything into a raw image. Offsets and meanings are those of the formats' own specifications (the
 * VHD image format of 2006; MS-VHDX 2.2, 2.5, 2.6; QEMU docs/interop/qcow2).
 * Nothing of an image is ever changed, and what it says is a claim: a name in it opens no file.
 */
#ifndef SPOKESYNC_TRANSFER_CONTAINER_H
#define SPOKESYNC_TRANSFER_CONTAINER_H

#include "policy/base.h"

enum container_format { CONTAINER_RAW, CONTAINER_VHD, CONTAINER_VHDX, CONTAINER_QCOW2 };

/* Why an image is not whole though nobody writes to it now. */
enum container_fault {
	CONTAINER_SOUND,
	CONTAINER_LOG,	   /* VHDX: the log has to be replayed */
	CONTAINER_MERGE,   /* VHDX: a merge is under way */
	CONTAINER_HEADERS, /* VHDX: no header is valid, or two that contradict each other are */
	CONTAINER_FOOTER,  /* VHD: the footer is not what its copy at the front is */
	CONTAINER_SAVED,   /* VHD: a saved machine state belongs to it */
	CONTAINER_SHORT,   /* a block of its table lies beyond its end; VHDX: no whole MiB */
	CONTAINER_OVERLAP, /* two blocks of its table lie in one place */
	CONTAINER_DIRTY,   /* qcow2 */
	CONTAINER_CORRUPT, /* qcow2 */
	CONTAINER_BITMAPS, /* qcow2: dirty bitmaps are in use, or not up to date */
	CONTAINER_FAULTS,
};

#define CONTAINER_ID   16
#define CONTAINER_MARK 40

/* What its children know an image by, and what it knows its parent by: VHD the unique ids, VHDX the
 * DataWriteGuid and parent_linkage (as it is stored). qcow2 has none. */
struct container_ids {
	bool has_own, has_parent;
	uint8_t own[CONTAINER_ID], parent[CONTAINER_ID];
};

struct container {
	enum container_format format;
	bool known;	  /* its headers make sense; else nothing below says anything but fault */
	const char *kind; /* "fixed" | "dynamic" | "differencing" | "overlay" */
	uint64_t virtual_size;
	uint64_t block_size;
	enum container_fault fault;
	bool outside; /* qcow2: its data is in another file */
	struct container_ids ids;
	bool has_parent;
	char parent[256]; /* its file name, without directories */
	bool untold;	  /* it holds differences, and not a name says from which image */
	/* What every writer moves on (VHDX: sequence number, FileWriteGuid, DataWriteGuid),
	 * whatever becomes of the file's times. */
	bool has_mark;
	uint8_t mark[CONTAINER_MARK];
};

/* path: only its extension counts. */
enum container_format container_format(const char *path);
const char *container_format_word(enum container_format f); /* "vhdx" */
/* Some reads of a few KiB, and of a block table up to 1 MiB. An image whose headers make no sense
 * is not at fault: it is the bytes that it is. */
void container_look(int fd, const char *path, struct container *ret);
/* The same for the mark alone: two blocks. False: it has none. */
bool container_mark(int fd, const char *path, uint8_t ret[CONTAINER_MARK]);
/* "its VHDX log has to be replayed: ..."; static; NULL for CONTAINER_SOUND. */
const char *container_fault_text(enum container_fault f);
/* Is this the content that the child was made from? Both are of the same format. */
enum container_match { MATCH_UNSAID, MATCH_YES, MATCH_NO };
enum container_match container_match(const struct container_ids *child,
				     const struct container_ids *parent);

#endif
