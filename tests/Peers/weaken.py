"""weaken.py LIBRARY VERSION: marks a 64-bit ELF library's need of a symbol version as weak (ELF gABI, .gnu.version_r)."""
import struct
import sys

VERNEED = 0x6FFFFFFE
WEAK = 2

path, wanted = sys.argv[1:]
with open(path, "rb") as file:
    data = bytearray(file.read())
(section_table,) = struct.unpack_from("<Q", data, 0x28)
entry_size, count = struct.unpack_from("<HH", data, 0x3A)
sections = [struct.unpack_from("<IIQQQQIIQQ", data, section_table + i * entry_size) for i in range(count)]


def text(offset):
    return data[offset : data.index(0, offset)].decode()


for _, kind, _, _, need, _, link, entries, _, _ in sections:
    if kind != VERNEED:
        continue
    strings = sections[link][4]
    for _ in range(entries):
        _, versions, _, first, following = struct.unpack_from("<HHIII", data, need)
        version = need + first
        for _ in range(versions):
            _, flags, _, name, step = struct.unpack_from("<IHHII", data, version)
            if text(strings + name) == wanted:
                struct.pack_into("<H", data, version + 4, flags | WEAK)
            version += step
        need += following
with open(path, "wb") as file:
    file.write(data)
