"""vhdx_log.py FILE open|closed: makes both headers of a VHDX say that a log waits to be replayed, or that
none does, as after a crash of who had it open, and after a look at it (MS-VHDX 2.2.2)."""
import struct
import sys
import uuid

HEADERS = (64 << 10, 128 << 10)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


name, state = sys.argv[1:]
guid = uuid.uuid4().bytes_le if state == "open" else bytes(16)
with open(name, "r+b") as f:
    for at in HEADERS:
        f.seek(at)
        head = bytearray(f.read(4096))
        if head[:4] != b"head":
            continue
        head[48:64] = guid
        head[4:8] = bytes(4)
        head[4:8] = struct.pack("<I", crc32c(head))
        f.seek(at)
        f.write(head)
