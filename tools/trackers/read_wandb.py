"""Prints the records of a .wandb file, decoded by W&B's own protobuf classes, as JSON: read_wandb.py FILE

W&B reads the file in its core, a program; this reader follows the same format, so that what it says can be compared field by field."""
import json
import struct
import sys
import zlib

from google.protobuf.json_format import MessageToDict
from wandb.proto import wandb_internal_pb2

data = open(sys.argv[1], "rb").read()
assert data[:7] == b":W&B\xe1\xbe\x00", data[:7]
position, pieces, records = 7, [], []
while position < len(data):
    left = 32768 - position % 32768
    if left < 7:
        position += left
        continue
    checksum, length, kind = struct.unpack("<IHB", data[position : position + 7])
    piece = data[position + 7 : position + 7 + length]
    assert len(piece) == length and zlib.crc32(data[position + 6 : position + 7] + piece) == checksum, position
    position += 7 + length
    pieces.append(piece)
    if kind in (1, 4):
        record = wandb_internal_pb2.Record.FromString(b"".join(pieces))
        records.append(MessageToDict(record, preserving_proto_field_name=True))
        pieces = []
assert not pieces
print(json.dumps(records))
